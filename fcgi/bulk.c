#include "bulk.h"

#include "accept.h"
#include "bulk_answer.h"
#include "crud.h"
#include "digest.h"

#include <string.h>

#define IDEMPOTENCY_KEY_MOST 255
#define TRIES                3

/* ---- questions ---- */

static void done_writing(struct request *request, const struct database_result *result);
static void done_replaying(struct request *request, const struct database_result *result);

static void ask(struct request *request)
{
    struct bulk *bulk = request->state;
    bulk->tries++;
    request_query(request, resource_statement(request->route->resource, bulk->statement), bulk->values,
                  bulk->count, done_writing);
}

/* The note is there: what does it say? */
static void ask_for_note(struct request *request)
{
    struct bulk *bulk = request->state;
    const char **values = bulk->replay;
    values[0] = bulk->note;
    values[1] = bulk->values[BULK_FINGERPRINT];
    values[2] = request->row_id;
    values[3] = bulk->values[BULK_KEYS];
    values[4] = bulk->values[BULK_ROWS];
    request_query(request, resource_statement(request->route->resource, RESOURCE_BULK_REPLAY), values, 5,
                  done_replaying);
}

/* ---- what came of it ---- */

static void done_writing(struct request *request, const struct database_result *result)
{
    struct bulk *bulk = request->state;
    switch (database_outcome(result)) {
    case DATABASE_OK:
        if (database_rows(result) > 0)
            bulk_answer_written(request, result);
        else
            ask_for_note(request);
        break;
    case DATABASE_CONFLICT:
        if (bulk->tries < TRIES) /* somebody was faster: what he did is there to be seen now */
            ask(request);
        else
            bulk_answer_refused(request, result);
        break;
    case DATABASE_INVALID:
        bulk_answer_refused(request, result);
        break;
    default:
        request_failed(request, database_outcome(result));
        break;
    }
}

static void done_replaying(struct request *request, const struct database_result *result)
{
    struct bulk *bulk = request->state;
    if (database_outcome(result) != DATABASE_OK)
        request_failed(request, database_outcome(result));
    else if (database_rows(result) > 0)
        bulk_answer_replayed(request, result);
    else if (bulk->tries < TRIES) /* it was too old, and was forgotten just now */
        ask(request);
    else
        request_failed(request, DATABASE_FAILED);
}

/* ---- headers ---- */

/* A collection is there, and has no entity tag (RFC 9110 section 13.1): who asks for one of its versions, or
 * for there to be none, asks in vain. */
static bool conditions_hold(struct request *request)
{
    struct precondition precondition;
    if (!precondition_read(&precondition, request))
        return false;
    if (precondition.match == NULL && !precondition.none_any)
        return true;
    request_problem(request, PROBLEM_PRECONDITION_FAILED, "", "A collection has no versions; its rows have.");
    return false;
}

/* What all POSTs and PATCHes of a collection have in common. NULL: the request has been answered. */
static struct bulk *begin(struct request *request, int known)
{
    enum accept_type type;
    struct bulk *bulk = arena_alloc(&request->arena, sizeof *bulk);
    if (bulk == NULL) {
        request_failed(request, DATABASE_FULL);
        return NULL;
    }
    *bulk = (struct bulk){0};
    request->state = bulk;
    return accept_choose(request, 1, &type) && prefer_read(&bulk->crud.prefer, request, known) &&
                   conditions_hold(request)
               ? bulk
               : NULL;
}

static bool key_is_valid(const char *key)
{
    size_t length = strlen(key);
    for (size_t i = 0; i < length; i++)
        if (key[i] <= ' ' || key[i] > '~')
            return false;
    return length <= IDEMPOTENCY_KEY_MOST;
}

/*
 * The names of the note and of what came with the client's key; without one the note is the request's own.
 * The body must be there still. Returns false when the request has been answered.
 */
