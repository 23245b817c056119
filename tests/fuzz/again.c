#include "again.h"

#include "bulk_sql.h"
#include "check.h"
#include "csv.h"
#include "json.h"

#include <string.h>

#define BODY_MOST (INSIDE_BODY_BYTES / 2) /* of a body that is written again */

const char again_not_sent[] = "";

/* ---- out of a query ---- */

/* The next element of an array as PostgreSQL reads it, from behind the brace or comma. */
static const char *take_element(struct again *again, const char **at)
{
    const char *from = *at;
    if (strncmp(from, "NULL", 4) == 0) {
        *at = from + 4;
        return NULL;
    }
    CHECK(*from++ == '"');
    char *text = arena_alloc(&again->arena, strlen(from) + 1), *to = text;
    CHECK(text != NULL);
    for (; *from != '"'; from++) {
        from += *from == '\\';
        CHECK(*from != '\0');
        *to++ = *from;
    }
    *to = '\0';
    *at = from + 1;
    return text;
}

/* All elements; there are as many as in the arrays before. */
static const char **take_array(struct again *again, const char *text)
{
    const char **elements = arena_alloc(&again->arena, (strlen(text) + 1) * sizeof *elements);
    int count = 0;
    CHECK(elements != NULL && *text == '{');
    while (*text != '}') {
        CHECK(count == 0 ? *text == '{' : *text == ',');
        text++;
        if (count > 0 || *text != '}')
            elements[count++] = take_element(again, &text);
    }
    CHECK(text[1] == '\0' && (again->columns == 0 || count == again->count));
    again->count = count;
    return elements;
}

static void add_column(struct again *again, int field, const char **cells)
{
    again->fields[again->columns] = field;
    again->cells[again->columns++] = cells;
}

/* Those for which `sent` is "f" were not. */
static const char **take_sent(struct again *again, const char *sent, const char *values)
{
    const char **said = take_array(again, sent), **cells = take_array(again, values);
    for (int row = 0; row < again->count; row++) {
        CHECK(strcmp(said[row], "t") == 0 || strcmp(said[row], "f") == 0);
        if (*said[row] == 'f')
            cells[row] = again_not_sent;
    }
    return cells;
}

static void take_many(struct again *again, const struct database_query *query)
{
    const struct resource *resource = again->resource;
    int next = BULK_GIVEN;
    if (again->changes)
        add_column(again, resource->key, take_array(again, query->values[BULK_KEYS]));
    else
        add_column(again, resource->key, take_sent(again, query->values[next++], query->values[BULK_KEYS]));
    for (int i = 0; i < resource->field_count; i++) {
        if (resource->fields[i].access == FIELD_READ_ONLY)
            continue;
        const char *sent = again->changes ? query->values[next++] : NULL, *values = query->values[next++];
        add_column(again, i, sent != NULL ? take_sent(again, sent, values) : take_array(again, values));
    }
    CHECK(next == query->count);
}

static void take_one(struct again *again, const struct database_query *query)
{
    int next = 1;
    again->count = 1;
    for (int i = -1; i < again->resource->field_count; i++) {
        if (i >= 0 && again->resource->fields[i].access == FIELD_READ_ONLY)
            continue;
        const char **cell = arena_alloc(&again->arena, sizeof *cell);
        CHECK(cell != NULL);
        *cell = i < 0 ? again_not_sent
                : query->values[next] == NULL
                    ? NULL
                    : arena_copy(&again->arena, query->values[next], strlen(query->values[next]));
        next += i >= 0;
        add_column(again, i < 0 ? again->resource->key : i, cell);
    }
    CHECK(next == query->count);
}

static bool is(const struct again *again, const struct database_query *query, enum resource_statement which)
{
    return query->statement == resource_statement(again->resource, which);
}

