// wrap: realloc
/* Values of PostgreSQL's binary form are written as JSON, and read back as what they were. */

#include "field.h"

#include "inject.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

INJECT_POINTER(void *, realloc, (void *memory, size_t size), (memory, size))

static const struct field boolean = {.type = FIELD_BOOLEAN};
static const struct field integer = {.type = FIELD_INTEGER};
static const struct field number = {.type = FIELD_NUMBER};
static const struct field text = {.type = FIELD_TEXT};
static const struct field choice = {.type = FIELD_CHOICE};
static const struct field email = {.type = FIELD_EMAIL};
static const struct field uuid = {.type = FIELD_UUID};
static const struct field when = {.type = FIELD_TIME};

/* Write one value; the caller frees the buffer. */
static struct buffer write_one(const struct field *field, const void *bytes, int length)
{
    struct buffer out;

    buffer_init(&out);
    field_write_json(field, bytes, length, FIELD_SPACED, &out);
    return out;
}

static void assert_written(const struct field *field, const void *bytes, int length, const char *expected)
{
    struct buffer out = write_one(field, bytes, length);

    assert_buffer(&out, expected);
    buffer_free(&out);
}

static void to_big_endian(char to[8], uint64_t value)
{
    for (int i = 0; i < 8; i++)
        to[i] = (char)(value >> (56 - 8 * i));
}

static void double_to_bytes(char to[8], double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    to_big_endian(to, bits);
}

static void assert_double(double value, const char *expected)
{
    char bytes[8];

    double_to_bytes(bytes, value);
    assert_written(&number, bytes, 8, expected);
}

/* xorshift: the same numbers in every run */
static uint64_t next_random(void)
{
    static uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void null_is_null_for_every_type(void **state)
{
    const struct field *fields[] = {&boolean, &integer, &number, &text, &choice, &email, &uuid, &when};

    (void)state;
    for (size_t i = 0; i < COUNT(fields); i++)
        assert_written(fields[i], NULL, -1, "null");
}

static void booleans_and_integers(void **state)
{
    (void)state;
    assert_written(&boolean, "\1", 1, "true");
    assert_written(&boolean, "\0", 1, "false");
    assert_written(&integer, "\0\0", 2, "0");
    assert_written(&integer, "\0\x2a", 2, "42");
    assert_written(&integer, "\xff\xff", 2, "-1");
    assert_written(&integer, "\x80\0", 2, "-32768");
    assert_written(&integer, "\x7f\xff\xff\xff", 4, "2147483647");
    assert_written(&integer, "\x80\0\0\0\0\0\0\0", 8, "-9223372036854775808");
    assert_written(&integer, "\x7f\xff\xff\xff\xff\xff\xff\xff", 8, "9223372036854775807");
}

static void texts_are_escaped(void **state)
{
    (void)state;
    assert_written(&text, "Mr. Owen Harris Braund", 22, "\"Mr. Owen Harris Braund\"");
    assert_written(&text, "a\"b\\c\n\xc3\xa9", 8, "\"a\\\"b\\\\c\\n\xc3\xa9\"");
    assert_written(&text, "", 0, "\"\"");
    assert_written(&choice, "male", 4, "\"male\"");
    assert_written(&email, "a@b", 3, "\"a@b\"");
}

static void uuids_are_printed(void **state)
{
    (void)state;
    assert_written(&uuid, "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef", 16,
                   "\"01234567-89ab-cdef-0123-456789abcdef\"");
}

static void doubles_are_written_short(void **state)
{
    (void)state;
    assert_double(0, "0");
    assert_double(-0.0, "-0");
    assert_double(22, "22");
    assert_double(0.42, "0.42");
    assert_double(-0.5, "-0.5");
    assert_double(0.05, "0.05");
    assert_double(7.925, "7.925");
    assert_double(512.3292, "512.3292");
    assert_double(0.1 + 0.2, "0.30000000000000004");
    assert_double(1.0 / 3, "0.3333333333333333");
    assert_double(99999999999.0, "99999999999");
    assert_double(1e20, "1e+20");
    assert_double(5e-324, "4.94065645841247e-324");
    assert_double(1.7976931348623157e308, "1.7976931348623157e+308");
}

static void what_is_no_number_is_null(void **state)
{
    (void)state;
    assert_double((double)NAN, "null");
    assert_double((double)INFINITY, "null");
    assert_double(-(double)INFINITY, "null");
}

static void assert_reads_back(double value)
{
    char bytes[8];
    struct buffer out;
    double back;

    double_to_bytes(bytes, value);
    out = write_one(&number, bytes, 8);
    buffer_append(&out, "", 1);
    assert_false(out.failed);
    back = strtod(out.bytes, NULL);
    if (memcmp(&back, &value, sizeof(value)) != 0)
        fail_msg("%.17g was written as %s", value, out.bytes);
    buffer_free(&out);
}

static void every_double_reads_back_as_itself(void **state)
{
    (void)state;
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = next_random();
        double value;

        memcpy(&value, &bits, sizeof(value));
        if (isfinite(value))
            assert_reads_back(value);
        assert_reads_back((double)(int64_t)(next_random() % 20000000) / 10000);
        assert_reads_back((double)(int64_t)next_random() / 1e9);
    }
}

