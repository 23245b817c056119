#include "resource.h"

#include "sql.h"

#include <stdio.h>
#include <string.h>

/* A statement's SQL while it is written; it is found again by its place, as the buffer moves while it grows.
 */
struct writer {
    const struct resource *resource;
    struct buffer *out;
    int parameter; /* the number that was used last */
};

/* Many rows at once: database.h says how. Each is looked up by the index, as if it were alone. */
static void write_get(struct writer *writer)
{
    const struct resource *resource = writer->resource;
    const struct field *field = &resource->fields[resource->lookup];
    buffer_format(writer->out,
                  "SELECT found.*, wanted.name::text FROM unnest($1::%s[]) AS wanted (name)"
                  " CROSS JOIN LATERAL (SELECT ",
                  sql_type(field));
    sql_row(writer->out, resource, "");
    buffer_format(writer->out, " FROM %s WHERE ", resource->name);
    sql_names(writer->out, field, "wanted.name");
    buffer_string(writer->out, " OFFSET 0) AS found");
}

static void write_list(struct writer *writer, bool after)
{
    buffer_string(writer->out, "SELECT ");
    sql_columns(writer->out, writer->resource, "");
    buffer_format(writer->out, " FROM %s%s%s%s ORDER BY %s LIMIT %d", writer->resource->name,
                  after ? " WHERE " : "", after ? sql_key(writer->resource) : "", after ? " > $1" : "",
                  sql_key(writer->resource), after ? RESOURCE_PAGE_ROWS : RESOURCE_FIRST_ROWS);
}

/* Many rows at once: database.h says how. "key" is the array of keys, "f<n>" that of field n. */
static void write_insert(struct writer *writer)
{
    const struct resource *resource = writer->resource;
    buffer_format(writer->out, "INSERT INTO %s (%s, written_by", resource->name, sql_key(writer->resource));
    for (int i = 0; i < resource->field_count; i++)
        if (sql_writable(&resource->fields[i]))
            buffer_format(writer->out, ", %s", resource->fields[i].column);
    buffer_string(writer->out, ") SELECT key, key");
    for (int i = 0; i < resource->field_count; i++)
        if (sql_writable(&resource->fields[i]))
            buffer_format(writer->out, ", f%d", i);
    buffer_string(writer->out, " FROM unnest($1::uuid[]");
    writer->parameter = 1;
    for (int i = 0; i < resource->field_count; i++)
        if (sql_writable(&resource->fields[i]))
            buffer_format(writer->out, ", $%d::%s[]", ++writer->parameter, sql_type(&resource->fields[i]));
    buffer_string(writer->out, ") AS sent (key");
    for (int i = 0; i < resource->field_count; i++)
        if (sql_writable(&resource->fields[i]))
            buffer_format(writer->out, ", f%d", i);
    /* The second try of a request meets its own row: it must come back, and so it is written as it is. */
    buffer_format(writer->out, ") ON CONFLICT (%s) DO UPDATE SET %s = EXCLUDED.%s RETURNING ",
                  sql_key(writer->resource), sql_key(writer->resource), sql_key(writer->resource));
    sql_row(writer->out, resource, "");
    buffer_format(writer->out, ", %s::text", sql_key(writer->resource));
}

static void write_replace(struct writer *writer)
{
    const struct resource *resource = writer->resource;
    buffer_format(writer->out, "UPDATE %s SET ", resource->name);
    writer->parameter = 2;
    for (int i = 0; i < resource->field_count; i++)
        if (sql_writable(&resource->fields[i]))
            buffer_format(writer->out, "%s = $%d, ", resource->fields[i].column, ++writer->parameter);
    sql_stamp(writer->out, resource, resource->name, "$1");
    buffer_string(writer->out, " WHERE ");
    sql_names(writer->out, &resource->fields[resource->lookup], "$2");
    buffer_string(writer->out, " RETURNING ");
    sql_row(writer->out, resource, "");
}

/* Done once, noted in the ledger; the second try finds the note and does nothing. `verb` begins the
 * statement. */
static void write_noted(struct writer *writer, const char *name)
{
    const struct resource *resource = writer->resource;
    buffer_string(writer->out, " WHERE ");
    sql_names(writer->out, &resource->fields[resource->lookup], "$2");
    buffer_format(writer->out,
                  " AND NOT EXISTS (SELECT FROM ledger WHERE request = $1) RETURNING %s)"
                  " INSERT INTO ledger (request, row) SELECT $1, %s FROM %s ON CONFLICT DO NOTHING",
                  sql_key(writer->resource), sql_key(writer->resource), name);
}

static void write_change(struct writer *writer)
{
    const struct resource *resource = writer->resource;
    buffer_format(writer->out, "WITH changed AS (UPDATE %s SET ", resource->name);
    writer->parameter = 2;
    for (int i = 0; i < resource->field_count; i++) {
        const char *column = resource->fields[i].column;
        if (!sql_writable(&resource->fields[i]))
            continue;
        buffer_format(writer->out, "%s = CASE WHEN $%d::boolean THEN $%d ELSE %s END, ", column,
                      writer->parameter + 1, writer->parameter + 2, column);
        writer->parameter += 2;
    }
    sql_stamp(writer->out, resource, resource->name, "$1");
    write_noted(writer, "changed");
}

