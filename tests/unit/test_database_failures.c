// wrap: malloc calloc realloc epoll_ctl PQconnectStartParams PQconnectPoll PQsetnonblocking PQenterPipelineMode PQsendPrepare PQsendQueryPrepared PQsendQueryParams PQpipelineSync PQsendPipelineSync PQflush PQconsumeInput
#include "database.h"

#include "inject.h"
#include "unit.h"

#include "things.h"

#include <libpq-fe.h>
#include <sys/epoll.h>

INJECT_MEMORY
INJECT_INT(int, epoll_ctl, (int epoll, int what, int fd, struct epoll_event *event), (epoll, what, fd, event))
INJECT_POINTER(PGconn *, PQconnectStartParams,
               (const char *const *keywords, const char *const *values, int expand),
               (keywords, values, expand))
INJECT(PostgresPollingStatusType, PQconnectPoll, (PGconn * connection), (connection), PGRES_POLLING_FAILED)
INJECT_INT(int, PQsetnonblocking, (PGconn * connection, int on), (connection, on))
INJECT(int, PQenterPipelineMode, (PGconn * connection), (connection), 0)
INJECT(int, PQsendPrepare,
       (PGconn * connection, const char *name, const char *sql, int count, const Oid *types),
       (connection, name, sql, count, types), 0)
INJECT(int, PQsendQueryPrepared,
       (PGconn * connection, const char *name, int count, const char *const *values, const int *lengths,
        const int *formats, int format),
       (connection, name, count, values, lengths, formats, format), 0)
INJECT(int, PQsendQueryParams,
       (PGconn * connection, const char *sql, int count, const Oid *types, const char *const *values,
        const int *lengths, const int *formats, int format),
       (connection, sql, count, types, values, lengths, formats, format), 0)
INJECT(int, PQpipelineSync, (PGconn * connection), (connection), 0)
#ifdef LIBPQ_HAS_SEND_PIPELINE_SYNC
INJECT(int, PQsendPipelineSync, (PGconn * connection), (connection), 0)
#endif
INJECT_INT(int, PQflush, (PGconn * connection), (connection))
INJECT(int, PQconsumeInput, (PGconn * connection), (connection), 0)

/* ---- lost connections ---- */

/* Reads, inserts and writes, some of them in flight and some not, `count` in all. */
static void send_mixture(int count)
{
    for (int i = 0; i < count; i++)
        if (i % 3 == 0)
            send_insert(i, i);
        else
            send_one(i, i % 3 == 1 ? &rename_thing : &echo, "1000", "x");
}

static void assert_mixture_done(int count)
{
    wait_for_answers(count);
    for (int i = 0; i < count;
         i += 3) /* memory ran out for a batch: its queries say so, and are asked again */
        if (asks[i].outcome == DATABASE_FULL) {
            asks[i].answers = 0;
            send_insert(i, i);
            assert_true(turn_until(loop, ask_answered, &asks[i]));
        }
    for (int i = 0; i < count; i++)
        if (asks[i].outcome != DATABASE_OK || asks[i].rows != 1)
            fail_msg("number %d: outcome %d, %d rows", i, (int)asks[i].outcome, asks[i].rows);
    assert_int_equal(postgres_number("SELECT count(*) FROM things"), (count + 2) / 3 + 1);
}

static void what_was_under_way_is_sent_again_after_a_cut(void **state)
{
    (void)state;
    postgres_sql("INSERT INTO things VALUES (1000, 'one')");
    postgres_sql("BEGIN; LOCK TABLE things");
    send_mixture(60);
    assert_true(turn_until(loop, waits_in_server, QUERY_OF("INSERT INTO things")));
    postgres_terminate();
    postgres_sql("COMMIT");
    assert_mixture_done(60);
}

static void cuts_at_any_time_lose_nothing(void **state)
{
    (void)state;
    for (int round = 0; round < 15; round++) {
        prepare();
        postgres_sql("INSERT INTO things VALUES (1000, 'one')");
        send_mixture(60);
        for (int turns = round; turns > 0; turns--)
            turn_once(loop);
        postgres_terminate();
        assert_mixture_done(60);
    }
}

