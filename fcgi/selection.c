#include "selection.h"

#include "cursor.h"
#include "filter.h"
#include "json.h"
#include "route.h"

#include <stdlib.h>
#include <string.h>

struct reader {
    struct selection *selection;
    struct faults faults;
    struct arena *arena;
    enum selection_kind kind;
    const char *cursor; /* NULL: none was sent */
    bool unbound;       /* the filters, q or the order are wrong: nothing to hold the cursor against */
    unsigned seen;      /* a bit for each of `parameters` */
};

/* ---- faults ---- */

/* `detail` is freed. */
static void add_fault(struct reader *reader, const char *name, struct buffer *detail)
{
    buffer_append(detail, "", 1);
    if (detail->failed)
        reader->faults.errors.failed = true;
    else
        faults_add_parameter(&reader->faults, name, detail->bytes);
    buffer_free(detail);
}

static void add_sentence(struct reader *reader, const char *name, const char *sentence)
{
    if (sentence == field_out_of_memory)
        reader->faults.errors.failed = true;
    else
        faults_add_parameter(&reader->faults, name, sentence);
}

static void say_columns(struct buffer *out, const struct resource *resource,
                        bool (*may)(const struct field *field))
{
    const char *comma = "";
    for (int i = 0; i < resource->field_count; i++) {
        if (!may(&resource->fields[i]))
            continue;
        buffer_format(out, "%s%s", comma, resource->fields[i].key);
        comma = ", ";
    }
}

/* ---- lists of columns ---- */

static bool any_column(const struct field *field)
{
    (void)field;
    return true;
}

/* Those that have few values. */
static bool grouping_column(const struct field *field)
{
    return field->type == FIELD_BOOLEAN || field->type == FIELD_CHOICE || field->type == FIELD_INTEGER;
}

static int find_column(const struct resource *resource, const char *key, size_t length)
{
    for (int i = 0; i < resource->field_count; i++)
        if (strncmp(resource->fields[i].key, key, length) == 0 && resource->fields[i].key[length] == '\0')
            return i;
    return -1;
}

struct list {
    const char *name; /* of the parameter */
    bool signs;       /* a '-' may stand before a column */
    bool (*may)(const struct field *field);
    struct selection_order columns[RESOURCE_FIELDS];
    int count;
};

static bool list_has(const struct list *list, int field)
{
    for (int i = 0; i < list->count; i++)
        if (list->columns[i].field == field)
            return true;
    return false;
}

/* Take one column. Returns false after adding a fault. */
static bool take_column(struct reader *reader, struct list *list, const char *text, size_t length)
{
    const struct resource *resource = reader->selection->resource;
    struct buffer detail;
    bool descending = list->signs && length > 0 && *text == '-';
    text += descending;
    length -= descending;
    int field = find_column(resource, text, length);
    bool known = field >= 0 && list->may(&resource->fields[field]);
    if (known && !list_has(list, field)) {
        list->columns[list->count++] = (struct selection_order){field, descending};
        return true;
    }
    buffer_init(&detail);
    buffer_string(&detail, length > 0 ? "names \"" : "must name columns, with commas between them");
    buffer_append(&detail, text, length);
    if (known)
        buffer_string(&detail, "\" twice");
    else {
        buffer_string(&detail, length > 0 ? "\"; these can be named: " : "; these can be named: ");
        say_columns(&detail, resource, list->may);
        buffer_string(&detail, list->signs ? "; a - in front of one is for descending" : "");
    }
    add_fault(reader, list->name, &detail);
    return false;
}

static bool read_list(struct reader *reader, struct list *list, const char *value)
{
    for (;;) {
        size_t length = strcspn(value, ",");
        if (!take_column(reader, list, value, length))
            return false;
        if (value[length] == '\0')
            return true;
        value += length + 1;
    }
}

static void read_by(struct reader *reader, const char *name, const char *value)
{
    struct list list = {.name = name, .may = grouping_column};
    if (!read_list(reader, &list, value))
        return;
    for (int i = 0; i < list.count; i++)
        reader->selection->by[i] = list.columns[i].field;
    reader->selection->by_count = list.count;
}

