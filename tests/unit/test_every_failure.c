// wrap: malloc calloc realloc strdup fmemopen memfd_create mmap ftruncate pwrite lseek read write fopen fgets
// wrap: fread ferror fflush getrandom sched_getaffinity sigprocmask signalfd epoll_create1 epoll_wait epoll_ctl
// wrap: accept4 socket connect recv send poll getsockopt setsockopt fcntl FCGX_Init FCGX_GetStr FCGX_PutStr
// wrap: FCGX_FFlush FCGX_FClose FCGX_Accept_r EVP_MD_CTX_new EVP_DigestInit_ex EVP_DigestUpdate EVP_DigestFinal_ex
// wrap: json_object_new_object json_object_new_array json_object_new_boolean json_object_new_int64
// wrap: json_object_new_double_s json_object_new_string_len json_object_array_add json_object_object_add_ex
// wrap: PQconndefaults PQconnectdbParams PQpingParams PQconnectStartParams PQconnectPoll PQconninfoParse PQstatus PQsocket
// wrap: PQserverVersion PQparameterStatus PQsetnonblocking PQenterPipelineMode PQsendPrepare PQsendQueryPrepared
// wrap: PQsendQueryParams PQpipelineSync PQsendPipelineSync PQflush PQconsumeInput PQgetResult PQfinish
// wrap: PQexec PQexecParams PQputCopyData PQputCopyEnd
/*
 * Whatever the program calls of others fails once, at every place where it is called: each function of
 * imports.h, its first call, its second, and so on, until what is done runs to its end without a failure. No
 * request gets a wrong answer, what a failed one would have written is there whole or not at all, the next
 * request is answered as if nothing had been, and nothing leaks.
 */

#include "unit.h"

#include "imports.h"

#include "captive.h"
#include "steps.h"

#include "config.h"
#include "import.h"
#include "migrate.h"
#include "passengers.h"
#include "probe.h"
#include "schema.h"

#include <arpa/inet.h>
#include <limits.h>

#define COMPLAINTS 20 /* that are printed */

/*
 * Leaks are looked for where AddressSanitizer is; the whole of it is done there, and elsewhere the first call
 * of each function in each thing that is done. gcc and clang say in different ways what is built.
 */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif
#define MOST_CALLS (SANITIZED || getenv("FAILURES") != NULL ? INT_MAX : 1)

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

/* ---- what is done while calls fail ---- */

/*
 * Do the thing with the number `i`, and let the n-th call of `import` fail meanwhile; returns what is wrong
 * with how it went, or NULL.
 */
typedef const char *run(size_t i, int import, int n);

static const char *run_step(size_t i, int import, int n)
{
    prepare_step(&steps[i]);
    imports_choose(import, n);
    struct peer_answer answer = do_step(&steps[i]);
    imports_choose_none();
    const char *wrong = captive_settle() ? judge(i, &answer) : "the worker is not ready again";
    peer_free_answer(&answer);
    return wrong;
}

