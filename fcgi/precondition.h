#ifndef PURSER_PRECONDITION_H
#define PURSER_PRECONDITION_H

/* If-Match and If-None-Match (RFC 9110 section 13.1), and the entity tags that they compare: a row's version.
 */

#include "request.h"

struct precondition {
    bool match_any, none_any; /* If-Match: *, If-None-Match: * */
    /* Versions as PostgreSQL's bigint[] ("{1,2}"), in the arena; NULL: there is no such header, or it is "*".
     */
    const char *match;      /* by strong comparison: a weak tag is in no list */
    const char *none_match; /* by weak comparison */
};

/* Read both. Returns false when one is malformed, after answering the request (400; 503 without memory). */
bool precondition_read(struct precondition *precondition, struct request *request);

/* Whether If-Match forbids what is asked of a row of this version. */
bool precondition_failed(const struct precondition *precondition, int64_t version);

/* Whether a GET of a row of this version is answered with 304 (if If-Match lets it be answered at all). */
bool precondition_not_modified(const struct precondition *precondition, int64_t version);

/* Append the line "ETag: \"7\"\r\n". */
void precondition_write_tag(int64_t version, struct buffer *headers);

#endif
