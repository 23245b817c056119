// wrap: malloc realloc json_object_get_string json_object_new_int64 json_object_new_double_s
#include "field.h"

#include "json.h"

#include "inject.h"
#include "unit.h"

#include <float.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>

INJECT_POINTER(void *, malloc, (size_t size), (size))
INJECT_POINTER(void *, realloc, (void *old, size_t size), (old, size))
INJECT_POINTER(const char *, json_object_get_string, (struct json_object * value), (value))
INJECT_POINTER(struct json_object *, json_object_new_int64, (int64_t value), (value))
INJECT_POINTER(struct json_object *, json_object_new_double_s, (double value, const char *text),
               (value, text))

static const char *const sexes[] = {"male", "female", NULL};
static const char *const three[] = {"a", "b", "c", NULL};
static const char *const lone[] = {"only", NULL};

static const struct field uuid = {"uuid", NULL, "uuid", FIELD_UUID, FIELD_READ_ONLY, 0, 0, NULL, false};
static const struct field survived = {"survived", NULL, "survived", FIELD_BOOLEAN, FIELD_NULLABLE,
                                      0,          0,    NULL,       false};
static const struct field active = {"active", NULL, "active", FIELD_BOOLEAN, FIELD_REQUIRED,
                                    0,        0,    NULL,     false};
static const struct field count = {"count", NULL, "count", FIELD_INTEGER, FIELD_REQUIRED,
                                   0,       100,  NULL,    false};
static const struct field offset = {"offset", NULL,     "offset", FIELD_INTEGER, FIELD_NULLABLE,
                                    -100,     INFINITY, NULL,     false};
static const struct field age = {"age", NULL, "age", FIELD_NUMBER, FIELD_NULLABLE, 0, 150, NULL, false};
static const struct field fare = {"fare", NULL,    "fare", FIELD_NUMBER, FIELD_NULLABLE,
                                  0,      DBL_MAX, NULL,   false};
static const struct field weight = {"weight", NULL, "weight", FIELD_NUMBER, FIELD_REQUIRED,
                                    -1,       1,    NULL,     false};
static const struct field name = {"name", NULL, "name", FIELD_TEXT, FIELD_REQUIRED, 1, 8, NULL, false};
static const struct field note = {"note", NULL, "note", FIELD_TEXT, FIELD_NULLABLE, 0, 8, NULL, false};
static const struct field sex = {"sex", NULL, "sex", FIELD_CHOICE, FIELD_NULLABLE, 0, 0, sexes, false};
static const struct field letter = {"letter", NULL, "letter", FIELD_CHOICE, FIELD_REQUIRED,
                                    0,        0,    three,    false};
static const struct field single = {"single", NULL, "single", FIELD_CHOICE, FIELD_REQUIRED,
                                    0,        0,    lone,     false};
static const struct field email = {"email", NULL, "email", FIELD_EMAIL, FIELD_REQUIRED, 3, 254, NULL, false};
static const struct field created = {"created_at", NULL, "created_at", FIELD_TIME, FIELD_READ_ONLY, 0, 0,
                                     NULL,         false};

#define COUNT_SAYS  "must be an integer from 0 to 100"
#define OFFSET_SAYS "must be an integer of at least -100 or null"
#define AGE_SAYS    "must be a number from 0 to 150 or null"
#define FARE_SAYS   "must be a number of at least 0 or null"
#define SEX_SAYS    "must be \"male\", \"female\" or null"
#define NAME_SAYS   "must be 1 to 8 characters"
#define EMAIL_SAYS  "must be a valid e-mail address of at most 254 characters"
#define UUID_SAYS   "must be a UUID"
#define TIME_SAYS   "must be a time such as 2025-05-20 22:22:46.243212"

#define UPPER_UUID "0190A6C8-7E1F-7ABC-9DEF-0123456789AF"
#define LOWER_UUID "0190a6c8-7e1f-7abc-9def-0123456789af"

#define E16       "eeeeeeeeeeeeeeee"
#define E63       E16 E16 E16 "eeeeeeeeeeeeeee"
#define E64       E16 E16 E16 E16
#define EMAIL_254 E64 "@" E63 "." E63 "." E16 E16 E16 "eeeeeeeeeeeee"

