// wrap: malloc calloc realloc
#include "route.h"

#include "employees.h"
#include "health.h"
#include "inject.h"
#include "passengers.h"
#include "service.h"
#include "unit.h"

#include <json-c/json.h>

INJECT_MEMORY

#define UUID "0196f0c2-4bd7-7a52-9a3e-5d1a3c2b1f00"

static struct service service;
static struct loop *loop;

/* The routes of the service, with a handler that only tells what was found. */
static struct route found[64];
static struct route_table found_table;

static void tell(struct request *request)
{
    struct buffer body;
    buffer_init(&body);
    buffer_format(&body, "%s %s", request->route->path, request->argument != NULL ? request->argument : "-");
    request_answer(request, 200, "", "text/plain", body.bytes, body.length);
    buffer_free(&body);
}

static const struct route_table *const all[] = {&health_routes, &passengers_routes, &employees_routes, NULL};
static const struct route_table *const telling[] = {&found_table, NULL};

static int start(const struct route_table *const *tables)
{
    for (int i = found_table.count = 0; all[i] != NULL; i++)
        for (int j = 0; j < all[i]->count; j++) {
            assert_true(found_table.count < (int)COUNT(found));
            found[found_table.count] = all[i]->routes[j];
            found[found_table.count++].handle = tell;
        }
    found_table.routes = found;
    loop = loop_create();
    service_open(&service, loop, NULL, tables);
    return 0;
}

static int start_telling(void **state)
{
    (void)state;
    return start(telling);
}

static int start_all(void **state)
{
    (void)state;
    return start(all);
}

static int stop(void **state)
{
    (void)state;
    service_close(&service);
    loop_free(loop);
    return 0;
}

static void assert_answer(const char *method, const char *uri, int status, const char *body)
{
    struct peer_answer answer = service_ask(&service, method, uri, NULL, NULL);
    if (answer.status != status)
        fail_msg("%s %s: %d %s", method, uri, answer.status, answer.body.bytes);
    assert_string_equal(answer.body.bytes, body);
    peer_free_answer(&answer);
}

struct look {
    const char *method, *uri, *body;
};

/* One for each route of the service. */
static const struct look looks[] = {
    {"GET", "/", "/ -"},
    {"GET", "/hello", "/hello -"},
    {"GET", "/zero", "/zero -"},
    {"GET", "/healthz", "/healthz -"},
    {"GET", "/readyz", "/readyz -"},
    {"GET", "/problems/conflict", "/problems/* conflict"},
    {"GET", "/passengerlist", "/passengerlist -"},
    {"GET", "/getpassenger/" UUID, "/getpassenger/* " UUID},
    {"POST", "/postpassenger", "/postpassenger -"},
    {"PUT", "/putpassenger/" UUID, "/putpassenger/* " UUID},
    {"DELETE", "/deletepassenger/" UUID, "/deletepassenger/* " UUID},
    {"GET", "/v1/passengers", "/v1/passengers -"},
    {"POST", "/v1/passengers", "/v1/passengers -"},
    {"PATCH", "/v1/passengers", "/v1/passengers -"},
    {"GET", "/v1/passengers/" UUID, "/v1/passengers/* " UUID},
    {"PUT", "/v1/passengers/" UUID, "/v1/passengers/* " UUID},
    {"PATCH", "/v1/passengers/" UUID, "/v1/passengers/* " UUID},
    {"DELETE", "/v1/passengers/" UUID, "/v1/passengers/* " UUID},
    {"GET", "/v1/passengers/stats", "/v1/passengers/stats -"},
    {"POST", "/employees/add", "/employees/add -"},
    {"GET", "/employees/get", "/employees/get -"},
    {"GET", "/employees/get/ada%40example.org", "/employees/get/* ada@example.org"},
    {"PATCH", "/employees/update/ada+x@example.org", "/employees/update/* ada+x@example.org"},
    {"DELETE", "/employees/delete/a%2Fb@example.org", "/employees/delete/* a/b@example.org"},
    {"GET", "/v1/employees", "/v1/employees -"},
    {"POST", "/v1/employees", "/v1/employees -"},
    {"PATCH", "/v1/employees", "/v1/employees -"},
    {"GET", "/v1/employees/" UUID, "/v1/employees/* " UUID},
    {"PUT", "/v1/employees/" UUID, "/v1/employees/* " UUID},
    {"PATCH", "/v1/employees/" UUID, "/v1/employees/* " UUID},
    {"DELETE", "/v1/employees/" UUID, "/v1/employees/* " UUID},
};