static void read_fields(struct reader *reader, const char *name, const char *value)
{
    struct list list = {.name = name, .may = any_column};
    if (!read_list(reader, &list, value))
        return;
    for (int i = 0; i < list.count; i++)
        reader->selection->fields[i] = list.columns[i].field;
    reader->selection->field_count = list.count;
}

static void read_order(struct reader *reader, const char *name, const char *value)
{
    struct selection *selection = reader->selection;
    struct list list = {.name = name, .signs = true, .may = any_column};
    if (!read_list(reader, &list, value)) {
        reader->unbound = true;
        return;
    }
    selection->order_count = 0;
    for (int i = 0; i < list.count; i++) {
        selection->order[selection->order_count++] = list.columns[i];
        if (list.columns[i].field == selection->resource->key) /* there are no two rows of one key */
            return;
    }
    selection->order[selection->order_count++] =
        (struct selection_order){selection->resource->key, list.columns[list.count - 1].descending};
}

/* ---- the other parameters ---- */

static void read_cursor(struct reader *reader, const char *name, const char *value)
{
    (void)name;
    reader->cursor = value;
}

static void read_limit(struct reader *reader, const char *name, const char *value)
{
    _Static_assert(SELECTION_LIMIT_MOST == 500, "the sentence says it");
    size_t digits = strspn(value, "0123456789");
    long limit = digits < 10 ? strtol(value, NULL, 10) : 0;
    if (value[digits] != '\0' || limit < 1 || limit > SELECTION_LIMIT_MOST)
        add_sentence(reader, name, "must be an integer from 1 to 500");
    else
        reader->selection->limit = (int)limit;
}

#define WHITE " \t\n\v\f\r"

static void read_q(struct reader *reader, const char *name, const char *value)
{
    _Static_assert(SELECTION_Q_CHARACTERS == 200, "the sentence says it");
    struct selection *selection = reader->selection;
    if (json_utf8_length(value, strlen(value)) > SELECTION_Q_CHARACTERS) {
        add_sentence(reader, name, "must have at most 200 characters");
        reader->unbound = true;
        return;
    }
    const char **words = arena_alloc(reader->arena, (SELECTION_Q_CHARACTERS / 2 + 1) * sizeof *words);
    for (value += strspn(value, WHITE); words != NULL && *value != '\0'; value += strspn(value, WHITE)) {
        size_t length = strcspn(value, WHITE);
        const char *word = filter_pattern(value, length, false, "%", reader->arena);
        words[selection->word_count++] = word;
        reader->faults.errors.failed = reader->faults.errors.failed || word == NULL;
        value += length;
    }
    selection->words = words;
    reader->faults.errors.failed = reader->faults.errors.failed || words == NULL;
}

static void read_filter(struct reader *reader, int field, const char *value)
{
    _Static_assert(SELECTION_FILTERS == 16, "the sentence says it");
    struct selection *selection = reader->selection;
    const char *name = selection->resource->fields[field].key, *fault;
    if (selection->filter_count == SELECTION_FILTERS)
        fault = "is one filter too many; there may be at most 16";
    else
        fault = filter_read(&selection->filters[selection->filter_count++], selection->resource, field, value,
                            reader->arena);
    if (fault == NULL)
        return;
    reader->unbound = true;
    add_sentence(reader, name, fault);
}

/* ---- all of them ---- */

#define PAGE  (1u << SELECTION_PAGE)
#define STATS (1u << SELECTION_STATS)

static const struct {
    const char *name;
    unsigned kinds; /* that have it, a bit for each */
    void (*read)(struct reader *reader, const char *name, const char *value);
} parameters[] = {{"by", STATS, read_by},      {"cursor", PAGE, read_cursor}, {"fields", PAGE, read_fields},
                  {"limit", PAGE, read_limit}, {"order", PAGE, read_order},   {"q", PAGE | STATS, read_q}};

#define PARAMETERS (sizeof parameters / sizeof *parameters)

