// wrap: malloc calloc realloc
#include "form.h"

#include "employees.h"
#include "inject.h"
#include "passengers.h"
#include "service.h"
#include "unit.h"

#include <json-c/json.h>

INJECT_MEMORY

#define PASSENGER                                                                                            \
    "{\"survived\":true,\"passengerClass\":1,\"name\":\"Ada\",\"sex\":\"female\",\"age\":36.5,"              \
    "\"siblingsOrSpousesAboard\":0,\"parentsOrChildrenAboard\":2,\"fare\":7.25}"

static struct service service;
static struct loop *loop;

/* Handlers that answer with what form_read made of the body: key=value, and key- for null; what was sent. */
static void tell(struct request *request, bool whole)
{
    const struct resource *resource = request->route->resource;
    struct form form;
    struct buffer body;
    if (!form_read(&form, request, resource, whole))
        return;
    buffer_init(&body);
    for (int i = 0; i < resource->field_count; i++) {
        if (form.sent[i])
            buffer_format(&body, "%s%s%s ", resource->fields[i].key, form.values[i].bytes != NULL ? "=" : "-",
                          form.values[i].bytes != NULL ? form.values[i].bytes : "");
        if (form.values[i].bytes != NULL)
            assert_int_equal(form.values[i].length, strlen(form.values[i].bytes));
    }
    request_answer(request, 200, "", "text/plain", body.bytes, body.length);
    buffer_free(&body);
}

static void tell_whole(struct request *request)
{
    tell(request, true);
}

static void tell_part(struct request *request)
{
    tell(request, false);
}

/* A table whose keys need escaping in a JSON Pointer. */
static const struct field odd_fields[] = {
    {"a/b", NULL, "a", FIELD_INTEGER, FIELD_REQUIRED, 0, 9, NULL, false},
    {"c~d", NULL, "c", FIELD_INTEGER, FIELD_REQUIRED, 0, 9, NULL, false},
    {"~1", NULL, "e", FIELD_INTEGER, FIELD_REQUIRED, 0, 9, NULL, false},
};
static const struct resource odd = {
    .name = "odd", .singular = "odd", .fields = odd_fields, .field_count = COUNT(odd_fields)};

static const struct route form_routes[] = {
    {METHOD_POST, "/passenger", tell_whole, &passengers_resource, .status = 200},
    {METHOD_POST, "/employee", tell_whole, &employees_resource, .status = 200},
    {METHOD_PATCH, "/employee", tell_part, &employees_resource, .status = 200},
    {METHOD_POST, "/odd", tell_whole, &odd, .status = 200},
};
static const struct route_table form_table = {form_routes, COUNT(form_routes)};
static const struct route_table *const tables[] = {&form_table, NULL};

static int start(void **state)
{
    (void)state;
    loop = loop_create();
    service_open(&service, loop, NULL, tables);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    service_close(&service);
    loop_free(loop);
    return 0;
}

static struct peer_answer send_body(const char *method, const char *uri, const char *body)
{
    return service_ask(&service, method, uri, "application/json", body);
}

static void assert_told(const char *method, const char *uri, const char *body, const char *told)
{
    struct peer_answer answer = send_body(method, uri, body);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body.bytes, told);
    peer_free_answer(&answer);
}

/* `expected` is the text of the problem's errors. */
static void assert_faults(const char *method, const char *uri, const char *body, const char *expected)
{
    struct peer_answer answer = send_body(method, uri, body);
    if (answer.status != 422)
        fail_msg("%s: %d %s", body, answer.status, answer.body.bytes);
    struct json_object *problem = json_tokener_parse(answer.body.bytes);
    assert_string_equal(json_object_get_string(json_object_object_get(problem, "type")),
                        "/problems/invalid-fields");
    assert_string_equal(json_object_to_json_string_ext(json_object_object_get(problem, "errors"),
                                                       JSON_C_TO_STRING_NOSLASHESCAPE),
                        expected);
    json_object_put(problem);
    peer_free_answer(&answer);
}

static void a_good_body_becomes_values(void **state)
{
    (void)state;
    assert_told("POST", "/passenger", PASSENGER,
                "survived=true passengerClass=1 name=Ada sex=female age=36.5 siblingsOrSpousesAboard=0 "
                "parentsOrChildrenAboard=2 fare=7.25 ");
}

