#include "columns.h"

static int find_field(const struct resource *resource, const char *title)
{
    for (int i = 0; i < resource->field_count; i++) {
        const struct field *field = &resource->fields[i];
        if (strcmp(field->key, title) == 0 || (field->alias != NULL && strcmp(field->alias, title) == 0))
            return i;
    }
    return -1;
}

bool columns_have(const struct columns *columns, int field)
{
    for (int i = 0; i < columns->count; i++)
        if (columns->fields[i] == field)
            return true;
    return false;
}

void columns_read(struct columns *columns, const struct resource *resource, const struct csv *csv,
                  void (*fault)(void *cookie, enum columns_fault fault, const char *title), void *cookie)
{
    columns->count = 0;
    for (int i = 0; i < csv->count; i++) {
        const char *title = csv->fields[i].text;
        int field = find_field(resource, title);
        if (field < 0)
            fault(cookie, COLUMNS_UNKNOWN, title);
        else if (columns_have(columns, field))
            fault(cookie, COLUMNS_TWICE, title);
        columns->fields[columns->count++] = field;
    }
    for (int i = 0; i < resource->field_count; i++)
        if (resource->fields[i].access != FIELD_READ_ONLY && !columns_have(columns, i))
            fault(cookie, COLUMNS_MISSING, resource->fields[i].key);
}
