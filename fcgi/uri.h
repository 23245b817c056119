#ifndef PURSER_URI_H
#define PURSER_URI_H

/* The path of a request target (RFC 3986 section 3.3), split at its slashes and then percent-decoded, once.
 */

#include "arena.h"
#include "buffer.h"

#include <stddef.h>

#define URI_SEGMENTS 8

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

/* Append `text` so that it stands for itself as one segment: all but RFC 3986's unreserved characters, '@'
 * and '+' encoded. */
void uri_encode(struct buffer *out, const char *text);

#endif
