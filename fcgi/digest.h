#ifndef PURSER_DIGEST_H
#define PURSER_DIGEST_H

/* A name for some text that is always the same for the same text: SHA-256 (FIPS 180-4) as a UUID. */

#include "uuid.h"

/*
 * Digest `count` texts, of which the n-th has `lengths[n]` bytes; where one ends and the next begins counts
 * too. The UUID is of version 8 (RFC 9562 section 5.8), with the digest's first 122 bits. Returns false when
 * memory ran out.
 */
bool digest_uuid(char out[UUID_SIZE], const char *const *texts, const size_t *lengths, int count);

#endif
