// wrap: malloc calloc realloc strdup fmemopen memfd_create mmap ftruncate pwrite lseek read write fopen fgets
// wrap: fread ferror fflush getrandom sched_getaffinity sigprocmask signalfd epoll_create1 epoll_wait epoll_ctl
// wrap: accept4 socket connect recv send poll getsockopt setsockopt fcntl FCGX_Init FCGX_GetStr FCGX_PutStr
// wrap: FCGX_FFlush FCGX_FClose FCGX_Accept_r EVP_MD_CTX_new EVP_DigestInit_ex EVP_DigestUpdate EVP_DigestFinal_ex
// wrap: json_object_new_object json_object_new_array json_object_new_boolean json_object_new_int64
// wrap: json_object_new_double_s json_object_new_string_len json_object_array_add json_object_object_add_ex
// wrap: PQconnectdbParams PQpingParams PQconnectStartParams PQconnectPoll PQconninfoParse PQstatus PQsocket
// wrap: PQserverVersion PQparameterStatus PQsetnonblocking PQenterPipelineMode PQsendPrepare PQsendQueryPrepared
// wrap: PQsendQueryParams PQpipelineSync PQsendPipelineSync PQflush PQconsumeInput PQgetResult PQfinish
// wrap: PQexec PQexecParams PQputCopyData PQputCopyEnd
/*
 * Whatever the program calls of others fails once, at every place where it is called: each function of imports.h, its
 * first call, its second, and so on, until what is done runs to its end without a failure. No request gets a wrong
 * answer, what a failed one would have written is there whole or not at all, the next request is answered as if
 * nothing had been, and nothing leaks.
 */

#include "unit.h"

#include "imports.h"

#include "captive.h"
#include "config.h"
#include "import.h"
#include "migrate.h"
#include "passengers.h"
#include "probe.h"

#include <arpa/inet.h>

#define COMPLAINTS 20 /* that are printed */

static struct {
    int calls, injected, survived; /* calls: where nothing failed */
} table[IMPORTS];

static int complaints;

/* A failure was made, and this is how it went: NULL is well. */
static void note(const char *what, int import, int n, const char *wrong)
{
    table[import].injected++;
    if (wrong == NULL)
        table[import].survived++;
    else if (complaints++ < COMPLAINTS)
        print_error("%s, call %d of %s failed: %s\n%s", what, n, imports[import], wrong,
                    captive_complaints());
}

static void assert_no_complaints(void)
{
    int seen = complaints;
    complaints = 0;
    if (seen > 0)
        fail_msg("%d failures were not survived", seen);
}

/* ---- requests ---- */

#define JSON   "application/json"
#define PERSON "00000000-0000-7000-8000-000000000001"
#define ADA    "00000000-0000-7000-8000-0000000000a1"
#define NEW    "00000000-0000-7000-8000-0000000000f1"
#define KEY    "HTTP_IDEMPOTENCY_KEY", "once"
#define PASSENGER                                                                                            \
    "{\"survived\":true,\"passengerClass\":1,\"name\":\"New\",\"sex\":\"female\",\"age\":30.5,"              \
    "\"siblingsOrSpousesAboard\":0,\"parentsOrChildrenAboard\":1,\"fare\":7.25}"
#define ROW(name) "{\"name\":\"" name "\",\"age\":30,\"email\":\"" name "@x.org\"}"

