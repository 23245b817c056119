/* One field of CSV out. This runs for every text of an export. */

#include "csv.h"

#include <stdint.h>
#include <string.h>

/* Eight bytes are looked at in one step: most text needs no quotes. */
#define EACH(byte) (0x0101010101010101u * (byte))

/* Not 0 when one of the word's bytes is `byte`. */
static uint64_t any_equal(uint64_t word, uint64_t byte)
{
    word ^= EACH(byte);
    return (word - EACH(1)) & ~word & EACH(0x80u);
}

static bool is_special(char c)
{
    return c == ',' || c == '"' || c == '\r' || c == '\n';
}

static bool needs_quotes(const char *bytes, size_t length)
{
    size_t at = 0;
    if (length == 0 || bytes[0] == ' ' || bytes[length - 1] == ' ')
        return true;
    for (; length - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, bytes + at, sizeof word);
        if ((any_equal(word, ',') | any_equal(word, '"') | any_equal(word, '\r') | any_equal(word, '\n')) !=
            0)
            return true;
    }
    for (; at < length; at++)
        if (is_special(bytes[at]))
            return true;
    return false;
}

void csv_write(struct buffer *out, const char *bytes, size_t length)
{
    if (!needs_quotes(bytes, length)) {
        buffer_append(out, bytes, length);
        return;
    }
    char *to = length < SIZE_MAX / 4 ? buffer_reserve(out, 2 * length + 2) : NULL;
    if (to == NULL) {
        out->failed = true;
        return;
    }
    *to++ = '"';
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '"')
            *to++ = '"';
        *to++ = bytes[i];
    }
    *to++ = '"';
    out->length = (size_t)(to - out->bytes);
}
