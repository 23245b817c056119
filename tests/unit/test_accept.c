/* Which media type a request gets, by what its Accept says. */

#include "accept.h"

#include "service.h"
#include "unit.h"

static struct service service;
static struct loop *loop;

/* Routes that answer with the type that was chosen, of all three or of the first. */
static void tell(struct request *request)
{
    enum accept_type type;
    if (accept_choose(request, request->route->status, &type))
        request_answer(request, 200, "", "text/plain", accept_names[type], strlen(accept_names[type]));
}

static const struct route routes[] = {
    {METHOD_GET, "/all", tell, .status = ACCEPT_TYPES},
    {METHOD_GET, "/json", tell, .status = 1},
};
static const struct route_table table = {routes, COUNT(routes)};
static const struct route_table *const tables[] = {&table, NULL};

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

static struct peer_answer ask(const char *uri, const char *accept)
{
    const char *const params[] = {"HTTP_ACCEPT", accept, NULL};
    service.params = params;
    struct peer_answer answer = service_ask(&service, "GET", uri, NULL, NULL);
    service.params = NULL;
    return answer;
}

static void assert_chosen(const char *accept, enum accept_type expected)
{
    struct peer_answer answer = ask("/all", accept);
    if (answer.status != 200 || strcmp(answer.body.bytes, accept_names[expected]) != 0)
        fail_msg("%s: %d %s", accept, answer.status, answer.body.bytes);
    peer_free_answer(&answer);
}

static void the_type_that_is_liked_best_is_chosen(void **state)
{
    static const struct {
        const char *accept;
        enum accept_type chosen;
    } cases[] = {
        {"", ACCEPT_JSON},
        {" , ,", ACCEPT_JSON},
        {"*/*", ACCEPT_JSON},
        {"*/*;q=0.1", ACCEPT_JSON},
        {"application/json", ACCEPT_JSON},
        {"APPLICATION/Json", ACCEPT_JSON},
        {"application/*", ACCEPT_JSON},
        {"text/*", ACCEPT_CSV},
        {"text/csv", ACCEPT_CSV},
        {"Text/CSV", ACCEPT_CSV},
        {"application/x-ndjson", ACCEPT_NDJSON},
        {"text/html, text/csv", ACCEPT_CSV},
        {"text/html,,text/csv,", ACCEPT_CSV},
        {"text/csv, application/json", ACCEPT_JSON}, /* as good: the first that is offered */
        {"application/json;q=0.5, text/csv", ACCEPT_CSV},
        {"application/json ; q=0.5 , text/csv ; q=0.4", ACCEPT_JSON},
        {"application/json;Q=0.001, text/csv;q=0.002", ACCEPT_CSV},
        {"application/json;q=1.000, text/csv;q=0.999", ACCEPT_JSON},
        {"application/json;q=0., text/csv;q=1.", ACCEPT_CSV},
        {"*/*, application/json;q=0", ACCEPT_CSV}, /* the most specific range counts */
        {"application/*;q=0.2, */*;q=0.1, application/json;q=0.05", ACCEPT_NDJSON},
        {"application/json;q=0.3, application/json;charset=utf-8;q=0.1, text/csv;q=0.2", ACCEPT_CSV},
        {"text/csv;charset=utf-8", ACCEPT_CSV},
        {"text/csv; charset=\"UTF-8\"; header=present", ACCEPT_CSV},
        {"text/csv;header=present;q=0.5, */*;q=0.4", ACCEPT_CSV},
        {"text/csv;header=absent, application/x-ndjson;q=0.1", ACCEPT_NDJSON},
        {"text/csv;charset=latin1, */*;q=0.1", ACCEPT_JSON},
        {"application/json;header=present, text/csv;q=0.1", ACCEPT_CSV},
        {"text/html;level=\"a,\\\"b;c\", text/csv", ACCEPT_CSV},
        {"text/csv;q=0.5;later=1;alone=\"x\"", ACCEPT_CSV},
        {"text/csv;", ACCEPT_CSV},
        {"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", ACCEPT_JSON}, /* Java's own */
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", ACCEPT_JSON},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_chosen(cases[i].accept, cases[i].chosen);
}

static void assert_problem(const char *uri, const char *accept, int status, const char *part)
{
    struct peer_answer answer = ask(uri, accept);
    if (answer.status != status || strstr(answer.body.bytes, part) == NULL)
        fail_msg("%s: %d %s", accept, answer.status, answer.body.bytes);
    assert_true(service_has_header(&answer, "Content-Type: application/problem+json"));
    peer_free_answer(&answer);
}

static void a_type_that_is_not_to_be_had_is_not_acceptable(void **state)
{
    static const char *const headers[] = {"text/html",
                                          "application/json;q=0",
                                          "*/*;q=0",
                                          "*/*;q=0.000",
                                          "text/csv;header=absent",
                                          "application/json;version=2",
                                          "json/application",
                                          "text/csvx",
                                          "text/cs"};
    (void)state;
    for (size_t i = 0; i < COUNT(headers); i++)
        assert_problem("/all", headers[i], 406,
                       "\"detail\":\"What is to be had here is application/json, text/csv, "
                       "application/x-ndjson.\"");
    assert_problem("/json", "text/csv", 406, "\"detail\":\"What is to be had here is application/json.\"");
}

static void a_malformed_header_is_told(void **state)
{
    static const char *const headers[] = {"json",
                                          "/",
                                          "text/",
                                          "/csv",
                                          "*/csv",
                                          "text/csv json",
                                          "text/csv/x",
                                          "text /csv",
                                          "text/csv;q=2",
                                          "text/csv;q=1.001",
                                          "text/csv;q=0.1234",
                                          "text/csv;q=-1",
                                          "text/csv;q=",
                                          "text/csv;q=.",
                                          "text/csv;q",
                                          "text/csv;q =1",
                                          "text/csv;charset=\"utf-8",
                                          "text/csv;charset=\"utf-8\\",
                                          "text/csv;=x",
                                          "text/csv;q=0.5;x",
                                          "text/csv, @",
                                          "\"text/csv\"",
                                          "t\xc3\xa9xt/csv"};
    (void)state;
    for (size_t i = 0; i < COUNT(headers); i++)
        assert_problem("/all", headers[i], 400, "\"errors\":[{\"header\":\"Accept\",\"detail\":\"must be");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_type_that_is_liked_best_is_chosen),
        cmocka_unit_test(a_type_that_is_not_to_be_had_is_not_acceptable),
        cmocka_unit_test(a_malformed_header_is_told),
    };
    return cmocka_run_group_tests_name("accept", tests, start, stop);
}