static const struct step {
    const char *method, *uri, *type, *body;
    int status;
    const char *params[6];
    bool again; /* it was done before */
} steps[] = {
    {"GET", "/passengerlist", NULL, NULL, 200, {NULL}, false},
    {"GET", "/getpassenger/" PERSON, NULL, NULL, 200, {NULL}, false},
    {"POST", "/postpassenger", JSON, PASSENGER, 200, {NULL}, false},
    {"PUT", "/putpassenger/" PERSON, JSON, PASSENGER, 200, {NULL}, false},
    {"DELETE", "/deletepassenger/" PERSON, NULL, NULL, 200, {NULL}, false},
    {"GET", "/employees/get", NULL, NULL, 200, {NULL}, false},
    {"GET", "/employees/get/ada@x.org", NULL, NULL, 200, {NULL}, false},
    {"POST", "/employees/add", JSON, ROW("new"), 201, {NULL}, false},
    {"POST", "/employees/add", JSON, ROW("ada"), 409, {NULL}, false},
    {"PATCH", "/employees/update/ada@x.org", JSON, "{\"age\":40}", 200, {NULL}, false},
    {"DELETE", "/employees/delete/ada@x.org", NULL, NULL, 204, {NULL}, false},
    {"GET", "/v1/passengers?limit=3&order=-age,name&sex=eq.male&q=person", NULL, NULL, 200,
     {"HTTP_PREFER", "count=exact"}, false},
    {"GET", "/v1/passengers?fields=name,fare&fare=gte.7", NULL, NULL, 200, {"HTTP_ACCEPT", "text/csv"}, false},
    {"GET", "/v1/employees", NULL, NULL, 200, {"HTTP_ACCEPT", "application/x-ndjson"}, false},
    {"GET", "/v1/passengers/stats?by=sex", NULL, NULL, 200, {NULL}, false},
    {"GET", "/v1/employees/" ADA, NULL, NULL, 200, {NULL}, false},
    {"GET", "/v1/employees/" ADA, NULL, NULL, 304, {"HTTP_IF_NONE_MATCH", "*"}, false},
    {"GET", "/v1/employees/" NEW, NULL, NULL, 404, {NULL}, false},
    {"POST", "/v1/employees", JSON, ROW("new"), 201, {KEY}, false},
    {"POST", "/v1/employees", JSON, ROW("new"), 201, {KEY}, true},
    {"POST", "/v1/employees", JSON, "[" ROW("new") "," ROW("newer") "]", 201, {KEY}, false},
    {"POST", "/v1/employees", "text/csv", "name,age,email\nNew,1,new@x.org\nAda,2,ada@x.org\n", 200,
     {"HTTP_PREFER", "resolution=merge-duplicates"}, false},
    {"POST", "/v1/employees", "application/x-ndjson", ROW("new") "\n" ROW("ada") "\n", 200,
     {"HTTP_PREFER", "resolution=ignore-duplicates"}, false},
    {"PATCH", "/v1/employees", JSON, "[{\"id\":\"" ADA "\",\"age\":41}]", 200, {NULL}, false},
    {"PUT", "/v1/employees/" NEW, JSON, ROW("new"), 201, {"HTTP_IF_NONE_MATCH", "*"}, false},
    {"PATCH", "/v1/employees/" ADA, "application/merge-patch+json", "{\"age\":42}", 200, {NULL}, false},
    {"DELETE", "/v1/employees/" ADA, NULL, NULL, 412, {"HTTP_IF_MATCH", "\"7\""}, false},
    {"DELETE", "/v1/employees/" ADA, NULL, NULL, 204, {NULL}, false},
    {"POST", "/v1/employees", JSON, "{\"name\":[],\"age\":1.5,\"email\":true,\"no\":{}}", 422, {NULL}, false},
    {"POST", "/v1/employees", JSON, "{\"name\":", 400, {NULL}, false},
    {"POST", "/v1/employees", JSON, NULL, 422, {NULL}, false}, /* with a body that is longer than the feed */
    {"POST", "/employees/get", JSON, "{}", 405, {NULL}, false},
    {"OPTIONS", "/v1/employees", NULL, NULL, 204, {NULL}, false},
    {"GET", "/nowhere", NULL, NULL, 404, {NULL}, false},
    {"GET", "/problems/not-found", NULL, NULL, 200, {NULL}, false},
    {"GET", "/readyz", NULL, NULL, 200, {NULL}, false},
};

/* What a step does to the tables when all is well, and what it answers then. */
static struct expected {
    char before[2000], after[2000];
    struct buffer body;
} expected[COUNT(steps)];

static void fill(void)
{
    postgres_sql("TRUNCATE passengers, employees, ledger");
    postgres_sql("INSERT INTO passengers (uuid, survived, passenger_class, name, sex, age,"
                 " siblings_or_spouses_aboard, parents_or_children_aboard, fare)"
                 " SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, i %% 2 = 0, i %% 3 + 1,"
                 " 'Person ' || i, CASE WHEN i %% 2 = 0 THEN 'male' ELSE 'female' END, i %% 80, 0, 0, i %% 30"
                 " FROM generate_series(1, 2100) AS i; ANALYZE passengers");
}

