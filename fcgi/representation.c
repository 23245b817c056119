#include "representation.h"

#include "csv.h"

static void write_names(const struct selection *selection, struct buffer *out)
{
    for (int i = 0; i < selection->field_count; i++) {
        buffer_string(out, i > 0 ? "," : "");
        buffer_string(out, selection->resource->fields[selection->fields[i]].key);
    }
    buffer_append(out, "\r\n", 2);
}

void representation_begin(const struct selection *selection, enum accept_type type, struct buffer *out)
{
    if (type == ACCEPT_CSV)
        write_names(selection, out);
    else if (type == ACCEPT_JSON)
        buffer_string(out, "{\"items\":[");
}

static void write_object(const struct selection *selection, const struct database_value *values,
                         struct buffer *out)
{
    const struct resource *resource = selection->resource;
    for (int i = 0; i < selection->field_count; i++) {
        int field = selection->fields[i];
        size_t length = resource->sql->labels[field].length;
        char *to = buffer_reserve(out, length);
        if (to == NULL)
            return;
        memcpy(to, resource->sql->labels[field].text, length);
        *to = i == 0 ? '{' : ','; /* a label begins as it does in a whole row */
        out->length += length;
        field_write_json(&resource->fields[field], values[field].bytes, values[field].length, FIELD_RFC3339,
                         out);
    }
    buffer_append(out, "}", 1);
}

static void write_record(const struct selection *selection, const struct database_value *values,
                         struct buffer *out)
{
    for (int i = 0; i < selection->field_count; i++) {
        const struct field *field = &selection->resource->fields[selection->fields[i]];
        const struct database_value *value = &values[selection->fields[i]];
        if (i > 0)
            buffer_append(out, ",", 1);
        if (field_is_text(field) && value->length >= 0)
            csv_write(out, value->bytes, (size_t)value->length);
        else
            field_write_text(field, value->bytes, value->length, FIELD_RFC3339, out);
    }
    buffer_append(out, "\r\n", 2);
}

void representation_row(const struct selection *selection, enum accept_type type,
                        const struct database_result *result, int row, bool first, struct buffer *out)
{
    struct database_value values[RESOURCE_FIELDS];
    database_row(result, row, values, selection->resource->field_count);
    if (type == ACCEPT_CSV) {
        write_record(selection, values, out);
        return;
    }
    if (type == ACCEPT_JSON && !first)
        buffer_append(out, ",", 1);
    write_object(selection, values, out);
    if (type == ACCEPT_NDJSON)
        buffer_append(out, "\n", 1);
}