static void every_route_is_found_with_its_argument(void **state)
{
    static const struct look others[] = {{"GET", "/hello?to=you", "/hello -"},
                                         {"GET", "/%68ello", "/hello -"}};
    (void)state;
    for (size_t i = 0; i < COUNT(looks); i++)
        assert_answer(looks[i].method, looks[i].uri, 200, looks[i].body);
    for (size_t i = 0; i < COUNT(others); i++)
        assert_answer(others[i].method, others[i].uri, 200, others[i].body);
}

static void every_route_there_is_was_looked_for(void **state)
{
    (void)state;
    assert_int_equal(found_table.count, COUNT(looks));
}

static void other_paths_are_not_found(void **state)
{
    static const char *const uris[] = {"//",
                                       "/hell",
                                       "/hello/",
                                       "/hello/x",
                                       "//hello",
                                       "/Hello",
                                       "/getpassenger",
                                       "/getpassenger/",
                                       "/getpassenger/a/b",
                                       "/getpassenger//",
                                       "/employees",
                                       "/employees/",
                                       "/employees/update",
                                       "/employees/update/",
                                       "/hello%2F",
                                       "/employees%2Fget",
                                       "/hello%20",
                                       "/1/2/3/4/5/6/7/8/9/10",
                                       "/*"};
    (void)state;
    for (size_t i = 0; i < COUNT(uris); i++) {
        struct peer_answer answer = service_ask(&service, "GET", uris[i], NULL, NULL);
        if (answer.status != 404)
            fail_msg("%s: %d", uris[i], answer.status);
        assert_non_null(strstr(answer.body.bytes, "\"type\":\"/problems/not-found\""));
        assert_true(service_has_header(&answer, "Content-Type: application/problem+json"));
        peer_free_answer(&answer);
    }
}

static void broken_paths_are_bad_requests(void **state)
{
    static const char *const uris[] = {"", "*", "hello", "/%", "/hello%00", "/%ff"};
    (void)state;
    for (size_t i = 0; i < COUNT(uris); i++) {
        struct peer_answer answer = service_ask(&service, "GET", uris[i], NULL, NULL);
        assert_int_equal(answer.status, 400);
        assert_non_null(strstr(answer.body.bytes, "/problems/malformed-request"));
        peer_free_answer(&answer);
    }
}

static void an_id_that_is_no_text_is_not_repeated(void **state)
{
    static const char *const params[] = {"REQUEST_ID", "\xff\xfe", NULL};
    (void)state;
    service.params = params;
    struct peer_answer answer = service_ask(&service, "GET", "/nowhere", NULL, NULL);
    assert_int_equal(answer.status, 404);
    struct json_object *problem = json_tokener_parse(answer.body.bytes);
    const char *instance = json_object_get_string(json_object_object_get(problem, "instance"));
    assert_int_equal(strlen(instance), UUID_SIZE - 1); /* one of our own making */
    assert_null(strchr(answer.body.bytes, '\xff'));
    json_object_put(problem);
    peer_free_answer(&answer);
}

static void parameters_are_refused_where_there_are_none(void **state)
{
    static const struct {
        const char *method, *uri, *errors;
    } cases[] = {
        {"GET", "/v1/employees/" UUID "?fields=id",
         "[{\"parameter\":\"fields\",\"detail\":\"is not a parameter here; there are none\"}]"},
        {"POST", "/v1/passengers?&a=1&%zz&b%20c",
         "[{\"parameter\":\"a\",\"detail\":\"is not a parameter here; there are none\"},"
         "{\"parameter\":\"%zz\",\"detail\":\"is not a parameter here; there are none\"},"
         "{\"parameter\":\"b c\",\"detail\":\"is not a parameter here; there are none\"}]"},
        {"DELETE", "/v1/passengers/" UUID "?=",
         "[{\"parameter\":\"\",\"detail\":\"is not a parameter here; there are none\"}]"},
        {"PATCH", "/v1/passengers?&", NULL},
        {"GET", "/v1/passengers?fields=uuid", NULL}, /* its handler looks at them */
        {"GET", "/getpassenger/" UUID "?a=1", NULL}, /* as ever */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct peer_answer answer = service_ask(&service, cases[i].method, cases[i].uri, NULL, NULL);
        assert_int_equal(answer.status, cases[i].errors != NULL ? 400 : 200);
        if (cases[i].errors != NULL)
            assert_non_null(strstr(answer.body.bytes, cases[i].errors));
        peer_free_answer(&answer);
    }
}

