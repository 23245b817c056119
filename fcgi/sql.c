#include "sql.h"

const char *sql_type(const struct field *field)
{
    static const char *const types[] = {
        [FIELD_UUID] = "uuid",   [FIELD_BOOLEAN] = "boolean", [FIELD_INTEGER] = "bigint",
        [FIELD_CHOICE] = "text", [FIELD_TEXT] = "text",       [FIELD_NUMBER] = "double precision",
        [FIELD_EMAIL] = "text",  [FIELD_TIME] = "timestamptz"};
    return types[field->type];
}

void sql_columns(struct buffer *out, const struct resource *resource, const char *prefix)
{
    for (int i = 0; i < resource->field_count; i++)
        buffer_format(out, "%s%s%s", i > 0 ? ", " : "", prefix, resource->fields[i].column);
}

void sql_row(struct buffer *out, const struct resource *resource, const char *prefix)
{
    sql_columns(out, resource, prefix);
    buffer_format(out, ", %sversion", prefix);
}

bool sql_writable(const struct field *field)
{
    return field->access != FIELD_READ_ONLY;
}

const char *sql_key(const struct resource *resource)
{
    return resource->fields[resource->key].column;
}

void sql_column(struct buffer *out, const struct field *field, const char *prefix)
{
    buffer_format(out, field->type == FIELD_EMAIL ? "lower(%s%s)" : "%s%s", prefix, field->column);
}

/* The columns of addresses are in "C", so that their index is of use. */
void sql_value(struct buffer *out, const struct field *field, const char *value)
{
    buffer_format(out, field->type == FIELD_EMAIL ? "lower(%s COLLATE \"C\")" : "%s", value);
}

void sql_names(struct buffer *out, const struct field *field, const char *name)
{
    sql_column(out, field, "");
    buffer_string(out, " = ");
    sql_value(out, field, name);
}

void sql_stamp(struct buffer *out, const struct resource *resource, const char *table, const char *request)
{
    buffer_format(out,
                  "version = %s.version + (%s.written_by IS DISTINCT FROM %s::uuid)::int, written_by = %s",
                  table, table, request, request);
    if (resource->touched != NULL) /* it advances even where the clock does not */
        buffer_format(out, ", %s = greatest(clock_timestamp(), %s.%s + interval '1 microsecond')",
                      resource->touched, table, resource->touched);
}
