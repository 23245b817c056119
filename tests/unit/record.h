#ifndef PURSER_TESTS_RECORD_H
#define PURSER_TESTS_RECORD_H

/* A FastCGI request as bytes, `message`, and how they are walked: for the tests of records. */

#include "records.h"

#include "peer.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define ID 0x0102

/* Places in a request. */
enum { AT_START, AFTER_BEGIN, AFTER_PARAMS };

static struct buffer message;

static inline int start(void **state)
{
    (void)state;
    buffer_init(&message);
    return 0;
}

static inline int stop(void **state)
{
    (void)state;
    buffer_free(&message);
    return 0;
}

/* The bytes lie in memory of just their size, so that a look behind them is seen. */
static inline enum records_verdict walk(struct records *records, const void *bytes, size_t length)
{
    uint8_t *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, length > 0 ? bytes : "", length);
    enum records_verdict verdict = records_walk(records, copy, length);
    free(copy);
    return verdict;
}

static inline enum records_verdict walk_message(struct records *records, size_t body_limit)
{
    records_init(records, body_limit);
    return walk(records, message.bytes, message.length);
}

static inline void write_pairs(struct buffer *pairs)
{
    static char value[300];
    memset(value, 'v', sizeof value - 1);
    buffer_init(pairs);
    peer_pair(pairs, "REQUEST_METHOD", "POST");
    peer_pair(pairs, "EMPTY", "");
    peer_pair(pairs, "LONG", value);
}

/* BEGIN, PARAMS in two records, a body in two, with padding everywhere when asked for. */
static inline void write_request(struct buffer *out, uint8_t padding)
{
    struct buffer pairs;
    write_pairs(&pairs);
    peer_record(out, PEER_BEGIN, ID, (uint8_t[8]){0, 1, 1}, 8, padding);
    peer_record(out, PEER_PARAMS, ID, pairs.bytes, 10, padding);
    peer_record(out, PEER_PARAMS, ID, pairs.bytes + 10, pairs.length - 10, padding);
    peer_record(out, PEER_PARAMS, ID, NULL, 0, padding);
    peer_record(out, PEER_STDIN, ID, "{\"a\"", 4, padding);
    peer_record(out, PEER_STDIN, ID, ":1}", 3, padding);
    peer_record(out, PEER_STDIN, ID, NULL, 0, padding);
    buffer_free(&pairs);
}

#endif