static void reset(void)
{
    postgres_sql("BEGIN; DELETE FROM ledger; DELETE FROM employees;"
                 " DELETE FROM passengers WHERE uuid > '0000000f-0000-7000-8000-000000000000' OR uuid = '" PERSON "';"
                 " INSERT INTO passengers (uuid, survived, passenger_class, name, sex, age,"
                 " siblings_or_spouses_aboard, parents_or_children_aboard, fare)"
                 " VALUES ('" PERSON "', false, 2, 'Person 1', 'female', 1, 0, 0, 1);"
                 " INSERT INTO employees (id, name, age, email, created_at, updated_at) VALUES"
                 " ('" ADA "', 'Ada', 36, 'ada@x.org', '2025-01-01', '2025-01-01'),"
                 " ('00000000-0000-7000-8000-0000000000b1', 'Bob', 37, 'bob@x.org', '2025-01-01', '2025-01-01');"
                 " COMMIT");
}

/* All that a step can have changed. */
static const char *tables(void)
{
    return postgres_sql(
        "SELECT concat_ws('; ', (SELECT string_agg(concat_ws(' ', id, name, age, email, least(version, 9)), ', ' ORDER BY id)"
        " FROM employees), (SELECT string_agg(concat_ws(' ', uuid, name, age, fare, least(version, 9)), ', ' ORDER BY uuid)"
        " FROM passengers WHERE uuid > '0000000f-0000-7000-8000-000000000000' OR uuid = '" PERSON "'),"
        " (SELECT count(*) FROM ledger))");
}

static struct peer peer = {.fd = -1}; /* a connection that is kept, as nginx does it */

static void send_step(const struct step *step)
{
    static char large[96 * 1024];
    struct buffer message;
    const char *body = step->body;
    if (step->type != NULL && body == NULL) {
        int length = snprintf(large, sizeof large, "{\"name\":\"%*s\"}", (int)sizeof large - 20, "");
        assert_in_range(length, 70000, sizeof large - 1);
        body = large;
    }
    buffer_init(&message);
    peer_request_with(&message, step->method, step->uri, step->type, body, body != NULL ? strlen(body) : 0,
                      step->params);
    peer_send(&peer, message.bytes, message.length);
    buffer_free(&message);
}

/* The times in an answer are those of the moment. */
static void forget_times(struct buffer *body)
{
    for (char *at = body->bytes; at != NULL && (at = strstr(at, "_at\":\"")) != NULL;)
        for (at += 6; *at != '\0' && *at != '"'; at++)
            *at = '#';
}

static struct peer_answer do_step(const struct step *step)
{
    send_step(step);
    struct peer_answer answer = captive_take_answer(&peer);
    forget_times(&answer.body);
    return answer;
}

static bool changes(const struct step *step)
{
    return strcmp(step->method, "GET") != 0;
}

/* A connection, and the tables as they are before a step. */
static void prepare_step(const struct step *step)
{
    if (peer.fd >= 0)
        peer_receive(&peer, 1);
    if (peer.fd < 0 || peer.closed) {
        peer_close(&peer);
        peer_connect(&peer, captive.path);
        assert_true(captive_settle());
    }
    if (changes(step))
        reset();
    if (step->again) {
        struct peer_answer answer = do_step(step);
        assert_int_equal(answer.status, step->status);
        peer_free_answer(&answer);
        assert_true(captive_settle());
    }
}

/* What it is to be: nothing fails yet. */
static void look_at_step(size_t i)
{
    const struct step *step = &steps[i];
    reset();
    prepare_step(step);
    snprintf(expected[i].before, sizeof expected[i].before, "%s", tables());
    struct peer_answer answer = do_step(step);
    if (answer.status != step->status)
        fail_msg("%s %s: %d %s", step->method, step->uri, answer.status, answer.body.bytes);
    assert_true(captive_settle());
    buffer_free(&expected[i].body);
    expected[i].body = answer.body;
    answer.body = (struct buffer){0};
    peer_free_answer(&answer);
    snprintf(expected[i].after, sizeof expected[i].after, "%s", tables());
}

