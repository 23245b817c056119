/* Values that rows are compared with: PostgreSQL must be able to read them, whatever the table would store.
 */

#include "field.h"

#include "uuid.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZONE_HOURS 15 /* PostgreSQL reads no zone that is farther from UTC */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- sentences ---- */

static const char *must_be_choice(const struct field *field, struct arena *arena)
{
    struct buffer text;
    buffer_init(&text);
    buffer_string(&text, "must be ");
    for (const char *const *choice = field->choices; *choice != NULL; choice++)
        buffer_format(&text, "%s\"%s\"",
                      choice == field->choices ? ""
                      : choice[1] == NULL      ? " or "
                                               : ", ",
                      *choice);
    const char *copy = text.failed ? NULL : arena_copy(arena, text.bytes, text.length);
    buffer_free(&text);
    return copy != NULL ? copy : field_out_of_memory;
}

static const char *must_be(const struct field *field, struct arena *arena)
{
    static const char *const sentences[] = {
        [FIELD_UUID] = "must be a UUID",
        [FIELD_BOOLEAN] = "must be true or false",
        [FIELD_INTEGER] = "must be an integer of at most 64 bits",
        [FIELD_NUMBER] = "must be a number that a double can hold, such as 22.5",
        [FIELD_TIME] = "must be a time of the years 0001 to 9999, such as 2025-05-20T22:22:46.243212Z",
        [FIELD_TEXT] = "must be a text",
        [FIELD_EMAIL] = "must be a text"};
    return field->type == FIELD_CHOICE ? must_be_choice(field, arena) : sentences[field->type];
}

/* ---- numbers ---- */

/* Returns where the digits end; at least one must be there, else NULL. NULL is let pass. */
static const char *skip_digits(const char *text)
{
    if (text == NULL || !is_digit(*text))
        return NULL;
    return text + strspn(text, "0123456789");
}

static bool read_integer(const char *text, char *out, size_t size)
{
    const char *end = skip_digits(text + (*text == '-'));
    if (end == NULL || *end != '\0')
        return false;
    errno = 0;
    long long value = strtoll(text, NULL, 10);
    snprintf(out, size, "%lld", value);
    return errno == 0;
}

/* As JSON writes them, but zeros in front do no harm. What is too small for a double is none, as in bodies.
 */
static bool read_number(const char *text, char *out, size_t size)
{
    const char *end = skip_digits(text + (*text == '-'));
    if (end != NULL && *end == '.')
        end = skip_digits(end + 1);
    if (end != NULL && (*end == 'e' || *end == 'E'))
        end = skip_digits(end + 1 + (end[1] == '-' || end[1] == '+'));
    if (end == NULL || *end != '\0')
        return false;
    errno = 0;
    double value = strtod(text, NULL);
    snprintf(out, size, "%.17g", value);
    return isfinite(value) && !(value == 0 && errno == ERANGE);
}

/* ---- times ---- */

/* Read `count` digits as a number from `least` to `most`; false for others. */
static bool take_number(const char **text, int count, int least, int most, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++, (*text)++) {
        if (!is_digit(**text))
            return false;
        *value = *value * 10 + (**text - '0');
    }
    return *value >= least && *value <= most;
}

static bool take_sign(const char **text, const char *signs)
{
    if (**text == '\0' || strchr(signs, **text) == NULL)
        return false;
    (*text)++;
    return true;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static bool take_date(const char **text)
{
    int year, month, day;
    return take_number(text, 4, 1, 9999, &year) && take_sign(text, "-") &&
           take_number(text, 2, 1, 12, &month) && take_sign(text, "-") &&
           take_number(text, 2, 1, days_of_month(year, month), &day);
}

/* With at most six digits of fraction: the columns have no more, so that nothing is rounded. A leap second is
 * the next minute's first, and PostgreSQL reads no part of one. */
static bool take_clock(const char **text)
{
    int number, second;
    if (!take_number(text, 2, 0, 23, &number) || !take_sign(text, ":") ||
        !take_number(text, 2, 0, 59, &number) || !take_sign(text, ":") ||
        !take_number(text, 2, 0, 60, &second))
        return false;
    if (**text != '.')
        return true;
    size_t zeros = strspn(*text + 1, "0"), digits = strspn(*text + 1, "0123456789");
    *text += 1 + digits;
    return digits >= 1 && digits <= 6 && (second < 60 || zeros == digits);
}

/* Z, an offset, +00 as PostgreSQL writes UTC, or nothing. */
static bool take_zone(const char **text)
{
    int number;
    if (**text == '\0' || take_sign(text, "Zz"))
        return true;
    return take_sign(text, "+-") && take_number(text, 2, 0, ZONE_HOURS, &number) &&
           (**text == '\0' || (take_sign(text, ":") && take_number(text, 2, 0, 59, &number)));
}

/* Its parts as they came, in the one form that PostgreSQL reads alike whatever its settings. */
static bool read_time(const char *text, char *out, size_t size)
{
    const char *clock = text, *zone, *end;
    if (!take_date(&clock) || !take_sign(&clock, " Tt"))
        return false;
    zone = clock;
    if (!take_clock(&zone))
        return false;
    end = zone;
    if (!take_zone(&end) || *end != '\0')
        return false;
    snprintf(out, size, "%.10s %.*s%s", text, (int)(zone - clock), clock,
             *zone == '\0' || *zone == 'z' ? "Z" : zone);
    return true;
}

/* ---- in ---- */

static bool is_choice(const struct field *field, const char *text)
{
    for (const char *const *choice = field->choices; *choice != NULL; choice++)
        if (strcmp(*choice, text) == 0)
            return true;
    return false;
}

/* Whether it is good; then it is in `out`, or, where `out` is empty, what it was. */
static bool read_value(const struct field *field, const char *text, char *out, size_t size)
{
    switch (field->type) {
    case FIELD_UUID:
        return uuid_parse(out, text, strlen(text));
    case FIELD_BOOLEAN:
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    case FIELD_INTEGER:
        return read_integer(text, out, size);
    case FIELD_NUMBER:
        return read_number(text, out, size);
    case FIELD_CHOICE:
        return is_choice(field, text);
    case FIELD_TIME:
        return read_time(text, out, size);
    default:
        return true;
    }
}

const char *field_from_filter(const struct field *field, const char *text, struct arena *arena,
                              struct field_value *out)
{
    char canonical[48] = "";
    *out = (struct field_value){0};
    if (!read_value(field, text, canonical, sizeof canonical))
        return must_be(field, arena);
    const char *value = canonical[0] != '\0' ? canonical : text;
    out->length = (int)strlen(value);
    out->bytes = arena_copy(arena, value, strlen(value));
    return out->bytes != NULL ? NULL : field_out_of_memory;
}
