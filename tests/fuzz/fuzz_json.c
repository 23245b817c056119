/*
 * JSON: what json_read takes json-c takes too, for the same value; written by json-c it is read as the same
 * again. Then as the body of requests: the rows that are taken from it are taken from any other way to write
 * them, too.
 */

#include "again.h"
#include "check.h"
#include "json.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#define LONG_DIGITS 19 /* of the smallest integer beyond 64 bits */

#define KEY "0196f0c2-4bd7-7a52-9a3e-5d1a3c2b1f00"

/* ---- the reader ---- */

static bool is_number(struct json_object *value)
{
    return json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double);
}

static bool same(struct json_object *one, struct json_object *other);

static bool same_members(struct json_object *one, struct json_object *other)
{
    struct json_object *value;
    json_object_object_foreach(one, name, mine)
    {
        if (!json_object_object_get_ex(other, name, &value) || !same(mine, value))
            return false;
    }
    return json_object_object_length(one) == json_object_object_length(other);
}

static bool same_elements(struct json_object *one, struct json_object *other)
{
    size_t length = json_object_array_length(one);
    for (size_t i = 0; i < length && i < json_object_array_length(other); i++)
        if (!same(json_object_array_get_idx(one, i), json_object_array_get_idx(other, i)))
            return false;
    return length == json_object_array_length(other);
}

/* Numbers are the same if they are the same double, whatever json-c keeps them in. */
static bool same(struct json_object *one, struct json_object *other)
{
    if (is_number(one) && is_number(other))
        return json_object_get_double(one) == json_object_get_double(other);
    if (json_object_get_type(one) != json_object_get_type(other))
        return false;
    if (json_object_is_type(one, json_type_object))
        return same_members(one, other);
    if (json_object_is_type(one, json_type_array))
        return same_elements(one, other);
    return json_object_equal(one, other);
}

/* json-c, when it is strict, has no integers of more than 64 bits, even if a double holds them exactly. */
static bool has_long_integer(const char *text, size_t length)
{
    size_t digits = 0;
    for (size_t i = 0; i < length && digits < LONG_DIGITS; i++)
        digits = text[i] >= '0' && text[i] <= '9' ? digits + 1 : 0;
    return digits == LONG_DIGITS;
}

/* json-c takes some pairs of surrogates, such as those of U+1DE00, for halves. */
static bool has_pair(const char *text, size_t length)
{
    return memmem(text, length, "\\ud", 3) != NULL || memmem(text, length, "\\uD", 3) != NULL;
}

static void check_by_json_c(const char *text, size_t length, struct json_object *value)
{
    struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH + 1);
    CHECK(tokener != NULL);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *other = json_tokener_parse_ex(tokener, text, (int)length);
    if (json_tokener_get_error(tokener) == json_tokener_continue) /* a number may go on */
        other = json_tokener_parse_ex(tokener, "", -1);
    CHECK(json_tokener_get_error(tokener) == json_tokener_success);
    CHECK(has_pair(text, length) || same(value, other));
    json_object_put(other);
    json_tokener_free(tokener);
}

static void check_written(struct json_object *value)
{
    struct json_fault fault;
    size_t length;
    const char *text = json_object_to_json_string_length(value, JSON_C_TO_STRING_PLAIN, &length);
    struct json_object *again = json_read(text, length, &fault);
    CHECK(fault.detail[0] == '\0' && same(value, again));
    json_object_put(again);
}

/* One after the other, the elements are what they are together. */
static void check_elements(const char *text, size_t length, struct json_object *array)
{
    struct json_elements elements = {.text = text, .length = length};
    struct json_object *value;
    struct json_fault fault;
    size_t count = 0;
    int result;
    while ((result = json_read_next(&elements, &value, &fault)) == 1) {
        CHECK(same(value, json_object_array_get_idx(array, count++)));
        json_object_put(value);
    }
    CHECK(result == 0 && count == json_object_array_length(array));
}

static void check_fault(const struct json_fault *fault, size_t length)
{
    size_t end = strlen(fault->detail), wrong;
    CHECK(errno == 0 && fault->offset <= length && fault->detail[end - 1] == '.');
    CHECK(json_utf8_valid(fault->detail, end, &wrong));
}

/* Returns whether it is JSON. */
static bool check_read(const char *text, size_t length)
{
    struct json_fault fault;
    struct json_object *value = json_read(text, length, &fault);
    bool good = value != NULL || fault.detail[0] == '\0';
    if (good) {
        if (!has_long_integer(text, length))
            check_by_json_c(text, length, value);
        check_written(value);
    } else {
        check_fault(&fault, length);
    }
    if (json_object_is_type(value, json_type_array))
        check_elements(text, length, value);
    json_object_put(value);
    return good;
}

/* Any text can be written as a string. */
static void check_string(const char *text, size_t length)
{
    struct json_fault fault;
    struct buffer out = {0};
    size_t wrong;
    if (!json_utf8_valid(text, length, &wrong))
        return;
    json_write_string(&out, text, length);
    struct json_object *value = json_read(out.bytes, out.length, &fault);
    CHECK(json_object_is_type(value, json_type_string));
    CHECK((size_t)json_object_get_string_len(value) == length &&
          memcmp(json_object_get_string(value), text, length) == 0);
    json_object_put(value);
    buffer_free(&out);
}

/* ---- as a body ---- */

static void check_body(const char *method, const char *uri, const char *text, size_t length, bool good)
{
    struct again again;
    const struct database_query *query =
        inside_ask(&(struct inside_request){method, uri, "application/json", text, length, NULL});
    CHECK(good || query == NULL);
    if (query != NULL && again_take(&again, query)) {
        again_check(&again);
        return;
    }
    int status = inside_answer()->status;
    CHECK(good || status == 400 || status == 413);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    static const struct {
        const char *method, *uri;
    } routes[] = {{"POST", "/v1/passengers"}, {"POST", "/v1/employees"},      {"PATCH", "/v1/passengers"},
                  {"PATCH", "/v1/employees"}, {"PUT", "/v1/passengers/" KEY}, {"PATCH", "/v1/employees/" KEY},
                  {"POST", "/postpassenger"}, {"POST", "/employees/add"}};
    const char *text = (const char *)input;
    inside_open(NULL);
    if (size > INSIDE_BODY_BYTES)
        return 0;
    bool good = check_read(text, size);
    check_string(text, size);
    for (size_t i = 0; i < (good ? sizeof routes / sizeof *routes : 1); i++)
        check_body(routes[i].method, routes[i].uri, text, size, good);
    return 0;
}
