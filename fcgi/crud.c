#include "crud.h"

#include "accept.h"
#include "crud_answer.h"
#include "form.h"

#include <string.h>

/* ---- what was asked ---- */

/*
 * The headers that routes of /v1 look at; `known` are the preferences that matter. A DELETE answers with
 * nothing, so that any type will do; and a POST's conditions are about the collection (bulk.c looks at them).
 * Returns false when the request has been answered.
 */
static bool read_headers(struct request *request, int known)
{
    enum accept_type type;
    struct crud *crud;
    if (!request->route->v1)
        return true;
    request->state = crud = arena_alloc(&request->arena, sizeof *crud);
    if (crud == NULL) {
        request_failed(request, DATABASE_FULL);
        return false;
    }
    *crud = (struct crud){0};
    return (request->method == METHOD_DELETE || accept_choose(request, 1, &type)) &&
           prefer_read(&crud->prefer, request, known) &&
           (request->method == METHOD_POST || precondition_read(&crud->precondition, request));
}

/* The value that the path names the row by; NULL when it can't be one and the request has been answered. */
static const char *read_name(struct request *request)
{
    const struct resource *resource = request->route->resource;
    int named = request->route->v1 ? resource->key : resource->lookup;
    if (resource->fields[named].type != FIELD_UUID)
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

/* The versions that the row may be in, as RESOURCE_CHANGE and RESOURCE_REMOVE want them. */
static void set_condition(const char **values, const struct request *request)
{
    const struct crud *crud = request->state;
    values[RESOURCE_MATCH] = values[RESOURCE_NONE] = NULL;
    if (!request->route->v1)
        return;
    values[RESOURCE_MATCH] = crud->precondition.match;
    values[RESOURCE_NONE] = crud->precondition.none_match;
    if (crud->precondition.none_any)
        values[RESOURCE_MATCH] = "{}"; /* no version will do */
}

/* ---- questions ---- */

/* Run `which`, of a route of /v1 `v1`. */
static void ask(struct request *request, enum resource_statement which, enum resource_statement v1,
                const char *const *values, int count,
                void (*done)(struct request *request, const struct database_result *result))
{
    const struct route *route = request->route;
    request_query(request, resource_statement(route->resource, route->v1 ? v1 : which), values, count, done);
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
    if (name == NULL || !read_headers(request, 0) || (values = new_values(request)) == NULL)
        return;
    values[0] = name;
    ask(request, RESOURCE_GET, RESOURCE_KEY_GET, values, 1, crud_answer_got);
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
    if (!read_headers(request, PREFER_RETURN) || !form_read(&form, request, resource, true) ||
        (values = new_values(request)) == NULL)
        return;
    values[RESOURCE_REQUEST] = request->row_id;
    int count = append_form(values, 1, &form, resource, false);
    ask(request, RESOURCE_INSERT, RESOURCE_INSERT, values, count, crud_answer_created);
}

/* Make the row under the key that the client has chosen. If-Match with it asks for a row that is there, and
 * If-None-Match for none: one of them always fails (RFC 9110 section 13.2.2). */
static void put(struct request *request, const char **values, const struct form *form)
{
    struct crud *crud = request->state;
    crud->creates = true;
    if (crud->precondition.match != NULL || crud->precondition.match_any)
        crud_answer_precondition(request);
    else
        ask(request, RESOURCE_PUT, RESOURCE_PUT, values,
            append_form(values, RESOURCE_MATCH, form, request->route->resource, false), crud_answer_changed);
}

/* `whole`: every field is sent, and the row may be one that is to be made. */
static void write_row(struct request *request, bool whole)
{
    const struct resource *resource = request->route->resource;
    const char **values, *name = read_name(request);
    const struct crud *crud;
    struct form form;
    if (name == NULL || !read_headers(request, PREFER_RETURN) ||
        !form_read(&form, request, resource, whole) || (values = new_values(request)) == NULL)
        return;
    crud = request->state;
    values[RESOURCE_REQUEST] = request->row_id;
    values[RESOURCE_NAME] = name;
    if (whole && request->route->v1 && crud->precondition.none_any) {
        put(request, values, &form);
        return;
    }
    set_condition(values, request);
    ask(request, RESOURCE_CHANGE, RESOURCE_KEY_CHANGE, values,
        append_form(values, RESOURCE_FIRST, &form, resource, true), crud_answer_changed);
}

void crud_replace(struct request *request)
{
    write_row(request, true);
}

void crud_change(struct request *request)
{
    write_row(request, false);
}

void crud_remove(struct request *request)
{
    const char **values, *name = read_name(request);
    if (name == NULL || !read_headers(request, 0) || (values = new_values(request)) == NULL)
        return;
    values[RESOURCE_REQUEST] = request->row_id;
    values[RESOURCE_NAME] = name;
    set_condition(values, request);
    ask(request, RESOURCE_REMOVE, RESOURCE_KEY_REMOVE, values, RESOURCE_FIRST, crud_answer_removed);
}
