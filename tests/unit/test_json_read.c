#include "json.h"

#include "unit.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

/* A copy with nothing behind it, so that AddressSanitizer sees a read past the end. */
static struct json_object *read_exactly(const char *text, size_t length, struct json_fault *fault)
{
    char *copy = malloc(length > 0 ? length : 1);
    struct json_object *value;

    memcpy(copy, text, length);
    value = json_read(copy, length, fault);
    free(copy);
    return value;
}

/* ---- texts that are read ---- */

static const char *const good[] = {
    "{}",
    "[]",
    "[[]]",
    "{\"\":0}",
    "\"\"",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "1234567890",
    " \t\r\n{ \t\r\n\"a\" \t\r\n: \t\r\n1 \t\r\n, \"b\":[ 1 , 2 ] } \t\r\n",
    "[null]",
    "[null,1,\"2\",{\"3\":[4]}]",
    "0.0",
    "-0.0",
    "0.5",
    "-0.5",
    "1.5",
    "1.50",
    "1e5",
    "1E5",
    "1e+5",
    "1e-5",
    "1.25e2",
    "0e0",
    "0e999999",
    "-0e-1",
    "0.000e-400",
    "1e308",
    "1e-307",
    "4.9e-324",
    "1.7976931348623157e308",
    "123.456e-2",
    "0.1e1",
    "[1e1,1E-1]",
    "9007199254740992",
    "-9007199254740992",
    "9007199254740994",
    "9223372036854775807e0",
    "1152921504606846976",
    "999999999999999",
    "-999999999999999",
    "\"a\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\u0041\\u00e9\\u20ac\"",
    "\"\\u00E9\\u20Ac\"",
    "\"\\ud83d\\ude00\"",
    "\"\\uD800\\uDC00\"",
    "\"\\udbff\\udfff\"",
    "\"\\ud7ff\\ue000\\uffff\"",
    "\"\\u0001\\u001f\\u007f\"",
    "\"\x7f\"",
    "\"\xc2\x80\"",
    "\"\xdf\xbf\"",
    "\"\xe0\xa0\x80\"",
    "\"\xed\x9f\xbf\"",
    "\"\xee\x80\x80\"",
    "\"\xef\xbf\xbf\"",
    "\"\xf0\x90\x80\x80\"",
    "\"\xf4\x8f\xbf\xbf\"",
    "\"/\"",
    "\"\\u2028\"",
    "{\"a\":1,\"A\":2}",
    "{\"a\":{\"a\":{\"a\":1}}}",
    "[{\"a\":1},{\"a\":2}]",
    "{\"\\u0061\":1,\"\\u0062\":2}",
    "{\"a\":[],\"b\":{}}",
    "[\"a\",\"a\"]",
    "\"{[:,]}\"",
    "{\"\xc3\xa9\":\"\xc3\xa9\"}",
    "[[[[[[1]]]]],2]",
};

static void good_text_is_read_as_json_c_reads_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct json_fault fault;
        struct json_object *value = read_exactly(good[i], strlen(good[i]), &fault);
        int error = errno;
        struct json_object *expected = json_tokener_parse(good[i]);

        if (value == NULL)
            fail_msg("refused: %s: %s", good[i], fault.detail);
        assert_int_equal(error, 0);
        assert_string_equal(fault.detail, "");
        if (!json_object_equal(value, expected))
            fail_msg("%s was read as %s", good[i], json_object_to_json_string(value));
        json_object_put(value);
        json_object_put(expected);
    }
}

static void null_is_a_value_without_a_fault(void **state)
{
    struct json_fault fault;

    (void)state;
    errno = EDOM;
    assert_null(read_exactly(" null ", 6, &fault));
    assert_string_equal(fault.detail, "");
    assert_int_equal(errno, 0);
}

static void members_keep_their_order(void **state)
{
    static const char text[] = "{\"z\":1,\"a\":\"x\",\"m\":null,\"b\":[true,false,null]}";
    struct json_fault fault;
    struct json_object *value = read_exactly(text, strlen(text), &fault);

    (void)state;
    assert_string_equal(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN), text);
    json_object_put(value);
}

