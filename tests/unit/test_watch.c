// wrap: calloc clock_gettime
#include "database.h"

#include "inject.h"
#include "unit.h"

#include "jobs.h"
#include "things.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>

INJECT_POINTER(void *, calloc, (size_t count, size_t size), (count, size))

#define LONG_MS 600000 /* beyond any test: nothing ends by itself */

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

static pid_t stopped; /* a process of the server */

static bool both_are_ready(void *cookie)
{
    return ask_serving(database) && all_are_ready(cookie);
}

static void open_with(int readers, int searchers, int writers, uint64_t deadline_ms)
{
    struct database_options options = {.readers = readers,
                                       .searchers = searchers,
                                       .writers = writers,
                                       .deadline_ms = deadline_ms,
                                       .statements = statements};
    loop = loop_create();
    database = database_create(loop, &options);
    assert_true(turn_until(loop, both_are_ready, &(int){readers + writers}));
}

/* While the table is held, what writes to it takes its time; the lock is for what reads. */
static const char *const held = "UPDATE held SET yes = true", *const released = "UPDATE held SET yes = false";
static const char *const locked = "BEGIN; LOCK TABLE things", *const unlocked = "COMMIT";

static int open_watched(void **state)
{
    if (open_cluster(state) != 0)
        return -1;
    postgres_sql("CREATE TABLE held AS SELECT false AS yes");
    postgres_sql(
        "CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN WHILE (SELECT yes FROM held) LOOP PERFORM pg_sleep(0.05); END LOOP; RETURN NULL; END'");
    postgres_sql("CREATE TRIGGER take_time BEFORE INSERT OR UPDATE ON things EXECUTE FUNCTION take_time()");
    return 0;
}

static int begin(void **state)
{
    (void)state;
    forward_s = 0;
    prepare();
    open_with(1, 1, 2, LONG_MS);
    return 0;
}

static int end(void **state)
{
    if (stopped != 0)
        kill(stopped, SIGCONT);
    stopped = 0;
    postgres_sql("ROLLBACK");
    postgres_sql("%s", released);
    postgres_terminate();
    return stop(state);
}

static void begin_again(void **state, int readers, int searchers, int writers, uint64_t deadline_ms)
{
    end(state);
    open_with(readers, searchers, writers, deadline_ms);
}

/* ---- statements that end only when they are told to ---- */

static void send_search(int i, const char *sql)
{
    asks[i].columns = 1;
    asks[i].query = (struct database_query){.statement = &database_search,
                                            .sql = sql,
                                            .values = asks[i].values,
                                            .deadline = loop_now(loop) + LONG_MS,
                                            .done = ask_done,
                                            .cookie = &asks[i]};
    assert_int_equal(database_send(database, &asks[i].query), 0);
}

static bool is_at_work_no_more(void *what)
{
    postgres_sql("SELECT pg_stat_clear_snapshot()");
    return postgres_number(
               "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%%%s%%' AND state = 'active'"
               " AND pid <> pg_backend_pid()",
               (const char *)what) == 0;
}

static void wait_for_work(const char *what)
{
    assert_true(turn_until(loop, waits_in_server, QUERY_OF(what)));
}

static void wait_for_its_end(const char *what)
{
    assert_true(turn_until(loop, is_at_work_no_more, QUERY_OF(what)));
}

static void assert_all_kinds_work(void)
{
    for (int i = 100; i < 104; i++)
        asks[i].answers = 0;
    send_one(100, &echo, "a", "b");
    send_search(101, "SELECT 'found'");
    send_insert(102, 102);
    send_one(103, &count_up, "102", NULL);
    for (int i = 100; i < 104; i++) {
        assert_true(turn_until(loop, ask_answered, &asks[i]));
        assert_int_equal(asks[i].outcome, DATABASE_OK);
    }
}