static void assert_time(int64_t microseconds, const char *expected)
{
    char bytes[8];

    to_big_endian(bytes, (uint64_t)microseconds);
    assert_written(&when, bytes, 8, expected);
}

static void times_have_six_digits_of_fraction(void **state)
{
    (void)state;
    assert_time(0, "\"2000-01-01 00:00:00.000000\"");
    assert_time(1, "\"2000-01-01 00:00:00.000001\"");
    assert_time(-1, "\"1999-12-31 23:59:59.999999\"");
    assert_time(INT64_C(801181366243212), "\"2025-05-21 22:22:46.243212\"");
    assert_time(INT64_C(5097600000000), "\"2000-02-29 00:00:00.000000\"");
}

/* The C library knows the calendar too. */
static void times_agree_with_the_library(void **state)
{
    const int64_t epoch = 946684800; /* 2000-01-01 in Unix time */

    (void)state;
    for (int i = 0; i < 100000; i++) {
        int64_t seconds = (int64_t)(next_random() % 200000000000u) - 62135596800;
        time_t unix_time = (time_t)(seconds + epoch);
        char expected[64];
        struct tm parts;

        gmtime_r(&unix_time, &parts);
        if (parts.tm_year + 1900 < 1)
            continue;
        snprintf(expected, sizeof(expected), "\"%04d-%02d-%02d %02d:%02d:%02d.%06d\"", parts.tm_year + 1900,
                 parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, i);
        assert_time(seconds * 1000000 + i, expected);
    }
}

static void memory_that_runs_out_leaves_a_failed_buffer(void **state)
{
    const struct field *fields[] = {&boolean, &integer, &number, &text, &uuid, &when};
    const int sizes[] = {1, 8, 8, 16, 16, 8};

    (void)state;
    for (size_t i = 0; i < COUNT(fields); i++) {
        struct buffer out;

        inject_at("realloc", 1, ENOMEM);
        out = write_one(fields[i], "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", sizes[i]);
        assert_int_equal(inject_off(), 1);
        assert_true(out.failed);
        buffer_free(&out);
    }
}

static void text_has_no_quotes_and_no_escapes(void **state)
{
    static const char time[8] = {0};
    static const struct {
        const struct field *field;
        const char *bytes;
        int length;
        const char *expected;
    } cases[] = {
        {&boolean, "\1", 1, "true"},
        {&boolean, "\0", 1, "false"},
        {&integer, "\377\377", 2, "-1"},
        {&number, "\x3f\xf8\0\0\0\0\0\0", 8, "1.5"},
        {&text, "say \"a\\b\"\n", 10, "say \"a\\b\"\n"},
        {&uuid, "0123456789abcdef", 16, "30313233-3435-3637-3839-616263646566"},
        {&when, time, 8, "2000-01-01T00:00:00.000000Z"},
        {&text, "", -1, ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buffer out;
        buffer_init(&out);
        buffer_string(&out, "-");
        field_write_text(cases[i].field, cases[i].bytes, cases[i].length, FIELD_RFC3339, &out);
        buffer_append(&out, "", 1);
        assert_string_equal(out.bytes + 1, cases[i].expected);
        buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_has_no_quotes_and_no_escapes),
        cmocka_unit_test(null_is_null_for_every_type),
        cmocka_unit_test(booleans_and_integers),
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(uuids_are_printed),
        cmocka_unit_test(doubles_are_written_short),
        cmocka_unit_test(what_is_no_number_is_null),
        cmocka_unit_test(every_double_reads_back_as_itself),
        cmocka_unit_test(times_have_six_digits_of_fraction),
        cmocka_unit_test(times_agree_with_the_library),
        cmocka_unit_test(memory_that_runs_out_leaves_a_failed_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
