#include "filter.h"

#include <stdio.h>
#include <string.h>

/* What comes before the first '.'. */
static const struct {
    const char *name;
    enum selection_operator operator;
} operators[] = {{"eq", SELECTION_EQ},     {"neq", SELECTION_NEQ},     {"gt", SELECTION_GT},
                 {"gte", SELECTION_GTE},   {"lt", SELECTION_LT},       {"lte", SELECTION_LTE},
                 {"like", SELECTION_LIKE}, {"ilike", SELECTION_ILIKE}, {"in", SELECTION_IN},
                 {"is", SELECTION_IS_NULL}};

#define OPERATORS (sizeof operators / sizeof *operators)

/* Cut the operator off; without one the whole text is a value. */
static enum selection_operator read_operator(const char **text)
{
    size_t length = strcspn(*text, ".");
    for (size_t i = 0; (*text)[length] == '.' && i < OPERATORS; i++)
        if (strncmp(operators[i].name, *text, length) == 0 && operators[i].name[length] == '\0') {
            *text += length + 1;
            return operators[i].operator;
        }
    return SELECTION_EQ;
}

const char *filter_pattern(const char *text, size_t length, bool wild, const char *around,
                           struct arena *arena)
{
    struct buffer pattern;
    buffer_init(&pattern);
    buffer_string(&pattern, around);
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '%' || text[i] == '_' || text[i] == '\\')
            buffer_append(&pattern, "\\", 1);
        buffer_append(&pattern, wild && text[i] == '*' ? "%" : &text[i], 1);
    }
    buffer_string(&pattern, around);
    const char *copy = pattern.failed ? NULL : arena_copy(arena, pattern.bytes, pattern.length);
    buffer_free(&pattern);
    return copy;
}

/* ---- lists ---- */

/*
 * Take one value of a list off the text, up to the ',' or ')' behind it; a quoted one may have these too.
 * `to` has room for all of the text. Returns where it ends, or NULL when it is malformed.
 */
static const char *take_value(const char *text, char *to)
{
    bool quoted = *text == '"';
    if (quoted)
        text++;
    while (*text != '\0' && (quoted ? *text != '"' : *text != ',' && *text != ')')) {
        if (!quoted && (*text == '"' || *text == '('))
            return NULL;
        if (quoted && *text == '\\' && *++text == '\0')
            return NULL;
        *to++ = *text++;
    }
    *to = '\0';
    if (quoted && *text++ != '"')
        return NULL;
    return *text == ',' || *text == ')' ? text : NULL;
}

static const char must_be_list[] =
    "must be a list such as in.(1,2,3) or in.(\"a, b\",c): values with a comma, a quote or a parenthesis are "
    "quoted, a \\ stands before a quote or a \\ in them";

static const char *read_list(struct selection_filter *filter, const struct field *field, const char *text,
                             struct arena *arena)
{
    char *value = arena_alloc(arena, strlen(text) + 1);
    const char **values = arena_alloc(arena, SELECTION_LIST * sizeof *values);
    if (value == NULL || values == NULL)
        return field_out_of_memory;
    if (text[0] != '(' || text[1] == ')')
        return must_be_list;
    while (*text != ')') {
        struct field_value out;
        text = take_value(text + 1, value);
        if (text == NULL)
            return must_be_list;
        if (filter->count == SELECTION_LIST)
            return "must be a list of at most 100 values";
        const char *fault = field_from_filter(field, value, arena, &out);
        if (fault != NULL)
            return fault;
        values[filter->count++] = out.bytes;
    }
    filter->values = values;
    return text[1] == '\0' ? NULL : must_be_list;
}

/* ---- conditions ---- */

static const char *read_null(struct selection_filter *filter, const char *text)
{
    if (strcmp(text, "not_null") == 0)
        filter->operator= SELECTION_IS_NOT_NULL;
    else if (strcmp(text, "null") != 0)
        return "must be is.null or is.not_null";
    return NULL;
}

/* Whether the column's type has the operator. Returns NULL, or what is wrong. */
static const char *check_operator(enum selection_operator operator, const struct field * field)
{
    bool text = field->type == FIELD_TEXT || field->type == FIELD_EMAIL || field->type == FIELD_CHOICE;
    if ((operator== SELECTION_LIKE || operator== SELECTION_ILIKE) && !text)
        return "has no like and ilike, which are for texts; there are eq, neq, gt, gte, lt, lte, in and is";
    if (operator>= SELECTION_GT && operator<= SELECTION_LTE && field->type == FIELD_BOOLEAN)
        return "is true or false, and has no order; there are eq, neq, in and is";
    return NULL;
}

static const char *read_value(struct selection_filter *filter, const struct field *field, const char *text,
                              struct arena *arena)
{
    const char **value = arena_alloc(arena, sizeof *value);
    struct field_value out = {0};
    const char *fault = NULL;
    if (value == NULL)
        return field_out_of_memory;
    if (filter->operator== SELECTION_LIKE || filter->operator== SELECTION_ILIKE)
        out.bytes = filter_pattern(text, strlen(text), true, "", arena);
    else
        fault = field_from_filter(field, text, arena, &out);
    *value = out.bytes;
    filter->values = value;
    filter->count = 1;
    return fault == NULL && out.bytes == NULL ? field_out_of_memory : fault;
}

const char *filter_read(struct selection_filter *filter, const struct resource *resource, int field,
                        const char *text, struct arena *arena)
{
    const struct field *column = &resource->fields[field];
    *filter = (struct selection_filter){.field = field, .operator= read_operator(&text)};
    const char *fault = check_operator(filter->operator, column);
    if (fault != NULL)
        return fault;
    if (filter->operator== SELECTION_IS_NULL)
        return read_null(filter, text);
    if (filter->operator== SELECTION_IN)
        return read_list(filter, column, text, arena);
    return read_value(filter, column, text, arena);
}
