#include "crud_answer.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

/* ---- what went wrong ---- */

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

void crud_answer_precondition(struct request *request)
{
    const struct crud *crud = request->state;
    request_problem(request, PROBLEM_PRECONDITION_FAILED, "",
                    crud->creates ? "There is a row of this key already, or If-Match asked for one."
                                  : "The row is not in the version that was asked for.");
}

/* What all results have in common. Returns true when all went well. */
static bool went_well(struct request *request, const struct database_result *result)
{
    switch (database_outcome(result)) {
    case DATABASE_OK:
        return true;
    case DATABASE_CONFLICT:
    case DATABASE_INVALID:
        answer_constraint(request, result);
        return false;
    default:
        request_failed(request, database_outcome(result));
        return false;
    }
}

/* The same, and that there is a row. */
static bool has_row(struct request *request, const struct database_result *result)
{
    if (!went_well(request, result))
        return false;
    if (database_rows(result) > 0)
        return true;
    answer_missing(request);
    return false;
}

/* ---- a row ---- */

/* What is in the first row of a result, behind the fields' columns. */
struct row {
    struct database_value values[RESOURCE_FIELDS + 3];
    int64_t version;
    bool done, latest; /* of DONE in resource.h */
};

static bool is_true(const struct database_value *value)
{
    return value->length == 1 && value->bytes[0] != 0;
}

/* `noted`: the result has DONE. */
static void read_row(struct row *row, const struct request *request, const struct database_result *result,
                     bool noted)
{
    int count = request->route->resource->field_count;
    uint64_t version;
    database_row(result, 0, row->values, count + (noted ? 3 : 1));
    memcpy(&version, row->values[count].bytes, sizeof version);
    row->version = (int64_t)be64toh(version);
    row->done = noted && is_true(&row->values[count + 1]);
    row->latest = noted && is_true(&row->values[count + 2]);
}

static void write_location(struct buffer *headers, const struct route *route, const struct row *row)
{
    const struct resource *resource = route->resource;
    int named = route->v1 ? resource->key : resource->lookup;
    char uuid[UUID_SIZE];
    const char *name = row->values[named].bytes;
    if (resource->fields[named].type == FIELD_UUID) {
        uuid_print(uuid, (const uint8_t *)name);
        name = uuid;
    }
    buffer_string(headers, "Location: ");
    buffer_string(headers, route->location);
    uri_encode(headers, name);
    buffer_string(headers, "\r\n");
}

/* Give the headers and the row, or without `body` the headers alone. */
static void answer_with(struct request *request, const struct database_result *result, int status,
                        struct buffer *headers, bool body)
{
    const struct route *route = request->route;
    struct buffer text;
    buffer_init(&text);
    if (body) {
        buffer_string(&text, route->prefix);
        resource_write_row(route->resource, result, 0, route->v1 ? FIELD_RFC3339 : FIELD_SPACED, &text);
        buffer_string(&text, route->suffix);
    } else if (status == 201) {
        buffer_string(headers, "Content-Length: 0\r\n");
    }
    if (headers->length > 0)
        buffer_append(headers, "", 1);
    const char *lines = headers->bytes != NULL ? headers->bytes : "";
    if (headers->failed)
        request_break(request, "out of memory");
    else if (body)
        request_answer_json(request, status, lines, &text);
    else
        request_answer(request, status, lines, NULL, NULL, 0);
    buffer_free(&text);
    buffer_free(headers);
}

/*
 * The row as the request has left it: `created`, or changed. When somebody has changed it since, which a
 * second try may see, its tag is not for a client that is not shown the row: it would take it for its own
 * version's.
 */
static void answer_written(struct request *request, const struct database_result *result,
                           const struct row *row, bool created, bool latest)
{
    const struct route *route = request->route;
    const struct crud *crud = request->state;
    bool minimal = route->v1 && crud->prefer.returns == PREFER_RETURN_MINIMAL;
    int status = route->v1 && created ? 201 : minimal ? 204 : route->status;
    struct buffer headers;
    buffer_init(&headers);
    if (created && route->location != NULL)
        write_location(&headers, route, row);
    if (route->v1 && (latest || !minimal))
        precondition_write_tag(row->version, &headers);
    if (route->v1)
        prefer_applied(&crud->prefer, PREFER_RETURN, &headers);
    answer_with(request, result, status, &headers, !minimal);
}

/* ---- the four ---- */

void crud_answer_got(struct request *request, const struct database_result *result)
{
    const struct crud *crud = request->state;
    struct row row;
    struct buffer headers;
    if (!has_row(request, result))
        return;
    buffer_init(&headers);
    if (!request->route->v1) {
        answer_with(request, result, request->route->status, &headers, true);
        return;
    }
    read_row(&row, request, result, false);
    if (precondition_failed(&crud->precondition, row.version)) {
        crud_answer_precondition(request);
        return;
    }
    precondition_write_tag(row.version, &headers);
    buffer_string(&headers, "Cache-Control: no-cache\r\n");
    bool known = precondition_not_modified(&crud->precondition, row.version);
    answer_with(request, result, known ? 304 : request->route->status, &headers, !known);
}

/* A row that a request has made is in version 1 until it is changed. */
void crud_answer_created(struct request *request, const struct database_result *result)
{
    struct row row;
    if (!has_row(request, result))
        return;
    read_row(&row, request, result, false);
    answer_written(request, result, &row, true, row.version == 1);
}

/* Whether a row that is there may have been left alone because of its version. */
static bool is_conditional(const struct request *request)
{
    const struct crud *crud = request->state;
    return request->route->v1 && (crud->precondition.match != NULL || crud->precondition.none_match != NULL ||
                                  crud->precondition.none_any);
}

void crud_answer_changed(struct request *request, const struct database_result *result)
{
    const struct crud *crud = request->state;
    bool creates = request->route->v1 && crud->creates;
    struct row row;
    if (!went_well(request, result))
        return;
    if (database_rows(result) > 0)
        read_row(&row, request, result, true);
    else
        row.done = false;
    if (row.done)
        answer_written(request, result, &row, creates, row.latest);
    else if (creates || (database_rows(result) > 0 && is_conditional(request)))
        crud_answer_precondition(request);
    else /* or it came after it was looked for */
        answer_missing(request);
}

void crud_answer_removed(struct request *request, const struct database_result *result)
{
    const struct route *route = request->route;
    struct database_value values[2];
    if (!has_row(request, result))
        return;
    database_row(result, 0, values, 2);
    bool done = is_true(&values[0]), there = is_true(&values[1]);
    if (!done && there && is_conditional(request))
        crud_answer_precondition(request);
    else if (!done)
        answer_missing(request);
    else if (route->prefix == NULL)
        request_answer(request, route->status, "", NULL, NULL, 0);
    else
        request_answer(request, route->status, "", "application/json", route->prefix, strlen(route->prefix));
}
