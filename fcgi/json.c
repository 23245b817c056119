#include "json.h"

#include <stdint.h>
#include <string.h>

/* Eight bytes are looked at in one step: most text is plain ASCII. */
#define EACH(byte) (0x0101010101010101u * (byte))
#define HIGH_BITS  EACH(0x80u)

static uint64_t load(const char *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* Not 0 when one of the word's bytes is below `limit` (at most 0x80). */
static uint64_t any_below(uint64_t word, uint64_t limit)
{
    return (word - EACH(limit)) & ~word & HIGH_BITS;
}

/* Not 0 when one of the word's bytes is `byte`. */
static uint64_t any_equal(uint64_t word, uint64_t byte)
{
    return any_below(word ^ EACH(byte), 1);
}

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

size_t json_utf8_character(const char *bytes, size_t available)
{
    const unsigned char *at = (const unsigned char *)bytes;
    unsigned char lead = available > 0 ? at[0] : 0;
    /* The second byte's bounds keep out overlong forms, surrogates and what lies beyond U+10FFFF. */
    unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

    if (lead < 0x80)
        return lead != 0;
    if (lead < 0xc2 || lead > 0xf4 || available < length || at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (!is_continuation(at[i]))
            return 0;
    return length;
}

bool json_utf8_valid(const char *bytes, size_t length, size_t *offset)
{
    size_t at = 0;

    while (at < length) {
        size_t character;

        if (length - at >= 8) {
            uint64_t word = load(bytes + at);

            if ((word & HIGH_BITS) == 0 && any_equal(word, 0) == 0) {
                at += 8;
                continue;
            }
        }
        character = json_utf8_character(bytes + at, length - at);
        if (character == 0) {
            *offset = at;
            return false;
        }
        at += character;
    }
    return true;
}

size_t json_utf8_length(const char *bytes, size_t length)
{
    size_t characters = 0;

    for (size_t i = 0; i < length; i++)
        characters += !is_continuation((unsigned char)bytes[i]);
    return characters;
}

static bool must_escape(char c)
{
    return (unsigned char)c < 0x20 || c == '"' || c == '\\';
}

/* How many bytes from `bytes` on can be copied as they are. */
static size_t plain_run(const char *bytes, size_t length)
{
    size_t run = 0;

    while (length - run >= 8) {
        uint64_t word = load(bytes + run);

        if ((any_below(word, 0x20) | any_equal(word, '"') | any_equal(word, '\\')) != 0)
            break;
        run += 8;
    }
    while (run < length && !must_escape(bytes[run]))
        run++;
    return run;
}

/* Write one escape, at most 6 bytes; returns where the next byte goes. */
static char *escape(char *to, char c)
{
    static const char digits[] = "0123456789abcdef";
    static const char short_forms[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};

    *to++ = '\\';
    if (c == '"' || c == '\\') {
        *to++ = c;
    } else if (short_forms[(int)c] != 0) {
        *to++ = short_forms[(int)c];
    } else {
        memcpy(to, "u00", 3);
        to[3] = digits[c >> 4];
        to[4] = digits[c & 15];
        to += 5;
    }
    return to;
}

void json_write_string(struct buffer *out, const char *bytes, size_t length)
{
    size_t run = plain_run(bytes, length);
    size_t escapes = 0;
    size_t at = 0;
    char *to;

    for (size_t i = run; i < length; i++)
        escapes += must_escape(bytes[i]);
    to = buffer_reserve(out, length + 5 * escapes + 2);
    if (to == NULL)
        return;
    *to++ = '"';
    for (;;) {
        if (run > 0)
            memcpy(to, bytes + at, run);
        to += run;
        at += run;
        if (at == length)
            break;
        to = escape(to, bytes[at++]);
        run = plain_run(bytes + at, length - at);
    }
    *to++ = '"';
    out->length = (size_t)(to - out->bytes);
}