/* A value, and what becomes of it: `taken` is what goes to the database (NULL: null), or `fault` what is
 * said. */
struct expectation {
    const struct field *field;
    const char *value;
    const char *taken;
    const char *fault;
};

static void check(const struct expectation *expected, const char *fault, const struct field_value *out)
{
    if (expected->fault != NULL ? fault == NULL || strcmp(fault, expected->fault) != 0 : fault != NULL)
        fail_msg("%s, %s: said: %s", expected->field->key, expected->value,
                 fault != NULL ? fault : "nothing");
    if (expected->fault != NULL)
        return;
    if (expected->taken == NULL) {
        assert_null(out->bytes);
        return;
    }
    assert_non_null(out->bytes);
    assert_string_equal(out->bytes, expected->taken);
    assert_int_equal(out->length, strlen(expected->taken));
}

/* ---- JSON ---- */

static const struct expectation from_json[] = {
    {&survived, "true", "true", NULL},
    {&survived, "false", "false", NULL},
    {&survived, "null", NULL, NULL},
    {&survived, "1", NULL, "must be true, false or null"},
    {&survived, "\"true\"", NULL, "must be true, false or null"},
    {&survived, "{}", NULL, "must be true, false or null"},
    {&active, "null", NULL, "must be true or false"},
    {&active, "0", NULL, "must be true or false"},

    {&count, "0", "0", NULL},
    {&count, "-0", "0", NULL},
    {&count, "-0.0", "0", NULL},
    {&count, "100", "100", NULL},
    {&count, "3.0", "3", NULL},
    {&count, "3e0", "3", NULL},
    {&count, "0.3e1", "3", NULL},
    {&count, "1e2", "100", NULL},
    {&count, "2.5", NULL, COUNT_SAYS},
    {&count, "-1", NULL, COUNT_SAYS},
    {&count, "-1e-300", NULL, COUNT_SAYS},
    {&count, "101", NULL, COUNT_SAYS},
    {&count, "1e300", NULL, COUNT_SAYS},
    {&count, "100000000000000000000", NULL, COUNT_SAYS},
    {&count, "null", NULL, COUNT_SAYS},
    {&count, "true", NULL, COUNT_SAYS},
    {&count, "\"3\"", NULL, COUNT_SAYS},
    {&count, "[3]", NULL, COUNT_SAYS},
    {&count, "{}", NULL, COUNT_SAYS},
    {&offset, "-100", "-100", NULL},
    {&offset, "9007199254740992", "9007199254740992", NULL},
    {&offset, "1e20", "100000000000000000000", NULL},
    {&offset, "-101", NULL, OFFSET_SAYS},
    {&offset, "null", NULL, NULL},

    {&age, "22", "22", NULL},
    {&age, "0.42", "0.42", NULL},
    {&age, "22.50", "22.50", NULL},
    {&age, "1.5e2", "1.5e2", NULL},
    {&age, "0", "0", NULL},
    {&age, "-0", "0", NULL},
    {&age, "-0.0", "0", NULL},
    {&age, "0.0e7", "0", NULL},
    {&age, "null", NULL, NULL},
    {&age, "150", "150", NULL},
    {&age, "150.0001", NULL, AGE_SAYS},
    {&age, "-0.0001", NULL, AGE_SAYS},
    {&age, "false", NULL, AGE_SAYS},
    {&age, "\"22\"", NULL, AGE_SAYS},
    {&age, "[]", NULL, AGE_SAYS},
    {&fare, "512.3292", "512.3292", NULL},
    {&fare, "1e308", "1e308", NULL},
    {&fare, "100000000000000000000", "100000000000000000000", NULL},
    {&fare, "-1", NULL, FARE_SAYS},
    {&fare, "\"\"", NULL, FARE_SAYS},
    {&weight, "-0.5", "-0.5", NULL},
    {&weight, "-1", "-1", NULL},
    {&weight, "null", NULL, "must be a number from -1 to 1"},

    {&name, "\"a\"", "a", NULL},
    {&name, "\"12345678\"", "12345678", NULL},
    {&name, "\"\\u00e9\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\ud83d\\ude00xyz\"",
     "\xc3\xa9\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf0\x9f\x98\x80xyz", NULL},
    {&name, "\" \"", " ", NULL},
    {&name, "\"'; --\"", "'; --", NULL},
    {&name, "\"\"", NULL, NAME_SAYS},
    {&name, "\"123456789\"", NULL, NAME_SAYS},
    {&name, "\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"", NULL, NAME_SAYS},
    {&name, "null", NULL, NAME_SAYS},
    {&name, "42", NULL, "must be a string of 1 to 8 characters"},
    {&name, "[\"a\"]", NULL, "must be a string of 1 to 8 characters"},
    {&note, "null", NULL, NULL},
    {&note, "\"\"", "", NULL},
    {&note, "true", NULL, "must be a string of 0 to 8 characters or null"},
    {&note, "\"123456789\"", NULL, "must be 0 to 8 characters or null"},

    {&sex, "\"male\"", "male", NULL},
    {&sex, "\"female\"", "female", NULL},
    {&sex, "null", NULL, NULL},
    {&sex, "\"Male\"", NULL, SEX_SAYS},
    {&sex, "\"\"", NULL, SEX_SAYS},
    {&sex, "\"females\"", NULL, SEX_SAYS},
    {&sex, "1", NULL, SEX_SAYS},
    {&letter, "\"d\"", NULL, "must be \"a\", \"b\" or \"c\""},
    {&single, "\"d\"", NULL, "must be \"only\""},

    {&email, "\"ada@example.org\"", "ada@example.org", NULL},
    {&email, "\"a@b\"", "a@b", NULL},
    {&email, "\"Ada.King+lace@Sub-1.example.co.uk\"", "Ada.King+lace@Sub-1.example.co.uk", NULL},
    {&email, "\"!#$%&'*+/=?^_`{|}~-@1.2\"", "!#$%&'*+/=?^_`{|}~-@1.2", NULL},
    {&email, "\"" E64 "@" E63 "\"", E64 "@" E63, NULL},
    {&email, "\"" EMAIL_254 "\"", EMAIL_254, NULL},
    {&email, "\"" EMAIL_254 "e\"", NULL, EMAIL_SAYS},
    {&email, "\"" E64 "e@b\"", NULL, EMAIL_SAYS},
    {&email, "\"a@" E63 "e\"", NULL, EMAIL_SAYS},
    {&email, "\"\"", NULL, EMAIL_SAYS},
    {&email, "\"a\"", NULL, EMAIL_SAYS},
    {&email, "\"@\"", NULL, EMAIL_SAYS},
    {&email, "\"@b\"", NULL, EMAIL_SAYS},
    {&email, "\"a@\"", NULL, EMAIL_SAYS},
    {&email, "\"a@b@c\"", NULL, EMAIL_SAYS},
    {&email, "\".a@b\"", NULL, EMAIL_SAYS},
    {&email, "\"a.@b\"", NULL, EMAIL_SAYS},
    {&email, "\"a..b@c\"", NULL, EMAIL_SAYS},
    {&email, "\"a@.b\"", NULL, EMAIL_SAYS},
    {&email, "\"a@b.\"", NULL, EMAIL_SAYS},
    {&email, "\"a@b..c\"", NULL, EMAIL_SAYS},
    {&email, "\"a@-b\"", NULL, EMAIL_SAYS},
    {&email, "\"a@b-\"", NULL, EMAIL_SAYS},
    {&email, "\"a b@c\"", NULL, EMAIL_SAYS},
    {&email, "\"a@b c\"", NULL, EMAIL_SAYS},
    {&email, "\" a@b\"", NULL, EMAIL_SAYS},
    {&email, "\"a@b\\n\"", NULL, EMAIL_SAYS},
    {&email, "\"\\\"a\\\"@b\"", NULL, EMAIL_SAYS},
    {&email, "\"<a@b>\"", NULL, EMAIL_SAYS},
    {&email, "\"a,b@c\"", NULL, EMAIL_SAYS},
    {&email, "\"a@[127.0.0.1]\"", NULL, EMAIL_SAYS},
    {&email, "\"\xc3\xa9@b\"", NULL, EMAIL_SAYS},
    {&email, "\"a@\xc3\xa9\"", NULL, EMAIL_SAYS},
    {&email, "null", NULL, EMAIL_SAYS},
    {&email, "1", NULL, EMAIL_SAYS},

    {&uuid, "\"" UPPER_UUID "\"", LOWER_UUID, NULL},
    {&uuid, "\"x\"", NULL, UUID_SAYS},
    {&uuid, "1", NULL, UUID_SAYS},
    {&created, "\"2025-05-20 22:22:46\"", "2025-05-20 22:22:46", NULL},
    {&created, "\"today\"", NULL, TIME_SAYS},
    {&created, "1", NULL, TIME_SAYS},
};

static void values_from_json_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(from_json); i++) {
        const struct expectation *expected = &from_json[i];
        struct field_value out = {"untouched", 9};
        struct json_fault json_fault;
        struct json_object *value = json_read(expected->value, strlen(expected->value), &json_fault);
        struct arena arena;
        const char *fault;

        assert_string_equal(json_fault.detail, "");
        arena_init(&arena);
        fault = field_from_json(expected->field, value, &arena, &out);
        json_object_put(value); /* what was taken must not live in it */
        check(expected, fault, &out);
        arena_free(&arena);
    }
}