/* The commit arrives, the news of it doesn't: the answer lies unread in the socket when the connection is
 * cut. */
static void an_insert_that_was_committed_unheard_is_there_once(void **state)
{
    (void)state;
    send_insert(0, 0);
    turn_once(loop);
    while (postgres_number("SELECT count(*) FROM things") == 0)
        ;
    inject_at("PQconsumeInput", 1, 0);
    wait_for_answers(1);
    assert_int_equal(inject_off(), 1);
    assert_int_equal(asks[0].outcome, DATABASE_OK);
    assert_string_equal(asks[0].row[1], "thing 0");
    assert_int_equal(postgres_number("SELECT count(*) FROM things"), 1);
}

static void a_deadline_after_a_cut_does_not_say_that_nothing_was_done(void **state)
{
    (void)state;
    postgres_sql("BEGIN; LOCK TABLE things");
    assert_int_equal(send_with(0, &insert, "1", "thing 1", 300), 0);
    assert_true(turn_until(loop, waits_in_server, QUERY_OF("INSERT INTO things")));
    postgres_stop();
    wait_for_answers(1);
    assert_int_equal(asks[0].outcome, DATABASE_LOST);
    postgres_start();
}

/* Many are one statement; that its end was announced makes no difference. */
static void a_deadline_after_an_announced_cut_says_the_same_of_many(void **state)
{
    (void)state;
    postgres_sql("BEGIN; LOCK TABLE things");
    for (int i = 0; i < 5; i++) {
        snprintf(texts[i], sizeof texts[i], "%d", i);
        assert_int_equal(send_with(i, &look_up, texts[i], NULL, 3000), 0);
    }
    assert_true(turn_until(loop, waits_in_server, QUERY_OF("FROM unnest")));
    postgres_terminate();
    postgres_stop();
    wait_for_answers(5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(asks[i].outcome, DATABASE_LOST);
    postgres_start();
}

static void a_server_that_comes_back_finds_all_queries(void **state)
{
    (void)state;
    postgres_sql("INSERT INTO things VALUES (1000, 'one')");
    send_mixture(30);
    turn_once(loop);
    postgres_stop();
    assert_true(turn_until(loop, ask_not_serving, database));
    assert_string_equal(database_fault(database), "The database can't be reached.");
    for (int i = 30; i < 60; i++)
        if (i % 3 == 0)
            send_insert(i, i);
        else
            send_one(i, &echo, "a", "b");
    turn_once(loop);
    postgres_start();
    assert_mixture_done(60);
    assert_true(turn_until(loop, ask_serving, database));
}

static void without_a_server_queries_end_at_their_deadline(void **state)
{
    (void)state;
    postgres_stop();
    assert_true(turn_until(loop, ask_not_serving, database));
    for (int i = 0; i < 9; i++)
        assert_int_equal(send_with(i, i % 2 ? &insert : &echo, "1", "x", 50), 0);
    wait_for_answers(9);
    for (int i = 0; i < 9; i++)
        assert_int_equal(asks[i].outcome, DATABASE_AWAY);
    postgres_start();
    assert_true(turn_until(loop, ask_serving, database));
}

/* ---- failures ---- */

static void without_memory_there_is_no_database(void **state)
{
    stop(state);
    int n = 1;
    for (;; n++) {
        inject_at("calloc", n + 1, ENOMEM); /* the first is the loop's */
        create(2, 2);
        bool failed = inject_off() > 0;
        assert_true(failed == (database == NULL));
        if (!failed)
            break;
        loop_free(loop);
    }
    assert_true(n > 5);
}

static void without_memory_a_query_is_refused(void **state)
{
    (void)state;
    inject_at("calloc", 1, ENOMEM);
    int result = send_with(0, &echo, "a", "b", 100);
    assert_int_equal(inject_off(), 1);
    assert_int_equal(result, -1);
    send_one(1, &echo, "a", "b");
    assert_true(turn_until(loop, ask_answered, &asks[1]));
    assert_int_equal(asks[0].answers, 0);
}

/* For the first batch there is no memory; the second does not wait for somebody else to ask something. */
static void without_memory_for_a_batch_the_next_one_goes_on(void **state)
{
    (void)state;
    for (int i = 0; i < 150; i++)
        send_insert(i, i);
    inject_at("realloc", 1, ENOMEM);
    wait_for_answers(150);
    assert_int_equal(inject_off(), 1);
    for (int i = 0; i < 150; i++)
        assert_int_equal(asks[i].outcome, i < 128 ? DATABASE_FULL : DATABASE_OK);
    assert_int_equal(postgres_number("SELECT count(*) FROM things"), 22);
}

static const struct {
    const char *call;
    int error;
} failing[] = {
    {"malloc", ENOMEM},          {"realloc", ENOMEM},
    {"calloc", ENOMEM},          {"epoll_ctl", ENOMEM},
    {"PQconnectStartParams", 0}, {"PQconnectPoll", 0},
    {"PQsetnonblocking", 0},     {"PQenterPipelineMode", 0},
    {"PQsendPrepare", 0},        {"PQsendQueryPrepared", 0},
    {"PQsendQueryParams", 0},    {"PQpipelineSync", 0},
    {"PQsendPipelineSync", 0},   {"PQflush", 0},
    {"PQconsumeInput", 0},
};

/* From the first connect on: for every n the n-th call fails, and each query is still answered, once. */
static void whatever_fails_each_query_is_answered_once(void **state)
{
    stop(state);
    for (size_t i = 0; i < COUNT(failing); i++)
        for (int n = 1;; n++) {
            prepare();
            postgres_sql("INSERT INTO things VALUES (1000, 'one')");
            create(1, 1);
            assert_non_null(database);
            inject_at(failing[i].call, n, failing[i].error);
            send_mixture(6);
            wait_for_answers(6);
            assert_true(turn_until(loop, ask_serving, database));
            int failures = inject_off();
            assert_mixture_done(6);
            stop(state);
            if (failures == 0)
                break;
        }
    create(1, 2);
}

/* The same in the midst of work, on connections that are made already. */
static void whatever_fails_at_work_each_query_is_answered_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(failing); i++)
        for (int n = 1;; n++) {
            prepare();
            postgres_sql("INSERT INTO things VALUES (1000, 'one')");
            assert_true(turn_until(loop, ask_serving, database));
            send_mixture(15);
            inject_at(failing[i].call, n, failing[i].error);
            wait_for_answers(15);
            int failures = inject_off();
            assert_mixture_done(15);
            if (failures == 0)
                break;
        }
}

