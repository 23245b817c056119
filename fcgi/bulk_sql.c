#include "bulk_sql.h"

#include "sql.h"

#include <limits.h>
#include <stdio.h>

/*
 * Arrays are taken apart by unnest: "key", "given", "f<n>" for the value of field n, "s<n>" for whether it is
 * sent, and "place". The planner takes the arrays to have ten elements: what is looked up for each of them is
 * looked up by an index (OFFSET 0 keeps it from being made a join of another kind), and nothing is joined
 * that has no index.
 */

#define NOT_NOTED "NOT EXISTS (SELECT FROM ledger WHERE request = $1)"

struct writer {
    const struct resource *resource;
    struct buffer *out;
    bool pairs; /* values come with whether they are sent */
};

static void say(const struct writer *writer, const char *text)
{
    buffer_string(writer->out, text);
}

static bool has_email(const struct resource *resource)
{
    return resource->lookup != resource->key;
}

/* The parameter of a field's value; with pairs, the one before it is whether the field is sent. */
static int parameter_of(const struct writer *writer, int field)
{
    int number = writer->pairs ? BULK_GIVEN + 1 : BULK_GIVEN + 2;
    for (int i = 0; i < field; i++)
        if (sql_writable(&writer->resource->fields[i]))
            number += writer->pairs ? 2 : 1;
    return writer->pairs ? number + 1 : number;
}

/* For each field that a client may write, `format` with its column, or its place. */
__attribute__((format(printf, 2, 0))) static void each_column(const struct writer *writer, const char *format)
{
    for (int i = 0; i < writer->resource->field_count; i++)
        if (sql_writable(&writer->resource->fields[i]))
            buffer_format(writer->out, format, writer->resource->fields[i].column,
                          writer->resource->fields[i].column);
}

__attribute__((format(printf, 2, 0))) static void each_place(const struct writer *writer, const char *format)
{
    for (int i = 0; i < writer->resource->field_count; i++)
        if (sql_writable(&writer->resource->fields[i]))
            buffer_format(writer->out, format, i);
}

/* All that was sent, one row for each. */
static void write_sent(const struct writer *writer)
{
    const struct resource *resource = writer->resource;
    say(writer, "unnest($5::uuid[]");
    if (!writer->pairs)
        say(writer, ", $6::boolean[]");
    for (int i = 0; i < resource->field_count; i++) {
        int parameter = parameter_of(writer, i);
        if (!sql_writable(&resource->fields[i]))
            continue;
        if (writer->pairs)
            buffer_format(writer->out, ", $%d::boolean[]", parameter - 1);
        buffer_format(writer->out, ", $%d::%s[]", parameter, sql_type(&resource->fields[i]));
    }
    say(writer, writer->pairs ? ") WITH ORDINALITY AS sent (key" : ") WITH ORDINALITY AS sent (key, given");
    for (int i = 0; i < resource->field_count; i++) {
        if (!sql_writable(&resource->fields[i]))
            continue;
        if (writer->pairs)
            buffer_format(writer->out, ", s%d", i);
        buffer_format(writer->out, ", f%d", i);
    }
    say(writer, ", place)");
}

/* The beginning of the INSERT, up to the rows; then each row's columns, with the key `key`. */
static void write_made(const struct writer *writer, const char *key)
{
    buffer_format(writer->out, "made AS (INSERT INTO %s (%s, written_by, version", writer->resource->name,
                  sql_key(writer->resource));
    each_column(writer, ", %s");
    buffer_format(writer->out, ") SELECT %s, $2::uuid, CASE WHEN given THEN " SQL_FIRST_VERSION " ELSE 1 END",
                  key);
    each_place(writer, ", f%d");
    say(writer, " FROM ");
}

static void write_returning(const struct writer *writer, const char *prefix)
{
    say(writer, " RETURNING ");
    sql_row(writer->out, writer->resource, prefix);
}

/*
 * The note, and the answer: rows of `rows`, then what is in the way. `keep`: when the note keeps the rows
 * too; NULL: never. `checked`: there is a "taken".
 */
static void write_end(const struct writer *writer, const char *rows, const char *place, const char *keep,
                      bool checked)
{
    say(writer, "), noted AS (INSERT INTO ledger (request, row, fingerprint, written_by, answer)"
                " SELECT $1::uuid, $2, $3::uuid, $2, ");
    if (keep != NULL)
        buffer_format(writer->out,
                      "CASE WHEN %s THEN (SELECT coalesce(jsonb_agg(to_jsonb(%s)), '[]') FROM %s) END", keep,
                      rows, rows);
    else
        say(writer, "NULL");
    buffer_format(writer->out, " WHERE " NOT_NOTED "%s RETURNING request) SELECT ",
                  checked ? " AND NOT EXISTS (SELECT FROM taken)" : "");
    sql_row(writer->out, writer->resource, "");
    buffer_format(writer->out,
                  ", %d::bigint AS what, %s AS place FROM %s WHERE $4::boolean UNION ALL SELECT ", BULK_ROW,
                  place, rows);
    for (int i = 0; i <= writer->resource->field_count; i++)
        say(writer, "NULL, ");
    buffer_format(writer->out, "%d, %d FROM noted", BULK_DONE, INT_MAX); /* behind all rows */
    if (!checked)
        return;
    say(writer, " UNION ALL SELECT ");
    for (int i = 0; i <= writer->resource->field_count; i++)
        say(writer, "NULL, ");
    say(writer, "what, place FROM taken");
}