/* ---- CSV ---- */

static const struct expectation from_csv[] = {
    {&survived, "true", "true", NULL},
    {&survived, "false", "false", NULL},
    {&survived, "1", "true", NULL},
    {&survived, "0", "false", NULL},
    {&survived, "", NULL, NULL},
    {&survived, "yes", NULL, "must be true, false or null"},
    {&survived, "10", NULL, "must be true, false or null"},
    {&active, "", NULL, "must not be empty"},

    {&count, "22", "22", NULL},
    {&count, "22.0", "22", NULL},
    {&count, "2.2e1", "22", NULL},
    {&count, "-0", "0", NULL},
    {&count, "22.5", NULL, COUNT_SAYS},
    {&count, "101", NULL, COUNT_SAYS},
    {&count, "", NULL, "must not be empty"},
    {&count, " 1", NULL, COUNT_SAYS},
    {&count, "1 ", NULL, COUNT_SAYS},
    {&count, "+1", NULL, COUNT_SAYS},
    {&count, "01", NULL, COUNT_SAYS},
    {&count, "1x2", NULL, COUNT_SAYS},
    {&count, "0x1", NULL, COUNT_SAYS},
    {&count, "-", NULL, COUNT_SAYS},
    {&count, "1e400", NULL, COUNT_SAYS},
    {&count, "\xd9\xa3", NULL, COUNT_SAYS},
    {&age, "0.42", "0.42", NULL},
    {&age, "22.50", "22.50", NULL},
    {&age, "-0.0", "0", NULL},
    {&age, "", NULL, NULL},
    {&age, "NaN", NULL, AGE_SAYS},
    {&age, "inf", NULL, AGE_SAYS},
    {&age, ".5", NULL, AGE_SAYS},
    {&age, "5.", NULL, AGE_SAYS},
    {&age, "[5]", NULL, AGE_SAYS},
    {&age, "1,5", NULL, AGE_SAYS},
    {&fare, "7.25", "7.25", NULL},
    {&fare, "-7.25", NULL, FARE_SAYS},

    {&name, "Braund", "Braund", NULL},
    {&name, "", NULL, "must not be empty"},
    {&name, "123456789", NULL, NAME_SAYS},
    {&note, "", NULL, NULL},
    {&sex, "female", "female", NULL},
    {&sex, "", NULL, NULL},
    {&sex, "Female", NULL, SEX_SAYS},
    {&email, "ada@example.org", "ada@example.org", NULL},
    {&email, "ada", NULL, EMAIL_SAYS},

    {&uuid, UPPER_UUID, LOWER_UUID, NULL},
    {&uuid, "", NULL, NULL},
    {&uuid, "0190", NULL, UUID_SAYS},
    {&created, "2025-05-20 22:22:46", "2025-05-20 22:22:46", NULL},
    {&created, "2025-05-20T22:22:46Z", "2025-05-20T22:22:46Z", NULL},
    {&created, "2025-05-20 22:22:46.2+00", "2025-05-20 22:22:46.2+00", NULL},
    {&created, "2025-05-20 22:22:46.243212+00:00", "2025-05-20 22:22:46.243212+00:00", NULL},
    {&created, "", NULL, NULL},
    {&created, "2025-05-20", NULL, TIME_SAYS},
    {&created, "2025-05-20 22:22", NULL, TIME_SAYS},
    {&created, "2025-05-20 22:22:4x", NULL, TIME_SAYS},
    {&created, "2025-05-20x22:22:46", NULL, TIME_SAYS},
    {&created, "2025/05/20 22:22:46", NULL, TIME_SAYS},
    {&created, "2025-05-20 22:22:46.", NULL, TIME_SAYS},
    {&created, "2025-05-20 22:22:46.1234567", NULL, TIME_SAYS},
    {&created, "2025-05-20 22:22:46+02", NULL, TIME_SAYS},
    {&created, "2025-05-20 22:22:46 UTC", NULL, TIME_SAYS},
    {&created, "20/05/2025 22:22:46", NULL, TIME_SAYS},
    {&created, "now", NULL, TIME_SAYS},
};

