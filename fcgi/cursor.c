#include "cursor.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

/*
 * The bytes: the digest, then for each value its length in two bytes and the value; all numbers big-endian.
 */

#define DIGEST_BYTES 8
#define NULL_LENGTH  0xffff    /* of SQL NULL */
#define TEXT_MOST    (1 << 16) /* of a whole cursor; ours are far shorter */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* ---- out ---- */

static void write_number(struct buffer *out, uint64_t number, int bytes)
{
    while (bytes-- > 0) {
        char byte = (char)(number >> 8 * bytes & 0xff);
        buffer_append(out, &byte, 1);
    }
}

static void write_base64(struct buffer *out, const char *bytes, size_t length)
{
    for (size_t at = 0; at < length; at += 3) {
        size_t count = length - at < 3 ? length - at : 3;
        uint32_t group = 0;
        char text[4];
        for (size_t i = 0; i < 3; i++)
            group = group << 8 | (i < count ? (unsigned char)bytes[at + i] : 0);
        for (int i = 0; i < 4; i++)
            text[i] = digits[group >> (18 - 6 * i) & 63];
        buffer_append(out, text, count + 1);
    }
}

void cursor_write(struct buffer *out, uint64_t digest, const char *const *values, int count)
{
    struct buffer bytes;
    buffer_init(&bytes);
    write_number(&bytes, digest, DIGEST_BYTES);
    for (int i = 0; i < count; i++) {
        size_t length = values[i] != NULL ? strlen(values[i]) : NULL_LENGTH;
        write_number(&bytes, length, 2);
        if (values[i] == NULL)
            continue;
        if (length >= NULL_LENGTH) /* no column's rule allows so much */
            abort();
        buffer_append(&bytes, values[i], length);
    }
    out->failed = out->failed || bytes.failed;
    write_base64(out, bytes.bytes, bytes.failed ? 0 : bytes.length);
    buffer_free(&bytes);
}

/* ---- in ---- */

/* Decode into `to`. Returns how many bytes there are, 0 for what write_base64 does not write. */
static size_t read_base64(const char *text, size_t length, unsigned char *to)
{
    uint32_t group = 0;
    int bits = 0;
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        const char *digit = strchr(digits, text[i]);
        if (digit == NULL)
            return 0;
        group = group << 6 | (uint32_t)(digit - digits);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            to[count++] = (unsigned char)(group >> bits);
            group &= (1u << bits) - 1;
        }
    }
    return bits < 6 && group == 0 ? count : 0;
}

static uint64_t read_number(const unsigned char *bytes, int count)
{
    uint64_t number = 0;
    while (count-- > 0)
        number = number << 8 | *bytes++;
    return number;
}

/* Returns `count`, -1 or -2 as cursor_read does. */
static int read_values(const unsigned char *at, const unsigned char *end, const char **values, int count,
                       struct arena *arena)
{
    size_t offset;
    for (int i = 0; i < count; i++) {
        if (end - at < 2)
            return -1;
        size_t length = read_number(at, 2);
        at += 2;
        values[i] = NULL;
        if (length == NULL_LENGTH)
            continue;
        if ((size_t)(end - at) < length || !json_utf8_valid((const char *)at, length, &offset))
            return -1;
        values[i] = arena_copy(arena, (const char *)at, length);
        if (values[i] == NULL)
            return -2;
        at += length;
    }
    return at == end ? count : -1;
}

int cursor_read(const char *text, uint64_t digest, const char **values, int count, struct arena *arena)
{
    size_t length = strlen(text);
    if (length > TEXT_MOST)
        return -1;
    unsigned char *bytes = arena_alloc(arena, length + 1);
    if (bytes == NULL)
        return -2;
    size_t size = read_base64(text, length, bytes);
    if (size < DIGEST_BYTES || read_number(bytes, DIGEST_BYTES) != digest)
        return -1;
    return read_values(bytes + DIGEST_BYTES, bytes + size, values, count, arena);
}