static void null_is_sent_but_has_no_value(void **state)
{
    (void)state;
    assert_told("POST", "/passenger",
                "{\"survived\":null,\"passengerClass\":3,\"name\":\"Bo\",\"sex\":null,\"age\":null,"
                "\"siblingsOrSpousesAboard\":1,\"parentsOrChildrenAboard\":2,\"fare\":null}",
                "survived- passengerClass=3 name=Bo sex- age- siblingsOrSpousesAboard=1 "
                "parentsOrChildrenAboard=2 fare- ");
}

static void a_change_may_have_some_fields_only(void **state)
{
    (void)state;
    assert_told("PATCH", "/employee", "{\"age\":36}", "age=36 ");
    assert_told("PATCH", "/employee", "{\"name\":\"Ada\",\"email\":\"ada@example.org\"}",
                "email=ada@example.org name=Ada ");
}

static void all_missing_fields_are_named_at_once(void **state)
{
    (void)state;
    assert_faults("POST", "/employee", "{}",
                  "[{\"pointer\":\"/age\",\"detail\":\"is missing\"},"
                  "{\"pointer\":\"/email\",\"detail\":\"is missing\"},"
                  "{\"pointer\":\"/name\",\"detail\":\"is missing\"}]");
}

static void faults_of_every_kind_come_together(void **state)
{
    static const char body[] =
        "{\"survived\":\"yes\",\"passengerClass\":4,\"name\":\"\",\"sex\":\"other\",\"age\":-1,"
        "\"siblingsOrSpousesAboard\":0.5,\"uuid\":\"x\",\"fare\":[],\"colour\":1}";
    static const char *const pointers[] = {"/survived",
                                           "/passengerClass",
                                           "/name",
                                           "/sex",
                                           "/age",
                                           "/siblingsOrSpousesAboard",
                                           "/parentsOrChildrenAboard",
                                           "/fare",
                                           "/uuid",
                                           "/colour"};
    struct peer_answer answer = send_body("POST", "/passenger", body);
    (void)state;
    assert_int_equal(answer.status, 422);
    struct json_object *problem = json_tokener_parse(answer.body.bytes), *errors;
    errors = json_object_object_get(problem, "errors");
    assert_int_equal(json_object_array_length(errors), COUNT(pointers));
    for (size_t i = 0; i < COUNT(pointers); i++) {
        struct json_object *error = json_object_array_get_idx(errors, i);
        assert_string_equal(json_object_get_string(json_object_object_get(error, "pointer")), pointers[i]);
        assert_true(strlen(json_object_get_string(json_object_object_get(error, "detail"))) > 5);
    }
    json_object_put(problem);
    peer_free_answer(&answer);
}

static void read_only_and_unknown_fields_are_told_apart(void **state)
{
    (void)state;
    assert_faults("PATCH", "/employee", "{\"id\":\"1\",\"created_at\":null,\"title\":\"Dr\",\"age\":1}",
                  "[{\"pointer\":\"/id\",\"detail\":\"is made by the service\"},"
                  "{\"pointer\":\"/created_at\",\"detail\":\"is made by the service\"},"
                  "{\"pointer\":\"/title\",\"detail\":\"is not a known field\"}]");
}

static void a_change_of_nothing_is_a_fault_of_the_whole(void **state)
{
    (void)state;
    assert_faults("PATCH", "/employee", "{}",
                  "[{\"pointer\":\"\",\"detail\":\"must have at least one field to change\"}]");
    assert_faults("PATCH", "/employee", "{\"title\":1}",
                  "[{\"pointer\":\"/title\",\"detail\":\"is not a known field\"}]");
}

static void pointers_escape_tildes_and_slashes(void **state)
{
    (void)state;
    assert_faults("POST", "/odd", "{\"a/b\":10,\"c~d\":10,\"~1\":10,\"/~\\\"\\u000a\":1}",
                  "[{\"pointer\":\"/a~1b\",\"detail\":\"must be an integer from 0 to 9\"},"
                  "{\"pointer\":\"/c~0d\",\"detail\":\"must be an integer from 0 to 9\"},"
                  "{\"pointer\":\"/~01\",\"detail\":\"must be an integer from 0 to 9\"},"
                  "{\"pointer\":\"/~1~0\\\"\\n\",\"detail\":\"is not a known field\"}]");
    assert_told("POST", "/odd", "{\"a/b\":1,\"c~d\":2,\"~1\":3}", "a/b=1 c~d=2 ~1=3 ");
}

