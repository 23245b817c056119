// wrap: malloc calloc realloc
#include "intake.h"

#include "employees.h"
#include "inject.h"
#include "passengers.h"
#include "route.h"
#include "service.h"
#include "unit.h"

#include <json-c/json.h>

INJECT_MEMORY

#define JSON   "application/json"
#define NDJSON "application/x-ndjson"
#define CSV    "text/csv"
#define KEY    "0196f0c2-4bd7-7a52-9a3e-5d1a3c2b1f00"
#define OTHER  "0196f0c2-4bd7-7a52-9a3e-5d1a3c2b1f01"

#define ADA   "{\"name\":\"Ada\",\"age\":36,\"email\":\"ada@example.org\"}"
#define BOB   "{\"name\":\"Bob\",\"age\":7,\"email\":\"bob@example.org\"}"
#define KEYED "{\"id\":\"" KEY "\",\"name\":\"Ada\",\"age\":36,\"email\":\"ada@example.org\"}"

static struct service service;
static struct loop *loop;

/* Handlers that answer with what intake_read made of the body: its arrays, one in a line. */
static void tell(struct request *request, const struct intake_rule *rule)
{
    const struct resource *resource = request->route->resource;
    struct intake intake;
    struct buffer body;
    size_t length;
    if (!intake_read(&intake, request, rule))
        return;
    assert_string_equal(gateway_body(request->call, &length), "");
    assert_int_equal(length, 0);
    buffer_init(&body);
    buffer_format(&body, "%d%s\n%s\n%s\n", intake.count, intake.lone ? " lone" : "", intake.arrays.keys,
                  intake.arrays.given);
    for (int i = 0; i < resource->field_count; i++)
        if (resource->fields[i].access != FIELD_READ_ONLY)
            buffer_format(&body, "%s %s\n", rule->change ? intake.arrays.sent[i] : "",
                          intake.arrays.values[i]);
    request_answer(request, 200, "", "text/plain", body.bytes, body.length);
    buffer_free(&body);
}

static void tell_rows(struct request *request)
{
    tell(request, &(struct intake_rule){.lone_key = FORM_KEY_REFUSED});
}

static void tell_any(struct request *request)
{
    tell(request, &(struct intake_rule){.repeats = true, .lone_key = FORM_KEY_ALLOWED});
}

static void tell_changes(struct request *request)
{
    tell(request, &(struct intake_rule){.change = true});
}

static const struct route intake_routes[] = {
    {METHOD_POST, "/rows", tell_rows, &employees_resource, .status = 200},
    {METHOD_POST, "/any", tell_any, &employees_resource, .status = 200},
    {METHOD_POST, "/passengers", tell_rows, &passengers_resource, .status = 200},
    {METHOD_PATCH, "/rows", tell_changes, &employees_resource, .status = 200},
};
static const struct route_table intake_table = {intake_routes, COUNT(intake_routes)};
static const struct route_table *const tables[] = {&intake_table, NULL};

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

static void assert_told(const char *method, const char *uri, const char *type, const char *body,
                        const char *told)
{
    struct peer_answer answer = service_ask(&service, method, uri, type, body);
    assert_string_equal(answer.body.bytes, told);
    assert_int_equal(answer.status, 200);
    peer_free_answer(&answer);
}