static const struct {
    const struct database_statement *statement; /* NULL: a search */
    const char *values[2], *text;
    const char *const *before, *const *after;
} endless[] = {
    {&wait_for, {"600", NULL}, "pg_sleep", &released, &released},
    {NULL, {NULL, NULL}, "pg_sleep(500)", &released, &released},
    {&look_up, {"1", NULL}, "FROM unnest($1::int[])", &locked, &unlocked},
    {&insert, {"1", "one"}, "INSERT INTO things", &held, &released},
    {&count_up, {"1000", NULL}, "UPDATE things SET count", &held, &released},
    {&rename_thing, {"1000", "uno"}, "UPDATE things SET name", &held, &released},
};

static void send_endless(size_t i)
{
    if (endless[i].statement == NULL)
        send_search((int)i, "SELECT pg_sleep(500)");
    else
        assert_int_equal(
            send_with((int)i, endless[i].statement, endless[i].values[0], endless[i].values[1], LONG_MS), 0);
    wait_for_work(endless[i].text);
}

static void what_nobody_waits_for_any_more_is_ended(void **state)
{
    (void)state;
    postgres_sql("INSERT INTO things VALUES (1000, 'one')");
    for (size_t i = 0; i < COUNT(endless); i++) {
        postgres_sql("%s", *endless[i].before);
        send_endless(i);
        database_cancel(database, &asks[i].query);
        wait_for_its_end(endless[i].text);
        postgres_sql("%s", *endless[i].after);
        assert_int_equal(asks[i].answers, 0);
        assert_all_kinds_work();
    }
    assert_string_equal(postgres_sql("SELECT string_agg(name, ',' ORDER BY name) FROM things"),
                        "one,thing 102");
}

static void what_is_past_its_deadline_is_ended(void **state)
{
    (void)state;
    postgres_sql("%s", held);
    assert_int_equal(send_with(0, &insert, "1", "one", 100), 0);
    wait_for_work("INSERT INTO things");
    wait_for_answers(1);
    assert_int_equal(asks[0].outcome, DATABASE_TIMEOUT);
    wait_for_its_end("INSERT INTO things");
    postgres_sql("%s", released);
    assert_int_equal(postgres_number("SELECT count(*) FROM things"), 0);
}

static void a_batch_goes_on_while_one_waits_for_it(void **state)
{
    (void)state;
    postgres_sql("%s", held);
    for (int i = 0; i < 5; i++)
        send_insert(i, i);
    wait_for_work("INSERT INTO things");
    for (int i = 0; i < 5; i++)
        if (i != 2)
            database_cancel(database, &asks[i].query);
    send_endless(0); /* what was left later is ended, so this has been looked at */
    database_cancel(database, &asks[0].query);
    wait_for_its_end(endless[0].text);
    postgres_sql("%s", released);
    assert_true(turn_until(loop, ask_answered, &asks[2]));
    assert_int_equal(asks[2].outcome, DATABASE_OK);
    assert_int_equal(postgres_number("SELECT count(*) FROM things"), 5);
    assert_int_equal(postgres_number("SELECT count(DISTINCT sender) FROM things"), 1);
}

static void a_batch_that_all_have_left_is_ended(void **state)
{
    (void)state;
    postgres_sql("%s", held);
    for (int i = 0; i < 5; i++)
        send_insert(i, i);
    wait_for_work("INSERT INTO things");
    for (int i = 0; i < 5; i++)
        database_cancel(database, &asks[i].query);
    wait_for_its_end("INSERT INTO things");
    postgres_sql("%s", released);
    assert_int_equal(postgres_number("SELECT count(*) FROM things"), 0);
}

static void those_behind_one_that_is_ended_are_answered(void **state)
{
    (void)state;
    send_one(0, &wait_for, "600", NULL);
    for (int i = 1; i < 9; i++)
        send_one(i, &echo, "a", "b"); /* before the same Sync */
    wait_for_work("pg_sleep");
    database_cancel(database, &asks[0].query);
    for (int i = 1; i < 9; i++) {
        assert_true(turn_until(loop, ask_answered, &asks[i]));
        assert_int_equal(asks[i].outcome, DATABASE_OK);
        assert_int_equal(asks[i].answers, 1);
    }
}