/* Rows of the body whose e-mail another row has already: one with another key, if the key was sent. */
static void write_emails_taken(const struct writer *writer)
{
    const struct resource *resource = writer->resource;
    const struct field *field = &resource->fields[resource->lookup];
    if (!has_email(resource))
        return;
    buffer_format(writer->out, " UNION ALL SELECT place, %d FROM ", BULK_EMAIL_TAKEN);
    if (writer->pairs)
        buffer_format(writer->out,
                      "unnest($5::uuid[], $%d::boolean[], $%d::text[]) WITH ORDINALITY AS sent (key, changed,"
                      " name, place) WHERE changed AND ",
                      parameter_of(writer, resource->lookup) - 1, parameter_of(writer, resource->lookup));
    else
        buffer_format(writer->out, "unnest($%d::text[]) WITH ORDINALITY AS sent (name, place) WHERE ",
                      parameter_of(writer, resource->lookup));
    buffer_format(writer->out, NOT_NOTED " AND EXISTS (SELECT FROM %s WHERE ", resource->name);
    sql_names(writer->out, field, "sent.name");
    if (writer->pairs)
        buffer_format(writer->out, " AND %s <> sent.key", sql_key(resource));
    say(writer, " OFFSET 0)");
}

static void write_insert(const struct writer *writer)
{
    buffer_format(
        writer->out,
        "WITH taken AS MATERIALIZED (SELECT place, %d AS what FROM unnest($5::uuid[], $6::boolean[])"
        " WITH ORDINALITY AS sent (key, given, place) WHERE given AND " NOT_NOTED
        " AND EXISTS (SELECT FROM %s WHERE %s = sent.key OFFSET 0)",
        BULK_KEY_TAKEN, writer->resource->name, sql_key(writer->resource));
    write_emails_taken(writer);
    say(writer, " ORDER BY place), ");
    write_made(writer, "key");
    write_sent(writer);
    say(writer, " WHERE " NOT_NOTED " AND NOT EXISTS (SELECT FROM taken) ORDER BY place");
    write_returning(writer, "");
    write_end(writer, "made", "0", "$3::uuid IS NOT NULL", true);
}

static void write_ignore(const struct writer *writer)
{
    say(writer, "WITH ");
    write_made(writer, "key");
    write_sent(writer);
    say(writer, " WHERE " NOT_NOTED " ORDER BY place ON CONFLICT DO NOTHING");
    write_returning(writer, "");
    write_end(writer, "made", "0", "$3::uuid IS NOT NULL OR $4::boolean", false);
}

/* "target" is the key of the row that each one is about: the one that was sent, or that of the row with its
 * e-mail. */
static void write_keyed(const struct writer *writer)
{
    const struct resource *resource = writer->resource;
    say(writer, "keyed AS MATERIALIZED (SELECT sent.*, ");
    say(writer, has_email(resource)
                    ? "holder, CASE WHEN given THEN key ELSE coalesce(holder, key) END AS target"
                    : "NULL::uuid AS holder, key AS target");
    say(writer, " FROM ");
    write_sent(writer);
    if (has_email(resource)) {
        char name[8];
        snprintf(name, sizeof name, "f%d", resource->lookup);
        buffer_format(writer->out, " LEFT JOIN LATERAL (SELECT %s AS holder FROM %s WHERE ",
                      sql_key(resource), resource->name);
        sql_names(writer->out, &resource->fields[resource->lookup], name);
        say(writer, " OFFSET 0) AS held ON true");
    }
    say(writer, " WHERE " NOT_NOTED ")");
}

/*
 * The rows are locked in the order of their keys, so that two requests can't wait for each other. "name" is
 * what they are called then: one that has lost its e-mail, or is gone, was waited for, and is another's now.
 */
static void write_locked(const struct writer *writer)
{
    const struct resource *resource = writer->resource;
    buffer_format(writer->out,
                  "locked AS MATERIALIZED (SELECT held.* FROM (SELECT target FROM keyed ORDER BY target)"
                  " AS wanted CROSS JOIN LATERAL (SELECT %s AS key, ",
                  sql_key(resource));
    sql_column(writer->out, &resource->fields[resource->lookup], "");
    buffer_format(writer->out, " AS name FROM %s WHERE %s = wanted.target FOR UPDATE) AS held)",
                  resource->name, sql_key(resource));
}