/* The same where quotes say that there is a value, and it is empty. */
static const struct expectation from_quoted_csv[] = {
    {&name, "", NULL, NAME_SAYS},
    {&note, "", "", NULL},
    {&survived, "", NULL, "must be true, false or null"},
    {&age, "", NULL, AGE_SAYS},
    {&count, "", NULL, COUNT_SAYS},
    {&sex, "", NULL, SEX_SAYS},
    {&email, "", NULL, EMAIL_SAYS},
    {&uuid, "", NULL, UUID_SAYS},
    {&created, "", NULL, TIME_SAYS},
    {&age, "22", "22", NULL},
};

static void check_csv(const struct expectation *expected, bool quoted)
{
    struct field_value out = {"untouched", 9};
    struct arena arena;
    const char *fault;

    arena_init(&arena);
    fault = field_from_csv(expected->field, expected->value, strlen(expected->value), quoted, &arena, &out);
    check(expected, fault, &out);
    arena_free(&arena);
}

static void values_from_csv_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(from_csv); i++)
        check_csv(&from_csv[i], false);
}

static void quoted_empty_text_is_a_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(from_quoted_csv); i++)
        check_csv(&from_quoted_csv[i], true);
}

static void a_type_that_is_none_takes_nothing(void **state)
{
    struct field strange = {"x", NULL, "x", (enum field_type)99, FIELD_REQUIRED, 0, 0, NULL, false};

    (void)state;
    check_csv(&(struct expectation){&strange, "x", NULL, "is not valid"}, false);
}