static void number_with_a_fraction_keeps_its_text(void **state)
{
    static const char *const texts[] = {
        "7.2500",
        "1e5",
        "0.1000000000000000055511151231257827",
        "-0.0",
        "100000000000000000000",
        "-9223372036854777856",
        "18446744073709551616"}; /* the last three are doubles, but no int64 */

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct json_fault fault;
        struct json_object *value = read_exactly(texts[i], strlen(texts[i]), &fault);

        assert_non_null(value);
        assert_true(json_object_is_type(value, json_type_double));
        assert_string_equal(json_object_get_string(value), texts[i]);
        json_object_put(value);
    }
}

static void escapes_become_their_characters(void **state)
{
    static const char text[] = "\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\/\\n\xc3\xa9\"";
    struct json_fault fault;
    struct json_object *value = read_exactly(text, strlen(text), &fault);

    (void)state;
    assert_string_equal(json_object_get_string(value), "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80/\n\xc3\xa9");
    json_object_put(value);
}

/* ---- texts that are refused ---- */

static const struct {
    const char *text;
    size_t offset;
    const char *detail; /* its beginning */
} bad[] = {
    {"", 0, "A value is expected, at line 1, column 1, where the text ends."},
    {"  ", 2, "A value is expected, at line 1, column 3, where the text ends."},
    {"\n\n x", 3, "A value is expected, at line 3, column 2."},
    {"\xef\xbb\xbf{}", 0, "A value is expected"},
    {"nul", 0, "A value is expected"},
    {"Null", 0, "A value is expected"},
    {"TRUE", 0, "A value is expected"},
    {"truex", 4, "Only one value is expected"},
    {"NaN", 0, "A value is expected"},
    {"Infinity", 0, "A value is expected"},
    {"-Infinity", 1, "A digit is expected"},
    {"-NaN", 1, "A digit is expected"},
    {"'a'", 0, "A value is expected"},
    {"/**/1", 0, "A value is expected"},
    {"1 // x", 2, "Only one value is expected"},
    {"{}{}", 2, "Only one value is expected"},
    {"1 2", 2, "Only one value is expected"},
    {"[1]]", 3, "Only one value is expected"},
    {"\x0c[]", 0, "A value is expected"},
    {"[]\xc2\xa0", 2, "Only one value is expected"},
    {"\xff", 0, "A value is expected"},

    {"[", 1, "A value is expected"},
    {"[1", 2, "A comma or ] is expected, at line 1, column 3, where the text ends."},
    {"[1,", 3, "A value is expected"},
    {"[1,]", 3, "A value is expected"},
    {"[,1]", 1, "A value is expected"},
    {"[1 2]", 3, "A comma or ] is expected"},
    {"[1,,2]", 3, "A value is expected"},
    {"[1}", 2, "A comma or ] is expected"},
    {"]", 0, "A value is expected"},
    {"{", 1, "A name in double quotes is expected"},
    {"{\"a\"", 4, "A colon is expected"},
    {"{\"a\" 1}", 5, "A colon is expected"},
    {"{\"a\":", 5, "A value is expected"},
    {"{\"a\":}", 5, "A value is expected"},
    {"{\"a\":1", 6, "A comma or } is expected"},
    {"{\"a\":1,", 7, "A name in double quotes is expected"},
    {"{\"a\":1,}", 7, "A name in double quotes is expected"},
    {"{,}", 1, "A name in double quotes is expected"},
    {"{a:1}", 1, "A name in double quotes is expected"},
    {"{'a':1}", 1, "A name in double quotes is expected"},
    {"{1:1}", 1, "A name in double quotes is expected"},
    {"{null:1}", 1, "A name in double quotes is expected"},
    {"{\"a\":1]", 6, "A comma or } is expected"},
    {"{\"a\":1 \"b\":2}", 7, "A comma or } is expected"},
    {"{\"a\"::1}", 5, "A value is expected"},
    {"{\"a\":1}\n}", 8, "Only one value is expected, and here is more text, at line 2, column 1."},

    {"{\"a\":1,\"a\":1}", 7, "The name \"a\" appears twice in one object, at line 1, column 8."},
    {"{\"a\":1,\"b\":2,\"\\u0061\":3}", 13, "The name \"a\" appears twice"},
    {"{\"\":1,\"\":1}", 6, "The name \"\" appears twice"},
    {"{\"a\":null,\"a\":null}", 10, "The name \"a\" appears twice"},
    {"[0,{\"x\":{\"k\":1,\"k\":2}}]", 15, "The name \"k\" appears twice"},
    {"{\"x\":{\"k\":1},\"x\":{}}", 13, "The name \"x\" appears twice"},

    {"01", 0, "A number may not begin with a zero"},
    {"-01", 0, "A number may not begin with a zero"},
    {"00", 0, "A number may not begin with a zero"},
    {"-", 1, "A digit is expected"},
    {"--1", 1, "A digit is expected"},
    {"+1", 0, "A value is expected"},
    {".5", 0, "A value is expected"},
    {"-.5", 1, "A digit is expected"},
    {"2.", 2, "A digit is expected"},
    {"2.e3", 2, "A digit is expected"},
    {"0.e1", 2, "A digit is expected"},
    {"1e", 2, "A digit is expected"},
    {"1e+", 3, "A digit is expected"},
    {"1e1.5", 3, "Only one value is expected"},
    {"1.2.3", 3, "Only one value is expected"},
    {"0x10", 1, "Only one value is expected"},
    {"1_000", 1, "Only one value is expected"},
    {"1,5", 1, "Only one value is expected"},
    {"[1e400]", 1, "The number is too large"},
    {"-1e400", 0, "The number is too large"},
    {"1.8e308", 0, "The number is too large"},
    {"1e999999999999999999999", 0, "The number is too large"},
    {"1e-400", 0, "The number is too close to 0"},
    {"-0.000001e-400", 0, "The number is too close to 0"},
    {"[9007199254740993]", 1, "The integer is too large to be kept exactly"},
    {"-9007199254740993", 0, "The integer is too large to be kept exactly"},
    {"9223372036854775807", 0, "The integer is too large to be kept exactly"},
    {"18446744073709551615", 0, "The integer is too large to be kept exactly"},
    {"100000000000000000000000", 0, "The integer is too large to be kept exactly"},

    {"\"", 0, "The string that begins here has no closing quote"},
    {"\"a", 0, "The string that begins here has no closing quote"},
    {"[\"a]", 1, "The string that begins here has no closing quote"},
    {"\"\\", 2, "A backslash must be followed by"},
    {"\"\\\"", 0, "The string that begins here has no closing quote"},
    {"\"\\x41\"", 2, "A backslash must be followed by"},
    {"\"\\'\"", 2, "A backslash must be followed by"},
    {"\"\\U0041\"", 2, "A backslash must be followed by"},
    {"\"\\u\"", 3, "\\u must be followed by four hexadecimal digits"},
    {"\"\\u004\"", 6, "\\u must be followed by four hexadecimal digits"},
    {"\"\\u00g0\"", 5, "\\u must be followed by four hexadecimal digits"},
    {"\"\\u+041\"", 3, "\\u must be followed by four hexadecimal digits"},
    {"\"\\u00", 5, "\\u must be followed by four hexadecimal digits"},
    {"\"a\\u0000b\"", 2, "U+0000 is not allowed"},
    {"{\"a\\u0000\":1}", 3, "U+0000 is not allowed"},
    {"\"\\ud800\"", 1, "Half a surrogate pair"},
    {"\"\\udc00\"", 1, "Half a surrogate pair"},
    {"\"\\ud800x\"", 1, "Half a surrogate pair"},
    {"\"\\ud800\\n\"", 1, "Half a surrogate pair"},
    {"\"\\ud800\\u0041\"", 1, "Half a surrogate pair"},
    {"\"\\ud800\\ud800\"", 1, "Half a surrogate pair"},
    {"\"\\ud800\\ue000\"", 1, "Half a surrogate pair"},
    {"\"\\ude00\\ud83d\"", 1, "Half a surrogate pair"},
    {"\"\\ud800\\u\"", 9, "\\u must be followed by four hexadecimal digits"},
    {"\"\\ud800", 1, "Half a surrogate pair"},
    {"\"a\tb\"", 2, "A control character in a string must be escaped"},
    {"\"a\nb\"", 2, "A control character in a string must be escaped"},
    {"\"\x1f\"", 1, "A control character in a string must be escaped"},
    {"{\"a\n\":1}", 3, "A control character in a string must be escaped"},

    {"\"\x80\"", 1, "The bytes are not valid UTF-8"},
    {"\"\xbf\"", 1, "The bytes are not valid UTF-8"},
    {"\"\xc0\xaf\"", 1, "The bytes are not valid UTF-8"},
    {"\"\xc1\xbf\"", 1, "The bytes are not valid UTF-8"},
    {"\"\xc3\"", 1, "The bytes are not valid UTF-8"},
    {"\"\xc3(\"", 1, "The bytes are not valid UTF-8"},
    {"\"\xe0\x9f\xbf\"", 1, "The bytes are not valid UTF-8"},
    {"\"\xe2\x82\"", 1, "The bytes are not valid UTF-8"},
    {"\"\xe2\x28\xa1\"", 1, "The bytes are not valid UTF-8"},
    {"\"\xed\xa0\x80\"", 1, "The bytes are not valid UTF-8"},
    {"\"\xed\xbf\xbf\"", 1, "The bytes are not valid UTF-8"},
    {"\"\xf0\x8f\xbf\xbf\"", 1, "The bytes are not valid UTF-8"},
    {"\"\xf0\x9f\x98\"", 1, "The bytes are not valid UTF-8"},
    {"\"\xf4\x90\x80\x80\"", 1, "The bytes are not valid UTF-8"},
    {"\"\xf5\x80\x80\x80\"", 1, "The bytes are not valid UTF-8"},
    {"\"\xfe\xff\"", 1, "The bytes are not valid UTF-8"},
    {"\"ab\xc3", 3, "The bytes are not valid UTF-8, at line 1, column 4."},
    {"{\"\xff\":1}", 2, "The bytes are not valid UTF-8"},
    {"{\n \"\xc3\xa9\xc3\xa9\" 1}", 10,
     "A colon is expected, at line 2, column 7."}, /* columns are characters */
};