static void write_merge(const struct writer *writer)
{
    const struct resource *resource = writer->resource;
    const char *key = sql_key(resource);
    char found[160];
    snprintf(found, sizeof found,
             "CASE WHEN given OR (target, lower(f%d COLLATE \"C\")) IN (SELECT key, name FROM locked)"
             " THEN target ELSE key END",
             resource->lookup);
    say(writer, "WITH ");
    write_keyed(writer);
    buffer_format(writer->out,
                  ", taken AS MATERIALIZED (SELECT place, %d AS what FROM keyed WHERE given AND holder <> key"
                  " UNION ALL SELECT place, %d FROM (SELECT place, row_number()"
                  " OVER (PARTITION BY target ORDER BY place) AS nth FROM keyed) AS numbered WHERE nth > 1"
                  " ORDER BY place), ",
                  BULK_EMAIL_TAKEN, BULK_SAME_ROW);
    write_locked(writer);
    say(writer, ", ");
    write_made(writer, has_email(resource) ? found : "target");
    buffer_format(writer->out,
                  "keyed WHERE NOT EXISTS (SELECT FROM taken) AND (SELECT count(*) FROM locked) >= 0"
                  " ORDER BY place ON CONFLICT (%s) DO UPDATE SET ",
                  key);
    each_column(writer, "%s = EXCLUDED.%s, ");
    sql_stamp(writer->out, resource, resource->name, "$2");
    write_returning(writer, "");
    write_end(writer, "made", "0", "$3::uuid IS NOT NULL OR $4::boolean", true);
}

static void write_change(const struct writer *writer)
{
    const struct resource *resource = writer->resource;
    const char *key = sql_key(resource), *table = resource->name;
    buffer_format(writer->out,
                  "WITH locked AS MATERIALIZED (SELECT held.key FROM (SELECT key FROM unnest($5::uuid[]) AS"
                  " sent (key) WHERE " NOT_NOTED " ORDER BY key) AS wanted CROSS JOIN LATERAL (SELECT %s AS"
                  " key FROM %s WHERE %s = wanted.key FOR UPDATE) AS held), taken AS MATERIALIZED (SELECT"
                  " place, %d AS what FROM unnest($5::uuid[]) WITH ORDINALITY AS sent (key, place)"
                  " WHERE " NOT_NOTED " AND key NOT IN (SELECT key FROM locked)",
                  key, table, key, BULK_NO_ROW);
    write_emails_taken(writer);
    buffer_format(writer->out, " ORDER BY place), changed AS (UPDATE %s SET ", table);
    for (int i = 0; i < resource->field_count; i++)
        if (sql_writable(&resource->fields[i]))
            buffer_format(writer->out, "%s = CASE WHEN s%d THEN f%d ELSE %s.%s END, ",
                          resource->fields[i].column, i, i, table, resource->fields[i].column);
    sql_stamp(writer->out, resource, table, "$2");
    say(writer, " FROM ");
    write_sent(writer);
    buffer_format(writer->out, " WHERE %s.%s = sent.key AND " NOT_NOTED " AND NOT EXISTS (SELECT FROM taken)",
                  table, key);
    char prefix[72];
    snprintf(prefix, sizeof prefix, "%s.", table);
    write_returning(writer, prefix);
    say(writer, ", sent.place");
    write_end(writer, "changed", "place", NULL, true);
    say(writer, " ORDER BY place, what");
}

/* What the note keeps are the rows as they were; else they are what they are now. */
static void write_replay(const struct writer *writer)
{
    const struct resource *resource = writer->resource;
    struct buffer *out = writer->out;
    say(writer, "SELECT ");
    sql_row(out, resource, "told.");
    say(writer, ", fingerprint IS NOT DISTINCT FROM $2::uuid, written_by IS NOT DISTINCT FROM $3::uuid, place"
                " FROM ledger LEFT JOIN LATERAL (SELECT ");
    sql_row(out, resource, "kept.");
    buffer_format(out,
                  ", ordinality AS place FROM jsonb_populate_recordset(NULL::%s, CASE WHEN $5::boolean"
                  " THEN ledger.answer END) WITH ORDINALITY AS kept UNION ALL SELECT found.*, place"
                  " FROM unnest($4::uuid[]) WITH ORDINALITY AS sent (key, place) CROSS JOIN LATERAL"
                  " (SELECT ",
                  resource->name);
    sql_row(out, resource, "");
    buffer_format(out,
                  " FROM %s WHERE %s = sent.key OFFSET 0) AS found WHERE ledger.answer IS NULL"
                  " AND $5::boolean) AS told ON true WHERE request = $1 ORDER BY place",
                  resource->name, sql_key(resource));
}

void bulk_sql_write(const struct resource *resource, enum resource_statement which, struct buffer *out)
{
    struct writer writer = {.resource = resource, .out = out, .pairs = which == RESOURCE_BULK_CHANGE};
    switch (which) {
    case RESOURCE_BULK_INSERT:
        write_insert(&writer);
        break;
    case RESOURCE_BULK_IGNORE:
        write_ignore(&writer);
        break;
    case RESOURCE_BULK_MERGE:
        write_merge(&writer);
        break;
    case RESOURCE_BULK_CHANGE:
        write_change(&writer);
        break;
    default:
        write_replay(&writer);
        break;
    }
}