static bool name_note(struct request *request, struct bulk *bulk, const char *key)
{
    const char *table = request->route->resource->name;
    const char resolution = (char)('0' + bulk->crud.prefer.resolution);
    size_t length;
    const char *body = gateway_body(request->call, &length);
    memcpy(bulk->note, request->row_id, UUID_SIZE);
    bulk->idempotent = key[0] != '\0';
    if (!bulk->idempotent)
        return true;
    if (!key_is_valid(key)) {
        struct faults faults;
        faults_init(&faults);
        faults_add_header(&faults, "Idempotency-Key", "must be 1 to 255 visible ASCII characters");
        faults_answer(&faults, request, PROBLEM_MALFORMED_HEADER,
                      "The header Idempotency-Key is not as it must be.");
        return false;
    }
    enum intake_type type = intake_type(request);
    if (type == INTAKE_TYPES) {
        intake_refuse_type(request, false);
        return false;
    }
    const char *name = intake_names[type];
    if (digest_uuid(bulk->note, (const char *[]){table, key}, (size_t[]){strlen(table), strlen(key)}, 2) &&
        digest_uuid(bulk->fingerprint, (const char *[]){name, &resolution, body},
                    (size_t[]){strlen(name), 1, length}, 3))
        return true;
    request_failed(request, DATABASE_FULL);
    return false;
}

/* ---- the two ---- */

/* The statement's values, from the rows and what else was said. */
static void fill_values(struct request *request, struct bulk *bulk)
{
    const struct resource *resource = request->route->resource;
    const struct rows_arrays *arrays = &bulk->intake.arrays;
    bool changes = bulk->statement == RESOURCE_BULK_CHANGE;
    bool minimal = bulk->crud.prefer.returns == PREFER_RETURN_MINIMAL && !bulk->lone;
    bulk->values[BULK_NOTE] = bulk->note;
    bulk->values[BULK_REQUEST] = request->row_id;
    bulk->values[BULK_FINGERPRINT] = bulk->idempotent ? bulk->fingerprint : NULL;
    bulk->values[BULK_ROWS] = minimal ? "f" : "t";
    bulk->values[BULK_KEYS] = arrays->keys;
    bulk->count = BULK_GIVEN;
    if (!changes)
        bulk->values[bulk->count++] = arrays->given;
    for (int i = 0; i < resource->field_count; i++) {
        if (resource->fields[i].access == FIELD_READ_ONLY)
            continue;
        if (changes)
            bulk->values[bulk->count++] = arrays->sent[i];
        bulk->values[bulk->count++] = arrays->values[i];
    }
}

void bulk_create(struct request *request)
{
    static const enum resource_statement statements[] = {
        [PREFER_RESOLUTION_NONE] = RESOURCE_BULK_INSERT,
        [PREFER_RESOLUTION_MERGE] = RESOURCE_BULK_MERGE,
        [PREFER_RESOLUTION_IGNORE] = RESOURCE_BULK_IGNORE,
    };
    const char *key = gateway_param(request->call, "HTTP_IDEMPOTENCY_KEY");
    struct bulk *bulk = begin(request, PREFER_RETURN | PREFER_RESOLUTION);
    if (bulk == NULL)
        return;
    bool plain = bulk->crud.prefer.resolution == PREFER_RESOLUTION_NONE;
    if (plain && key[0] == '\0' && intake_is_lone(request)) {
        crud_create(request);
        return;
    }
    struct intake_rule rule = {.repeats = bulk->crud.prefer.resolution == PREFER_RESOLUTION_IGNORE,
                               .lone_key = plain ? FORM_KEY_REFUSED : FORM_KEY_ALLOWED};
    if (!request_admit(request, DATABASE_WRITE) || !name_note(request, bulk, key) ||
        !intake_read(&bulk->intake, request, &rule))
        return;
    bulk->lone = bulk->intake.lone && plain;
    bulk->statement = statements[bulk->crud.prefer.resolution];
    fill_values(request, bulk);
    ask(request);
}

void bulk_change(struct request *request)
{
    struct bulk *bulk = begin(request, PREFER_RETURN);
    struct intake_rule rule = {.change = true};
    if (bulk == NULL || !request_admit(request, DATABASE_WRITE) || !name_note(request, bulk, "") ||
        !intake_read(&bulk->intake, request, &rule))
        return;
    bulk->statement = RESOURCE_BULK_CHANGE;
    fill_values(request, bulk);
    ask(request);
}
