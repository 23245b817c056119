#include "bulk_answer.h"

#include "faults.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

/* ---- results ---- */

#define COLUMNS (RESOURCE_FIELDS + 4)

static int64_t integer_of(const struct database_value *value)
{
    uint64_t bytes;
    memcpy(&bytes, value->bytes, sizeof bytes);
    return (int64_t)be64toh(bytes);
}

static bool is_true(const struct database_value *value)
{
    return value->length == 1 && value->bytes[0] != 0;
}

/* What a row of a written result is, and which place of the body it is about. */
static enum bulk_row read_row(const struct request *request, const struct database_result *result, int row,
                              int *place)
{
    struct database_value values[COLUMNS];
    int count = request->route->resource->field_count;
    database_row(result, row, values, count + 3);
    *place = (int)integer_of(&values[count + 2]);
    return (enum bulk_row)integer_of(&values[count + 1]);
}

/* ---- it is done ---- */

/* The first `count` rows of the result. The answer is written where it is sent from: it may be large. */
static void answer_rows(struct request *request, const struct database_result *result, int count)
{
    const struct bulk *bulk = request->state;
    bool creates = bulk->statement == RESOURCE_BULK_INSERT;
    bool minimal = bulk->crud.prefer.returns == PREFER_RETURN_MINIMAL;
    struct buffer headers;
    buffer_init(&headers);
    prefer_applied(&bulk->crud.prefer, PREFER_RETURN | PREFER_RESOLUTION, &headers);
    if (minimal && creates)
        buffer_string(&headers, "Content-Length: 0\r\n");
    buffer_append(&headers, "", 1);
    if (headers.failed) {
        request_break(request, "out of memory");
    } else if (minimal) {
        request_answer(request, creates ? 201 : 204, headers.bytes, NULL, NULL, 0);
    } else if (request_stream(request, creates ? 201 : 200, headers.bytes, "application/json")) {
        buffer_string(&request->out, "{\"items\":[");
        for (int i = 0; i < count; i++) {
            if (i > 0)
                buffer_append(&request->out, ",", 1);
            resource_write_row(request->route->resource, result, i, FIELD_RFC3339, &request->out);
        }
        buffer_string(&request->out, "]}");
        request_flow(request);
    }
    buffer_free(&headers);
}

static void answer_done(struct request *request, const struct database_result *result, int count)
{
    const struct bulk *bulk = request->state;
    if (bulk->lone)
        crud_answer_created(request, result);
    else
        answer_rows(request, result, count);
}

/* ---- it is not ---- */

static void add_conflict(struct faults *faults, const struct request *request, enum bulk_row what, int place)
{
    const struct resource *resource = request->route->resource;
    const struct bulk *bulk = request->state;
    int row = bulk->intake.lone ? 0 : place;
    const char *key = resource->fields[resource->key].key;
    char detail[80];
    switch (what) {
    case BULK_KEY_TAKEN:
        faults_add_field(faults, row, key, "is taken already");
        break;
    case BULK_EMAIL_TAKEN:
        faults_add_field(faults, row, resource->fields[resource->lookup].key, "is taken already");
        break;
    case BULK_SAME_ROW:
        snprintf(detail, sizeof detail, "is about the same %s as a row before it", resource->singular);
        faults_add_field(faults, row, NULL, detail);
        break;
    default:
        snprintf(detail, sizeof detail, "there is no such %s", resource->singular);
        faults_add_field(faults, row, key, detail);
        break;
    }
}

void bulk_answer_written(struct request *request, const struct database_result *result)
{
    const struct bulk *bulk = request->state;
    struct faults faults;
    int rows = 0, place;
    faults_init(&faults);
    for (int i = 0; i < database_rows(result); i++) {
        enum bulk_row what = read_row(request, result, i, &place);
        if (what == BULK_ROW)
            rows++;
        else if (what != BULK_DONE)
            add_conflict(&faults, request, what, place);
    }
    const char *detail = bulk->intake.lone                         ? "Another row has this value already."
                         : bulk->statement == RESOURCE_BULK_CHANGE ? "Rows can't be changed as the body says."
                                                                   : "Other rows have these values already.";
    if (!faults_answer(&faults, request, PROBLEM_CONFLICT, detail))
        answer_done(request, result, rows);
}

void bulk_answer_replayed(struct request *request, const struct database_result *result)
{
    struct database_value values[COLUMNS];
    int count = request->route->resource->field_count;
    int rows = database_rows(result);
    database_row(result, 0, values, count + 4);
    bool same = is_true(&values[count + 1]), own = is_true(&values[count + 2]);
    if (values[count + 3].length < 0)
        rows = 0;
    if (!same) {
        request_problem(request, PROBLEM_IDEMPOTENCY_MISMATCH, "",
                        "This Idempotency-Key came with another body before.");
        return;
    }
    if (!own) /* else it is the second try of the request that did it: its client has seen no answer yet */
        request->headers = "Idempotency-Replayed: true\r\n";
    answer_done(request, result, rows);
}

void bulk_answer_refused(struct request *request, const struct database_result *result)
{
    bool conflict = database_outcome(result) == DATABASE_CONFLICT;
    request_problem(request, conflict ? PROBLEM_CONFLICT : PROBLEM_INVALID_FIELDS, "",
                    conflict ? "Other requests took values of these rows at the same time."
                             : "A field is not as the table takes it.");
}