/* `errors` are its members, without the brackets. */
static void assert_refused(const char *method, const char *uri, const char *type, const char *body,
                           int status, const char *errors)
{
    struct peer_answer answer = service_ask(&service, method, uri, type, body);
    struct json_object *problem = json_tokener_parse(answer.body.bytes);
    const char *got = json_object_to_json_string_ext(json_object_object_get(problem, "errors"),
                                                     JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    if (answer.status != status || strcmp(got, errors) != 0)
        fail_msg("%s: %d %s", body, answer.status, answer.body.bytes);
    json_object_put(problem);
    peer_free_answer(&answer);
}

static void assert_detail(const char *uri, const char *type, const char *body, int status, const char *detail)
{
    struct peer_answer answer = service_ask(&service, "POST", uri, type, body);
    struct json_object *problem = json_tokener_parse(answer.body.bytes);
    assert_string_equal(json_object_get_string(json_object_object_get(problem, "detail")), detail);
    assert_int_equal(answer.status, status);
    json_object_put(problem);
    peer_free_answer(&answer);
}

/* ---- good ones ---- */

/* The service's requests are all of one id: 0123456789abcdef0123456789abcdef. */
#define TWO                                                                                                  \
    "2\n{\"0196efca-c71b-7000-8000-016789abcdef\",\"0196efca-c71b-7000-8000-056789abcdef\"}\n"               \
    "{\"f\",\"f\"}\n {\"36\",\"7\"}\n {\"ada@example.org\",\"bob@example.org\"}\n {\"Ada\",\"Bob\"}\n"

static void rows_of_every_type_become_the_same_arrays(void **state)
{
    (void)state;
    assert_told("POST", "/rows", JSON, "[" ADA "," BOB "]", TWO);
    assert_told("POST", "/rows", JSON "; charset=utf-8", " [" ADA ",\n" BOB " ]\n", TWO);
    assert_told("POST", "/rows", NDJSON, ADA "\n" BOB, TWO);
    assert_told("POST", "/rows", NDJSON, "\n \r\n" ADA "\r\n\n\n" BOB "\n", TWO);
    assert_told("POST", "/rows", CSV, "name,email,age\nAda,ada@example.org,36\nBob,bob@example.org,7\n", TWO);
    assert_told("POST", "/rows", "TEXT/CSV;header=present",
                "\xef\xbb\xbf"
                "age,name,email\r\n36,\"Ada\",ada@example.org\r\n\r\n7,Bob,bob@example.org",
                TWO);
}

static void a_key_may_be_sent(void **state)
{
    static const char told[] = "1\n{\"" KEY "\"}\n{\"t\"}\n {\"36\"}\n {\"ada@example.org\"}\n {\"Ada\"}\n";
    (void)state;
    assert_told("POST", "/rows", JSON, "[" KEYED "]", told);
    assert_told("POST", "/rows", NDJSON, KEYED, told);
    assert_told("POST", "/rows", CSV, "id,name,email,age\n" KEY ",Ada,ada@example.org,36\n", told);
}

static void a_csv_without_a_key_in_a_row_gets_one_made(void **state)
{
    (void)state;
    assert_told("POST", "/rows", CSV,
                "id,name,email,age\n,Ada,ada@example.org,36\n" KEY ",Bob,bob@example.org,7\n",
                "2\n{\"0196efca-c71b-7000-8000-016789abcdef\",\"" KEY "\"}\n{\"f\",\"t\"}\n {\"36\",\"7\"}\n"
                " {\"ada@example.org\",\"bob@example.org\"}\n {\"Ada\",\"Bob\"}\n");
}

static void no_value_is_null_in_every_type(void **state)
{
    static const char told[] = "1\n{\"0196efca-c71b-7000-8000-016789abcdef\"}\n{\"f\"}\n {NULL}\n {\"1\"}\n"
                               " {\"a\\\"\\\\\"}\n {NULL}\n {NULL}\n {\"0\"}\n {\"2\"}\n {NULL}\n";
    (void)state;
    assert_told("POST", "/passengers", JSON,
                "[{\"survived\":null,\"passengerClass\":1,\"name\":\"a\\\"\\\\\",\"sex\":null,\"age\":null,"
                "\"siblingsOrSpousesAboard\":0,\"parentsOrChildrenAboard\":2,\"fare\":null}]",
                told);
    assert_told("POST", "/passengers", CSV,
                "Survived,Pclass,Name,Sex,Age,Siblings_Spouses_Aboard,Parents_Children_Aboard,Fare\n"
                ",1,\"a\"\"\\\",,,0,2,\n",
                told);
}

static void a_body_without_rows_is_none(void **state)
{
    static const char none[] = "0\n{}\n{}\n {}\n {}\n {}\n";
    (void)state;
    assert_told("POST", "/rows", JSON, "[]", none);
    assert_told("POST", "/rows", NDJSON, "", none);
    assert_told("POST", "/rows", NDJSON, "\n\n", none);
    assert_told("POST", "/rows", CSV, "name,email,age\n", none);
}

static void one_object_is_a_body_too(void **state)
{
    (void)state;
    assert_told("POST", "/rows", JSON, " " ADA,
                "1 lone\n{\"0196efca-c71b-7000-8000-016789abcdef\"}\n{\"f\"}\n {\"36\"}\n"
                " {\"ada@example.org\"}\n {\"Ada\"}\n");
    assert_told("POST", "/any", JSON, KEYED,
                "1 lone\n{\"" KEY "\"}\n{\"t\"}\n {\"36\"}\n {\"ada@example.org\"}\n {\"Ada\"}\n");
}

static void changes_say_what_is_sent(void **state)
{
    (void)state;
    assert_told("PATCH", "/rows", JSON,
                "[{\"id\":\"" KEY "\",\"age\":1},{\"name\":\"Bob\",\"id\":\"" OTHER "\"}]",
                "2\n{\"" KEY "\",\"" OTHER "\"}\n{\"t\",\"t\"}\n{\"t\",\"f\"} {\"1\",NULL}\n"
                "{\"f\",\"f\"} {NULL,NULL}\n{\"f\",\"t\"} {NULL,\"Bob\"}\n");
}

static void what_may_be_there_twice_is(void **state)
{
    struct peer_answer answer = service_ask(&service, "POST", "/any", JSON, "[" KEYED "," KEYED "," ADA "]");
    (void)state;
    assert_int_equal(answer.status, 200);
    peer_free_answer(&answer);
}

/* ---- faults ---- */

static void all_faults_of_all_rows_are_told(void **state)
{
    (void)state;
    assert_refused(
        "POST", "/rows", JSON,
        "[" ADA ",{\"name\":\"\",\"age\":1.5,\"email\":\"x\"},null,{\"nothing\":1,\"created_at\":1},"
        "{\"id\":\"x\",\"name\":\"a\",\"age\":1,\"email\":\"a@b\"},[]]",
        422,
        "[{\"row\":2,\"pointer\":\"/age\",\"detail\":\"must be an integer from 0 to 150\"},"
        "{\"row\":2,\"pointer\":\"/email\",\"detail\":\"must be a valid e-mail address of at most 254"
        " characters\"},"
        "{\"row\":2,\"pointer\":\"/name\",\"detail\":\"must be 1 to 100 characters\"},"
        "{\"row\":3,\"pointer\":\"\",\"detail\":\"must be a JSON object\"},"
        "{\"row\":4,\"pointer\":\"/age\",\"detail\":\"is missing\"},"
        "{\"row\":4,\"pointer\":\"/email\",\"detail\":\"is missing\"},"
        "{\"row\":4,\"pointer\":\"/name\",\"detail\":\"is missing\"},"
        "{\"row\":4,\"pointer\":\"/nothing\",\"detail\":\"is not a known field\"},"
        "{\"row\":4,\"pointer\":\"/created_at\",\"detail\":\"is made by the service\"},"
        "{\"row\":5,\"pointer\":\"/id\",\"detail\":\"must be a UUID\"},"
        "{\"row\":6,\"pointer\":\"\",\"detail\":\"must be a JSON object\"}]");
    assert_refused("POST", "/rows", NDJSON, ADA "\n\n" BOB "\n7\n", 422,
                   "[{\"row\":3,\"pointer\":\"\",\"detail\":\"must be a JSON object\"}]");
    assert_refused("POST", "/rows", CSV, "id,name,email,age\nx,,a@b,1\n", 422,
                   "[{\"row\":1,\"pointer\":\"/id\",\"detail\":\"must be a UUID\"},"
                   "{\"row\":1,\"pointer\":\"/name\",\"detail\":\"must not be empty\"}]");
    assert_refused("POST", "/rows", CSV, "name,email,age\na\n\na,a@b\n,a@b,1,2\n,a@b,1\n", 422,
                   "[{\"row\":1,\"pointer\":\"\",\"detail\":\"has 1 field, but the header has 3\"},"
                   "{\"row\":2,\"pointer\":\"\",\"detail\":\"has 2 fields, but the header has 3\"},"
                   "{\"row\":3,\"pointer\":\"\",\"detail\":\"has 4 fields, but the header has 3\"},"
                   "{\"row\":4,\"pointer\":\"/name\",\"detail\":\"must not be empty\"}]");
}

static void faults_of_one_object_have_no_row(void **state)
{
    (void)state;
    assert_refused("POST", "/rows", JSON, "{\"id\":\"" KEY "\",\"name\":\"a\",\"email\":\"a@b\"}", 422,
                   "[{\"pointer\":\"/age\",\"detail\":\"is missing\"},"
                   "{\"pointer\":\"/id\",\"detail\":\"is made by the service\"}]");
    assert_refused("POST", "/rows", JSON, "3", 422,
                   "[{\"pointer\":\"\",\"detail\":\"must be a JSON object, or an array of them\"}]");
    assert_refused("POST", "/any", JSON, "{\"id\":null,\"age\":1,\"name\":\"a\",\"email\":\"a@b\"}", 422,
                   "[{\"pointer\":\"/id\",\"detail\":\"must be a UUID\"}]");
}

static void faults_of_changes_are_told(void **state)
{
    (void)state;
    assert_refused("PATCH", "/rows", JSON,
                   "[{\"age\":1},{\"id\":\"" KEY "\"},{\"id\":\"" OTHER "\",\"name\":null},"
                   "{\"id\":\"" KEY "\",\"age\":2}]",
                   422,
                   "[{\"row\":1,\"pointer\":\"/id\",\"detail\":\"is missing\"},"
                   "{\"row\":2,\"pointer\":\"\",\"detail\":\"must have at least one field to change\"},"
                   "{\"row\":3,\"pointer\":\"/name\",\"detail\":\"must be 1 to 100 characters\"},"
                   "{\"row\":4,\"pointer\":\"/id\",\"detail\":\"is the same as in row 2\"}]");
    static const char *const bodies[] = {"{}", "3", "null", "\"x\""};
    for (size_t i = 0; i < COUNT(bodies); i++)
        assert_refused("PATCH", "/rows", JSON, bodies[i], 422,
                       "[{\"pointer\":\"\",\"detail\":\"must be a JSON array\"}]");
}

static void the_same_key_or_email_is_a_fault_of_the_later_row(void **state)
{
    (void)state;
    assert_refused("POST", "/rows", JSON,
                   "[" ADA "," BOB ",{\"name\":\"x\",\"age\":1,\"email\":\"ADA@example.ORG\"},"
                   "{\"id\":\"" KEY "\",\"name\":\"x\",\"age\":1,\"email\":\"x@example.org\"},"
                   "{\"id\":\"0196F0C2-4BD7-7A52-9A3E-5D1A3C2B1F00\",\"name\":\"y\",\"age\":1,"
                   "\"email\":\"bob@example.org\"}," ADA "]",
                   422,
                   "[{\"row\":5,\"pointer\":\"/id\",\"detail\":\"is the same as in row 4\"},"
                   "{\"row\":3,\"pointer\":\"/email\",\"detail\":\"is the same as in row 1\"},"
                   "{\"row\":5,\"pointer\":\"/email\",\"detail\":\"is the same as in row 2\"},"
                   "{\"row\":6,\"pointer\":\"/email\",\"detail\":\"is the same as in row 1\"}]");
}

static void a_header_of_csv_must_name_the_fields(void **state)
{
    (void)state;
    assert_refused(
        "POST", "/rows", CSV, "name,nothing,name,created_at\na,b,c,d\n", 400,
        "[{\"pointer\":\"/nothing\",\"detail\":\"the column \\\"nothing\\\" is not a known field\"},"
        "{\"pointer\":\"/name\",\"detail\":\"the column \\\"name\\\" is there twice\"},"
        "{\"pointer\":\"/age\",\"detail\":\"the column \\\"age\\\" is missing\"},"
        "{\"pointer\":\"/email\",\"detail\":\"the column \\\"email\\\" is missing\"},"
        "{\"pointer\":\"/created_at\",\"detail\":\"the column \\\"created_at\\\" is made by the"
        " service\"}]");
    assert_detail("/rows", CSV, "", 400, "The body is empty: its first line must name the fields.");
    assert_detail("/rows", CSV, "\n\n", 400, "The body is empty: its first line must name the fields.");
}

static void what_is_not_of_its_type_is_malformed(void **state)
{
    (void)state;
    assert_detail("/rows", JSON, "[" ADA ",\n{\"name\"]", 400, "A colon is expected, at line 2, column 8.");
    assert_detail("/rows", JSON, "{", 400,
                  "A name in double quotes is expected, at line 1, column 2, where the text ends.");
    assert_detail("/rows", NDJSON, ADA "\n\n" BOB " x\n", 400,
                  "Only one value is expected, and here is more text, at line 3, column 50.");
    assert_detail("/rows", CSV, "name,email,age\na,a@b,1\n\"x", 400,
                  "Line 3: the quote that begins field 1 is never closed.");
    assert_detail("/rows", CSV, "name,email,\"a", 400,
                  "Line 1: the quote that begins field 3 is never closed.");
}

static void other_types_are_refused_with_those_that_are_not(void **state)
{
    static const char *const types[] = {"text/plain", "", "application/jsonx", "text/csvx", "text"};
    (void)state;
    for (size_t i = 0; i < COUNT(types); i++) {
        struct peer_answer answer = service_ask(&service, "POST", "/rows", types[i], "[]");
        assert_int_equal(answer.status, 415);
        assert_true(service_has_header(&answer, "Accept: application/json, application/x-ndjson, text/csv"));
        peer_free_answer(&answer);
    }
    struct peer_answer answer = service_ask(&service, "PATCH", "/rows", CSV, "id\n");
    assert_int_equal(answer.status, 415);
    assert_true(service_has_header(&answer, "Accept-Patch: application/json"));
    peer_free_answer(&answer);
}

static void more_than_ten_thousand_rows_are_too_many(void **state)
{
    static const struct {
        const char *type, *before, *row, *after;
    } cases[] = {
        {JSON, "[0", ",0", "]"}, {NDJSON, "0\n", "0\n", ""}, {CSV, "name,email,age\n,,\n", ",,\n", ""}};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int rows = ROWS_MOST; rows <= ROWS_MOST + 1; rows++) {
            struct buffer body;
            buffer_init(&body);
            buffer_string(&body, cases[i].before);
            for (int row = 1; row < rows; row++)
                buffer_string(&body, cases[i].row);
            buffer_string(&body, cases[i].after);
            buffer_append(&body, "", 1);
            if (rows > ROWS_MOST) {
                assert_detail("/rows", cases[i].type, body.bytes, 413, "The body has more than 10000 rows.");
            } else {
                struct peer_answer answer = service_ask(&service, "POST", "/rows", cases[i].type, body.bytes);
                assert_int_equal(answer.status, 422);
                peer_free_answer(&answer);
            }
            buffer_free(&body);
        }
}