static void add_unknown(struct reader *reader, const char *name)
{
    struct buffer detail;
    buffer_init(&detail);
    buffer_string(&detail, "is not a parameter; these are: ");
    for (size_t i = 0; i < PARAMETERS; i++)
        if (parameters[i].kinds >> reader->kind & 1)
            buffer_format(&detail, "%s, ", parameters[i].name);
    say_columns(&detail, reader->selection->resource, any_column);
    add_fault(reader, name, &detail);
}

static void read_parameter(struct reader *reader, const char *name, const char *value)
{
    for (size_t i = 0; i < PARAMETERS; i++) {
        if ((parameters[i].kinds >> reader->kind & 1) == 0 || strcmp(parameters[i].name, name) != 0)
            continue;
        if (reader->seen & 1u << i)
            add_sentence(reader, name, "may be there only once");
        else
            parameters[i].read(reader, name, value);
        reader->seen |= 1u << i;
        return;
    }
    int field = find_column(reader->selection->resource, name, strlen(name));
    if (field >= 0)
        read_filter(reader, field, value);
    else
        add_unknown(reader, name);
}

/* Whether a value out of a cursor is one that the column may have: PostgreSQL must be able to read it. */
static bool check_place(struct reader *reader, const struct field *field, const char **value)
{
    struct field_value out;
    if (*value == NULL)
        return field->access == FIELD_NULLABLE;
    const char *fault = field_from_filter(field, *value, reader->arena, &out);
    reader->faults.errors.failed = reader->faults.errors.failed || fault == field_out_of_memory;
    *value = out.bytes;
    return fault == NULL;
}

/* When all else is known that the cursor is bound to. */
static void use_cursor(struct reader *reader)
{
    struct selection *selection = reader->selection;
    const char **values = arena_alloc(reader->arena, (size_t)selection->order_count * sizeof *values);
    int count = values == NULL ? -2
                               : cursor_read(reader->cursor, selection_digest(selection), values,
                                             selection->order_count, reader->arena);
    for (int i = 0; i < count; i++)
        if (!check_place(reader, &selection->resource->fields[selection->order[i].field], &values[i]))
            count = -1;
    if (count == -2)
        reader->faults.errors.failed = true;
    else if (count < 0)
        faults_add_parameter(&reader->faults, "cursor",
                             "is not a cursor of these rows in this order; it goes with the filters, q and "
                             "order of the page that it came with");
    selection->after = values;
}

static void read_all(struct reader *reader, const char *query)
{
    _Static_assert(URI_PARAMETERS == 64, "the sentence says it");
    struct uri_parameter *all = arena_alloc(reader->arena, URI_PARAMETERS * sizeof *all);
    int count = all != NULL ? uri_parameters(all, query, reader->arena) : -1;
    if (count > URI_PARAMETERS)
        faults_add_parameter(&reader->faults, "", "there are more than 64 parameters");
    reader->faults.errors.failed = reader->faults.errors.failed || count < 0;
    for (int i = 0; i < count && i < URI_PARAMETERS; i++) {
        if (all[i].fault == NULL)
            read_parameter(reader, all[i].name, all[i].value);
        else
            faults_add_parameter(&reader->faults, all[i].name, all[i].fault);
        reader->unbound = reader->unbound || all[i].fault != NULL;
    }
    reader->selection->parameters = all;
    reader->selection->parameter_count = count;
    if (reader->cursor != NULL && !reader->unbound && !reader->faults.errors.failed)
        use_cursor(reader);
}

bool selection_read(struct selection *selection, struct request *request, enum selection_kind kind)
{
    const struct resource *resource = request->route->resource;
    struct reader reader = {.selection = selection, .arena = &request->arena, .kind = kind};
    faults_init(&reader.faults);
    *selection = (struct selection){.resource = resource,
                                    .order = {{resource->key, false}},
                                    .order_count = 1,
                                    .field_count = resource->field_count};
    for (int i = 0; i < resource->field_count; i++)
        selection->fields[i] = i;
    read_all(&reader, request->uri.query);
    return !faults_answer(&reader.faults, request, PROBLEM_INVALID_PARAMETERS,
                          "Parameters of the query are not as they must be.");
}

bool selection_ordered_by_index(const struct selection *selection)
{
    return selection->resource->fields[selection->order[0].field].indexed;
}
