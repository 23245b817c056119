#ifndef PURSER_FORM_H
#define PURSER_FORM_H

/* What a client sends for a row: from the body to checked values, all faults at once. */

#include "request.h"
#include "resource.h"

#include <stdbool.h>

/* The types of body that a change of a row under /v1 may have. */
#define FORM_PATCHES "application/merge-patch+json, application/json"

struct form {
    /* For each field of the resource, in order: */
    struct field_value values[RESOURCE_FIELDS]; /* bytes NULL: null, or not sent */
    bool sent[RESOURCE_FIELDS];
};

/*
 * Read the request's body as one JSON object. `whole`: every writable field must be there (POST, PUT);
 * otherwise at least one (PATCH; null empties a field that may be empty, RFC 7396). Returns true with `form`
 * filled in; else the request has been answered (400, 415 or 422).
 */
bool form_read(struct form *form, struct request *request, const struct resource *resource, bool whole);

#endif
