#include "problem.h"

#include "json.h"

#include <string.h>

const struct problem_kind problem_kinds[PROBLEM_COUNT] = {
    [PROBLEM_MALFORMED_REQUEST] = {"malformed-request", 400, "Malformed request",
                                   "The request is not valid HTTP, or its path is not validly encoded."},
    [PROBLEM_MALFORMED_JSON] = {"malformed-json", 400, "Malformed JSON",
                                "The body is not one JSON text as RFC 8259 defines it, in UTF-8; with "
                                "application/x-ndjson, a line of it "
                                "isn't. The detail says where."},
    [PROBLEM_MALFORMED_CSV] =
        {"malformed-csv", 400, "Malformed CSV",
         "The body is not CSV as RFC 4180 defines it, in UTF-8, with a header line that "
         "names the fields. The detail says where."},
    [PROBLEM_MALFORMED_UUID] =
        {"malformed-uuid", 400, "Malformed UUID",
         "A UUID in the path is not of the form 01234567-89ab-cdef-0123-456789abcdef."},
    [PROBLEM_MALFORMED_HEADER] =
        {"malformed-header", 400, "Malformed header",
         "A header of the request is not as its specification says. errors names it."},
    [PROBLEM_INVALID_PARAMETERS] =
        {"invalid-parameters", 400, "Invalid parameters",
         "Parameters of the query are unknown, or not as they must be. errors lists them all, and says what "
         "is allowed."},
    [PROBLEM_NOT_FOUND] = {"not-found", 404, "Not found",
                           "There is nothing at this path. GET / lists the routes."},
    [PROBLEM_NO_SUCH_ROW] = {"no-such-row", 404, "No such row",
                             "There is no row of that name; it may have been deleted."},
    [PROBLEM_METHOD_NOT_ALLOWED] =
        {"method-not-allowed", 405, "Method not allowed",
         "The path exists, but not for this method. The Allow header lists those that it has."},
    [PROBLEM_NOT_ACCEPTABLE] = {"not-acceptable", 406, "Not acceptable",
                                "None of the media types in Accept is to be had here. The detail lists those "
                                "that are."},
    [PROBLEM_REQUEST_TIMEOUT] = {"request-timeout", 408, "Request timeout",
                                 "The request did not arrive in time."},
    [PROBLEM_CONFLICT] = {"conflict", 409, "Conflict",
                          "A value that may be there only once is taken by another row already."},
    [PROBLEM_PRECONDITION_FAILED] = {"precondition-failed", 412, "Precondition failed",
                                     "The row is not in the version that If-Match or If-None-Match asks for: "
                                     "somebody changed or made it. "
                                     "Read it again, and decide anew."},
    [PROBLEM_BODY_TOO_LARGE] =
        {"body-too-large", 413, "Body too large",
         "The body has more bytes, or rows, than the service takes. The detail names the "
         "limit."},
    [PROBLEM_URI_TOO_LONG] = {"uri-too-long", 414, "URI too long", "The request line is longer than 8 kB."},
    [PROBLEM_UNSUPPORTED_MEDIA_TYPE] = {"unsupported-media-type", 415, "Unsupported media type",
                                        "The body is of a type that is not understood here. The Accept "
                                        "header of the answer lists those that "
                                        "are."},
    [PROBLEM_INVALID_FIELDS] =
        {"invalid-fields", 422, "Invalid fields",
         "The body is JSON, but fields are missing, unknown, of the wrong type or out of range. "
         "errors lists them all."},
    [PROBLEM_IDEMPOTENCY_MISMATCH] =
        {"idempotency-mismatch", 422, "Idempotency-Key used before",
         "Another request had this Idempotency-Key within the last 24 hours. A new request needs a new key."},
    [PROBLEM_TOO_MANY_REQUESTS] = {"too-many-requests", 429, "Too many requests",
                                   "Wait for Retry-After seconds."},
    [PROBLEM_HEADERS_TOO_LARGE] = {"headers-too-large", 431, "Headers too large",
                                   "A header has more than 8 kB, or all of them more than 32 kB."},
    [PROBLEM_INTERNAL_ERROR] =
        {"internal-error", 500, "Internal error",
         "A fault of the service, not of the request. The log has it under the request's id."},
    [PROBLEM_NOT_IMPLEMENTED] = {"not-implemented", 501, "Not implemented",
                                 "The body's transfer encoding is not understood; only chunked is."},
    [PROBLEM_VERSION_NOT_SUPPORTED] = {"version-not-supported", 505, "HTTP version not supported",
                                       "HTTP/1.0 and HTTP/1.1 are understood; an export needs HTTP/1.1."},
    [PROBLEM_BAD_GATEWAY] = {"bad-gateway", 502, "Bad gateway",
                             "No worker could answer. Try again after Retry-After seconds."},
    [PROBLEM_UNAVAILABLE] =
        {"unavailable", 503, "Unavailable",
         "The database could not be reached in time. The detail says whether a change may "
         "have been made. Try again after Retry-After seconds."},
    [PROBLEM_OVERLOADED] = {"overloaded", 503, "Overloaded",
                            "The service has as much to do as it takes at once; nothing was changed. Try "
                            "again after Retry-After "
                            "seconds."},
    [PROBLEM_NOT_READY] =
        {"not-ready", 503, "Not ready",
         "The service runs, but can't serve yet, or not any more. The detail says what is missing."},
    [PROBLEM_GATEWAY_TIMEOUT] =
        {"gateway-timeout", 504, "Gateway timeout",
         "The database was too slow. A change may have been made, or not: look before you try again."},
};

enum problem problem_named(const char *slug)
{
    enum problem problem = 0;
    while (problem < PROBLEM_COUNT && strcmp(problem_kinds[problem].slug, slug) != 0)
        problem++;
    return problem;
}

void problem_write(struct buffer *out, enum problem problem, const char *detail, const char *instance)
{
    const struct problem_kind *kind = &problem_kinds[problem];
    buffer_format(out, "{\"type\":\"/problems/%s\",\"title\":\"%s\",\"status\":%d,\"detail\":", kind->slug,
                  kind->title, kind->status);
    json_write_string(out, detail, strlen(detail));
    buffer_string(out, ",\"instance\":");
    json_write_string(out, instance, strlen(instance));
}
