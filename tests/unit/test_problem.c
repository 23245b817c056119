// wrap: malloc calloc realloc
#include "problem.h"

#include "inject.h"
#include "unit.h"

#include <json-c/json.h>

INJECT_MEMORY

static void every_kind_is_complete(void **state)
{
    (void)state;
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        const struct problem_kind *kind = &problem_kinds[i];
        assert_non_null(kind->slug);
        assert_true(kind->status >= 400 && kind->status < 600);
        assert_true(kind->title[0] >= 'A' && kind->title[0] <= 'Z');
        assert_int_equal(kind->description[strlen(kind->description) - 1], '.');
        assert_int_equal(strspn(kind->slug, "abcdefghijklmnopqrstuvwxyz-"), strlen(kind->slug));
        /* problem_write puts them into JSON as they are. */
        assert_null(strpbrk(kind->title, "\"\\"));
    }
}

static void every_slug_leads_to_its_kind(void **state)
{
    (void)state;
    for (int i = 0; i < PROBLEM_COUNT; i++)
        assert_int_equal(problem_named(problem_kinds[i].slug), i);
    assert_int_equal(problem_named("no-such-problem"), PROBLEM_COUNT);
    assert_int_equal(problem_named(""), PROBLEM_COUNT);
}

static void clients_know_them_by_these_names(void **state)
{
    static const struct {
        const char *slug;
        int status;
    } known[] = {
        {"malformed-request", 400},   {"malformed-json", 400},
        {"malformed-csv", 400},       {"malformed-uuid", 400},
        {"malformed-header", 400},    {"invalid-parameters", 400},
        {"not-found", 404},           {"no-such-row", 404},
        {"method-not-allowed", 405},  {"not-acceptable", 406},
        {"request-timeout", 408},     {"conflict", 409},
        {"precondition-failed", 412}, {"body-too-large", 413},
        {"uri-too-long", 414},        {"unsupported-media-type", 415},
        {"invalid-fields", 422},      {"idempotency-mismatch", 422},
        {"too-many-requests", 429},   {"headers-too-large", 431},
        {"internal-error", 500},      {"not-implemented", 501},
        {"bad-gateway", 502},         {"unavailable", 503},
        {"overloaded", 503},          {"not-ready", 503},
        {"gateway-timeout", 504},     {"version-not-supported", 505},
    };
    (void)state;
    assert_int_equal(COUNT(known), PROBLEM_COUNT);
    for (size_t i = 0; i < COUNT(known); i++) {
        enum problem problem = problem_named(known[i].slug);
        assert_int_not_equal(problem, PROBLEM_COUNT);
        assert_int_equal(problem_kinds[problem].status, known[i].status);
    }
}

static void a_problem_is_written_with_room_for_members(void **state)
{
    struct buffer out;
    (void)state;
    buffer_init(&out);
    problem_write(&out, PROBLEM_CONFLICT, "It is taken.", "0123");
    assert_buffer(&out, "{\"type\":\"/problems/conflict\",\"title\":\"Conflict\",\"status\":409,"
                        "\"detail\":\"It is taken.\",\"instance\":\"0123\"");
    buffer_free(&out);
}

static void detail_and_instance_are_escaped(void **state)
{
    static const char nasty[] = "a \"quote\", a \\, a \n and \u00e9";
    struct buffer out;
    (void)state;
    buffer_init(&out);
    problem_write(&out, PROBLEM_NOT_FOUND, nasty, nasty);
    buffer_append(&out, "}", 2); /* and a NUL */
    struct json_object *object = json_tokener_parse(out.bytes);
    assert_non_null(object);
    assert_string_equal(json_object_get_string(json_object_object_get(object, "detail")), nasty);
    assert_string_equal(json_object_get_string(json_object_object_get(object, "instance")), nasty);
    json_object_put(object);
    buffer_free(&out);
}

static void without_memory_the_buffer_says_so(void **state)
{
    struct buffer out;
    (void)state;
    buffer_init(&out);
    inject_at(NULL, 1, ENOMEM);
    problem_write(&out, PROBLEM_NOT_FOUND, "There is nothing.", "0123");
    assert_int_equal(inject_off(), 1);
    assert_true(out.failed);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_complete),
        cmocka_unit_test(every_slug_leads_to_its_kind),
        cmocka_unit_test(clients_know_them_by_these_names),
        cmocka_unit_test(a_problem_is_written_with_room_for_members),
        cmocka_unit_test(detail_and_instance_are_escaped),
        cmocka_unit_test(without_memory_the_buffer_says_so),
    };
    return cmocka_run_group_tests_name("problem", tests, NULL, NULL);
}
