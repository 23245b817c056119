#include "uuid.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* The value of one hexadecimal digit, or -1. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool is_hyphen_place(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

void uuid_print(char out[UUID_SIZE], const uint8_t bytes[16])
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;

    for (size_t i = 0; i < 16; i++) {
        if (is_hyphen_place(at))
            out[at++] = '-';
        out[at++] = digits[bytes[i] >> 4];
        out[at++] = digits[bytes[i] & 15];
    }
    out[at] = '\0';
}

bool uuid_parse(char out[UUID_SIZE], const char *text, size_t length)
{
    char lower[UUID_SIZE] = "";

    if (length != UUID_SIZE - 1)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (is_hyphen_place(i) ? text[i] != '-' : hex_digit(text[i]) < 0)
            return false;
        lower[i] = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] - 'A' + 'a') : text[i];
    }
    memcpy(out, lower, UUID_SIZE);
    return true;
}

/* The time, the version and the variant over bytes that hold whatever else there is. */
static void stamp(uint8_t bytes[16], uint64_t unix_ms)
{
    for (int i = 0; i < 6; i++)
        bytes[i] = (uint8_t)(unix_ms >> (40 - 8 * i));
    bytes[6] = (uint8_t)(0x70 | (bytes[6] & 0x0f));
    bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3f));
}

void uuid_v7(char out[UUID_SIZE], uint64_t unix_ms, const uint8_t entropy[16])
{
    uint8_t bytes[16];

    memcpy(bytes, entropy, sizeof(bytes));
    stamp(bytes, unix_ms);
    uuid_print(out, bytes);
}

void uuid_v7_counted(char out[UUID_SIZE], uint64_t unix_ms, uint32_t counter, const uint8_t entropy[16])
{
    uint8_t bytes[16];

    memcpy(bytes, entropy, sizeof(bytes));
    /* 12 bits beside the version, 6 beside the variant, 8, and 6 more: these are the counter's 32. */
    bytes[6] = (uint8_t)(counter >> 28);
    bytes[7] = (uint8_t)(counter >> 20);
    bytes[8] = (uint8_t)(counter >> 14 & 0x3f);
    bytes[9] = (uint8_t)(counter >> 6);
    bytes[10] = (uint8_t)((counter & 0x3f) << 2 | (entropy[10] & 3));
    stamp(bytes, unix_ms);
    uuid_print(out, bytes);
}

/* Seconds, a point and three digits, as milliseconds that fit into a UUID's 48 bits. */
static bool read_msec(uint64_t *unix_ms, const char *msec)
{
    const char *point = strchr(msec, '.');
    uint64_t ms = 0;

    if (point == NULL || point == msec || strlen(point) != 4)
        return false;
    for (const char *c = msec; *c != '\0'; c++) {
        if (c == point)
            continue;
        if (*c < '0' || *c > '9')
            return false;
        ms = ms * 10 + (uint64_t)(*c - '0');
        if (ms >> 48 != 0)
            return false;
    }
    *unix_ms = ms;
    return true;
}

bool uuid_of_request(char out[UUID_SIZE], const char *msec, const char *request_id)
{
    uint64_t unix_ms;
    uint8_t entropy[16];

    if (msec == NULL || request_id == NULL || strlen(request_id) != 32 || !read_msec(&unix_ms, msec))
        return false;
    for (int i = 0; i < 16; i++) {
        int high = hex_digit(request_id[2 * i]);
        int low = hex_digit(request_id[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        entropy[i] = (uint8_t)(high << 4 | low);
    }
    uuid_v7(out, unix_ms, entropy);
    return true;
}

void uuid_of_row(char out[UUID_SIZE], const char *request, uint32_t counter)
{
    uint8_t bytes[16];
    uint64_t unix_ms = 0;

    for (int i = 0, at = 0; i < 16; i++, at += 2) {
        if (is_hyphen_place((size_t)at))
            at++;
        bytes[i] = (uint8_t)(hex_digit(request[at]) << 4 | hex_digit(request[at + 1]));
    }
    for (int i = 0; i < 6; i++)
        unix_ms = unix_ms << 8 | bytes[i];
    uuid_v7_counted(out, unix_ms, counter, bytes);
}

int uuid_entropy(uint8_t out[16])
{
    size_t have = 0;

    while (have < 16) {
        ssize_t got = getrandom(out + have, 16 - have, 0);

        if (got < 0 && errno != EINTR)
            return -1;
        if (got > 0)
            have += (size_t)got;
    }
    return 0;
}
