#ifndef PURSER_CURSOR_H
#define PURSER_CURSOR_H

/*
 * The opaque place where a page begins: the order's values of the row before, and a digest of what they are
 * the order of, as base64url (RFC 4648 section 5) without padding.
 */

#include "arena.h"
#include "buffer.h"

#include <stdint.h>

#define CURSOR_VALUES 32

/* Append `count` values (NULL: SQL NULL), bound to `digest`. */
void cursor_write(struct buffer *out, uint64_t digest, const char *const *values, int count);

/*
 * Read it again into `values`, in the arena. Returns the number of values, -1 when it is none of ours, was
 * made for another digest or has another count than `count`, -2 when memory ran out.
 */
int cursor_read(const char *text, uint64_t digest, const char **values, int count, struct arena *arena);

#endif
