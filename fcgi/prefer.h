#ifndef PURSER_PREFER_H
#define PURSER_PREFER_H

/* What the client would like, by its Prefer (RFC 7240). What a route does not know it lets be, unless it was
 * asked to be strict. */

#include "request.h"

enum prefer_return { PREFER_RETURN_UNSAID, PREFER_RETURN_MINIMAL, PREFER_RETURN_REPRESENTATION };
enum prefer_count { PREFER_COUNT_NONE, PREFER_COUNT_EXACT, PREFER_COUNT_ESTIMATED };
enum prefer_resolution { PREFER_RESOLUTION_NONE, PREFER_RESOLUTION_MERGE, PREFER_RESOLUTION_IGNORE };

/* What a route knows: a set of these. "handling" is always known. */
enum { PREFER_RETURN = 1, PREFER_COUNT = 2, PREFER_RESOLUTION = 4 };

struct prefer {
    enum prefer_return returns;
    enum prefer_count count;
    enum prefer_resolution resolution;
    bool strict;
};

/*
 * Read the header. With handling=strict, what is not in `known`, or has a value that is unknown, is a fault:
 * then, and when the header is malformed, false is returned, and the request has been answered (400).
 */
bool prefer_read(struct prefer *prefer, struct request *request, int known);

/* Append the line "Preference-Applied: return=minimal, …\r\n" for the preferences in `applied` (a set as
 * above) that were said; nothing when there are none. */
void prefer_applied(const struct prefer *prefer, int applied, struct buffer *headers);

#endif
