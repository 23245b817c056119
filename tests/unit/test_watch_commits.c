// wrap: clock_gettime
/* A commit that waits for a synchronous standby: it is neither ended nor asked for ever again. */

#include "database.h"

#include "unit.h"

#include "jobs.h"
#include "things.h"

#include <time.h>

#define LONG_MS 600000

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

static long count_waiting(void)
{
    postgres_sql("SELECT pg_stat_clear_snapshot()");
    return postgres_number("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
}

static bool so_many_wait(void *count)
{
    return count_waiting() == *(const int *)count;
}

/* Commits wait for a standby that isn't there from the time on at which the server has read its settings. */
static int begin(void **state)
{
    struct database_options options = {
        .readers = 1, .searchers = 1, .writers = 1, .deadline_ms = LONG_MS, .statements = statements};
    (void)state;
    forward_s = 0;
    prepare();
    loop = loop_create();
    database = database_create(loop, &options);
    if (!turn_until(loop, all_are_ready, &(int){2}))
        return -1;
    postgres_sql("SET synchronous_commit = local"); /* of the tests' own session */
    postgres_sql("ALTER SYSTEM SET synchronous_standby_names = 'away'");
    postgres_sql("SELECT pg_reload_conf()");
    do {
        asks[0].answers = 0;
        assert_int_equal(send_with(0, &insert, "1", "one", 100 * LONG_MS), 0);
        while (asks[0].answers == 0 && count_waiting() == 0)
            turn_once(loop);
    } while (asks[0].answers > 0);
    return 0;
}

static void do_without_standby(void)
{
    postgres_sql("ALTER SYSTEM RESET synchronous_standby_names");
    postgres_sql("SELECT pg_reload_conf()");
}

static int end(void **state)
{
    do_without_standby();
    return stop(state);
}

static bool nothing_sleeps(void *cookie)
{
    (void)cookie;
    postgres_sql("SELECT pg_stat_clear_snapshot()");
    return postgres_number("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 0;
}

/* It would be seen, and said to be done, though it is on one server only. */
static void it_is_let_be_when_nobody_waits_for_it(void **state)
{
    (void)state;
    database_cancel(database, &asks[0].query);
    assert_int_equal(send_with(1, &wait_for, "500", NULL, LONG_MS), 0);
    assert_true(turn_until(loop, waits_in_server, QUERY_OF("pg_sleep")));
    database_cancel(database, &asks[1].query); /* what was left later is ended */
    assert_true(turn_until(loop, nothing_sleeps, NULL));
    assert_int_equal(count_waiting(), 1);
    do_without_standby();
    assert_true(turn_until(loop, so_many_wait, &(int){0}));
    assert_int_equal(postgres_number("SELECT count(*) FROM things"), 1);
}

/* Each connection that is dropped leaves a session in the server for as long as the standby is away. */
static void its_connection_is_given_more_time_each_time(void **state)
{
    static const char *const ids[] = {"1", "2", "3", "4"};
    const time_t silence = LONG_MS / 1000 + 2;
    (void)state;
    for (int sessions = 1, silences = 1; sessions <= 3; sessions++, silences *= 2) {
        assert_true(turn_until(loop, so_many_wait, &sessions));
        for (int i = 1; i < silences; i++) {
            forward_s += silence;
            turn_once(loop);
            turn_once(loop);
            assert_null(database_fault(database));
        }
        database_cancel(database, &asks[sessions - 1].query);
        send_with(sessions, &insert, ids[sessions], ids[sessions], 100 * LONG_MS);
        forward_s += silence;
    }
    do_without_standby();
    assert_true(turn_until(loop, ask_answered, &asks[3]));
    assert_int_equal(asks[3].outcome, DATABASE_OK);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(it_is_let_be_when_nobody_waits_for_it),
        EACH(its_connection_is_given_more_time_each_time),
    };
    return cmocka_run_group_tests_name("watch commits", tests, open_cluster, postgres_close);
}
