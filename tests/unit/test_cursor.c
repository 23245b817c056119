// wrap: malloc calloc realloc
#include "cursor.h"

#include "inject.h"
#include "unit.h"

#include <stdio.h>

INJECT_MEMORY

#define DIGEST UINT64_C(0x0123456789abcdef)

static struct arena arena;
static struct buffer text;

static int open_all(void **state)
{
    (void)state;
    arena_init(&arena);
    buffer_init(&text);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    arena_free(&arena);
    buffer_free(&text);
    return 0;
}

static const char *write_cursor(const char *const *values, int count)
{
    buffer_clear(&text);
    cursor_write(&text, DIGEST, values, count);
    buffer_append(&text, "", 1);
    assert_false(text.failed);
    return text.bytes;
}

static void what_was_written_is_read(void **state)
{
    static const struct {
        const char *values[4];
        int count;
    } cases[] = {
        {{"a"}, 1},
        {{""}, 1},
        {{NULL}, 1},
        {{"", NULL, "", NULL}, 4},
        {{"30", "0196f0c2-4bd7-7a52-9a3e-5d1a3c2b1f00"}, 2},
        {{"a'b\"c\\d%e\n", "\u00c9l\u00e9onore \U0001f6a2"}, 2},
        {{"ab", "abc", "abcd", "abcde"}, 4},
        {{NULL}, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *values[4];
        const char *cursor = write_cursor(cases[i].values, cases[i].count);
        assert_int_equal(strspn(cursor, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
                         strlen(cursor));
        assert_int_equal(cursor_read(cursor, DIGEST, values, cases[i].count, &arena), cases[i].count);
        for (int j = 0; j < cases[i].count; j++) {
            if (cases[i].values[j] == NULL)
                assert_null(values[j]);
            else
                assert_string_equal(values[j], cases[i].values[j]);
        }
    }
}

static void long_values_are_read_too(void **state)
{
    static char long_value[40001];
    const char *const values[] = {long_value};
    const char *read[1];
    (void)state;
    memset(long_value, 'x', sizeof long_value - 1);
    assert_int_equal(cursor_read(write_cursor(values, 1), DIGEST, read, 1, &arena), 1);
    assert_string_equal(read[0], long_value);
}

static void it_is_base64url_of_a_known_form(void **state)
{
    const char *const values[] = {"30", NULL};
    (void)state;
    assert_string_equal(write_cursor(values, 2), "ASNFZ4mrze8AAjMw__8");
}

static void another_digest_or_count_is_refused(void **state)
{
    const char *const values[] = {"30", "x"};
    const char *read[3];
    (void)state;
    const char *cursor = write_cursor(values, 2);
    assert_int_equal(cursor_read(cursor, DIGEST + 1, read, 2, &arena), -1);
    assert_int_equal(cursor_read(cursor, DIGEST ^ UINT64_C(1) << 63, read, 2, &arena), -1);
    assert_int_equal(cursor_read(cursor, DIGEST, read, 1, &arena), -1);
    assert_int_equal(cursor_read(cursor, DIGEST, read, 3, &arena), -1);
}

static void whatever_is_cut_or_changed_is_refused_or_another_text(void **state)
{
    const char *const values[] = {"30", "xy"};
    const char *read[2];
    char whole[64], other[64];
    (void)state;
    snprintf(whole, sizeof whole, "%s", write_cursor(values, 2));
    for (size_t cut = 0; cut < strlen(whole); cut++) {
        strcpy(other, whole);
        other[cut] = '\0';
        assert_int_equal(cursor_read(other, DIGEST, read, 2, &arena), -1);
    }
    for (size_t at = 0; at < strlen(whole); at++) {
        for (int byte = 1; byte < 256; byte++) {
            strcpy(other, whole);
            other[at] = (char)byte;
            int count = cursor_read(other, DIGEST, read, 2, &arena);
            if (strcmp(other, whole) == 0 || count == -1)
                continue;
            /* It is not a secret: it may name another place, but the text of a place is one only. */
            assert_int_equal(count, 2);
            assert_string_equal(write_cursor(read, 2), other);
        }
    }
}

static void malformed_texts_are_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "A",
        "====",
        "ASNFZ4mrze8AAjMw__8=",
        "ASNFZ4mrze8AAjMw__9", /* bits behind the last byte */
        "ASNFZ4mrze8AAjMw//8", /* the other base64 */
        " ASNFZ4mrze8AAjMw__8",
        "ASNFZ4mrze8AAjMw__8A",
        "ASNFZ4mrze8AAf8AAA", /* not UTF-8 */
        "ASNFZ4mrze8AAQAAAA", /* a NUL */
        "ASNFZ4mrze8",
        "\u00e9",
    };
    const char *read[2];
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (cursor_read(cases[i], DIGEST, read, 2, &arena) != -1)
            fail_msg("%s was taken", cases[i]);
    buffer_clear(&text);
    for (int i = 0; i < 70000; i++)
        buffer_append(&text, "A", 1);
    buffer_append(&text, "", 1);
    assert_int_equal(cursor_read(text.bytes, 0, read, 2, &arena), -1);
}

static void without_memory_it_says_so(void **state)
{
    const char *const values[] = {"30", "xy"};
    const char *read[2];
    char cursor[64];
    (void)state;
    snprintf(cursor, sizeof cursor, "%s", write_cursor(values, 2));
    for (int n = 1;; n++) {
        struct arena fresh;
        arena_init(&fresh);
        inject_at(NULL, n, ENOMEM);
        int count = cursor_read(cursor, DIGEST, read, 2, &fresh);
        int failures = inject_off();
        assert_int_equal(count, failures > 0 ? -2 : 2);
        arena_free(&fresh);
        if (failures == 0)
            break;
    }
    for (int n = 1;; n++) {
        struct buffer out;
        buffer_init(&out);
        inject_at(NULL, n, ENOMEM);
        cursor_write(&out, DIGEST, values, 2);
        int failures = inject_off();
        assert_int_equal(out.failed, failures > 0);
        buffer_free(&out);
        if (failures == 0)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(long_values_are_read_too),
        cmocka_unit_test(it_is_base64url_of_a_known_form),
        cmocka_unit_test(another_digest_or_count_is_refused),
        cmocka_unit_test(whatever_is_cut_or_changed_is_refused_or_another_text),
        cmocka_unit_test(malformed_texts_are_refused),
        cmocka_unit_test(without_memory_it_says_so),
    };
    return cmocka_run_group_tests_name("cursor", tests, open_all, close_all);
}
