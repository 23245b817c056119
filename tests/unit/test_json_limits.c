// wrap: malloc calloc realloc json_object_new_object json_object_new_array json_object_new_boolean json_object_new_int64 json_object_new_double_s json_object_new_string_len json_object_array_add json_object_object_add_ex
#include "json.h"

#include "inject.h"
#include "unit.h"

#include <json-c/json.h>
#include <limits.h>
#include <time.h>

INJECT_MEMORY
INJECT_POINTER(struct json_object *, json_object_new_object, (void), ())
INJECT_POINTER(struct json_object *, json_object_new_array, (void), ())
INJECT_POINTER(struct json_object *, json_object_new_boolean, (json_bool value), (value))
INJECT_POINTER(struct json_object *, json_object_new_int64, (int64_t value), (value))
INJECT_POINTER(struct json_object *, json_object_new_double_s, (double value, const char *text),
               (value, text))
INJECT_POINTER(struct json_object *, json_object_new_string_len, (const char *bytes, int length),
               (bytes, length))
INJECT_INT(int, json_object_array_add, (struct json_object * array, struct json_object *value),
           (array, value))
INJECT_INT(int, json_object_object_add_ex,
           (struct json_object * object, const char *const key, struct json_object *const value,
            const unsigned options),
           (object, key, value, options))

static void nesting_ends_at_32_levels(void **state)
{
    struct json_fault fault;

    (void)state;
    for (int levels = JSON_DEPTH; levels <= JSON_DEPTH + 1; levels++) {
        struct json_object *value;
        struct buffer text;

        buffer_init(&text);
        for (int i = 0; i < levels; i++)
            buffer_string(&text, i % 2 != 0 ? "{\"a\":" : "[");
        buffer_string(&text, "1");
        for (int i = levels; i-- > 0;)
            buffer_string(&text, i % 2 != 0 ? "}" : "]");
        value = json_read(text.bytes, text.length, &fault);
        assert_true((value != NULL) == (levels == JSON_DEPTH));
        json_object_put(value);
        buffer_free(&text);
    }
    assert_non_null(strstr(fault.detail, "more than 32 arrays and objects inside each other"));
}

static void a_million_brackets_are_refused_too(void **state)
{
    size_t length = 1 << 20;
    char *text = malloc(length);
    struct json_fault fault;

    (void)state;
    memset(text, '[', length);
    assert_null(json_read(text, length, &fault));
    assert_int_equal(fault.offset, JSON_DEPTH);
    free(text);
}

static void values_end_at_their_limit(void **state)
{
    struct json_fault fault;

    (void)state;
    for (int values = JSON_VALUES; values <= JSON_VALUES + 1; values++) {
        struct json_object *value;
        struct buffer text;

        buffer_init(&text);
        buffer_string(&text, "[{}"); /* two of them */
        for (int i = 2; i < values; i++)
            buffer_string(&text, ",{}");
        buffer_string(&text, "]");
        value = json_read(text.bytes, text.length, &fault);
        assert_true((value != NULL) == (values == JSON_VALUES));
        json_object_put(value);
        buffer_free(&text);
    }
    assert_non_null(strstr(fault.detail, "There are more than 25000 values"));
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void twenty_thousand_names_take_no_time(void **state)
{
    double begin = seconds();
    struct json_fault fault;
    struct json_object *value;
    struct buffer text;

    (void)state;
    buffer_init(&text);
    for (int i = 0; i < 20000; i++)
        buffer_format(&text, "%c\"name%d\":%d", i == 0 ? '{' : ',', i, i);
    buffer_string(&text, "}");
    value = json_read(text.bytes, text.length, &fault);
    assert_int_equal(json_object_object_length(value), 20000);
    json_object_put(value);
    text.length--;
    buffer_string(&text, ",\"name19999\":0}");
    assert_null(json_read(text.bytes, text.length, &fault));
    assert_non_null(strstr(fault.detail, "The name \"name19999\" appears twice"));
    buffer_free(&text);
    assert_true(seconds() - begin < 1.0);
}

static void long_numbers_and_strings_take_no_time(void **state)
{
    size_t length = 1 << 20;
    char *text = malloc(length);
    double begin = seconds();
    struct json_object *value;
    struct json_fault fault;

    (void)state;
    memset(text, '1', length);
    assert_null(json_read(text, length, &fault));
    assert_non_null(strstr(fault.detail, "The number is too large"));
    memcpy(text, "0.", 2);
    value = json_read(text, length, &fault);
    assert_non_null(value);
    json_object_put(value);
    text[0] = text[length - 1] = '"';
    value = json_read(text, length, &fault);
    assert_int_equal(json_object_get_string_len(value), length - 2);
    json_object_put(value);
    free(text);
    assert_true(seconds() - begin < 1.0);
}

static void a_text_that_json_c_cannot_count_is_refused(void **state)
{
    struct json_fault fault;

    (void)state;
    assert_null(json_read("1", (size_t)INT_MAX + 1, &fault)); /* it is not looked at */
    assert_non_null(strstr(fault.detail, "The text is too long"));
}

static void a_long_name_is_cut_between_characters(void **state)
{
    struct json_fault fault;
    struct buffer text;
    const char *end;

    (void)state;
    buffer_init(&text);
    for (int twice = 0; twice < 2; twice++) {
        buffer_string(&text, twice ? ",\"x" : "{\"x");
        for (int i = 0; i < 100; i++)
            buffer_string(&text, "\xf0\x9f\x98\x80");
        buffer_string(&text, "\":1");
    }
    buffer_string(&text, "}");
    assert_null(json_read(text.bytes, text.length, &fault));
    end = strstr(fault.detail, "\" appears twice in one object, at line 1, column 108.");
    assert_non_null(end);
    assert_memory_equal(end - 4, "\xf0\x9f\x98\x80", 4);
    buffer_free(&text);
}

static void memory_that_runs_out_is_told_apart_and_nothing_leaks(void **state)
{
    static const char text[] =
        "{\"a\":[true,false,null,1,2.5,\"x\",[],{}],\"b\":{\"c\":\"d\"},\"e\":100000000000000000000}";
    struct json_fault fault;

    (void)state;
    for (int n = 1;; n++) {
        struct json_object *value;

        inject_at(NULL, n, ENOMEM);
        value = json_read(text, strlen(text), &fault);
        if (inject_off() == 0) {
            assert_non_null(value);
            assert_string_equal(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN), text);
            json_object_put(value);
            assert_in_range(n, 20, 50);
            break;
        }
        assert_null(value);
        assert_int_equal(errno, ENOMEM);
        assert_string_equal(fault.detail, "There is not enough memory to read the text.");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nesting_ends_at_32_levels),
        cmocka_unit_test(a_million_brackets_are_refused_too),
        cmocka_unit_test(values_end_at_their_limit),
        cmocka_unit_test(twenty_thousand_names_take_no_time),
        cmocka_unit_test(long_numbers_and_strings_take_no_time),
        cmocka_unit_test(a_text_that_json_c_cannot_count_is_refused),
        cmocka_unit_test(a_long_name_is_cut_between_characters),
        cmocka_unit_test(memory_that_runs_out_is_told_apart_and_nothing_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