static void a_call_that_never_succeeds_leaves_it_to_the_deadlines(void **state)
{
    static const char *const calls[] = {"epoll_ctl", "PQconnectStartParams", "PQsendPrepare", "PQflush"};
    stop(state);
    for (size_t i = 0; i < COUNT(calls); i++) {
        prepare();
        create(1, 2);
        inject_from(calls[i], 1, ENOMEM);
        for (int sent = 0; sent < 6; sent++)
            assert_int_equal(send_with(sent, sent % 2 ? &insert : &echo, "1", "x", 100), 0);
        wait_for_answers(6);
        inject_off();
        for (int sent = 0; sent < 6; sent++)
            assert_int_equal(asks[sent].outcome, DATABASE_AWAY);
        assert_true(turn_until(loop, ask_serving, database));
        stop(state);
    }
    create(1, 2);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(what_was_under_way_is_sent_again_after_a_cut),
        EACH(cuts_at_any_time_lose_nothing),
        EACH(an_insert_that_was_committed_unheard_is_there_once),
        EACH(a_deadline_after_a_cut_does_not_say_that_nothing_was_done),
        EACH(a_deadline_after_an_announced_cut_says_the_same_of_many),
        EACH(a_server_that_comes_back_finds_all_queries),
        EACH(without_a_server_queries_end_at_their_deadline),
        EACH(without_memory_there_is_no_database),
        EACH(without_memory_a_query_is_refused),
        EACH(without_memory_for_a_batch_the_next_one_goes_on),
        EACH(whatever_fails_each_query_is_answered_once),
        EACH(whatever_fails_at_work_each_query_is_answered_once),
        EACH(a_call_that_never_succeeds_leaves_it_to_the_deadlines),
    };
    return cmocka_run_group_tests_name("database failures", tests, open_cluster, postgres_close);
}
