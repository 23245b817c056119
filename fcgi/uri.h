#ifndef PURSER_URI_H
#define PURSER_URI_H

/*
 * The path of a request target (RFC 3986 section 3.3), split at its slashes and then percent-decoded, once;
 * and the parameters of its query, as forms write them (the URL standard's
 * application/x-www-form-urlencoded).
 */

#include "arena.h"
#include "buffer.h"

#include <stddef.h>

#define URI_SEGMENTS   8
#define URI_PARAMETERS 64

struct uri {
    const char *segments[URI_SEGMENTS]; /* decoded, NUL-terminated; "/" has none */
    int count;                          /* URI_SEGMENTS + 1 for a longer path */
    const char *query;                  /* what follows the first '?', as it came; "" where there is none */
};

/*
 * Take a raw target in origin form ("/a/b%40c?d=e") apart; a '+' is a plus. The strings live in `arena` or in
 * `target`. Returns NULL, or a sentence for the client: not a path, a broken percent-encoding, %00, or not
 * UTF-8; or uri_out_of_memory (compare the pointer).
 */
extern const char uri_out_of_memory[];
const char *uri_split(struct uri *uri, const char *target, struct arena *arena);

struct uri_parameter {
    const char *name, *value; /* decoded, NUL-terminated; without a '=' the value is "" */
    /* What is wrong with it, to go on behind the name ("is not UTF-8"); the value is "" then, and a name that
     * can't be decoded is as it came, in ASCII. NULL: nothing. */
    const char *fault;
};

/*
 * Split a query at its '&', each part at its first '=', and decode both; a '+' is a space. Empty parts are
 * passed over. Fills in at most URI_PARAMETERS, in the arena. Returns how many there are, URI_PARAMETERS + 1
 * for more, -1 when memory ran out.
 */
int uri_parameters(struct uri_parameter parameters[URI_PARAMETERS], const char *query, struct arena *arena);

/* Append `text` so that it stands for itself as one segment: all but RFC 3986's unreserved characters, '@'
 * and '+' encoded. */
void uri_encode(struct buffer *out, const char *text);

/* The same for a name or a value of a query: commas, colons, parentheses and asterisks stay, '+' does not. */
void uri_encode_parameter(struct buffer *out, const char *text);

#endif