static void what_was_left_before_its_turn_is_ended_in_its_turn(void **state)
{
    (void)state;
    postgres_sql("BEGIN; LOCK TABLE late");
    send_search(0, "SELECT count(*) FROM late");
    send_search(1, "SELECT pg_sleep(500)");
    wait_for_work("FROM late");
    database_cancel(database, &asks[1].query);
    send_endless(0);
    database_cancel(database, &asks[0].query);
    wait_for_its_end(endless[0].text);
    postgres_sql("COMMIT");
    assert_all_kinds_work();
}

static void what_waits_to_be_sent_ends_nothing(void **state)
{
    (void)state;
    postgres_sql("%s", held);
    send_insert(0, 0);
    wait_for_work("INSERT INTO things");
    assert_int_equal(send_with(1, &insert, "1", "one", 10), 0);
    assert_true(turn_until(loop, ask_answered, &asks[1]));
    assert_int_equal(asks[1].outcome, DATABASE_AWAY);
    assert_true(waits_in_server(QUERY_OF("INSERT INTO things")));
    postgres_sql("%s", released);
    wait_for_answers(2);
    assert_int_equal(asks[0].outcome, DATABASE_OK);
}

/* Both connections are at work; the one that is free first speaks for the other. */
static void when_nobody_can_ask_it_is_asked_later(void **state)
{
    begin_again(state, 1, 0, 1, LONG_MS);
    postgres_sql("%s", held);
    send_insert(1, 1);
    send_endless(0);
    wait_for_work("INSERT INTO things");
    database_cancel(database, &asks[0].query);
    for (int i = 2; i < 9; i++) {
        send_one(i, &echo, "a", "b");
        turn_once(loop);
    }
    postgres_sql("%s", released);
    for (int i = 1; i < 9; i++)
        assert_true(turn_until(loop, ask_answered, &asks[i]));
    assert_int_equal(asks[1].outcome, DATABASE_OK);
}

static void without_memory_it_is_asked_later(void **state)
{
    (void)state;
    send_endless(0);
    inject_from("calloc", 1, ENOMEM);
    database_cancel(database, &asks[0].query);
    while (inject.failures < 2)
        turn_once(loop);
    assert_true(waits_in_server(QUERY_OF(endless[0].text)));
    inject_off();
    wait_for_its_end(endless[0].text);
}

/* ---- cancelled by somebody else ---- */

static void cancel_at_work(const char *what)
{
    wait_for_work(what);
    postgres_sql("SELECT pg_stat_clear_snapshot()");
    assert_int_equal(postgres_number("SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity"
                                     " WHERE query LIKE '%%%s%%' AND pid <> pg_backend_pid()"
                                     " AND state = 'active'",
                                     what),
                     1);
}

