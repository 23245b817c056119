/* Values out: from PostgreSQL's binary form to JSON, or to text. This runs for every column of every row that
 * is served. */

#include "field.h"

#include "json.h"
#include "uuid.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES 32 /* room for any integer or double */

/* Big-endian, as PostgreSQL sends it; the sign of a shorter integer is kept. */
static int64_t read_integer(const char *bytes, int length)
{
    int64_t value = length > 0 ? (signed char)bytes[0] : 0;
    for (int i = 1; i < length && i < 8; i++)
        value = (int64_t)((uint64_t)value << 8 | (unsigned char)bytes[i]);
    return value;
}

/* Returns the end of what was written. */
static char *write_integer(char *to, int64_t value)
{
    char digits[20];
    int count = 0;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        digits[count++] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (value < 0)
        *to++ = '-';
    while (count > 0)
        *to++ = digits[--count];
    return to;
}

/* Exactly `width` digits. */
static char *write_digits(char *to, uint64_t value, int width)
{
    for (int i = width - 1; i >= 0; i--, value /= 10)
        to[i] = (char)('0' + value % 10);
    return to + width;
}

/* The shortest of 15, 16 or 17 significant digits that reads back the same. */
static char *write_any_double(char *to, double value)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(to, NUMBER_BYTES, "%.*g", digits, value);
        if (strtod(to, NULL) == value)
            break;
    }
    return to + strlen(to);
}

/*
 * Ages and fares have a few decimals: value = whole / 10^places. Both are integers that a double holds
 * exactly, and IEEE 754 rounds a division correctly, so where the quotient is the value, its decimal text
 * reads back as the value.
 */
static char *write_double(char *to, double value)
{
    static const double powers[] = {1, 10, 100, 1000, 10000};
    if (fabs(value) < 1e11) {
        for (int places = 0; places <= 4; places++) {
            int64_t whole = (int64_t)(fabs(value) * powers[places] + 0.5);
            if ((double)whole / powers[places] != fabs(value))
                continue;
            if (signbit(value))
                *to++ = '-';
            to = write_integer(to, whole / (int64_t)powers[places]);
            if (places == 0)
                return to;
            *to++ = '.';
            return write_digits(to, (uint64_t)(whole % (int64_t)powers[places]), places);
        }
    }
    return write_any_double(to, value);
}

static char *write_number(char *to, const char *bytes, int length)
{
    uint64_t bits = (uint64_t)read_integer(bytes, length);
    double value;
    memcpy(&value, &bits, sizeof value);
    if (isfinite(value))
        return write_double(to, value);
    memcpy(to, "null", 4); /* JSON has no NaN; the table's constraints forbid it too */
    return to + 4;
}

/* From days since 2000-01-01 to the Gregorian calendar, by years that begin in March: leap days then come
 * last. */
static char *write_date(char *to, int64_t days)
{
    days += 730425; /* since 0000-03-01 */
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
    int64_t year = year_of_era + era * 400 + (month >= 10);
    to = year > 9999 ? write_integer(to, year) : write_digits(to, (uint64_t)(year > 0 ? year : 0), 4);
    *to++ = '-';
    to = write_digits(to, (uint64_t)(month < 10 ? month + 3 : month - 9), 2);
    *to++ = '-';
    return write_digits(to, (uint64_t)(day_of_year - (153 * month + 2) / 5 + 1), 2);
}

/* A timestamptz: microseconds since 2000-01-01, UTC. */
static char *write_time(char *to, const char *bytes, int length, enum field_times times)
{
    const int64_t day = INT64_C(86400000000);
    int64_t time = read_integer(bytes, length);
    int64_t days = time / day - (time % day < 0);
    uint64_t left = (uint64_t)(time - days * day);
    to = write_date(to, days);
    *to++ = times == FIELD_RFC3339 ? 'T' : ' ';
    to = write_digits(to, left / 3600000000, 2);
    *to++ = ':';
    to = write_digits(to, left / 60000000 % 60, 2);
    *to++ = ':';
    to = write_digits(to, left / 1000000 % 60, 2);
    *to++ = '.';
    to = write_digits(to, left % 1000000, 6);
    if (times == FIELD_RFC3339)
        *to++ = 'Z';
    return to;
}

/* A value that isn't text, at most 63 bytes. */
static char *write_short(const struct field *field, char *to, const char *bytes, int length,
                         enum field_times times)
{
    switch (field->type) {
    case FIELD_BOOLEAN:
        memcpy(to, bytes[0] ? "true" : "false", 5);
        return to + (bytes[0] ? 4 : 5);
    case FIELD_INTEGER:
        return write_integer(to, read_integer(bytes, length));
    case FIELD_NUMBER:
        return write_number(to, bytes, length);
    case FIELD_UUID:
        uuid_print(to, (const uint8_t *)bytes);
        return to + UUID_SIZE - 1;
    default: /* FIELD_TIME */
        return write_time(to, bytes, length, times);
    }
}

bool field_is_text(const struct field *field)
{
    return field->type == FIELD_TEXT || field->type == FIELD_CHOICE || field->type == FIELD_EMAIL;
}

/* A column of another type than the description says would be our own mistake; it must not be served. */
static void check_length(const struct field *field, int length)
{
    static const int sizes[] = {[FIELD_UUID] = 16, [FIELD_BOOLEAN] = 1, [FIELD_NUMBER] = 8, [FIELD_TIME] = 8};
    if (field->type == FIELD_INTEGER ? length != 2 && length != 4 && length != 8
                                     : length != sizes[field->type])
        abort();
}

void field_write_json(const struct field *field, const char *bytes, int length, enum field_times times,
                      struct buffer *out)
{
    if (length < 0) {
        buffer_append(out, "null", 4);
        return;
    }
    if (field_is_text(field)) {
        json_write_string(out, bytes, (size_t)length);
        return;
    }
    check_length(field, length);
    bool quoted = field->type == FIELD_UUID || field->type == FIELD_TIME;
    char *to = buffer_reserve(out, 66);
    if (to == NULL)
        return;
    *to = '"';
    to = write_short(field, to + quoted, bytes, length, times);
    *to = '"';
    out->length = (size_t)(to + quoted - out->bytes);
}

void field_write_text(const struct field *field, const char *bytes, int length, enum field_times times,
                      struct buffer *out)
{
    if (length < 0)
        return;
    if (field_is_text(field)) {
        buffer_append(out, bytes, (size_t)length);
        return;
    }
    check_length(field, length);
    char *to = buffer_reserve(out, 64);
    if (to != NULL)
        out->length = (size_t)(write_short(field, to, bytes, length, times) - out->bytes);
}
