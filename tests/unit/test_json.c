// wrap: realloc
#include "json.h"

#include "inject.h"
#include "unit.h"

#include <json-c/json.h>

INJECT_POINTER(void *, realloc, (void *old, size_t size), (old, size))

/* ---- UTF-8 ---- */

/* At every place of the eight bytes that are looked at in one step, with and without more behind. */
static void utf8_is_told_from_other_bytes_wherever_it_stands(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        size_t wrong; /* offset, or `length` when valid */
    } cases[] = {
        {"", 0, 0},
        {"a", 1, 1},
        {"\0", 1, 0},
        {"\x7f", 1, 1},
        {"\xc2\x80", 2, 2},
        {"\xdf\xbf", 2, 2},
        {"\xe0\xa0\x80", 3, 3},
        {"\xef\xbf\xbf", 3, 3},
        {"\xf0\x90\x80\x80", 4, 4},
        {"\xf4\x8f\xbf\xbf", 4, 4},
        {"\x80", 1, 0},
        {"\xc1\xbf", 2, 0},
        {"\xc2", 1, 0},
        {"\xc2 ", 2, 0},
        {"\xe0\x9f\xbf", 3, 0},
        {"\xed\xa0\x80", 3, 0},
        {"\xef\xbf", 2, 0},
        {"\xf0\x8f\xbf\xbf", 4, 0},
        {"\xf4\x90\x80\x80", 4, 0},
        {"\xf5\x80\x80\x80", 4, 0},
        {"a\xff", 2, 1},
        {"\xc3\xa9\xc3", 3, 2},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t before = 0; before < 20; before++) {
            for (size_t after = 0; after < 20; after += 19) {
                size_t length = before + cases[i].length + after;
                char *text = malloc(length + 1);
                size_t wrong = SIZE_MAX;
                bool valid;

                memset(text, 'x', length);
                memcpy(text + before, cases[i].bytes, cases[i].length);
                valid = json_utf8_valid(text, length, &wrong);
                assert_int_equal(valid, cases[i].wrong == cases[i].length);
                assert_int_equal(wrong, valid ? SIZE_MAX : before + cases[i].wrong);
                free(text);
            }
        }
    }
}

static void characters_are_counted_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(json_utf8_length("", 0), 0);
    assert_int_equal(json_utf8_length("abc", 3), 3);
    assert_int_equal(json_utf8_length("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10), 4);
    assert_int_equal(json_utf8_character("", 0), 0);
    assert_int_equal(json_utf8_character("\xf0\x9f\x98\x80", 3), 0);
    assert_int_equal(json_utf8_character("\xf0\x9f\x98\x80", 4), 4);
}

/* ---- strings out ---- */

static void strings_are_written_with_escapes(void **state)
{
    static const struct {
        const char *text, *written;
    } cases[] = {
        {"", "\"\""},
        {"a", "\"a\""},
        {"Mr. Owen Harris Braund", "\"Mr. Owen Harris Braund\""},
        {"\"", "\"\\\"\""},
        {"\\", "\"\\\\\""},
        {"/", "\"/\""},
        {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\""},
        {"\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\""},
        {"Mrs. \"Molly\" Brown, the unsinkable", "\"Mrs. \\\"Molly\\\" Brown, the unsinkable\""},
        {"\"\"\"\"\"\"\"\"\"", "\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buffer out;

        buffer_init(&out);
        json_write_string(&out, cases[i].text, strlen(cases[i].text));
        assert_buffer(&out, cases[i].written);
        buffer_free(&out);
    }
}

static void nul_is_escaped_like_any_control_character(void **state)
{
    struct buffer out;

    (void)state;
    buffer_init(&out);
    json_write_string(&out, "a\0b", 3);
    assert_buffer(&out, "\"a\\u0000b\"");
    buffer_free(&out);
}

/* Every ASCII character at every place of a word comes back as it was. */
static void what_is_written_is_read_back(void **state)
{
    (void)state;
    for (int c = 1; c < 0x80; c++) {
        for (size_t before = 0; before < 17; before++) {
            char text[40];
            size_t length = before + 12;
            struct json_fault fault;
            struct json_object *value;
            struct buffer out;

            memset(text, 'x', length);
            text[before] = text[before + 9] = (char)c;
            buffer_init(&out);
            json_write_string(&out, text, length);
            value = json_read(out.bytes, out.length, &fault);
            assert_non_null(value);
            assert_int_equal(json_object_get_string_len(value), length);
            assert_memory_equal(json_object_get_string(value), text, length);
            json_object_put(value);
            buffer_free(&out);
        }
    }
}

static void string_without_memory_leaves_a_failed_buffer(void **state)
{
    struct buffer out;

    (void)state;
    buffer_init(&out);
    inject_at("realloc", 1, ENOMEM);
    json_write_string(&out, "lost", 4);
    inject_off();
    assert_true(out.failed);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_told_from_other_bytes_wherever_it_stands),
        cmocka_unit_test(characters_are_counted_not_bytes),
        cmocka_unit_test(strings_are_written_with_escapes),
        cmocka_unit_test(nul_is_escaped_like_any_control_character),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(string_without_memory_leaves_a_failed_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
