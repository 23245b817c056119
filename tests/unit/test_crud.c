// wrap: malloc calloc realloc
#include "crud.h"

#include "inject.h"
#include "service.h"
#include "unit.h"

#include "statements.h"

INJECT_MEMORY

/* One row under /v1, whatever memory there is; tests/system has what all of it means. */

static struct service service;
static const struct route_table *const tables[] = {&passengers_routes, &employees_routes, NULL};

static int open_service(void **state)
{
    if (open_all(state) != 0)
        return -1;
    service_open(&service, loop, database, tables);
    return 0;
}

static int close_service(void **state)
{
    service_close(&service);
    return close_all(state);
}

#define ROW     "/v1/employees/" FIRST
#define WHOLE   "{\"age\":37,\"email\":\"eve@example.org\",\"name\":\"Eve\"}"
#define MINIMAL "HTTP_PREFER", "return=minimal"

struct step {
    const char *method, *uri, *body;
    const char *params[5];
    int status;
    const char *header, *other; /* that the answer has, or NULL */
    bool empty;                 /* the answer has no body */
};

static const struct step steps[] = {
    {"POST", "/v1/employees", WHOLE, {NULL}, 201, "ETag: \"1\"", NULL, false},
    {"POST", "/v1/employees", WHOLE, {MINIMAL}, 201, "ETag: \"1\"", "Content-Length: 0", true},
    {"GET", ROW, NULL, {NULL}, 200, "ETag: \"1\"", "Cache-Control: no-cache", false},
    {"GET", ROW, NULL, {"HTTP_IF_NONE_MATCH", "\"1\""}, 304, "ETag: \"1\"", "Cache-Control: no-cache", true},
    {"GET", ROW, NULL, {"HTTP_IF_MATCH", "\"2\""}, 412, NULL, NULL, false},
    {"PUT", ROW, WHOLE, {"HTTP_IF_MATCH", "\"1\""}, 200, "ETag: \"2\"", NULL, false},
    {"PUT", ROW, WHOLE, {"HTTP_IF_MATCH", "\"2\""}, 412, NULL, NULL, false},
    {"PUT", ROW, WHOLE, {MINIMAL}, 204, "ETag: \"2\"", "Preference-Applied: return=minimal", true},
    {"PUT",
     "/v1/employees/" SECOND,
     WHOLE,
     {"HTTP_IF_NONE_MATCH", "*"},
     201,
     "Location: /v1/employees/" SECOND,
     NULL,
     false},
    {"PUT", ROW, WHOLE, {"HTTP_IF_NONE_MATCH", "*"}, 412, NULL, NULL, false},
    {"PATCH", ROW, "{\"age\":1}", {"HTTP_IF_NONE_MATCH", "\"7\""}, 200, "ETag: \"2\"", NULL, false},
    {"PATCH", ROW, "{\"email\":null}", {NULL}, 422, NULL, NULL, false},
    {"PATCH", ROW, "{\"age\":1}", {"HTTP_IF_NONE_MATCH", "*"}, 412, NULL, NULL, false},
    {"DELETE", ROW, NULL, {"HTTP_IF_MATCH", "\"1\""}, 204, NULL, NULL, true},
    {"DELETE", ROW, NULL, {"HTTP_IF_MATCH", "\"2\""}, 412, NULL, NULL, false},
    {"DELETE", ROW, NULL, {"HTTP_PREFER", "return"}, 204, NULL, NULL, true},
};

/* An employee is there. Every request of the peer has the same id, so the ledger is emptied for each. */
static void set_the_scene(void)
{
    start(NULL);
    insert_employee(FIRST, "ada@example.org");
}

static void assert_as_it_must_be(const struct step *step, const struct peer_answer *answer)
{
    if (answer->status != step->status || (answer->body.length == 0) != step->empty ||
        (step->header != NULL && !service_has_header(answer, step->header)) ||
        (step->other != NULL && !service_has_header(answer, step->other)))
        fail_msg("%s %s: %d %s%s", step->method, step->uri, answer->status, answer->headers.bytes,
                 answer->body.bytes);
}

static void send_step(const struct step *step)
{
    service.params = step->params;
    service_send(&service, step->method, step->uri, step->body != NULL ? "application/json" : NULL,
                 step->body);
    service.params = NULL;
}

static void each_request_is_answered_as_the_second_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(steps); i++) {
        set_the_scene();
        for (int try = 0; try < 2; try++) {
            send_step(&steps[i]);
            service_wait(&service);
            struct peer_answer answer = service_answer(&service);
            assert_as_it_must_be(&steps[i], &answer);
            peer_free_answer(&answer);
        }
    }
}

/* Nothing but the right answer, or that there was no memory for it. */
static void without_memory_no_answer_is_a_wrong_one(void **state)
{
    int failed = 0;
    (void)state;
    for (size_t i = 0; i < COUNT(steps); i++) {
        set_the_scene();
        for (int n = 1;; n++) {
            request_free_spare(&service.server);
            send_step(&steps[i]);
            inject_at(NULL, n, ENOMEM);
            service_wait(&service);
            int failures = inject_off();
            struct peer_answer answer = service_answer(&service);
            if (answer.status != 503 && answer.status != 0)
                assert_as_it_must_be(&steps[i], &answer);
            peer_free_answer(&answer);
            if (failures == 0)
                break;
            failed++;
        }
    }
    assert_true(failed > 2 * (int)COUNT(steps));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_is_answered_as_the_second_time),
        cmocka_unit_test(without_memory_no_answer_is_a_wrong_one),
    };
    return cmocka_run_group_tests_name("crud", tests, open_service, close_service);
}
