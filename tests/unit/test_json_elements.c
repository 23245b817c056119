// wrap: malloc calloc realloc json_object_new_object json_object_new_int64
#include "json.h"

#include "inject.h"
#include "unit.h"

#include <json-c/json.h>

INJECT_MEMORY
INJECT_POINTER(struct json_object *, json_object_new_object, (void), ())
INJECT_POINTER(struct json_object *, json_object_new_int64, (int64_t value), (value))

static struct json_fault fault;

/* Read all of it; the elements, one after the other. Returns what the last call did. */
static int read_all(const char *text, struct buffer *out)
{
    struct json_elements elements = {.text = text, .length = strlen(text)};
    struct json_object *value;
    int result;
    buffer_clear(out);
    while ((result = json_read_next(&elements, &value, &fault)) == 1) {
        buffer_string(out, json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
        buffer_string(out, ";");
        json_object_put(value);
    }
    assert_null(value);
    return result;
}

static void elements_come_one_by_one(void **state)
{
    static const char *const cases[][2] = {
        {"[]", ""},
        {" \n[ ] ", ""},
        {"[1]", "1;"},
        {"[1,2 , 3 ]", "1;2;3;"},
        {"[null,null]", "null;null;"},
        {"\t[{\"a\":[1,2]},\"]\",[[]]]\n", "{\"a\":[1,2]};\"]\";[[]];"},
    };
    struct buffer out;
    (void)state;
    buffer_init(&out);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(read_all(cases[i][0], &out), 0);
        buffer_append(&out, "", 1);
        assert_string_equal(out.bytes, cases[i][1]);
    }
    buffer_free(&out);
}

static void what_is_no_array_is_refused_where_it_is_wrong(void **state)
{
    static const struct {
        const char *text;
        size_t offset;
    } cases[] = {
        {"", 0},
        {"{}", 0},
        {"1", 0},
        {"[", 1},
        {"[1", 2},
        {"[1,", 3},
        {"[1,]", 3},
        {"[,1]", 1},
        {"[1 2]", 3},
        {"[1]]", 3},
        {"[1] x", 4},
        {"[1}", 2},
        {"[1,x]", 3},
        {"[{\"a\":1,\"a\":2}]", 8},
        {"[1,\n\"\xff\"]", 5},
        {"[\"a\"", 4},
    };
    struct buffer out;
    (void)state;
    buffer_init(&out);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(read_all(cases[i].text, &out), -1);
        assert_int_equal(fault.offset, cases[i].offset);
        assert_int_equal(errno, 0);
        assert_true(fault.detail[0] != '\0');
    }
    buffer_free(&out);
}

static void a_fault_tells_its_place_in_the_whole_text(void **state)
{
    struct buffer out;
    (void)state;
    buffer_init(&out);
    assert_int_equal(read_all("[{\"a\":1},\n {\"a\":tru}]", &out), -1);
    assert_string_equal(fault.detail, "A value is expected, at line 2, column 7.");
    static const char lines[] = "{\"a\":1}\n{\"a\" 1}\n";
    struct json_object *value = json_read_part(lines, 0, 7, &fault);
    assert_non_null(value);
    json_object_put(value);
    assert_null(json_read_part(lines, 8, 15, &fault));
    assert_string_equal(fault.detail, "A colon is expected, at line 2, column 6.");
    assert_null(json_read_part(lines, 8, 11, &fault)); /* what is behind the end is not looked at */
    assert_int_equal(fault.offset, 9);
    buffer_free(&out);
}

static void each_element_has_the_limits_of_a_text(void **state)
{
    struct buffer text, out;
    (void)state;
    buffer_init(&text);
    buffer_init(&out);
    buffer_string(&text, "[");
    for (int element = 0; element < 3; element++) { /* more values than one text may have */
        buffer_string(&text, element > 0 ? ",[0" : "[0");
        for (int i = 2; i < JSON_VALUES; i++)
            buffer_string(&text, ",0");
        buffer_string(&text, "]");
    }
    buffer_append(&text, "]", 2);
    assert_int_equal(read_all(text.bytes, &out), 0);
    buffer_clear(&text);
    for (int i = 0; i < JSON_DEPTH; i++)
        buffer_string(&text, "[");
    for (int i = 0; i < JSON_DEPTH; i++)
        buffer_string(&text, "]");
    buffer_append(&text, "", 1);
    assert_int_equal(read_all(text.bytes, &out), 0);
    memmove(text.bytes + 1, text.bytes, text.length); /* one deeper */
    buffer_append(&text, "", 1);
    assert_int_equal(read_all(text.bytes, &out), -1);
    assert_int_equal(fault.offset, JSON_DEPTH);
    buffer_free(&text);
    buffer_free(&out);
}

static void without_memory_it_is_refused_with_its_reason(void **state)
{
    int result, failures;
    (void)state;
    for (int n = 1;; n++) {
        struct json_elements elements = {.text = "[{\"a\":1}]", .length = 9};
        struct json_object *value;
        inject_at(NULL, n, ENOMEM);
        result = json_read_next(&elements, &value, &fault);
        failures = inject_off();
        if (result < 0)
            assert_int_equal(errno, ENOMEM);
        json_object_put(value);
        if (failures == 0)
            break;
    }
    assert_int_equal(result, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_come_one_by_one),
        cmocka_unit_test(what_is_no_array_is_refused_where_it_is_wrong),
        cmocka_unit_test(a_fault_tells_its_place_in_the_whole_text),
        cmocka_unit_test(each_element_has_the_limits_of_a_text),
        cmocka_unit_test(without_memory_it_is_refused_with_its_reason),
    };
    return cmocka_run_group_tests_name("json_elements", tests, NULL, NULL);
}
