#ifndef FEED_H
#define FEED_H

/*
 * Memory that reads like a file: libfcgi can read a request only from a descriptor, and a request that has
 * been vetted is in memory already.
 */

#include <stddef.h>
#include <stdint.h>

struct feed {
    int fd;          /* what is read from; below 0: none is open */
    uint8_t *memory; /* its first FEED_BYTES, mapped, so that the usual request costs no write(2) */
};

#define FEED_BYTES (64 * 1024)

/* 0, or -1 with nothing open. */
int feed_open(struct feed *feed);

/* An open one or none. Whoever has closed the descriptor itself (libfcgi does, on a failure) sets `fd` to -1
 * before. */
void feed_close(struct feed *feed);

/*
 * The next read(2) of `fd` begins with these bytes. After them come others, of earlier requests: the reader
 * has to know where to stop. 0, or -1: then what would be read is undefined.
 */
int feed_put(struct feed *feed, const uint8_t *bytes, size_t length);

/* Gives back the memory of a request longer than FEED_BYTES. 0, or -1 when that failed. */
int feed_trim(struct feed *feed, size_t length);

#endif
