// wrap: clock_gettime
#include "pipeline.h"

#include "log.h"
#include "postgres.h"
#include "unit.h"

#include "turn.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* The clock can be put forward. */
static time_t forward_s;

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = __real_clock_gettime(clock, now);
    now->tv_sec += forward_s;
    return result;
}

static struct loop *loop;
static struct pipeline *pipeline;

/* What the pipeline reported: ^ up, a letter (the tag) and what became of it, | a Sync, ! one with an error,
 * v down. */
static char story[4000];
static char said[400]; /* the reason of the last `down`, or the last value */

static void tell(const char *what)
{
    if (strlen(story) + strlen(what) < sizeof story)
        strcat(story, what);
}

static void callback_up(void *cookie)
{
    assert_ptr_equal(cookie, &pipeline);
    tell("^");
}

static void callback_result(void *cookie, void *tag, PGresult *result)
{
    char text[8];
    const char *letter = tag;
    ExecStatusType status = PQresultStatus(result);
    assert_ptr_equal(cookie, &pipeline);
    snprintf(text, sizeof text, "%s%s", letter,
             status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ? "+"
             : status == PGRES_PIPELINE_ABORTED                      ? "~"
                                                                     : "-");
    tell(text);
    if (status == PGRES_TUPLES_OK && PQntuples(result) > 0)
        snprintf(said, sizeof said, "%s", PQgetisnull(result, 0, 0) ? "(null)" : PQgetvalue(result, 0, 0));
    PQclear(result);
}

static void callback_synced(void *cookie, const PGresult *error)
{
    assert_ptr_equal(cookie, &pipeline);
    tell(error != NULL ? "!" : "|");
    if (error != NULL)
        snprintf(said, sizeof said, "%s", PQresultErrorField(error, PG_DIAG_SQLSTATE));
}

static void callback_down(void *cookie, const char *reason)
{
    assert_ptr_equal(cookie, &pipeline);
    tell("v");
    snprintf(said, sizeof said, "%s", reason);
}

static const struct pipeline_handler handler = {
    .up = callback_up, .result = callback_result, .synced = callback_synced, .down = callback_down};

static bool story_ends(void *cookie)
{
    size_t length = strlen(story);
    return length > 0 && strchr(cookie, story[length - 1]) != NULL;
}

static void wait_for_end(const char *ends)
{
    assert_true(turn_until(loop, story_ends, (void *)(uintptr_t)ends));
}

static void connect_to(const char *host)
{
    const char *const keywords[] = {"host", "user", "dbname", "application_name", NULL};
    const char *const values[] = {host, "postgres", "purser", "pipeline", NULL};
    pipeline_connect(pipeline, keywords, values, 5000);
}

static void connect_up(void)
{
    story[0] = '\0';
    connect_to(postgres_directory());
    assert_string_equal(story, ""); /* never from inside a call */
    wait_for_end("^v");
    assert_string_equal(story, "^");
    story[0] = '\0';
}

static int start_unconnected(void **state)
{
    (void)state;
    forward_s = 0;
    story[0] = said[0] = '\0';
    loop = loop_create();
    pipeline = pipeline_create(loop, &handler, &pipeline);
    return pipeline != NULL ? 0 : -1;
}

static int start(void **state)
{
    if (start_unconnected(state) != 0)
        return -1;
    connect_up();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    pipeline_free(pipeline);
    loop_free(loop);
    return 0;
}

static void query(const char *tag, const char *sql)
{
    pipeline_query(pipeline, sql, NULL, 0, false, (void *)(uintptr_t)tag);
}

/* ---- queries ---- */

static void results_come_in_order_of_sending(void **state)
{
    (void)state;
    query("a", "SELECT 1");
    query("b", "SELECT pg_sleep(0.01)");
    query("c", "SELECT 3");
    pipeline_sync(pipeline);
    query("d", "SELECT 4");
    pipeline_sync(pipeline);
    assert_string_equal(story, "");
    wait_for_end("|");
    while (strlen(story) < 10)
        turn_once(loop);
    assert_string_equal(story, "a+b+c+|d+|");
    assert_string_equal(said, "4");
}

static void an_error_takes_the_rest_up_to_the_sync_along(void **state)
{
    (void)state;
    query("a", "SELECT 1");
    query("b", "SELECT 1 / 0");
    query("c", "SELECT 3");
    pipeline_sync(pipeline);
    query("d", "SELECT 4");
    pipeline_sync(pipeline);
    while (strlen(story) < 10)
        turn_once(loop);
    assert_string_equal(story, "a+b-c~|d+|");
}

