/*
 * FastCGI records, as a peer sends them: through the walker, in one piece and in many; then through the real
 * gateway and libfcgi to the routes. What libfcgi makes of them is held against what they say.
 *
 * The first byte of the input says into how many pieces the others are cut.
 */

#include "check.h"
#include "inside.h"
#include "records.h"

#include <string.h>

enum { PARAMS = 4, STDIN = 5 };

static struct {
    const uint8_t *bytes; /* a whole request: what libfcgi is to see */
    size_t length;
    int begun;
} expected;

/* ---- the walker ---- */

/* All bytes, `step` more of them at a time. */
static enum records_verdict walk(struct records *records, const uint8_t *bytes, size_t length, size_t step)
{
    enum records_verdict verdict = RECORDS_MORE;
    records_init(records, INSIDE_BODY_BYTES);
    for (size_t at = 0; verdict == RECORDS_MORE && at < length;) {
        at = length - at < step ? length : at + step;
        verdict = records_walk(records, bytes, at);
        CHECK(records->walked <= at);
    }
    return verdict;
}

/* Padding taken out, it is the same request. */
static void check_stripped(struct records *records, const uint8_t *bytes)
{
    struct records again;
    uint8_t *copy = malloc(records->walked);
    CHECK(copy != NULL);
    memcpy(copy, bytes, records->walked);
    struct records stripped = *records;
    records_strip(&stripped, copy);
    CHECK(stripped.walked <= records->walked && (stripped.walked < records->walked || !records->padded));
    CHECK(walk(&again, copy, stripped.walked, stripped.walked) == RECORDS_WHOLE);
    CHECK(again.walked == stripped.walked && again.params_end == stripped.params_end);
    CHECK(again.params_bytes == records->params_bytes && again.body_bytes == records->body_bytes);
    CHECK(!again.padded && again.keep == records->keep && again.too_large == records->too_large);
    free(copy);
}

static enum records_verdict check_walk(struct records *records, const uint8_t *bytes, size_t length,
                                       size_t step)
{
    struct records pieces;
    enum records_verdict verdict = walk(records, bytes, length, length);
    CHECK(walk(&pieces, bytes, length, step) == verdict);
    CHECK(pieces.walked == records->walked && pieces.params_end == records->params_end);
    CHECK(pieces.body_bytes == records->body_bytes && pieces.params_bytes == records->params_bytes);
    CHECK(pieces.fault == records->fault);
    CHECK((verdict == RECORDS_BAD) == (records->fault != NULL));
    if (verdict == RECORDS_WHOLE)
        check_stripped(records, bytes);
    return verdict;
}

/* ---- what libfcgi makes of it ---- */

/* The content of all records of a type. */
static void join(struct buffer *out, int type)
{
    for (size_t at = 0; at < expected.length;) {
        const uint8_t *record = expected.bytes + at;
        size_t content = (size_t)(record[4] << 8 | record[5]);
        if (record[1] == type)
            buffer_append(out, record + 8, content);
        at += 8 + content + record[6];
    }
}

static size_t read_length(const uint8_t **at)
{
    const uint8_t *bytes = *at;
    *at += bytes[0] < 128 ? 1 : 4;
    return bytes[0] < 128
               ? bytes[0]
               : (size_t)(bytes[0] & 127) << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
}

/* The first of each name counts. */
static bool was_before(const uint8_t *pairs, const uint8_t *end, const uint8_t *name, size_t length)
{
    while (pairs < end) {
        size_t name_length = read_length(&pairs), value_length = read_length(&pairs);
        if (name_length == length && memcmp(pairs, name, length) == 0)
            return true;
        pairs += name_length + value_length;
    }
    return false;
}

static void check_params(const struct gateway_call *call, const uint8_t *pairs, size_t length)
{
    for (const uint8_t *at = pairs, *pair = pairs; at < pairs + length; pair = at) {
        size_t name_length = read_length(&at), value_length = read_length(&at);
        char *name = strndup((const char *)at, name_length);
        const char *value = gateway_param(call, name);
        if (!was_before(pairs, pair, at, name_length))
            CHECK(strlen(value) == value_length && memcmp(value, at + name_length, value_length) == 0);
        free(name);
        at += name_length + value_length;
    }
}

static void look(void *cookie, struct gateway_call *call)
{
    struct buffer params = {0}, body = {0};
    size_t length;
    expected.begun++;
    if (expected.bytes != NULL) {
        join(&params, PARAMS);
        join(&body, STDIN);
        if (params.length > 0)
            check_params(call, (const uint8_t *)params.bytes, params.length);
        const char *got = gateway_body(call, &length);
        CHECK(got[length] == '\0');
        CHECK(gateway_body_too_large(call) == (body.length > INSIDE_BODY_BYTES));
        if (!gateway_body_too_large(call))
            CHECK(length == body.length && (length == 0 || memcmp(got, body.bytes, length) == 0));
    }
    buffer_free(&params);
    buffer_free(&body);
    request_begin(cookie, call);
}

/* ---- the gateway ---- */

/* What a peer sees that sends these bytes in pieces: the answer's status, 0: it was shown out, -1: nothing
 * yet. */
static int send_in_pieces(const uint8_t *bytes, size_t length, size_t step)
{
    struct peer peer;
    int status = -1;
    inside_connect(&peer);
    inside_turn();
    for (size_t at = 0; at < length && !peer.closed; at += step) {
        peer_send(&peer, bytes + at, length - at < step ? length - at : step);
        inside_turn();
    }
    inside_turn();
    peer_receive(&peer, (size_t)-1);
    if (peer_answered(&peer)) {
        struct peer_answer answer = inside_take_answer(&peer);
        status = answer.status;
        peer_free_answer(&answer);
    } else if (peer.closed) {
        status = 0;
    }
    peer_close(&peer);
    inside_turn();
    return status;
}

static void check_gateway(enum records_verdict verdict, const uint8_t *bytes, size_t length, size_t step)
{
    expected.bytes = verdict == RECORDS_WHOLE ? bytes : NULL;
    expected.length = length;
    expected.begun = 0;
    int whole = send_in_pieces(bytes, length, length), pieces = send_in_pieces(bytes, length, step);
    CHECK(whole == pieces);
    CHECK(expected.begun == (verdict == RECORDS_WHOLE ? 2 : 0));
    CHECK(verdict == RECORDS_WHOLE ? whole >= 200 : whole == (verdict == RECORDS_BAD ? 0 : -1));
    expected.bytes = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    struct records records;
    if (size < 2)
        return 0;
    const uint8_t *bytes = input + 1;
    size_t length = size - 1, step = length / (input[0] % 32 + 1) + 1;
    inside_begin = look;
    inside_open(NULL);
    enum records_verdict verdict = check_walk(&records, bytes, length, step);
    size_t walked = verdict == RECORDS_WHOLE ? records.walked : length;
    check_gateway(verdict, bytes, walked, step);
    if (walked < length) /* somebody talks out of turn */
        send_in_pieces(bytes, length, step);
    return 0;
}