static const struct {
    const char *uri, *allow;
} methods[] = {
    {"/", "Allow: GET, HEAD, OPTIONS"},
    {"/hello", "Allow: GET, HEAD, OPTIONS"},
    {"/passengerlist", "Allow: GET, HEAD, OPTIONS"},
    {"/getpassenger/" UUID, "Allow: GET, HEAD, OPTIONS"},
    {"/postpassenger", "Allow: POST, OPTIONS"},
    {"/putpassenger/" UUID, "Allow: PUT, OPTIONS"},
    {"/deletepassenger/" UUID, "Allow: DELETE, OPTIONS"},
    {"/employees/add", "Allow: POST, OPTIONS"},
    {"/employees/get", "Allow: GET, HEAD, OPTIONS"},
    {"/employees/update/a@b.c", "Allow: PATCH, OPTIONS"},
    {"/employees/delete/a@b.c", "Allow: DELETE, OPTIONS"},
};

static void other_methods_are_told_which_there_are(void **state)
{
    static const char *const names[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "get", ""};
    (void)state;
    for (size_t i = 0; i < COUNT(methods); i++)
        for (size_t j = 0; j < COUNT(names); j++) {
            if (names[j][0] != '\0' && strstr(methods[i].allow, names[j]) != NULL)
                continue;
            struct peer_answer answer = service_ask(&service, names[j], methods[i].uri, NULL, NULL);
            if (answer.status != 405)
                fail_msg("%s %s: %d", names[j], methods[i].uri, answer.status);
            assert_true(service_has_header(&answer, methods[i].allow));
            assert_non_null(strstr(answer.body.bytes, "/problems/method-not-allowed"));
            peer_free_answer(&answer);
        }
}

static void options_lists_the_methods(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(methods); i++) {
        struct peer_answer answer = service_ask(&service, "OPTIONS", methods[i].uri, NULL, NULL);
        assert_int_equal(answer.status, 204);
        assert_true(service_has_header(&answer, methods[i].allow));
        assert_int_equal(answer.body.length, 0);
        peer_free_answer(&answer);
    }
    struct peer_answer answer = service_ask(&service, "OPTIONS", "/nothing", NULL, NULL);
    assert_int_equal(answer.status, 404);
    peer_free_answer(&answer);
}

static const struct route shelf[] = {
    {METHOD_GET, "/books/*", tell, .headers = "Shelf: 1\r\n"},
    {METHOD_PATCH, "/books/*", tell, .headers = "Shelf: 1\r\n", .options = "Accept-Patch: text/plain\r\n"},
    {METHOD_GET, "/books/stats", tell, .status = 200},
};
static const struct route_table shelf_table = {shelf, COUNT(shelf)};
static const struct route_table *const shelves[] = {&shelf_table, NULL};

static void a_path_that_is_named_wholly_goes_before_one_with_a_star(void **state)
{
    static const struct {
        const char *method, *uri;
        int status;
        const char *allow;
    } cases[] = {
        {"OPTIONS", "/books/stats", 204, "Allow: GET, HEAD, OPTIONS"},
        {"PATCH", "/books/stats", 405, "Allow: GET, HEAD, OPTIONS"},
        {"OPTIONS", "/books/1", 204, "Allow: GET, HEAD, PATCH, OPTIONS"},
        {"PUT", "/books/1", 405, "Allow: GET, HEAD, PATCH, OPTIONS"},
    };
    (void)state;
    service.server.routes = shelves;
    assert_answer("GET", "/books/stats", 200, "/books/stats -");
    assert_answer("GET", "/books/1", 200, "/books/* 1");
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct peer_answer answer = service_ask(&service, cases[i].method, cases[i].uri, NULL, NULL);
        bool one = strcmp(cases[i].uri, "/books/1") == 0;
        assert_int_equal(answer.status, cases[i].status);
        assert_true(service_has_header(&answer, cases[i].allow));
        assert_int_equal(service_has_header(&answer, "Accept-Patch: text/plain"),
                         one && cases[i].status == 204);
        assert_int_equal(service_has_header(&answer, "Shelf: 1"), one);
        peer_free_answer(&answer);
    }
}

static void head_is_get_without_the_body(void **state)
{
    static const char *const uris[] = {"/", "/hello", "/zero", "/healthz", "/problems/conflict", "/nothing"};
    (void)state;
    for (size_t i = 0; i < COUNT(uris); i++) {
        struct peer_answer get = service_ask(&service, "GET", uris[i], NULL, NULL);
        struct peer_answer head = service_ask(&service, "HEAD", uris[i], NULL, NULL);
        assert_string_equal(head.headers.bytes, get.headers.bytes);
        assert_int_equal(head.status, get.status);
        assert_true(get.body.length > 0);
        assert_int_equal(head.body.length, 0);
        peer_free_answer(&head);
        peer_free_answer(&get);
    }
}

static void the_greetings_answer_without_a_database(void **state)
{
    (void)state;
    assert_answer("GET", "/hello", 201, "{\"message\":\"ok\"}");
    assert_answer("GET", "/zero", 201, "{\"0\":\"\"}");
    assert_answer("GET", "/healthz", 200, "{\"status\":\"alive\"}");
}