/* What is wrong with the answer to a step one of whose calls failed, or NULL. */
static const char *judge(size_t i, const struct peer_answer *answer)
{
    static char wrong[400];
    const char *is = changes(&steps[i]) ? tables() : expected[i].after;
    bool done = strcmp(is, expected[i].after) == 0, undone = strcmp(is, expected[i].before) == 0;
    int status = answer->status;
    const char *body = answer->body.bytes != NULL ? answer->body.bytes : "";
    if (status == -1)
        return "there is no answer";
    bool nothing = status >= 500 && strstr(body, "nothing was changed") != NULL;
    if (status == steps[i].status ? done && answer->body.length == expected[i].body.length &&
                                        memcmp(body, expected[i].body.bytes, answer->body.length) == 0
                                  : (status == 0 || status >= 500) && (undone || (done && !nothing)))
        return NULL;
    snprintf(wrong, sizeof wrong, "%d %.150s; the tables: %.200s", status, body, is);
    return wrong;
}

/* ---- the worker ---- */

static void start_worker(void)
{
    captive_start(captive_serve, NULL);
    assert_true(captive_settle());
}

/* Stop it; what is wrong with its end is one more failure of `import`. */
static void stop_worker(const char *what, int import)
{
    peer_close(&peer);
    captive_terminate();
    int code = captive_end();
    if (code != 0) {
        complaints++;
        print_error("%s, with failures of %s: the worker ended with %d\n%s", what, imports[import], code,
                    captive_complaints());
    }
}

static void fail_each_call_of_step(size_t i, int import)
{
    reset();
    for (int n = 1;; n++) {
        prepare_step(&steps[i]);
        imports_choose(import, n);
        struct peer_answer answer = do_step(&steps[i]);
        bool failed = imports_choose_none() > 0;
        const char *wrong = captive_settle() ? judge(i, &answer) : "the worker is not ready again";
        peer_free_answer(&answer);
        if (failed)
            note(steps[i].uri, import, n, wrong);
        else if (wrong != NULL)
            fail_msg("%s %s, where nothing failed: %s", steps[i].method, steps[i].uri, wrong);
        if (captive.pid == 0)
            start_worker();
        if (!failed)
            return;
    }
}

static void whatever_fails_no_request_gets_a_wrong_answer(void **state)
{
    static int calls[COUNT(steps)][IMPORTS];
    (void)state;
    fill();
    reset();
    start_worker();
    for (size_t i = 0; i < COUNT(steps); i++) {
        look_at_step(i); /* the first time is as no other: connections learn their SQL */
        look_at_step(i);
        prepare_step(&steps[i]);
        for (int import = 0; import < IMPORTS; import++)
            imports_shared->calls[import] = 0;
        struct peer_answer answer = do_step(&steps[i]);
        peer_free_answer(&answer);
        for (int import = 0; import < IMPORTS; import++) {
            calls[i][import] = imports_shared->calls[import];
            table[import].calls += calls[i][import];
        }
        assert_true(captive_settle());
    }
    stop_worker("the requests", 0);
    for (int import = 0; import < IMPORTS; import++) {
        double start = captive_now_ms();
        int before = table[import].injected;
        start_worker();
        for (size_t i = 0; i < COUNT(steps); i++)
            if (calls[i][import] > 0)
                fail_each_call_of_step(i, import);
        stop_worker("the requests", import);
        if (getenv("TORTURE")) print_message("%s %d %.0f ms\n", imports[import], table[import].injected - before, captive_now_ms() - start);
    }
    assert_no_complaints();
}

static int open_all(void **state)
{
    if (postgres_open(state) != 0)
        return -1;
    captive_open();
    return 0;
}

static int close_all(void **state)
{
    captive_close();
    return postgres_close(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_fails_no_request_gets_a_wrong_answer),
    };
    return cmocka_run_group_tests_name("every failure", tests, open_all, close_all);
}
