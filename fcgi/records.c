#include "records.h"

#include <string.h>

enum { BEGIN_REQUEST = 1, PARAMS = 4, STDIN = 5 }; /* section 8 of the specification */
enum { RESPONDER = 1, KEEP_CONN = 1 };

#define HEADER_BYTES 8

struct header {
    uint8_t version, type, padding;
    uint16_t request_id, content;
};

static struct header read_header(const uint8_t *bytes)
{
    return (struct header){.version = bytes[0],
                           .type = bytes[1],
                           .request_id = (uint16_t)(bytes[2] << 8 | bytes[3]),
                           .content = (uint16_t)(bytes[4] << 8 | bytes[5]),
                           .padding = bytes[6]};
}

void records_init(struct records *records, size_t body_limit)
{
    *records = (struct records){.body_limit = body_limit};
}

/* A name's or value's length (section 3.4): one byte, or four when the first bit is set. */
static bool read_length(const uint8_t **at, const uint8_t *end, uint32_t *length)
{
    if (*at == end)
        return false;
    if (!(**at & 0x80)) {
        *length = *(*at)++;
        return true;
    }
    if (end - *at < 4)
        return false;
    *length =
        (uint32_t)((*at)[0] & 0x7f) << 24 | (uint32_t)(*at)[1] << 16 | (uint32_t)(*at)[2] << 8 | (*at)[3];
    *at += 4;
    return true;
}

/* Whether the joined content of the PARAMS records is a list of pairs that ends where it should, without a
 * NUL. */
static bool pairs_are_sound(const uint8_t *at, size_t length)
{
    const uint8_t *end = at + length;
    while (at < end) {
        uint32_t name, value;
        if (!read_length(&at, end, &name) || !read_length(&at, end, &value))
            return false;
        if (name == 0 || name > (size_t)(end - at) || value > (size_t)(end - at) - name)
            return false;
        if (memchr(at, '\0', (size_t)name + value) != NULL || memchr(at, '=', name) != NULL)
            return false;
        at += (size_t)name + value;
    }
    return true;
}

/* The content of the PARAMS records may be cut anywhere, so it is joined first. Records up to `end` are known
 * good. */
static bool params_are_sound(const struct records *records, const uint8_t *bytes, size_t end)
{
    uint8_t joined[RECORDS_PARAMS_BYTES];
    size_t length = 0;
    for (size_t at = 0; at < end;) {
        struct header header = read_header(bytes + at);
        const uint8_t *content = bytes + at + HEADER_BYTES;
        if (header.type == PARAMS && header.content == records->params_bytes)
            return pairs_are_sound(content, header.content);
        if (header.type == PARAMS) {
            memcpy(joined + length, content, header.content);
            length += header.content;
        }
        at += HEADER_BYTES + (size_t)header.content + header.padding;
    }
    return pairs_are_sound(joined, length);
}

static const char *take_begin(struct records *records, struct header header, const uint8_t *content)
{
    if (header.type != BEGIN_REQUEST)
        return "a record before BEGIN_REQUEST";
    if (header.content != 8)
        return "a BEGIN_REQUEST of a wrong length";
    if ((content[0] << 8 | content[1]) != RESPONDER)
        return "a role other than RESPONDER";
    records->begun = true;
    records->request_id = header.request_id;
    records->keep = content[2] & KEEP_CONN;
    return NULL;
}

static const char *take_params(struct records *records, struct header header, const uint8_t *bytes)
{
    if (header.type != PARAMS)
        return "a record that is not PARAMS before the end of PARAMS";
    records->params_bytes += header.content;
    if (records->params_bytes > RECORDS_PARAMS_BYTES)
        return "too many PARAMS";
    if (header.content > 0)
        return NULL;
    records->params_end = records->walked + HEADER_BYTES + header.padding;
    return params_are_sound(records, bytes, records->walked) ? NULL : "PARAMS that are not a list of pairs";
}

static const char *take_stdin(struct records *records, struct header header)
{
    if (header.type != STDIN)
        return "a record that is not STDIN after PARAMS";
    records->body_bytes += header.content;
    records->too_large = records->body_bytes > records->body_limit;
    return NULL;
}

static const char *take_record(struct records *records, struct header header, const uint8_t *bytes)
{
    if (header.version != 1)
        return "a version other than 1";
    if (header.request_id == 0)
        return "a management record";
    if (!records->too_large) /* what comes then is thrown away */
        records->framing_bytes += HEADER_BYTES + (size_t)header.padding;
    if (records->framing_bytes > RECORDS_FRAMING_BYTES)
        return "too much padding, or too many records";
    if (records->begun && header.request_id != records->request_id)
        return "a record of another request";
    if (!records->begun)
        return take_begin(records, header, bytes + records->walked + HEADER_BYTES);
    if (records->params_end == 0)
        return take_params(records, header, bytes);
    return take_stdin(records, header);
}

enum records_verdict records_walk(struct records *records, const uint8_t *bytes, size_t length)
{
    while (length - records->walked >= HEADER_BYTES) {
        struct header header = read_header(bytes + records->walked);
        size_t size = HEADER_BYTES + (size_t)header.content + header.padding;
        /* A record that can't be good is refused by its header, without waiting for its content. */
        bool odd = header.version != 1 || header.request_id == 0 ||
                   (!records->begun && header.type != BEGIN_REQUEST);
        if (!odd && length - records->walked < size)
            return RECORDS_MORE;
        records->fault = take_record(records, header, bytes);
        if (records->fault != NULL)
            return RECORDS_BAD;
        if (header.padding > 0 &&
            (header.type == BEGIN_REQUEST || (header.type == PARAMS && header.content == 0)))
            records->padded = true;
        records->walked += size;
        if (header.type == STDIN && header.content == 0)
            return RECORDS_WHOLE;
    }
    return RECORDS_MORE;
}

void records_strip(struct records *records, uint8_t *bytes)
{
    size_t to = 0;
    for (size_t from = 0; from < records->walked;) {
        struct header header = read_header(bytes + from);
        bytes[from + 6] = 0; /* the header's padding length */
        memmove(bytes + to, bytes + from, HEADER_BYTES + (size_t)header.content);
        from += HEADER_BYTES + (size_t)header.content + header.padding;
        to += HEADER_BYTES + (size_t)header.content;
        if (from == records->params_end)
            records->params_end = to;
    }
    records->walked = to;
}
