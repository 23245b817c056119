#include "crud.h"

#include "form.h"
#include "json.h"

#include <stdio.h>
#include <string.h>

/* ---- answers ---- */

static void write_location(struct buffer *headers, const struct route *route,
                           const struct database_result *result)
{
    const struct resource *resource = route->resource;
    struct database_value values[RESOURCE_FIELDS];
    char uuid[UUID_SIZE];
    database_row(result, 0, values, resource->field_count);
    const char *name = values[resource->lookup].bytes;
    if (resource->fields[resource->lookup].type == FIELD_UUID) {
        uuid_print(uuid, (const uint8_t *)name);
        name = uuid;
    }
    buffer_string(headers, "Location: ");
    buffer_string(headers, route->location);
    uri_encode(headers, name);
    buffer_append(headers, "\r\n", 3); /* with the NUL */
}

static void answer_row(struct request *request, const struct database_result *result)
{
    const struct route *route = request->route;
    struct buffer body, headers;
    buffer_init(&body);
    buffer_init(&headers);
    buffer_string(&body, route->prefix);
    resource_write_row(route->resource, result, 0, FIELD_SPACED, &body);
    buffer_string(&body, route->suffix);
    if (route->location != NULL)
        write_location(&headers, route, result);
    if (headers.failed)
        request_break(request, "out of memory");
    else
        request_answer_json(request, route->status, route->location != NULL ? headers.bytes : "", &body);
    buffer_free(&headers);
    buffer_free(&body);
}

/* The key of the field that a constraint is about, by its name: <table>_<column>_<kind>. Or NULL. */
static const char *field_of_constraint(const struct resource *resource, const char *constraint,
                                       const char *kind)
{
    char name[128];
    for (int i = 0; i < resource->field_count; i++) {
        snprintf(name, sizeof name, "%s_%s_%s", resource->name, resource->fields[i].column, kind);
        if (strcmp(name, constraint) == 0)
            return resource->fields[i].key;
    }
    return NULL;
}

static void answer_constraint(struct request *request, const struct database_result *result)
{
    bool conflict = database_outcome(result) == DATABASE_CONFLICT;
    const char *key = field_of_constraint(request->route->resource, database_constraint(result),
                                          conflict ? "key" : "check");
    struct buffer errors;
    buffer_init(&errors);
    if (key != NULL)
        buffer_format(&errors, ",\"errors\":[{\"pointer\":\"/%s\",\"detail\":\"%s\"}]", key,
                      conflict ? "is taken already" : "is not a value that the table takes");
    request_problem_with(request, conflict ? PROBLEM_CONFLICT : PROBLEM_INVALID_FIELDS, "",
                         conflict ? "Another row has this value already." : "A field is not as it must be.",
                         &errors);
    buffer_free(&errors);
}

static void answer_missing(struct request *request)
{
    char detail[64];
    snprintf(detail, sizeof detail, "There is no such %s.", request->route->resource->singular);
    request_problem(request, PROBLEM_NO_SUCH_ROW, "", detail);
}

/* What all results have in common. Returns true when there is a row. */
static bool has_row(struct request *request, const struct database_result *result)
{
    switch (database_outcome(result)) {
    case DATABASE_OK:
        if (database_rows(result) > 0)
            return true;
        answer_missing(request);
        return false;
    case DATABASE_CONFLICT:
    case DATABASE_INVALID:
        answer_constraint(request, result);
        return false;
    default:
        request_failed(request, database_outcome(result));
        return false;
    }
}

static void done_with_row(struct request *request, const struct database_result *result)
{
    if (has_row(request, result))
        answer_row(request, result);
}

static void done_removing(struct request *request, const struct database_result *result)
{
    const struct route *route = request->route;
    if (!has_row(request, result))
        return;
    if (route->prefix == NULL)
        request_answer(request, route->status, "", NULL, NULL, 0);
    else
        request_answer(request, route->status, "", "application/json", route->prefix, strlen(route->prefix));
}

/* ---- questions ---- */

/* The value that the path names the row by; NULL when it can't be one and the request has been answered. */
static const char *read_name(struct request *request)
{
    const struct resource *resource = request->route->resource;
    if (resource->fields[resource->lookup].type != FIELD_UUID)
        return request->argument;
    char *name = arena_alloc(&request->arena, UUID_SIZE);
    if (name == NULL) {
        request_failed(request, DATABASE_FULL);
        return NULL;
    }
    if (uuid_parse(name, request->argument, strlen(request->argument)))
        return name;
    request_problem(request, PROBLEM_MALFORMED_UUID, "", "The last part of the path must be a UUID.");
    return NULL;
}

static void ask(struct request *request, enum resource_statement which, const char *const *values, int count,
                void (*done)(struct request *request, const struct database_result *result))
{
    request_query(request, resource_statement(request->route->resource, which), values, count, done);
}

/* Room for a statement's values: it must last as long as the query. Answers the request when there is none.
 */
static const char **new_values(struct request *request)
{
    const char **values = arena_alloc(&request->arena, RESOURCE_PARAMETERS * sizeof *values);
    if (values == NULL)
        request_failed(request, DATABASE_FULL);
    return values;
}

void crud_get(struct request *request)
{
    const char **values, *name = read_name(request);
    if (name == NULL || (values = new_values(request)) == NULL)
        return;
    values[0] = name;
    ask(request, RESOURCE_GET, values, 1, done_with_row);
}

/* Append the form's writable values; for a change, each behind whether it was sent. Returns how many there
 * are then. */
static int append_form(const char **values, int count, const struct form *form,
                       const struct resource *resource, bool change)
{
    for (int i = 0; i < resource->field_count; i++) {
        if (resource->fields[i].access == FIELD_READ_ONLY)
            continue;
        if (change)
            values[count++] = form->sent[i] ? "t" : "f";
        values[count++] = form->values[i].bytes;
    }
    return count;
}

void crud_create(struct request *request)
{
    const struct resource *resource = request->route->resource;
    const char **values;
    struct form form;
    if (!form_read(&form, request, resource, true) || (values = new_values(request)) == NULL)
        return;
    values[0] = request->row_id;
    ask(request, RESOURCE_INSERT, values, append_form(values, 1, &form, resource, false), done_with_row);
}

static void write_row(struct request *request, enum resource_statement which)
{
    const struct resource *resource = request->route->resource;
    const char **values, *name = read_name(request);
    struct form form;
    bool change = which == RESOURCE_CHANGE;
    if (name == NULL || !form_read(&form, request, resource, !change) ||
        (values = new_values(request)) == NULL)
        return;
    values[0] = request->row_id;
    values[1] = name;
    ask(request, which, values, append_form(values, 2, &form, resource, change), done_with_row);
}

void crud_replace(struct request *request)
{
    write_row(request, RESOURCE_REPLACE);
}

void crud_change(struct request *request)
{
    write_row(request, RESOURCE_CHANGE);
}

void crud_remove(struct request *request)
{
    const char **values, *name = read_name(request);
    if (name == NULL || (values = new_values(request)) == NULL)
        return;
    values[0] = request->row_id;
    values[1] = name;
    ask(request, RESOURCE_REMOVE, values, 2, done_removing);
}