/* ---- memory that runs out ---- */

static void memory_that_runs_out_is_told_from_a_bad_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(from_json); i++) {
        const struct expectation *expected = &from_json[i];
        struct json_fault json_fault;
        struct json_object *value = json_read(expected->value, strlen(expected->value), &json_fault);

        for (int n = 1, failures = 1; failures > 0; n++) {
            struct field_value out;
            struct arena arena;
            const char *fault;

            arena_init(&arena);
            inject_at("malloc", n, ENOMEM);
            fault = field_from_json(expected->field, value, &arena, &out);
            failures = inject_off();
            if (failures == 0)
                check(expected, fault, &out);
            else
                assert_ptr_equal(fault, field_out_of_memory);
            arena_free(&arena);
        }
        json_object_put(value);
    }
}

static void memory_that_runs_out_under_csv_is_told_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(from_csv); i++) {
        const struct expectation *expected = &from_csv[i];

        for (int n = 1, failures = 1; failures > 0; n++) {
            struct field_value out;
            struct arena arena;
            const char *fault;

            arena_init(&arena);
            inject_at(NULL, n, ENOMEM); /* json-c's calls too */
            fault = field_from_csv(expected->field, expected->value, strlen(expected->value), false, &arena,
                                   &out);
            failures = inject_off();
            if (failures == 0)
                check(expected, fault, &out);
            else
                assert_ptr_equal(fault, field_out_of_memory);
            arena_free(&arena);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_from_json_are_checked),
        cmocka_unit_test(values_from_csv_are_checked),
        cmocka_unit_test(quoted_empty_text_is_a_value),
        cmocka_unit_test(a_type_that_is_none_takes_nothing),
        cmocka_unit_test(memory_that_runs_out_is_told_from_a_bad_value),
        cmocka_unit_test(memory_that_runs_out_under_csv_is_told_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