static void bad_text_is_refused_with_the_place_and_a_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct json_fault fault;

        errno = EDOM;
        if (read_exactly(bad[i].text, strlen(bad[i].text), &fault) != NULL)
            fail_msg("accepted: %s", bad[i].text);
        assert_int_equal(errno, 0);
        if (fault.offset != bad[i].offset || strncmp(fault.detail, bad[i].detail, strlen(bad[i].detail)) != 0)
            fail_msg("%s: at %zu: %s", bad[i].text, fault.offset, fault.detail);
    }
}

static void nul_bytes_are_refused(void **state)
{
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {{"\0", 1},       {"1\0", 2},  {"\0001", 2}, {"\"a\0b\"", 5},
                 {"\"\\\0\"", 4}, {"{}\0", 3}, {"[1\0]", 4}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json_fault fault;

        assert_null(read_exactly(cases[i].text, cases[i].length, &fault));
        assert_string_not_equal(fault.detail, "");
    }
}

static void every_beginning_of_a_text_is_refused(void **state)
{
    static const char text[] =
        "{\"a\\n\\u00e9\":[true,-1.5e+3,{\"b\":null}],\"\xf0\x9f\x98\x80\":\"\\ud83d\\ude00\"}";
    struct json_fault fault;
    struct json_object *value;

    (void)state;
    for (size_t length = 0; length < strlen(text); length++) {
        assert_null(read_exactly(text, length, &fault));
        assert_string_not_equal(fault.detail, "");
        assert_true(fault.offset <= length);
    }
    value = read_exactly(text, strlen(text), &fault);
    assert_non_null(value);
    json_object_put(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_text_is_read_as_json_c_reads_it),
        cmocka_unit_test(null_is_a_value_without_a_fault),
        cmocka_unit_test(members_keep_their_order),
        cmocka_unit_test(number_with_a_fraction_keeps_its_text),
        cmocka_unit_test(escapes_become_their_characters),
        cmocka_unit_test(bad_text_is_refused_with_the_place_and_a_sentence),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(every_beginning_of_a_text_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