/* A statement of its own, because it must see what a first try that was still at work has committed
 * meanwhile. */
static void write_changed(struct writer *writer)
{
    buffer_string(writer->out, "SELECT ");
    sql_row(writer->out, writer->resource, "");
    buffer_format(writer->out, " FROM %s WHERE %s = (SELECT row FROM ledger WHERE request = $1)",
                  writer->resource->name, sql_key(writer->resource));
}

static void write_remove(struct writer *writer)
{
    buffer_format(writer->out, "WITH removed AS (DELETE FROM %s", writer->resource->name);
    write_noted(writer, "removed");
}

static void write_statement(struct writer *writer, enum resource_statement which)
{
    switch (which) {
    case RESOURCE_GET:
        write_get(writer);
        break;
    case RESOURCE_LIST:
    case RESOURCE_LIST_AFTER:
        write_list(writer, which == RESOURCE_LIST_AFTER);
        break;
    case RESOURCE_INSERT:
        write_insert(writer);
        break;
    case RESOURCE_REPLACE:
        write_replace(writer);
        break;
    case RESOURCE_CHANGE:
        write_change(writer);
        break;
    case RESOURCE_CHANGED:
        write_changed(writer);
        break;
    case RESOURCE_REMOVE:
        write_remove(writer);
        break;
    case RESOURCE_REMOVED:
    case RESOURCE_STATEMENTS:
        buffer_string(writer->out, "SELECT row FROM ledger WHERE request = $1");
        break;
    }
}

int resource_prepare(const struct resource *resource)
{
    static const struct {
        const char *name;
        enum database_kind kind;
        enum resource_statement then; /* RESOURCE_GET: none */
    } shapes[RESOURCE_STATEMENTS] = {
        [RESOURCE_GET] = {"get", DATABASE_LOOKUP, 0},
        [RESOURCE_LIST] = {"list", DATABASE_READ, 0},
        [RESOURCE_LIST_AFTER] = {"list_after", DATABASE_READ, 0},
        [RESOURCE_INSERT] = {"insert", DATABASE_INSERT, 0},
        [RESOURCE_REPLACE] = {"replace", DATABASE_WRITE, 0},
        [RESOURCE_CHANGE] = {"change", DATABASE_WRITE, RESOURCE_CHANGED},
        [RESOURCE_CHANGED] = {"changed", DATABASE_WRITE, 0},
        [RESOURCE_REMOVE] = {"remove", DATABASE_WRITE, RESOURCE_REMOVED},
        [RESOURCE_REMOVED] = {"removed", DATABASE_WRITE, 0},
    };
    struct resource_sql *sql = resource->sql;
    size_t places[RESOURCE_STATEMENTS];
    buffer_init(&sql->text);
    for (int i = 0; i < RESOURCE_STATEMENTS; i++) {
        struct writer writer = {.resource = resource, .out = &sql->text};
        places[i] = sql->text.length;
        write_statement(&writer, (enum resource_statement)i);
        buffer_append(&sql->text, "", 1);
    }
    if (sql->text.failed) {
        buffer_free(&sql->text);
        return -1;
    }
    for (int i = 0; i < resource->field_count; i++)
        sql->labels[i].length = (size_t)snprintf(sql->labels[i].text, sizeof sql->labels[i].text,
                                                 "%c\"%s\":", i == 0 ? '{' : ',', resource->fields[i].key);
    for (int i = 0; i < RESOURCE_STATEMENTS; i++) {
        snprintf(sql->names[i], sizeof sql->names[i], "%s_%s", resource->name, shapes[i].name);
        sql->statements[i] = (struct database_statement){
            .text = {.name = sql->names[i], .sql = sql->text.bytes + places[i], .binary = true},
            .kind = shapes[i].kind,
            .key = resource->field_count + 1, /* behind the columns and the version */
            .then = shapes[i].then != 0 ? &sql->statements[shapes[i].then] : NULL,
            .then_count = 1};
    }
    return 0;
}

void resource_release(const struct resource *resource)
{
    buffer_free(&resource->sql->text);
}

const struct database_statement *resource_statement(const struct resource *resource,
                                                    enum resource_statement which)
{
    return &resource->sql->statements[which];
}

const struct field *resource_writable(const struct resource *resource, const char *key)
{
    for (int i = 0; i < resource->field_count; i++)
        if (sql_writable(&resource->fields[i]) && strcmp(resource->fields[i].key, key) == 0)
            return &resource->fields[i];
    return NULL;
}

void resource_write_row(const struct resource *resource, const struct database_result *result, int row,
                        enum field_times times, struct buffer *out)
{
    struct database_value values[RESOURCE_FIELDS];
    database_row(result, row, values, resource->field_count);
    for (int i = 0; i < resource->field_count; i++) {
        const struct field *field = &resource->fields[i];
        buffer_append(out, resource->sql->labels[i].text, resource->sql->labels[i].length);
        field_write_json(field, values[i].bytes, values[i].length, times, out);
    }
    buffer_append(out, "}", 1);
}