/* ---- memory ---- */

static void without_memory_the_answer_says_so(void **state)
{
    static const struct {
        const char *uri, *type, *body;
    } cases[] = {{"/rows", JSON, "[" KEYED "," BOB "]"},
                 {"/rows", NDJSON, KEYED "\n" BOB},
                 {"/rows", CSV, "id,name,email,age\n" KEY ",Ada,ada@example.org,36\n"},
                 {"/rows", CSV, "x,name\n"},
                 {"/rows", JSON, "[" ADA "," ADA "]"}};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int n = 1;; n++) {
            request_free_spare(&service.server);
            service_send(&service, "POST", cases[i].uri, cases[i].type, cases[i].body);
            inject_at(NULL, n, ENOMEM);
            service_wait(&service);
            int failures = inject_off();
            struct peer_answer answer = service_answer(&service);
            int status = answer.status;
            peer_free_answer(&answer);
            if (failures == 0) {
                assert_true(status == 200 || status == 422 || status == 400);
                break;
            }
            assert_true(status == 503 || status == 0 || status == 200 || status == 422 || status == 400);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_every_type_become_the_same_arrays),
        cmocka_unit_test(a_key_may_be_sent),
        cmocka_unit_test(a_csv_without_a_key_in_a_row_gets_one_made),
        cmocka_unit_test(no_value_is_null_in_every_type),
        cmocka_unit_test(a_body_without_rows_is_none),
        cmocka_unit_test(one_object_is_a_body_too),
        cmocka_unit_test(changes_say_what_is_sent),
        cmocka_unit_test(what_may_be_there_twice_is),
        cmocka_unit_test(all_faults_of_all_rows_are_told),
        cmocka_unit_test(faults_of_one_object_have_no_row),
        cmocka_unit_test(faults_of_changes_are_told),
        cmocka_unit_test(the_same_key_or_email_is_a_fault_of_the_later_row),
        cmocka_unit_test(a_header_of_csv_must_name_the_fields),
        cmocka_unit_test(what_is_not_of_its_type_is_malformed),
        cmocka_unit_test(other_types_are_refused_with_those_that_are_not),
        cmocka_unit_test(more_than_ten_thousand_rows_are_too_many),
        cmocka_unit_test(without_memory_the_answer_says_so),
    };
    return cmocka_run_group_tests_name("intake", tests, start, stop);
}