bool again_take(struct again *again, const struct database_query *query)
{
    *again = (struct again){.resource = inside_asked(query)->route->resource};
    arena_init(&again->arena);
    if (again->resource == NULL)
        return false;
    again->changes = is(again, query, RESOURCE_BULK_CHANGE);
    if (is(again, query, RESOURCE_INSERT))
        take_one(again, query);
    else if (again->changes || is(again, query, RESOURCE_BULK_INSERT) ||
             is(again, query, RESOURCE_BULK_IGNORE) || is(again, query, RESOURCE_BULK_MERGE))
        take_many(again, query);
    return again->columns > 0;
}

void again_free(struct again *again)
{
    arena_free(&again->arena);
}

/* ---- into a body ---- */

static void write_json_cell(const struct field *field, const char *text, struct buffer *out)
{
    buffer_format(out, "\"%s\":", field->key);
    if (text == NULL)
        buffer_string(out, "null");
    else if (field->type == FIELD_BOOLEAN || field->type == FIELD_INTEGER || field->type == FIELD_NUMBER)
        buffer_string(out, text);
    else
        json_write_string(out, text, strlen(text));
}

static void write_json_row(const struct again *again, int row, struct buffer *out)
{
    const char *before = "{";
    for (int i = 0; i < again->columns; i++) {
        const char *text = again->cells[i][row];
        if (text == again_not_sent)
            continue;
        buffer_string(out, before);
        before = ",";
        write_json_cell(&again->resource->fields[again->fields[i]], text, out);
    }
    buffer_string(out, "}");
}

static void write_json(const struct again *again, bool lines, struct buffer *out)
{
    buffer_string(out, lines ? "" : "[");
    for (int row = 0; row < again->count; row++) {
        buffer_string(out, row == 0 ? "" : lines ? "\n" : ",");
        write_json_row(again, row, out);
    }
    buffer_string(out, lines ? "\n" : "]");
}

static void write_csv(const struct again *again, struct buffer *out)
{
    for (int row = -1; row < again->count; row++) {
        for (int i = 0; i < again->columns; i++) {
            const char *text = row < 0 ? again->resource->fields[again->fields[i]].key : again->cells[i][row];
            buffer_string(out, i > 0 ? "," : "");
            if (text != NULL && text != again_not_sent)
                csv_write(out, text, strlen(text));
        }
        buffer_string(out, "\r\n");
    }
}

void again_write(const struct again *again, enum intake_type type, struct buffer *out)
{
    if (type == INTAKE_CSV)
        write_csv(again, out);
    else
        write_json(again, type == INTAKE_NDJSON, out);
}

/* ---- the same? ---- */

static bool same_cell(const char *one, const char *other)
{
    if (one == NULL || other == NULL || one == again_not_sent || other == again_not_sent)
        return one == other;
    return strcmp(one, other) == 0;
}

static void check_same(const struct again *one, const struct again *other)
{
    CHECK(one->resource == other->resource && one->count == other->count && one->columns == other->columns);
    for (int i = 0; i < one->columns; i++)
        for (int row = 0; row < one->count; row++)
            CHECK(same_cell(one->cells[i][row], other->cells[i][row]));
}

/* Rows with the same key or e-mail were let pass if they are to be ignored: so they are the second time. */
static void ask_again(const struct again *again, enum intake_type type)
{
    static const char *const params[] = {"HTTP_PREFER", "resolution=ignore-duplicates", NULL};
    struct again second;
    struct buffer body = {0}, uri = {0};
    again_write(again, type, &body);
    buffer_format(&uri, "/v1/%s", again->resource->name);
    buffer_append(&uri, "", 1);
    if (body.length <= BODY_MOST) {
        const struct database_query *query = inside_ask(
            &(struct inside_request){again->changes ? "PATCH" : "POST", uri.bytes, intake_names[type],
                                     body.bytes, body.length, again->changes ? NULL : params});
        CHECK(query != NULL && again_take(&second, query));
        check_same(again, &second);
        again_free(&second);
        inside_answer();
    }
    buffer_free(&body);
    buffer_free(&uri);
}

void again_check(struct again *again)
{
    inside_answer();
    ask_again(again, INTAKE_JSON);
    if (!again->changes) {
        ask_again(again, INTAKE_NDJSON);
        ask_again(again, INTAKE_CSV);
    }
    again_free(again);
}
