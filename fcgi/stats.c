#include "stats.h"

#include "prefer.h"
#include "representation.h"
#include "route.h"
#include "search.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS (RESOURCE_FIELDS + RESOURCE_MEASURES)

/* ---- the question ---- */

static void write_columns(const struct selection *selection, struct buffer *out)
{
    for (int i = 0; i < selection->by_count; i++)
        buffer_format(out, "%s%s", i > 0 ? ", " : "", selection->resource->fields[selection->by[i]].column);
}

static int make_sql(const struct selection *selection, struct arena *arena, struct selection_sql *sql)
{
    const struct resource *resource = selection->resource;
    if (selection_sql_begin(selection, arena, sql) != 0)
        return -1;
    buffer_string(&sql->text, "SELECT ");
    write_columns(selection, &sql->text);
    for (int i = 0; i < resource->measure_count; i++)
        buffer_format(&sql->text, "%s%s", selection->by_count + i > 0 ? ", " : "", resource->measures[i].sql);
    buffer_format(&sql->text, " FROM %s", resource->name);
    selection_where(selection, sql);
    if (selection->by_count > 0) {
        buffer_string(&sql->text, " GROUP BY ");
        write_columns(selection, &sql->text);
        buffer_string(&sql->text, " ORDER BY ");
        write_columns(selection, &sql->text); /* ascending: nulls are last */
        buffer_format(&sql->text, " LIMIT %d", STATS_GROUPS + 1);
    }
    return selection_sql_end(sql);
}

/* ---- the answer ---- */

/* An array of doubles in PostgreSQL's binary form: dimensions, whether there are nulls, the type, the length
 * and the lower bound, four bytes each; then the values, each behind its length. */
static void write_numbers(const char *bytes, int length, struct buffer *out)
{
    static const struct field number = {.type = FIELD_NUMBER};
    const int head = 20, each = 4 + 8;
    if (length < 0) {
        buffer_string(out, "null");
        return;
    }
    buffer_string(out, "[");
    for (int at = head; at + each <= length; at += each) {
        buffer_string(out, at > head ? "," : "");
        field_write_json(&number, bytes + at + 4, 8, FIELD_RFC3339, out);
    }
    buffer_string(out, "]");
}

static void write_measure(const struct resource_measure *measure, const struct database_value *value,
                          struct buffer *out)
{
    const struct field field = {.type = measure->type == RESOURCE_COUNT ? FIELD_INTEGER : FIELD_NUMBER};
    buffer_format(out, "\"%s\":", measure->key);
    if (measure->type == RESOURCE_NUMBERS)
        write_numbers(value->bytes, value->length, out);
    else
        field_write_json(&field, value->bytes, value->length, FIELD_RFC3339, out);
}

/* Measures of one part that follow each other are an object of their own. */
static void write_measures(const struct resource *resource, const struct database_value *values,
                           struct buffer *out)
{
    const char *part = NULL;
    for (int i = 0; i < resource->measure_count; i++) {
        const struct resource_measure *measure = &resource->measures[i];
        bool same = part != NULL && measure->part != NULL && strcmp(part, measure->part) == 0;
        if (part != NULL && !same)
            buffer_string(out, "}");
        buffer_string(out, i > 0 ? "," : "");
        if (measure->part != NULL && !same)
            buffer_format(out, "\"%s\":{", measure->part);
        write_measure(measure, &values[i], out);
        part = measure->part;
    }
    buffer_string(out, part != NULL ? "}" : "");
}

static void write_group(const struct selection *selection, const struct database_result *result, int row,
                        struct buffer *out)
{
    const struct resource *resource = selection->resource;
    struct database_value values[COLUMNS];
    database_row(result, row, values, selection->by_count + resource->measure_count);
    buffer_string(out, row > 0 ? ",{" : "{");
    for (int i = 0; i < selection->by_count; i++) {
        const struct field *field = &resource->fields[selection->by[i]];
        buffer_format(out, "\"%s\":", field->key);
        field_write_json(field, values[i].bytes, values[i].length, FIELD_RFC3339, out);
        buffer_string(out, ",");
    }
    write_measures(resource, values + selection->by_count, out);
    buffer_string(out, "}");
}

static void answer_too_many(struct request *request)
{
    struct faults faults;
    char detail[80];
    snprintf(detail, sizeof detail, "makes more than %d groups: name fewer columns, or filter", STATS_GROUPS);
    faults_init(&faults);
    faults_add_parameter(&faults, "by", detail);
    faults_answer(&faults, request, PROBLEM_INVALID_PARAMETERS, "There are too many groups.");
}

static void done_stats(struct request *request, const struct database_result *result)
{
    const struct selection *selection = request->state;
    struct buffer body;
    if (!search_succeeded(request, result))
        return;
    if (database_rows(result) > STATS_GROUPS) {
        answer_too_many(request);
        return;
    }
    buffer_init(&body);
    buffer_string(&body, "{\"by\":[");
    for (int i = 0; i < selection->by_count; i++)
        buffer_format(&body, "%s\"%s\"", i > 0 ? "," : "", selection->resource->fields[selection->by[i]].key);
    buffer_string(&body, "],\"groups\":[");
    for (int row = 0; row < database_rows(result); row++)
        write_group(selection, result, row, &body);
    buffer_string(&body, "]}");
    if (body.failed)
        request_failed(request, DATABASE_FULL);
    else
        request_answer_json(request, request->route->status, "Cache-Control: no-cache\r\n", &body);
    buffer_free(&body);
}

void stats_handle(struct request *request)
{
    struct selection *selection = arena_alloc(&request->arena, sizeof *selection);
    struct selection_sql sql;
    enum accept_type type;
    struct prefer prefer;
    if (selection == NULL) {
        request_failed(request, DATABASE_FULL);
        return;
    }
    request->state = selection;
    if (!accept_choose(request, 1, &type) || !prefer_read(&prefer, request, 0) ||
        !selection_read(selection, request, SELECTION_STATS))
        return;
    int made = make_sql(selection, &request->arena, &sql);
    search_send(request, made, &sql, &request->arena, done_stats);
}
