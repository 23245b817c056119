#ifndef PURSER_RECORDS_H
#define PURSER_RECORDS_H

/*
 * A look at the FastCGI records (FastCGI Specification 1.0, section 3.3) of one request before libfcgi gets
 * them. libfcgi believes the lengths that a peer sends, blocks until they are fulfilled, and overflows its
 * stack on some management records; so it is handed only what was found here to be whole, in order and within
 * the limits: one BEGIN_REQUEST (RESPONDER), PARAMS up to the empty one, STDIN up to the empty one, all of
 * one request id.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORDS_PARAMS_BYTES (64 * 1024) /* of all names, values and their lengths, at most */

/* Of all headers and padding, at most: they are in memory with the contents. nginx has 15 bytes for 32 KiB.
 */
#define RECORDS_FRAMING_BYTES (256 * 1024)

enum records_verdict {
    RECORDS_MORE,  /* good so far, more has to come */
    RECORDS_WHOLE, /* the request is there; `walked` is its length */
    RECORDS_BAD    /* the peer is no FastCGI client of ours: `fault` says why */
};

struct records {
    size_t body_limit;    /* set by records_init */
    size_t walked;        /* bytes that were looked at */
    size_t params_end;    /* bytes up to and including the empty PARAMS record; 0 until it was seen */
    size_t params_bytes;  /* content of the PARAMS records */
    size_t framing_bytes; /* headers and padding */
    uint64_t body_bytes;  /* content of the STDIN records */
    uint16_t request_id;
    bool begun;
    bool keep;      /* FCGI_KEEP_CONN: the peer closes the connection, not we */
    bool too_large; /* the body is over the limit */
    bool padded;    /* libfcgi would stumble over its padding: see records_strip */
    const char *fault;
};

/* Get ready for a new request whose body may have `body_limit` bytes. */
void records_init(struct records *records, size_t body_limit);

/*
 * Look at all that has come of the request: `length` bytes, which begin with those of the calls before. Whole
 * records are taken, a part of one waits for the next call. Once `too_large` is set, what was walked behind
 * `params_end` is of no use: the caller may cut it out and set `walked` to where the rest now begins.
 */
enum records_verdict records_walk(struct records *records, const uint8_t *bytes, size_t length);

/*
 * Take the padding out of a whole request, in place: libfcgi takes padding behind BEGIN_REQUEST or the empty
 * PARAMS record for the next header. Adjusts `walked`, the request's length, and `params_end`.
 */
void records_strip(struct records *records, uint8_t *bytes);

#endif