static void names_are_case_sensitive_and_may_be_empty(void **state)
{
    (void)state;
    assert_faults("PATCH", "/employee", "{\"Age\":1,\"\":2}",
                  "[{\"pointer\":\"/Age\",\"detail\":\"is not a known field\"},"
                  "{\"pointer\":\"/\",\"detail\":\"is not a known field\"}]");
}

static void anything_but_an_object_is_a_fault_of_the_whole(void **state)
{
    static const char *const bodies[] = {"null", "true", "0", "\"{}\"", "[]", "[{\"age\":1}]", " null "};
    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++)
        assert_faults("POST", "/employee", bodies[i],
                      "[{\"pointer\":\"\",\"detail\":\"must be a JSON object\"}]");
}

static void what_is_not_json_is_malformed(void **state)
{
    static const char *const bodies[] = {"", " ", "{", "{\"age\":1}x", "{\"age\":1,}", "{'age':1}", "nul"};
    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct peer_answer answer = send_body("POST", "/employee", bodies[i]);
        assert_int_equal(answer.status, 400);
        assert_non_null(strstr(answer.body.bytes, "/problems/malformed-json"));
        peer_free_answer(&answer);
    }
}

static void only_json_is_taken_for_json(void **state)
{
    static const struct {
        const char *type;
        int status;
    } cases[] = {
        {"application/json", 200},
        {"Application/JSON", 200},
        {"application/json; charset=utf-8", 200},
        {"application/json;charset=utf-8", 200},
        {"application/json ; charset=utf-8", 200},
        {"application/json\t", 200},
        {"", 415},
        {"text/plain", 415},
        {"application/jsonp", 415},
        {"application/json-seq", 415},
        {"application/json+x", 415},
        {"application/jso", 415},
        {" application/json", 415},
        {"application/x-www-form-urlencoded", 415},
        {"application/merge-patch+json", 415},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct peer_answer answer = service_ask(&service, "PATCH", "/employee", cases[i].type, "{\"age\":1}");
        if (answer.status != cases[i].status)
            fail_msg("%s: %d", cases[i].type, answer.status);
        if (answer.status == 415) {
            assert_true(service_has_header(&answer, "Accept: application/json"));
            assert_non_null(strstr(answer.body.bytes, "/problems/unsupported-media-type"));
        }
        peer_free_answer(&answer);
    }
}

/* A good body stays good, a bad one bad, whatever memory there is to look at it. */
static void no_client_is_blamed_for_missing_memory(void **state)
{
    static const struct {
        const char *body;
        int status;
    } cases[] = {{PASSENGER, 200}, {"{\"name\":1,\"~\":2}", 422}};
    int failed = 0;
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int n = 1;; n++) {
            request_free_spare(&service.server);
            service_send(&service, "POST", "/passenger", "application/json", cases[i].body);
            inject_at(NULL, n, ENOMEM);
            service_wait(&service);
            int failures = inject_off();
            struct peer_answer answer = service_answer(&service);
            if (answer.status != cases[i].status && answer.status != 503 && answer.status != 0)
                fail_msg("%s without memory for call %d: %s", cases[i].body, n, answer.body.bytes);
            peer_free_answer(&answer);
            if (failures == 0)
                break;
            failed++;
        }
    assert_true(failed > 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_body_becomes_values, start, stop),
        cmocka_unit_test_setup_teardown(null_is_sent_but_has_no_value, start, stop),
        cmocka_unit_test_setup_teardown(a_change_may_have_some_fields_only, start, stop),
        cmocka_unit_test_setup_teardown(all_missing_fields_are_named_at_once, start, stop),
        cmocka_unit_test_setup_teardown(faults_of_every_kind_come_together, start, stop),
        cmocka_unit_test_setup_teardown(read_only_and_unknown_fields_are_told_apart, start, stop),
        cmocka_unit_test_setup_teardown(a_change_of_nothing_is_a_fault_of_the_whole, start, stop),
        cmocka_unit_test_setup_teardown(pointers_escape_tildes_and_slashes, start, stop),
        cmocka_unit_test_setup_teardown(names_are_case_sensitive_and_may_be_empty, start, stop),
        cmocka_unit_test_setup_teardown(anything_but_an_object_is_a_fault_of_the_whole, start, stop),
        cmocka_unit_test_setup_teardown(what_is_not_json_is_malformed, start, stop),
        cmocka_unit_test_setup_teardown(only_json_is_taken_for_json, start, stop),
        cmocka_unit_test_setup_teardown(no_client_is_blamed_for_missing_memory, start, stop),
    };
    return cmocka_run_group_tests_name("form", tests, NULL, NULL);
}
