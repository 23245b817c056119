#ifndef PURSER_ACCEPT_H
#define PURSER_ACCEPT_H

/* The media type of an answer, by the client's Accept (RFC 9110 section 12.5.1). */

#include "request.h"

enum accept_type { ACCEPT_JSON, ACCEPT_CSV, ACCEPT_NDJSON, ACCEPT_TYPES };

/* As Content-Type has them: "application/json", "text/csv; charset=utf-8; header=present", … */
extern const char *const accept_names[ACCEPT_TYPES];

/*
 * Choose one of the first `count` types for the request: the one that Accept likes best (the most specific
 * range counts for each type), of several the first; without the header the first. Returns false when none
 * will do, or the header is malformed; then the request has been answered (406, with what is to be had; 400).
 */
bool accept_choose(struct request *request, int count, enum accept_type *type);

#endif