static void an_error_of_the_commit_comes_with_the_sync(void **state)
{
    (void)state;
    query("a", "CREATE TEMPORARY TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
    pipeline_sync(pipeline);
    query("b", "INSERT INTO late VALUES (1)");
    query("c", "INSERT INTO late VALUES (1)");
    pipeline_sync(pipeline);
    query("d", "SELECT count(*) FROM late");
    pipeline_sync(pipeline);
    while (strlen(story) < 11)
        turn_once(loop);
    assert_string_equal(story, "a+|b+c+!d+|");
    assert_string_equal(said, "0");
}

static void prepared_statements_take_values_and_null(void **state)
{
    const char *values[] = {"41", NULL};
    (void)state;
    pipeline_prepare(pipeline, "next", "SELECT $1::int + 1", "a");
    pipeline_prepare(pipeline, "broken", "SELECT nothing", "b");
    pipeline_sync(pipeline);
    wait_for_end("|");
    assert_string_equal(story, "a+b-|");
    pipeline_prepare(pipeline, "next", "SELECT $1::int + 1", "c");
    pipeline_sync(pipeline);
    pipeline_execute(pipeline, "next", values, 1, false, "d");
    pipeline_sync(pipeline);
    while (strlen(story) < 11)
        turn_once(loop);
    assert_string_equal(said, "42");
    pipeline_execute(pipeline, "next", values + 1, 1, false, "e");
    pipeline_sync(pipeline);
    while (strlen(story) < 14)
        turn_once(loop);
    assert_string_equal(said, "(null)");
}

static void many_can_be_under_way(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        story[0] = '\0';
        for (int i = 0; i < 1000; i++)
            query(i % 2 ? "a" : "b", "SELECT 1");
        pipeline_sync(pipeline);
        wait_for_end("|v");
        assert_int_equal(strlen(story), 2001);
        for (int i = 0; i < 1000; i++)
            assert_int_equal(story[2 * i], i % 2 ? 'a' : 'b');
    }
}

static void long_values_go_and_come(void **state)
{
    static char text[3 << 20];
    const char *values[] = {text};
    (void)state;
    memset(text, 'x', sizeof text - 1);
    pipeline_prepare(pipeline, "both", "SELECT length($1::text)::text, $1::text", "a");
    for (int i = 0; i < 4; i++)
        pipeline_execute(pipeline, "both", values, 1, false, "b");
    pipeline_sync(pipeline);
    wait_for_end("|v");
    assert_string_equal(story, "a+b+b+b+b+|");
    assert_int_equal(atoi(said), sizeof text - 1);
}

static void the_server_tells_its_version(void **state)
{
    (void)state;
    assert_true(pipeline_server_version(pipeline) >= 140000);
    pipeline_drop(pipeline, "enough");
    wait_for_end("v");
    assert_int_equal(pipeline_server_version(pipeline), 0);
}

/* ---- connections that end ---- */

static void a_dropped_connection_falls_once(void **state)
{
    (void)state;
    query("a", "SELECT 1");
    pipeline_sync(pipeline);
    pipeline_drop(pipeline, "enough");
    pipeline_drop(pipeline, "more than enough");
    assert_string_equal(story, "");
    query("b", "SELECT 2"); /* let pass */
    pipeline_prepare(pipeline, "p", "SELECT 2", "b");
    pipeline_execute(pipeline, "p", NULL, 0, false, "b");
    pipeline_sync(pipeline);
    wait_for_end("v");
    turn_once(loop);
    assert_string_equal(story, "v");
    assert_string_equal(said, "more than enough");
    query("c", "SELECT 3");
    pipeline_sync(pipeline);
    connect_up();
    query("d", "SELECT 4");
    pipeline_sync(pipeline);
    wait_for_end("|v");
    assert_string_equal(story, "d+|");
}

static void a_cut_connection_falls_once(void **state)
{
    (void)state;
    query("a", "SELECT pg_sleep(9)");
    query("b", "SELECT 2");
    pipeline_sync(pipeline);
    turn_once(loop);
    postgres_terminate();
    wait_for_end("v");
    assert_int_equal(strchr(story, 'v') - story, strlen(story) - 1);
    assert_null(strchr(story, '+'));
    assert_null(strchr(story, '|'));
    assert_true(strlen(said) > 0);
    connect_up();
}

static void an_idle_connection_that_is_cut_falls(void **state)
{
    (void)state;
    postgres_terminate();
    wait_for_end("v");
    assert_string_equal(story, "v");
}

static void what_was_done_before_a_cut_is_told(void **state)
{
    (void)state;
    query("a", "SELECT 1");
    pipeline_sync(pipeline);
    query("b", "SELECT pg_terminate_backend(pg_backend_pid())");
    pipeline_sync(pipeline);
    wait_for_end("v");
    assert_int_equal(strncmp(story, "a+|", 3), 0);
}

static void nobody_there_is_told_with_a_reason(void **state)
{
    (void)state;
    connect_to("/tmp/purser-unit-nobody");
    assert_string_equal(story, "");
    wait_for_end("v");
    assert_string_equal(story, "v");
    assert_non_null(strstr(said, "/tmp/purser-unit-nobody"));
    connect_up();
}