static void a_write_that_somebody_waits_for_is_sent_again(void **state)
{
    (void)state;
    postgres_sql("INSERT INTO things VALUES (1000, 'one')");
    postgres_sql("%s", held);
    send_one(0, &count_up, "1000", NULL);
    send_insert(1, 1);
    cancel_at_work("UPDATE things SET count");
    cancel_at_work("INSERT INTO things");
    turn_once(loop);
    postgres_sql("%s", released);
    wait_for_answers(2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(asks[i].outcome, DATABASE_OK);
    assert_int_equal(postgres_number("SELECT count FROM things WHERE id = 1000"), 1);
}

static void a_read_that_somebody_waits_for_is_sent_again(void **state)
{
    (void)state;
    postgres_sql("INSERT INTO things VALUES (1000, 'one')");
    postgres_sql("%s", locked);
    send_one(0, &look_up, "1000", NULL);
    send_search(1, "SELECT count(*)::text FROM things");
    cancel_at_work(endless[2].text);
    cancel_at_work("SELECT count(*)::text FROM things");
    turn_once(loop);
    postgres_sql("%s", unlocked);
    wait_for_answers(2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(asks[i].rows, 1);
}

static void what_is_cancelled_until_its_deadline_is_a_timeout(void **state)
{
    begin_again(state, 1, 1, 1, 300); /* PostgreSQL itself cancels it each time */
    assert_int_equal(send_with(0, &wait_for, "600", NULL, 1000), 0);
    wait_for_answers(1);
    assert_int_equal(asks[0].outcome, DATABASE_TIMEOUT);
}

/* It is undone; that it has to wait until it is sent again changes nothing of that. */
static void a_deadline_after_an_error_is_no_lost_connection(void **state)
{
    begin_again(state, 1, 0, 1, LONG_MS);
    postgres_sql("%s", held);
    assert_int_equal(send_with(0, &count_up, "1", NULL, LONG_MS / 2), 0);
    wait_for_work("UPDATE things SET count");
    assert_int_equal(send_with(1, &insert, "1", "one", LONG_MS), 0);
    turn_once(loop);
    cancel_at_work("UPDATE things SET count");
    wait_for_work("INSERT INTO things");
    forward_s = LONG_MS / 2000 + 1;
    wait_for_answers(1);
    assert_int_equal(asks[0].outcome, DATABASE_TIMEOUT);
    postgres_sql("%s", released);
    wait_for_answers(2);
    assert_int_equal(asks[1].outcome, DATABASE_OK);
}

/* ---- silence ---- */

/* A backend that says nothing, as if its host had vanished. */
static void silence_reader(void)
{
    send_one(0, &backend, NULL, NULL);
    wait_for_answers(1);
    stopped = (pid_t)strtol(asks[0].row[0], NULL, 10);
    assert_int_equal(kill(stopped, SIGSTOP), 0);
    asks[0].answers = 0;
}

static void a_silent_connection_is_made_again(void **state)
{
    begin_again(state, 1, 1, 1, 300);
    silence_reader();
    assert_int_equal(send_with(0, &backend, NULL, NULL, 300), 0);
    assert_int_equal(send_with(1, &backend, NULL, NULL, LONG_MS), 0);
    wait_for_answers(2);
    assert_int_equal(asks[0].outcome, DATABASE_TIMEOUT);
    assert_int_equal(asks[1].outcome, DATABASE_OK);
    assert_int_not_equal(strtol(asks[1].row[0], NULL, 10), stopped);
}

/* All of them together take longer than any may; each is answered in time. */
static void one_that_answers_is_not_silent(void **state)
{
    const time_t most_of_the_time = (LONG_MS + 1000) / 1000 * 2 / 3;
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(
            send_with(i, i % 4 == 0 ? &backend : &wait_for, i % 4 == 0 ? NULL : "0.1", NULL, 10 * LONG_MS),
            0);
    for (int i = 0; i < 5; i++) {
        assert_true(turn_until(loop, ask_answered, &asks[i]));
        forward_s += most_of_the_time;
    }
    assert_string_equal(asks[0].row[0], asks[4].row[0]);
}

static bool nothing_is_watched(void *cookie)
{
    (void)cookie;
    return !database->look.set;
}

static void nothing_is_looked_at_when_nothing_is_in_flight(void **state)
{
    begin_again(state, 1, 1, 1, 100);
    assert_true(nothing_is_watched(NULL));
    assert_all_kinds_work();
    assert_true(turn_until(loop, nothing_is_watched, NULL));
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(what_nobody_waits_for_any_more_is_ended),
        EACH(what_is_past_its_deadline_is_ended),
        EACH(a_batch_goes_on_while_one_waits_for_it),
        EACH(a_batch_that_all_have_left_is_ended),
        EACH(those_behind_one_that_is_ended_are_answered),
        EACH(what_was_left_before_its_turn_is_ended_in_its_turn),
        EACH(what_waits_to_be_sent_ends_nothing),
        EACH(when_nobody_can_ask_it_is_asked_later),
        EACH(without_memory_it_is_asked_later),
        EACH(a_write_that_somebody_waits_for_is_sent_again),
        EACH(a_read_that_somebody_waits_for_is_sent_again),
        EACH(what_is_cancelled_until_its_deadline_is_a_timeout),
        EACH(a_deadline_after_an_error_is_no_lost_connection),
        EACH(a_silent_connection_is_made_again),
        EACH(one_that_answers_is_not_silent),
        EACH(nothing_is_looked_at_when_nothing_is_in_flight),
    };
    return cmocka_run_group_tests_name("watch", tests, open_watched, postgres_close);
}
