#ifndef PURSER_HASH_H
#define PURSER_HASH_H

/* FNV-1a, 64 bits: tells texts apart where nobody means them to look the same. */

#include <stddef.h>
#include <stdint.h>

#define HASH_BEGIN UINT64_C(0xcbf29ce484222325) /* of nothing at all */

/* The hash of what `hash` is of, followed by these bytes. */
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length);

/* The same with a text and its NUL, so that one text does not run into the next. */
uint64_t hash_text(uint64_t hash, const char *text);

#endif