static bool is_one_waiting(void *cookie)
{
    postgres_sql("SELECT pg_stat_clear_snapshot()");
    return (postgres_number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") > 0) ==
           *(const bool *)cookie;
}

/* Who waits for long begins to wait again and again. */
static void cut_who_waits(void)
{
    do
        postgres_sql("SELECT pg_stat_clear_snapshot()");
    while (postgres_number("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                           " WHERE wait_event_type = 'Lock'") == 0);
}

/* The request waits for a lock when its connection is cut. */
static const char *run_cut(size_t i, int import, int n)
{
    prepare_step(&steps[i]);
    postgres_sql("BEGIN; LOCK TABLE employees");
    send_step(&steps[i]);
    assert_true(captive_await(is_one_waiting, &(bool){true}));
    imports_choose(import, n);
    cut_who_waits();
    postgres_sql("ROLLBACK");
    struct peer_answer answer = captive_take_answer(&peer);
    forget_times(&answer.body);
    bool settled = captive_settle();
    imports_choose_none();
    const char *wrong = settled && captive_settle() ? judge(i, &answer) : "the worker is not ready again";
    peer_free_answer(&answer);
    return wrong;
}

/* The client leaves while PostgreSQL is at work for it: that is cancelled. */
static const char *run_cancel(size_t i, int import, int n)
{
    prepare_step(&steps[i]);
    postgres_sql("BEGIN; LOCK TABLE employees");
    send_step(&steps[i]);
    assert_true(captive_await(is_one_waiting, &(bool){true}));
    imports_choose(import, n);
    peer_close(&peer);
    bool cancelled = captive_await(is_one_waiting, &(bool){false});
    imports_choose_none();
    postgres_sql("ROLLBACK");
    return !cancelled         ? "PostgreSQL is still at it"
           : captive_settle() ? NULL
                              : "the worker is not ready again";
}

static bool has_begun(void *cookie)
{
    (void)cookie;
    peer_receive(&peer, 1);
    return peer.got.length > 0 || peer.closed || captive_ended(NULL);
}

/* A worker, from its settings to its end: it says that it can't start, or it serves and answers all that it
 * took. */
static const char *run_life(size_t i, int import, int n)
{
    static char wrong[60];
    int status = 0;
    imports_choose(import, n);
    captive_start(captive_serve, NULL);
    captive_await(captive_is_set_up, NULL);
    if (captive.pid != 0) {
        for (int tries = 0; tries < 3 && status != steps[i].status; tries++)
            status = captive_ask(steps[i].uri);
        peer_connect(&peer, captive.path);
        send_step(&steps[i]);
        captive_await(has_begun, &peer);
        captive_terminate();
        struct peer_answer answer = captive_take_answer(&peer);
        peer_free_answer(&answer);
        peer_close(&peer);
    }
    int code = captive_end();
    imports_choose_none();
    bool refused = status == 0 && (code == 1 || code == 2);
    if (refused || (code == 0 && status == steps[i].status))
        return NULL;
    snprintf(wrong, sizeof wrong, "it ended with %d, and answered %d", code, status);
    return wrong;
}

/* ---- the commands that run once ---- */

static char file[64]; /* for an import, or with a secret */

static void write_file(const char *format, ...)
{
    va_list arguments;
    FILE *out = fopen(file, "we");
    assert_non_null(out);
    va_start(arguments, format);
    vfprintf(out, format, arguments);
    va_end(arguments);
    assert_int_equal(fclose(out), 0);
}

/* A command's end: 0 when it is done, else one that main knows, and a sentence. */
static const char *judge_command(int code, bool done, bool undone)
{
    static char wrong[80];
    bool told = captive_complaints()[0] != '\0';
    if (code == 0 ? done : undone && code <= 2 && told)
        return NULL;
    snprintf(wrong, sizeof wrong, "it ended with %d%s%s%s", code, done ? ", all is done" : "",
             undone ? ", nothing is done" : "", told ? "" : ", and says nothing");
    return wrong;
}

static void run_command(int (*command)(void *cookie), void *cookie, int import, int n)
{
    imports_choose(import, n);
    captive_run(command, cookie);
    imports_choose_none();
}

static int migrate(void *cookie)
{
    (void)cookie;
    return migrate_run();
}

static const char *run_migrate(size_t i, int import, int n)
{
    (void)i;
    postgres_sql("DROP TABLE IF EXISTS passengers, employees, ledger, purser_migrations");
    run_command(migrate, NULL, import, n);
    const char *wrong = judge_command(captive.code, true, true);
    if (captive.code != 0)
        captive_run(migrate, NULL);
    if (captive.code != 0 ||
        postgres_number("SELECT count(*) FROM purser_migrations") != schema_migration_count)
        return "it can't be made up for";
    assert_int_equal(postgres_number("SELECT count(*) FROM passengers, employees, ledger"), 0);
    return wrong;
}

enum { PLAIN, IF_EMPTY, AWAY }; /* how an import is done: AWAY is the database */

static int import_rows(void *cookie)
{
    size_t how = *(const size_t *)cookie;
    if (how == AWAY)
        setenv("DATABASE_URL", "postgresql:///purser?host=/nowhere", 1);
    return import_run(&passengers_resource, file, how == IF_EMPTY);
}

static const char *run_import(size_t how, int import, int n)
{
    postgres_sql("TRUNCATE passengers");
    write_file("Survived,Pclass,Name,Sex,Age,Siblings_Spouses_Aboard,Parents_Children_Aboard,Fare\n"
               "1,3,\"One, and\",male,,0,0,7.25\n0,1,Two,female,30,1,0,8\n");
    run_command(import_rows, &how, import, n);
    long rows = postgres_number("SELECT count(*) FROM passengers");
    return judge_command(captive.code, rows == 2, rows == 0);
}

/* As main does it, and the worker when it connects. */
static int print_config(void *cookie)
{
    struct config config;
    struct config_connection connection;
    struct arena arena;
    char fault[CONFIG_FAULT_BYTES];
    (void)cookie;
    unsetenv("DATABASE_URL");
    setenv("DATABASE_URL_FILE", file, 1);
    arena_init(&arena);
    bool good = config_read(&config, fault) == 0 && config_print(&config, NULL, stdout, fault) == 0 &&
                config_connection(&connection, &arena, fault) == 0;
    if (!good)
        fprintf(stderr, "%s\n", fault);
    arena_free(&arena);
    return good ? 0 : 2;
}

static const char *run_config(size_t i, int import, int n)
{
    (void)i;
    write_file("%s\n", getenv("DATABASE_URL"));
    run_command(print_config, NULL, import, n);
    return judge_command(captive.code, true, true);
}

static int probe(void *cookie)
{
    return probe_run(*(const int *)cookie, "/readyz");
}

/* There is somebody who answers. */
static const char *run_probe(size_t i, int import, int n)
{
    static const char well[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    struct pollfd asked = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .events = POLLIN};
    (void)i;
    assert_int_equal(bind(asked.fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(asked.fd, 5), 0);
    assert_int_equal(getsockname(asked.fd, (struct sockaddr *)&address, &size), 0);
    imports_choose(import, n);
    captive_start(probe, &(int){ntohs(address.sin_port)});
    while (!captive_ended(NULL)) {
        int client = poll(&asked, 1, 1) == 1 ? accept(asked.fd, NULL, NULL) : -1;
        if (client >= 0) {
            send(client, well, sizeof well - 1, MSG_NOSIGNAL);
            close(client);
        }
    }
    imports_choose_none();
    close(asked.fd);
    return judge_command(captive.code, true, true);
}

/* ---- all of it ---- */

struct thing {
    const char *name;
    run *run;
    size_t i;
};

/* What a worker does that goes on afterwards: the steps, and two more with the step of this number. */
#define READ_STEP   6
#define INSERT_STEP 7
#define WORK        (COUNT(steps) + 2)

static void list_work(struct thing work[WORK])
{
    for (size_t i = 0; i < COUNT(steps); i++)
        work[i] = (struct thing){steps[i].uri, run_step, i};
    work[COUNT(steps)] = (struct thing){"a cut connection", run_cut, INSERT_STEP};
    work[COUNT(steps) + 1] = (struct thing){"a client that leaves", run_cancel, READ_STEP};
}

static const struct thing lives[] = {{"a worker's life", run_life, READ_STEP},
                                     {"a migration", run_migrate, 0},
                                     {"an import", run_import, PLAIN},
                                     {"an import into an empty table", run_import, IF_EMPTY},
                                     {"an import without a database", run_import, AWAY},
                                     {"the settings", run_config, 0},
                                     {"a probe", run_probe, 0}};

/* How often each function is called when nothing fails. */
static void count_calls(const struct thing *thing, int calls[IMPORTS])
{
    const char *wrong = thing->run(thing->i, IMPORTS, 0);
    if (wrong != NULL)
        fail_msg("%s, where nothing failed: %s\n%s", thing->name, wrong, captive_complaints());
    for (int import = 0; import < IMPORTS; import++) {
        calls[import] = imports_shared->calls[import];
        table[import].calls += calls[import];
    }
}

static void fail_each_call(const struct thing *thing, int import)
{
    for (int n = 1;; n++) {
        const char *wrong = thing->run(thing->i, import, n);
        if (imports_shared->failed == 0) {
            if (wrong != NULL)
                fail_msg("%s, where nothing failed: %s\n%s", thing->name, wrong, captive_complaints());
            return;
        }
        note(thing->name, import, n, wrong);
        if (n == MOST_CALLS)
            return;
    }
}

static void start_worker(void)
{
    captive_start(captive_serve, NULL);
    assert_true(captive_settle());
}

/* What is wrong with its end was wrong with one of the failures of `import`. */
static void stop_worker(int import)
{
    peer_close(&peer);
    captive_terminate();
    if (captive_end() == 0)
        return;
    complaints++;
    table[import].survived--;
    print_error("with failures of %s the worker ended with %d\n%s", imports[import], captive.code,
                captive_complaints());
}

static void whatever_fails_no_request_gets_a_wrong_answer(void **state)
{
    static int calls[WORK][IMPORTS];
    struct thing work[WORK];
    (void)state;
    list_work(work);
    fill();
    start_worker();
    for (size_t i = 0; i < COUNT(steps); i++) {
        look_at_step(i);
        look_at_step(i); /* the first time was like no other: connections have learnt its SQL */
    }
    for (size_t i = 0; i < WORK; i++) {
        reset();
        count_calls(&work[i], calls[i]);
    }
    stop_worker(0);
    for (int import = 0; import < IMPORTS; import++) {
        bool started = false;
        for (size_t i = 0; i < WORK; i++) {
            if (calls[i][import] == 0)
                continue;
            if (!started || captive.pid == 0)
                start_worker();
            started = true;
            reset();
            fail_each_call(&work[i], import);
        }
        if (started)
            stop_worker(import);
    }
    assert_no_complaints();
}

static void whatever_fails_a_process_does_its_work_or_says_why_not(void **state)
{
    static int calls[COUNT(lives)][IMPORTS];
    (void)state;
    fill();
    reset();
    for (size_t i = 0; i < COUNT(lives); i++)
        count_calls(&lives[i], calls[i]);
    fill();
    reset();
    for (size_t i = 0; i < COUNT(lives); i++)
        for (int import = 0; import < IMPORTS; import++)
            if (calls[i][import] > 0)
                fail_each_call(&lives[i], import);
    assert_no_complaints();
}

static void each_function_was_made_to_fail(void **state)
{
    int calls = 0, injected = 0, survived = 0;
    (void)state;
    if (SANITIZED)
        printf("measured: %-28s %8s %8s %8s\n", "calls that were made to fail", "calls", "injected",
               "survived");
    for (int import = 0; import < IMPORTS; import++) {
        if (SANITIZED)
            printf("measured: %-28s %8d %8d %8d\n", imports[import], table[import].calls,
                   table[import].injected, table[import].survived);
        calls += table[import].calls;
        injected += table[import].injected;
        survived += table[import].survived;
    }
    if (SANITIZED)
        printf("measured: %-28s %8d %8d %8d\n", "all of them", calls, injected, survived);
    for (int import = 0; import < IMPORTS; import++)
        if (table[import].injected == 0 || table[import].survived != table[import].injected)
            fail_msg("%s: injected %d, survived %d", imports[import], table[import].injected,
                     table[import].survived);
}

static void no_function_is_forgotten(void **state)
{
    (void)state;
    assert_int_equal(imports_forgotten(), 0);
}

static int open_all(void **state)
{
    if (postgres_open(state) != 0)
        return -1;
    captive_open();
    snprintf(file, sizeof file, "/tmp/purser-unit-%d-file", (int)getpid());
    return 0;
}

static int close_all(void **state)
{
    captive_close();
    unlink(file);
    return postgres_close(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_fails_no_request_gets_a_wrong_answer),
        cmocka_unit_test(whatever_fails_a_process_does_its_work_or_says_why_not),
        cmocka_unit_test(each_function_was_made_to_fail),
        cmocka_unit_test(no_function_is_forgotten),
    };
    return cmocka_run_group_tests_name("every failure", tests, open_all, close_all);
}