static void several_hosts_are_tried_in_turn(void **state)
{
    char hosts[200];
    (void)state;
    snprintf(hosts, sizeof hosts, "/tmp/purser-unit-nobody,%s", postgres_directory());
    connect_to(hosts);
    wait_for_end("^v");
    assert_string_equal(story, "^");
    query("a", "SELECT 1");
    pipeline_sync(pipeline);
    wait_for_end("|v");
    assert_string_equal(story, "^a+|");
}

static void a_host_that_says_nothing_is_given_up(void **state)
{
    char directory[] = "/tmp/purser-mute-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.5432", directory);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 5), 0);
    connect_to(directory);
    for (int i = 0; i < 5; i++)
        turn_once(loop);
    assert_string_equal(story, "");
    forward_s = 2;
    for (int i = 0; i < 5; i++)
        turn_once(loop);
    assert_string_equal(story, ""); /* it has taken the connection, so it is given its time */
    forward_s = 6;
    wait_for_end("v");
    assert_string_equal(said, "no connection in time");
    close(fd);
    unlink(address.sun_path);
    rmdir(directory);
}

/* Connect without waiting; whether it has been taken, or is on its way, or neither. */
static int knock(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0)
        assert_int_equal(errno, EINPROGRESS);
    return fd;
}

/* As behind a firewall that swallows packets: nobody takes the connections from the queue, which is full. */
static void a_host_that_takes_no_connection_is_given_up_sooner(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    char port[8];
    int fd = socket(AF_INET, SOCK_STREAM, 0), knocking[8];
    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    for (size_t i = 0; i < COUNT(knocking); i++)
        knocking[i] = knock(&address);
    snprintf(port, sizeof port, "%d", ntohs(address.sin_port));
    const char *const keywords[] = {"host", "port", "user", "dbname", NULL};
    const char *const values[] = {"127.0.0.1", port, "postgres", "purser", NULL};
    pipeline_connect(pipeline, keywords, values, 5000);
    for (int i = 0; i < 5; i++)
        turn_once(loop);
    assert_string_equal(story, "");
    forward_s = 2;
    wait_for_end("v");
    assert_string_equal(said, "no connection in time");
    for (size_t i = 0; i < COUNT(knocking); i++)
        close(knocking[i]);
    close(fd);
}

static void connections_to_one_server_know_it(void **state)
{
    struct pipeline *other = pipeline_create(loop, &handler, &pipeline), *first = pipeline;
    (void)state;
    assert_true(pipeline_process(first) > 0);
    assert_int_equal(pipeline_process(other), 0);
    assert_false(pipeline_same_server(first, other));
    pipeline = other;
    connect_up();
    assert_true(pipeline_same_server(first, other));
    assert_int_not_equal(pipeline_process(first), pipeline_process(other));
    pipeline_free(other);
    pipeline = first;
}

static void it_can_be_freed_at_any_time(void **state)
{
    (void)state;
    for (int turns = 0; turns < 8; turns++) {
        stop(state);
        start_unconnected(state);
        connect_to(postgres_directory());
        for (int i = 0; i < turns; i++)
            turn_once(loop);
        query("a", "SELECT 1");
        if (turns % 2)
            pipeline_sync(pipeline);
        if (turns % 3 == 0)
            pipeline_drop(pipeline, "enough");
    }
    pipeline_free(NULL);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(results_come_in_order_of_sending),
        EACH(an_error_takes_the_rest_up_to_the_sync_along),
        EACH(an_error_of_the_commit_comes_with_the_sync),
        EACH(prepared_statements_take_values_and_null),
        EACH(many_can_be_under_way),
        EACH(long_values_go_and_come),
        EACH(the_server_tells_its_version),
        EACH(a_dropped_connection_falls_once),
        EACH(a_cut_connection_falls_once),
        EACH(an_idle_connection_that_is_cut_falls),
        EACH(what_was_done_before_a_cut_is_told),
        cmocka_unit_test_setup_teardown(nobody_there_is_told_with_a_reason, start_unconnected, stop),
        cmocka_unit_test_setup_teardown(several_hosts_are_tried_in_turn, start_unconnected, stop),
        cmocka_unit_test_setup_teardown(a_host_that_says_nothing_is_given_up, start_unconnected, stop),
        cmocka_unit_test_setup_teardown(a_host_that_takes_no_connection_is_given_up_sooner, start_unconnected,
                                        stop),
        EACH(connections_to_one_server_know_it),
        cmocka_unit_test_setup_teardown(it_can_be_freed_at_any_time, start_unconnected, stop),
    };
    return cmocka_run_group_tests_name("pipeline", tests, postgres_open, postgres_close);
}
