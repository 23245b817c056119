#ifndef PURSER_PROBLEM_H
#define PURSER_PROBLEM_H

/*
 * The kinds of error that clients see, as problem types (RFC 9457): those that nginx answers are in the list
 * too, and in nginx/problems.conf. /problems/<slug> describes each.
 */

#include "buffer.h"

enum problem {
    PROBLEM_MALFORMED_REQUEST,
    PROBLEM_MALFORMED_JSON,
    PROBLEM_MALFORMED_CSV,
    PROBLEM_MALFORMED_UUID,
    PROBLEM_MALFORMED_HEADER,
    PROBLEM_INVALID_PARAMETERS,
    PROBLEM_NOT_FOUND,
    PROBLEM_NO_SUCH_ROW,
    PROBLEM_METHOD_NOT_ALLOWED,
    PROBLEM_NOT_ACCEPTABLE,
    PROBLEM_REQUEST_TIMEOUT,
    PROBLEM_CONFLICT,
    PROBLEM_PRECONDITION_FAILED,
    PROBLEM_BODY_TOO_LARGE,
    PROBLEM_URI_TOO_LONG,
    PROBLEM_UNSUPPORTED_MEDIA_TYPE,
    PROBLEM_INVALID_FIELDS,
    PROBLEM_IDEMPOTENCY_MISMATCH,
    PROBLEM_TOO_MANY_REQUESTS,
    PROBLEM_HEADERS_TOO_LARGE,
    PROBLEM_INTERNAL_ERROR,
    PROBLEM_NOT_IMPLEMENTED,
    PROBLEM_BAD_GATEWAY,
    PROBLEM_UNAVAILABLE,
    PROBLEM_OVERLOADED,
    PROBLEM_NOT_READY,
    PROBLEM_GATEWAY_TIMEOUT,
    PROBLEM_VERSION_NOT_SUPPORTED,
    PROBLEM_COUNT
};

struct problem_kind {
    const char *slug; /* the type is "/problems/" and this */
    int status;
    const char *title;
    const char *description; /* what it means and what helps, for its page */
};

extern const struct problem_kind problem_kinds[PROBLEM_COUNT];

/* The kind with this slug, or PROBLEM_COUNT. */
enum problem problem_named(const char *slug);

/*
 * Append the JSON object up to, but without, its closing brace, so that members can follow: type, title,
 * status, detail, instance. `detail` is a sentence.
 */
void problem_write(struct buffer *out, enum problem problem, const char *detail, const char *instance);

#endif
