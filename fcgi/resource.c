#include "resource.h"

#include "bulk_sql.h"
#include "sql.h"

#include <stdio.h>
#include <string.h>

/* A statement's SQL while it is written; it is found again by its place, as the buffer moves while it grows.
 */
struct writer {
    const struct resource *resource;
    struct buffer *out;
    bool by_key;   /* rows are named by the key, not by the lookup column */
    int parameter; /* the number that was used last */
};

/* What rows are named by in a statement. */
static const struct field *name_of(const struct writer *writer)
{
    const struct resource *resource = writer->resource;
    return &resource->fields[writer->by_key ? resource->key : resource->lookup];
}

/* Many rows at once: database.h says how. Each is looked up by the index, as if it were alone. */
static void write_get(struct writer *writer)
{
    const struct resource *resource = writer->resource;
    const struct field *field = name_of(writer);
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

/*
 * A try that comes late (its worker died, PostgreSQL had it already) must not bring back what another try has
 * made and somebody has deleted since: the removal has left a note under the row's key. A statement of its
 * own, because it must see what was committed while the insert was at work.
 */
static void write_inserted(struct writer *writer)
{
    const char *key = sql_key(writer->resource);
    buffer_format(writer->out,
                  "WITH removed AS MATERIALIZED (SELECT row FROM ledger WHERE request = ANY ($1::uuid[]) AND"
                  " row = request) DELETE FROM %s WHERE %s IN (SELECT row FROM removed) AND written_by = %s",
                  writer->resource->name, key, key);
}

/* The row that $2 names, if it is in a version that $3 and $4 let pass. */
static void write_condition(struct writer *writer)
{
    buffer_string(writer->out, " WHERE ");
    sql_names(writer->out, name_of(writer), "$2");
    buffer_string(writer->out, " AND ($3::bigint[] IS NULL OR version = ANY ($3))"
                               " AND ($4::bigint[] IS NULL OR version <> ALL ($4))");
}

/*
 * Noted in the ledger before it is done, because the note can be made once: the second try does nothing. If
 * the first is still at work, the second waits for the row, looks at it anew, and then meets the note that it
 * did not see when it began. Where the change fails, or the condition, there is no note.
 */
static void write_change(struct writer *writer)
{
    const struct resource *resource = writer->resource;
    buffer_format(writer->out, "WITH noted AS (INSERT INTO ledger (request, row) SELECT $1::uuid, %s FROM %s",
                  sql_key(resource), resource->name);
    write_condition(writer);
    buffer_format(writer->out, " FOR NO KEY UPDATE ON CONFLICT DO NOTHING RETURNING row) UPDATE %s SET ",
                  resource->name);
    writer->parameter = 4;
    for (int i = 0; i < resource->field_count; i++) {
        const char *column = resource->fields[i].column;
        if (!sql_writable(&resource->fields[i]))
            continue;
        buffer_format(writer->out, "%s = CASE WHEN $%d::boolean THEN $%d ELSE %s END, ", column,
                      writer->parameter + 1, writer->parameter + 2, column);
        writer->parameter += 2;
    }
    sql_stamp(writer->out, resource, resource->name, "$1");
    buffer_format(writer->out, " WHERE %s = (SELECT row FROM noted)", sql_key(resource));
}

/* A statement of its own, because it must see what a first try that was still at work has committed
 * meanwhile. */
static void write_changed(struct writer *writer)
{
    const struct resource *resource = writer->resource;
    buffer_string(writer->out, "SELECT ");
    sql_row(writer->out, resource, "");
    buffer_format(writer->out,
                  ", true, written_by = $1 FROM %s WHERE %s = (SELECT row FROM ledger WHERE request = $1)"
                  " UNION ALL SELECT ",
                  resource->name, sql_key(resource));
    sql_row(writer->out, resource, "");
    buffer_format(writer->out, ", false, false FROM %s WHERE ", resource->name);
    sql_names(writer->out, name_of(writer), "$2");
    buffer_string(writer->out, " AND NOT EXISTS (SELECT FROM ledger WHERE request = $1)");
}

/* The second try finds the row that the first has made, or, if that was deleted meanwhile, the note. */
static void write_put(struct writer *writer)
{
    const struct resource *resource = writer->resource;
    buffer_format(writer->out, "WITH made AS (INSERT INTO %s (%s, version, written_by", resource->name,
                  sql_key(resource));
    for (int i = 0; i < resource->field_count; i++)
        if (sql_writable(&resource->fields[i]))
            buffer_format(writer->out, ", %s", resource->fields[i].column);
    buffer_string(writer->out, ") SELECT $2::uuid, " SQL_FIRST_VERSION ", $1::uuid");
    writer->parameter = 2;
    for (int i = 0; i < resource->field_count; i++)
        if (sql_writable(&resource->fields[i]))
            buffer_format(writer->out, ", $%d::%s", ++writer->parameter, sql_type(&resource->fields[i]));
    buffer_format(writer->out,
                  " WHERE NOT EXISTS (SELECT FROM ledger WHERE request = $1) ON CONFLICT (%s) DO NOTHING"
                  " RETURNING %s) INSERT INTO ledger (request, row) SELECT $1, %s FROM made"
                  " ON CONFLICT DO NOTHING",
                  sql_key(resource), sql_key(resource), sql_key(resource));
}

/* The second note, under the row's key, is for an insert of it that comes late. */
static void write_remove(struct writer *writer)
{
    const struct resource *resource = writer->resource;
    buffer_format(writer->out, "WITH removed AS (DELETE FROM %s", resource->name);
    write_condition(writer);
    buffer_format(
        writer->out,
        " AND NOT EXISTS (SELECT FROM ledger WHERE request = $1) RETURNING %s)"
        " INSERT INTO ledger (request, row) SELECT $1, %s FROM removed UNION ALL SELECT %s, %s FROM removed"
        " ON CONFLICT DO NOTHING",
        sql_key(resource), sql_key(resource), sql_key(resource), sql_key(resource));
}

static void write_removed(struct writer *writer)
{
    buffer_format(writer->out,
                  "SELECT EXISTS (SELECT FROM ledger WHERE request = $1), EXISTS (SELECT FROM %s WHERE ",
                  writer->resource->name);
    sql_names(writer->out, name_of(writer), "$2");
    buffer_string(writer->out, ")");
}

static void write_list_first(struct writer *writer)
{
    write_list(writer, false);
}

static void write_list_after(struct writer *writer)
{
    write_list(writer, true);
}

/* In the order of enum resource_statement. */
static const struct {
    const char *name;
    void (*write)(struct writer *writer); /* NULL: bulk_sql_write does it */
    enum database_kind kind;
    enum resource_statement then; /* RESOURCE_GET: none */
    bool by_key;
} shapes[RESOURCE_STATEMENTS] = {
    [RESOURCE_GET] = {"get", write_get, DATABASE_LOOKUP, 0, false},
    [RESOURCE_LIST] = {"list", write_list_first, DATABASE_READ, 0, false},
    [RESOURCE_LIST_AFTER] = {"list_after", write_list_after, DATABASE_READ, 0, false},
    [RESOURCE_INSERT] = {"insert", write_insert, DATABASE_INSERT, RESOURCE_INSERTED, false},
    [RESOURCE_INSERTED] = {"inserted", write_inserted, DATABASE_WRITE, 0, false},
    [RESOURCE_CHANGE] = {"change", write_change, DATABASE_WRITE, RESOURCE_CHANGED, false},
    [RESOURCE_CHANGED] = {"changed", write_changed, DATABASE_WRITE, 0, false},
    [RESOURCE_REMOVE] = {"remove", write_remove, DATABASE_WRITE, RESOURCE_REMOVED, false},
    [RESOURCE_REMOVED] = {"removed", write_removed, DATABASE_WRITE, 0, false},
    [RESOURCE_PUT] = {"put", write_put, DATABASE_WRITE, RESOURCE_KEY_CHANGED, true},
    [RESOURCE_BULK_INSERT] = {"bulk_insert", NULL, DATABASE_WRITE, 0, true},
    [RESOURCE_BULK_IGNORE] = {"bulk_ignore", NULL, DATABASE_WRITE, 0, true},
    [RESOURCE_BULK_MERGE] = {"bulk_merge", NULL, DATABASE_WRITE, 0, true},
    [RESOURCE_BULK_CHANGE] = {"bulk_change", NULL, DATABASE_WRITE, 0, true},
    [RESOURCE_BULK_REPLAY] = {"bulk_replay", NULL, DATABASE_WRITE, 0, true},
    [RESOURCE_KEY_GET] = {"key_get", write_get, DATABASE_LOOKUP, 0, true},
    [RESOURCE_KEY_CHANGE] = {"key_change", write_change, DATABASE_WRITE, RESOURCE_KEY_CHANGED, true},
    [RESOURCE_KEY_CHANGED] = {"key_changed", write_changed, DATABASE_WRITE, 0, true},
    [RESOURCE_KEY_REMOVE] = {"key_remove", write_remove, DATABASE_WRITE, RESOURCE_KEY_REMOVED, true},
    [RESOURCE_KEY_REMOVED] = {"key_removed", write_removed, DATABASE_WRITE, 0, true},
};

/*
 * The parameter that names the row, as database.h has it. An insert has only a unique value, where the table
 * has one beside the key; its fields come behind REQUEST.
 */
static int row_parameter(const struct resource *resource, enum resource_statement which)
{
    int parameter = RESOURCE_REQUEST + 1;
    if (which != RESOURCE_INSERT)
        return shapes[which].then != 0 ? RESOURCE_NAME + 1 : 0;
    for (int i = 0; i <= resource->lookup; i++)
        parameter += sql_writable(&resource->fields[i]);
    return resource->lookup != resource->key ? parameter : 0;
}

int resource_prepare(const struct resource *resource)
{
    struct resource_sql *sql = resource->sql;
    size_t places[RESOURCE_STATEMENTS];
    buffer_init(&sql->text);
    for (int i = 0; i < RESOURCE_STATEMENTS; i++) {
        struct writer writer = {.resource = resource, .out = &sql->text, .by_key = shapes[i].by_key};
        places[i] = sql->text.length;
        if (shapes[i].write != NULL)
            shapes[i].write(&writer);
        else
            bulk_sql_write(resource, (enum resource_statement)i, &sql->text);
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
            .then = shapes[i].then != 0 ? resource_statement(resource, shapes[i].then) : NULL,
            .then_count = i == RESOURCE_INSERT ? 1 : 2,
            .row = row_parameter(resource, (enum resource_statement)i)};
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
    static const enum resource_statement same[RESOURCE_STATEMENTS] = {
        [RESOURCE_KEY_GET] = RESOURCE_GET,         [RESOURCE_KEY_CHANGE] = RESOURCE_CHANGE,
        [RESOURCE_KEY_CHANGED] = RESOURCE_CHANGED, [RESOURCE_KEY_REMOVE] = RESOURCE_REMOVE,
        [RESOURCE_KEY_REMOVED] = RESOURCE_REMOVED,
    };
    if (resource->key == resource->lookup && which >= RESOURCE_KEY_GET)
        which = same[which];
    return &resource->sql->statements[which];
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
