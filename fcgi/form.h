#ifndef PURSER_FORM_H
#define PURSER_FORM_H

/* What a client sends for a row: from the body to checked values, all faults at once. */

#include "faults.h"
#include "request.h"
#include "resource.h"

#include <stdbool.h>

struct json_object; /* json-c's */

/* The types of body that a change of a row under /v1 may have. */
#define FORM_PATCHES "application/merge-patch+json, application/json"

struct form {
    /* For each field of the resource, in order: */
    struct field_value values[RESOURCE_FIELDS]; /* bytes NULL: null, or not sent */
    bool sent[RESOURCE_FIELDS];
};

/* Whether an object may have the resource's key: who creates a row may not name it, who sends many may, and
 * has to when they are there already. */
enum form_key { FORM_KEY_REFUSED, FORM_KEY_ALLOWED, FORM_KEY_NEEDED };

/*
 * Check one JSON object; what is wrong goes to `faults`, as of row `row` (0: the body is this object).
 * `whole`: every writable field must be there; otherwise at least one. Values are allocated in `arena`.
 */
void form_check(struct form *form, const struct resource *resource, struct json_object *object, bool whole,
                enum form_key key, int row, struct arena *arena, struct faults *faults);

/*
 * Read the request's body as one JSON object. `whole`: every writable field must be there (POST, PUT);
 * otherwise at least one (PATCH; null empties a field that may be empty, RFC 7396). Returns true with `form`
 * filled in; else the request has been answered (400, 415 or 422).
 */
bool form_read(struct form *form, struct request *request, const struct resource *resource, bool whole);

#endif