static void every_status_has_its_words(void **state)
{
    static const char *const params[] = {"SERVER_PROTOCOL", "HTTP/1.0", "HTTP_ACCEPT", "text/csv", NULL};
    static const char line[] = "Status: 505 HTTP Version Not Supported\r\n";
    (void)state;
    service.params = params;
    struct peer_answer answer = service_ask(&service, "GET", "/v1/passengers", NULL, NULL);
    assert_memory_equal(answer.headers.bytes, line, strlen(line));
    peer_free_answer(&answer);
}

static void the_index_has_every_route(void **state)
{
    struct peer_answer answer = service_ask(&service, "GET", "/", NULL, NULL);
    struct json_object *index = json_tokener_parse(answer.body.bytes), *routes;
    (void)state;
    assert_non_null(index);
    routes = json_object_object_get(index, "routes");
    assert_int_equal(json_object_array_length(routes), found_table.count);
    assert_non_null(strstr(answer.body.bytes, "{\"method\":\"PATCH\",\"path\":\"/employees/update/*\"}"));
    json_object_put(index);
    peer_free_answer(&answer);
}

static void every_problem_has_a_page(void **state)
{
    (void)state;
    for (int i = 0; i < PROBLEM_COUNT; i++) {
        char uri[80];
        snprintf(uri, sizeof uri, "/problems/%s", problem_kinds[i].slug);
        struct peer_answer answer = service_ask(&service, "GET", uri, NULL, NULL);
        assert_int_equal(answer.status, 200);
        struct json_object *page = json_tokener_parse(answer.body.bytes);
        assert_string_equal(json_object_get_string(json_object_object_get(page, "type")), uri);
        assert_string_equal(json_object_get_string(json_object_object_get(page, "description")),
                            problem_kinds[i].description);
        json_object_put(page);
        peer_free_answer(&answer);
    }
    struct peer_answer answer = service_ask(&service, "GET", "/problems/none", NULL, NULL);
    assert_int_equal(answer.status, 404);
    peer_free_answer(&answer);
}

/* What a worker without memory says is its own fault, or nothing at all; and it lives on. */
static void no_client_is_blamed_for_missing_memory(void **state)
{
    static const char *const uris[] = {"/", "/hello", "/problems/conflict"};
    int failed = 0;
    (void)state;
    for (size_t i = 0; i < COUNT(uris); i++)
        for (int n = 1;; n++) {
            request_free_spare(&service.server);
            service_send(&service, "GET", uris[i], NULL, NULL);
            inject_at(NULL, n, ENOMEM);
            service_wait(&service);
            int failures = inject_off();
            struct peer_answer answer = service_answer(&service);
            if (answer.status / 100 != 2 && answer.status / 100 != 5 && answer.status != 0)
                fail_msg("%s without memory for call %d: %s", uris[i], n, answer.body.bytes);
            peer_free_answer(&answer);
            if (failures == 0)
                break;
            failed++;
        }
    assert_true(failed > 9);
    assert_answer("GET", "/hello", 201, "{\"message\":\"ok\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_route_is_found_with_its_argument, start_telling, stop),
        cmocka_unit_test_setup_teardown(every_route_there_is_was_looked_for, start_telling, stop),
        cmocka_unit_test_setup_teardown(other_paths_are_not_found, start_telling, stop),
        cmocka_unit_test_setup_teardown(broken_paths_are_bad_requests, start_telling, stop),
        cmocka_unit_test_setup_teardown(an_id_that_is_no_text_is_not_repeated, start_telling, stop),
        cmocka_unit_test_setup_teardown(parameters_are_refused_where_there_are_none, start_telling, stop),
        cmocka_unit_test_setup_teardown(other_methods_are_told_which_there_are, start_telling, stop),
        cmocka_unit_test_setup_teardown(options_lists_the_methods, start_telling, stop),
        cmocka_unit_test_setup_teardown(a_path_that_is_named_wholly_goes_before_one_with_a_star,
                                        start_telling, stop),
        cmocka_unit_test_setup_teardown(head_is_get_without_the_body, start_all, stop),
        cmocka_unit_test_setup_teardown(the_greetings_answer_without_a_database, start_all, stop),
        cmocka_unit_test_setup_teardown(every_status_has_its_words, start_all, stop),
        cmocka_unit_test_setup_teardown(the_index_has_every_route, start_all, stop),
        cmocka_unit_test_setup_teardown(every_problem_has_a_page, start_all, stop),
        cmocka_unit_test_setup_teardown(no_client_is_blamed_for_missing_memory, start_all, stop),
    };
    return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
