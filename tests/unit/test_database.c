// wrap: malloc calloc realloc epoll_ctl PQconnectStartParams PQconnectPoll PQsetnonblocking PQenterPipelineMode PQsendPrepare PQsendQueryPrepared PQsendQueryParams PQpipelineSync PQsendPipelineSync PQflush PQconsumeInput
#include "database.h"

#include "inject.h"
#include "log.h"
#include "postgres.h"
#include "unit.h"

#include "ask.h"

#include <libpq-fe.h>
#include <stdio.h>
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

static const struct database_statement echo = {.text = {.name = "echo", .sql = "SELECT $1::text, $2::text"},
                                               .kind = DATABASE_READ};
static const struct database_statement divide = {.text = {.name = "divide", .sql = "SELECT 10 / $1::int"},
                                                 .kind = DATABASE_READ};
static const struct database_statement wait_for = {
    .text = {.name = "wait_for", .sql = "SELECT pg_sleep($1::float8)::text"}, .kind = DATABASE_READ};
static const struct database_statement backend = {
    .text = {.name = "backend", .sql = "SELECT pg_backend_pid(), now()"}, .kind = DATABASE_READ};
static const struct database_statement insert = {
    .text = {.name = "insert",
             .sql = "INSERT INTO things (id, name, sender) SELECT i, n, txid_current()"
                    " FROM unnest($1::int[], $2::text[]) AS sent (i, n)"
                    " ON CONFLICT (id) DO UPDATE SET id = EXCLUDED.id RETURNING id, name, sender"},
    .kind = DATABASE_INSERT};
static const struct database_statement renamed = {
    .text = {.name = "renamed", .sql = "SELECT id, name, txid_current() FROM things WHERE id = $1"},
    .kind = DATABASE_WRITE};
static const struct database_statement rename_thing = {
    .text = {.name = "rename_thing", .sql = "UPDATE things SET name = $2 WHERE id = $1"},
    .kind = DATABASE_WRITE,
    .then = &renamed};
static const struct database_statement count_up = {
    .text = {.name = "count_up", .sql = "UPDATE things SET count = count + 1 WHERE id = $1 RETURNING count"},
    .kind = DATABASE_WRITE};
static const struct database_statement late_check = {
    .text = {.name = "late_check", .sql = "INSERT INTO late (id) SELECT unnest($1::int[]) RETURNING id"},
    .kind = DATABASE_INSERT};

static const struct database_statement *const statements[] = {
    &echo, &divide, &wait_for, &backend, &insert, &rename_thing, &count_up, &late_check, NULL};

#define PATIENCE_MS 4000

static struct loop *loop;
static struct database *database;
static struct ask asks[200];

/* ---- setting up ---- */

static int open_cluster(void **state)
{
    log_set_level(LOG_LEVEL_ERROR + 1);
    if (postgres_open(state) != 0)
        return -1;
    postgres_sql(
        "CREATE TABLE things (id int PRIMARY KEY, name text UNIQUE, sender bigint, count int DEFAULT 0,"
        " CONSTRAINT things_name_check CHECK (name <> 'bad'))");
    postgres_sql("CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
    return 0;
}

/* The database serves when it has a reader and a writer; here all connections are waited for. The last
 * statement that one prepares is late_check; its answer is read within a turn of the loop. */
static bool all_are_ready(void *cookie)
{
    static int turns;
    int count = *(const int *)cookie;
    if (!ask_serving(database) ||
        postgres_number(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'purser' AND state = 'idle'"
            " AND query LIKE 'INSERT INTO late%%'") < count)
        turns = 0;
    return turns++ > 2;
}

static void create(int readers, int writers)
{
    struct database_options options = {
        .readers = readers, .writers = writers, .deadline_ms = PATIENCE_MS, .statements = statements};
    loop = loop_create();
    assert_non_null(loop);
    database = database_create(loop, &options);
}

static void prepare(void)
{
    memset(asks, 0, sizeof asks);
    postgres_sql("ROLLBACK"); /* of a test that failed */
    postgres_sql("TRUNCATE things, late");
}

static int start(void **state)
{
    (void)state;
    prepare();
    create(1, 2);
    return turn_until(loop, all_are_ready, &(int){3}) ? 0 : -1;
}

/* What was under way when the connections were closed is carried out all the same: let it end with this test.
 */
static int stop(void **state)
{
    (void)state;
    database_free(database);
    loop_free(loop);
    while (postgres_number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'purser'") > 0)
        ;
    return 0;
}

/* ---- asking ---- */

static char texts[COUNT(asks)][40];

/* Send number `i` with one or two values (NULL: none). */
static int send_with(int i, const struct database_statement *statement, const char *first, const char *second,
                     uint64_t milliseconds)
{
    asks[i].columns = statement == &echo ? 2 : statement == &insert || statement == &rename_thing ? 3 : 1;
    asks[i].values[0] = first;
    asks[i].values[1] = second;
    int count = first == NULL ? 0 : second == NULL ? 1 : 2;
    return ask_send(&asks[i], loop, database, statement, count, milliseconds);
}

/* When memory runs out it is sent once more: it runs out once. */
static void send_one(int i, const struct database_statement *statement, const char *first, const char *second)
{
    if (send_with(i, statement, first, second, PATIENCE_MS) != 0)
        assert_int_equal(send_with(i, statement, first, second, PATIENCE_MS), 0);
}

/* A thing whose id and name are made of `i`. */
static void send_insert(int i, int id)
{
    snprintf(texts[i], sizeof texts[i], "%d%cthing %d", id, '\0', id);
    send_one(i, &insert, texts[i], texts[i] + strlen(texts[i]) + 1);
}

static bool first_are_answered(void *cookie)
{
    for (int i = 0; i < *(int *)cookie; i++)
        if (asks[i].answers == 0)
            return false;
    return true;
}

/* And let what may come twice come. */
static void wait_for_answers(int count)
{
    assert_true(turn_until(loop, first_are_answered, &count));
    turn_once(loop);
    for (int i = 0; i < count; i++)
        assert_int_equal(asks[i].answers, 1);
}

static bool waits_in_server(void *cookie)
{
    postgres_sql("SELECT pg_stat_clear_snapshot()"); /* a transaction sees the same activity all the time */
    return postgres_number(
               "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%%%s%%' AND state = 'active'"
               " AND pid <> pg_backend_pid() AND wait_event_type IN ('Lock', 'Timeout')",
               (const char *)cookie) > 0;
}

#define QUERY_OF(what) ((void *)(uintptr_t)(what))

/* ---- reads ---- */

static void a_read_is_answered_with_its_rows(void **state)
{
    (void)state;
    send_one(0, &echo, "a \"b\" \u00e9", "");
    assert_int_equal(asks[0].answers, 0);
    wait_for_answers(1);
    assert_int_equal(asks[0].outcome, DATABASE_OK);
    assert_int_equal(asks[0].rows, 1);
    assert_string_equal(asks[0].row[0], "a \"b\" \u00e9");
    assert_string_equal(asks[0].row[1], "");
}

static void null_goes_in_and_comes_out(void **state)
{
    (void)state;
    asks[0].columns = 2;
    asks[0].values[1] = "x";
    assert_int_equal(ask_send(&asks[0], loop, database, &echo, 2, PATIENCE_MS), 0);
    wait_for_answers(1);
    assert_string_equal(asks[0].row[0], "(null)");
    assert_string_equal(asks[0].row[1], "x");
}

static void reads_of_one_turn_share_a_sync(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        send_one(i, &backend, NULL, NULL);
        asks[i].columns = 2;
    }
    wait_for_answers(10);
    for (int i = 1; i < 10; i++)
        assert_string_equal(asks[i].row[1], asks[0].row[1]); /* now() is the transaction's */
}

static void a_failing_read_leaves_its_neighbours_alone(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        send_one(i, &divide, i == 4 ? "0" : "5", NULL);
    wait_for_answers(10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(asks[i].outcome, i == 4 ? DATABASE_INVALID : DATABASE_OK);
    assert_string_equal(asks[9].row[0], "2");
}

static void all_reads_may_fail(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        send_one(i, &divide, i % 2 ? "0" : "x", NULL);
    wait_for_answers(10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(asks[i].outcome, DATABASE_INVALID);
}

static void a_slow_read_leaves_the_other_reader_free(void **state)
{
    stop(state);
    create(2, 1);
    assert_true(turn_until(loop, all_are_ready, &(int){3}));
    send_one(0, &wait_for, "0.3", NULL);
    turn_once(loop);
    send_one(1, &echo, "a", "b");
    assert_true(turn_until(loop, ask_answered, &asks[1]));
    assert_int_equal(asks[0].answers, 0);
    wait_for_answers(2);
}

/* ---- writes ---- */

static void inserts_of_one_turn_are_one_transaction(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        send_insert(i, i);
    wait_for_answers(50);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(asks[i].outcome, DATABASE_OK);
        assert_string_equal(asks[i].row[0], texts[i]);
        assert_string_equal(asks[i].row[2], asks[0].row[2]);
    }
    assert_int_equal(postgres_number("SELECT count(*) FROM things"), 50);
}

static void a_batch_has_its_limit(void **state)
{
    (void)state;
    for (int i = 0; i < 150; i++)
        send_insert(i, i);
    wait_for_answers(150);
    assert_string_equal(asks[127].row[2], asks[0].row[2]);
    assert_string_not_equal(asks[128].row[2], asks[0].row[2]);
    assert_string_equal(asks[149].row[2], asks[128].row[2]);
}

static void what_comes_while_a_batch_is_on_its_way_is_the_next(void **state)
{
    (void)state;
    send_insert(0, 0);
    turn_once(loop);
    for (int i = 1; i < 20; i++)
        send_insert(i, i);
    wait_for_answers(20);
    assert_string_not_equal(asks[1].row[2], asks[0].row[2]);
    assert_string_equal(asks[19].row[2], asks[1].row[2]);
}

static void one_duplicate_among_fifty_is_alone_with_its_conflict(void **state)
{
    (void)state;
    postgres_sql("INSERT INTO things VALUES (1000, 'thing 23')");
    for (int i = 0; i < 50; i++)
        send_insert(i, i);
    wait_for_answers(50);
    for (int i = 0; i < 50; i++)
        assert_int_equal(asks[i].outcome, i == 23 ? DATABASE_CONFLICT : DATABASE_OK);
    assert_string_equal(asks[23].constraint, "things_name_key");
    assert_int_equal(postgres_number("SELECT count(*) FROM things"), 50);
}

static void two_of_one_name_in_a_batch_are_one_and_a_conflict(void **state)
{
    (void)state;
    send_insert(0, 0);
    send_insert(1, 1);
    send_one(2, &insert, "2", "thing 0");
    wait_for_answers(3);
    assert_int_equal(asks[0].outcome, DATABASE_OK);
    assert_int_equal(asks[1].outcome, DATABASE_OK);
    assert_int_equal(asks[2].outcome, DATABASE_CONFLICT);
}

static void a_broken_rule_is_named(void **state)
{
    (void)state;
    send_one(0, &insert, "1", "bad");
    wait_for_answers(1);
    assert_int_equal(asks[0].outcome, DATABASE_INVALID);
    assert_string_equal(asks[0].constraint, "things_name_check");
}

static void an_error_of_the_commit_is_the_inserts(void **state)
{
    (void)state;
    postgres_sql("INSERT INTO late VALUES (1)");
    send_one(0, &late_check, "1", NULL);
    wait_for_answers(1);
    assert_int_equal(asks[0].outcome, DATABASE_CONFLICT);
    prepare();
    for (int i = 0; i < 5; i++)
        send_one(i, &late_check, i == 4 ? "0" : (const char *[]){"0", "1", "2", "3"}[i], NULL);
    wait_for_answers(5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(asks[i].outcome, i == 4 ? DATABASE_CONFLICT : DATABASE_OK);
}

static void what_follows_a_write_is_its_answer(void **state)
{
    (void)state;
    postgres_sql("INSERT INTO things VALUES (1, 'one')");
    send_one(0, &rename_thing, "1", "uno");
    send_one(1, &rename_thing, "2", "due");
    wait_for_answers(2);
    assert_int_equal(asks[0].rows, 1);
    assert_string_equal(asks[0].row[1], "uno");
    assert_int_equal(asks[1].outcome, DATABASE_OK);
    assert_int_equal(asks[1].rows, 0);
}

static void a_write_that_fails_before_what_follows_says_why(void **state)
{
    (void)state;
    postgres_sql("INSERT INTO things VALUES (1, 'one'), (2, 'two')");
    send_one(0, &rename_thing, "1", "two");
    wait_for_answers(1);
    assert_int_equal(asks[0].outcome, DATABASE_CONFLICT);
    assert_string_equal(asks[0].constraint, "things_name_key");
}

static void writes_have_transactions_of_their_own(void **state)
{
    (void)state;
    postgres_sql("INSERT INTO things VALUES (1, 'one'), (2, 'two')");
    for (int i = 0; i < 20; i++)
        send_one(i, &count_up, i % 2 ? "1" : "2", NULL);
    send_one(20, &rename_thing, "1", "two");
    wait_for_answers(21);
    assert_int_equal(asks[20].outcome, DATABASE_CONFLICT);
    assert_int_equal(postgres_number("SELECT min(count) FROM things"), 10);
}

static void a_locked_row_leaves_the_inserts_alone(void **state)
{
    (void)state;
    postgres_sql("INSERT INTO things VALUES (1000, 'one')");
    postgres_sql("BEGIN; UPDATE things SET count = 5 WHERE id = 1000");
    send_one(1, &count_up, "1000", NULL);
    turn_once(loop);
    send_insert(0, 0);
    wait_for_answers(1);
    assert_int_equal(asks[1].answers, 0);
    postgres_sql("COMMIT");
    wait_for_answers(2);
    assert_string_equal(asks[1].row[0], "6");
}

static void a_single_writer_does_everything(void **state)
{
    stop(state);
    create(1, 1);
    assert_true(turn_until(loop, ask_serving, database));
    postgres_sql("INSERT INTO things VALUES (1000, 'one')");
    for (int i = 0; i < 30; i++)
        if (i % 3 == 0)
            send_insert(i, i);
        else
            send_one(i, i % 3 == 1 ? &count_up : &echo, "1000", i % 3 == 1 ? NULL : "x");
    wait_for_answers(30);
    for (int i = 0; i < 30; i++)
        assert_int_equal(asks[i].outcome, DATABASE_OK);
    assert_int_equal(postgres_number("SELECT count FROM things WHERE id = 1000"), 10);
}

/* ---- deadlines and lost interest ---- */

static void a_deadline_in_the_queue_means_nothing_was_done(void **state)
{
    (void)state;
    postgres_sql("BEGIN; LOCK TABLE things");
    send_insert(0, 0);
    assert_true(turn_until(loop, waits_in_server, QUERY_OF("INSERT INTO things")));
    assert_int_equal(send_with(1, &insert, "1", "thing 1", 50), 0);
    assert_true(turn_until(loop, ask_answered, &asks[1]));
    assert_int_equal(asks[1].outcome, DATABASE_AWAY);
    assert_int_equal(asks[0].answers, 0);
    postgres_sql("COMMIT");
    wait_for_answers(2);
    assert_int_equal(postgres_number("SELECT count(*) FROM things"), 1);
}

static void a_deadline_at_work_is_a_timeout(void **state)
{
    (void)state;
    assert_int_equal(send_with(0, &wait_for, "0.2", NULL, 30), 0);
    assert_true(turn_until(loop, ask_answered, &asks[0]));
    assert_int_equal(asks[0].outcome, DATABASE_TIMEOUT);
    send_one(1, &echo, "a", "b"); /* its connection is of use again */
    wait_for_answers(2);
    assert_int_equal(asks[1].outcome, DATABASE_OK);
}

static void a_deadline_that_has_passed_is_still_told_from_the_loop(void **state)
{
    (void)state;
    assert_int_equal(send_with(0, &echo, "a", "b", 0), 0);
    asks[1].columns = 2;
    assert_int_equal(asks[0].answers, 0);
    wait_for_answers(1);
}

static void postgres_ends_what_takes_too_long(void **state)
{
    struct database_options options = {
        .readers = 1, .writers = 1, .deadline_ms = 50, .statements = statements};
    stop(state);
    loop = loop_create();
    database = database_create(loop, &options);
    assert_true(turn_until(loop, ask_serving, database));
    send_one(0, &wait_for, "9", NULL);
    wait_for_answers(1);
    assert_int_equal(asks[0].outcome, DATABASE_TIMEOUT);
}

static void cancelled_queries_are_not_heard_of_again(void **state)
{
    (void)state;
    send_one(0, &wait_for, "0.05", NULL); /* will be in flight */
    turn_once(loop);
    send_one(1, &echo, "a", "b"); /* queued */
    database_cancel(database, &asks[0].query);
    database_cancel(database, &asks[1].query);
    database_cancel(database, &asks[1].query); /* not under way: let pass */
    send_one(2, &echo, "a", "b");
    assert_true(turn_until(loop, ask_answered, &asks[2]));
    assert_int_equal(asks[0].answers, 0);
    assert_int_equal(asks[1].answers, 0);
}

static void a_batch_goes_on_without_its_cancelled_members(void **state)
{
    (void)state;
    postgres_sql("BEGIN; LOCK TABLE things");
    for (int i = 0; i < 5; i++)
        send_insert(i, i);
    send_one(5, &insert, "1000", "thing 0"); /* so that all are sent a second time */
    assert_true(turn_until(loop, waits_in_server, QUERY_OF("INSERT INTO things")));
    database_cancel(database, &asks[4].query);
    memset(texts[4], 'x', sizeof texts[4]); /* its values are gone */
    postgres_sql("COMMIT");
    wait_for_answers(4);
    assert_true(turn_until(loop, ask_answered, &asks[5]));
    assert_int_equal(asks[5].outcome, DATABASE_CONFLICT);
    assert_int_equal(asks[4].answers, 0);
    assert_int_equal(postgres_number("SELECT count(*) FROM things"), 4);
}

/* `done` of one query cancels another of the same batch, and sends a new one. */
static void cancel_next(struct ask *ask, const struct database_result *result)
{
    (void)result;
    database_cancel(database, &ask[1].query);
    send_one(100, &echo, "a", "b");
}

static void an_answer_may_cancel_and_send(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        send_insert(i, i);
    asks[0].look = cancel_next;
    assert_true(turn_until(loop, ask_answered, &asks[100]));
    assert_true(turn_until(loop, ask_answered, &asks[2]));
    assert_int_equal(asks[0].answers, 1);
    assert_int_equal(asks[1].answers, 0);
    assert_int_equal(postgres_number("SELECT count(*) FROM things"), 3);
}

static void freeing_drops_what_is_under_way(void **state)
{
    (void)state;
    send_one(0, &wait_for, "0.1", NULL);
    send_insert(1, 1);
    turn_once(loop);
    send_one(2, &echo, "a", "b");
    database_free(database);
    database = NULL;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(asks[i].answers, 0);
        assert_null(asks[i].query.job);
    }
    database_free(NULL);
}

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
        EACH(a_read_is_answered_with_its_rows),
        EACH(null_goes_in_and_comes_out),
        EACH(reads_of_one_turn_share_a_sync),
        EACH(a_failing_read_leaves_its_neighbours_alone),
        EACH(all_reads_may_fail),
        EACH(a_slow_read_leaves_the_other_reader_free),
        EACH(inserts_of_one_turn_are_one_transaction),
        EACH(a_batch_has_its_limit),
        EACH(what_comes_while_a_batch_is_on_its_way_is_the_next),
        EACH(one_duplicate_among_fifty_is_alone_with_its_conflict),
        EACH(two_of_one_name_in_a_batch_are_one_and_a_conflict),
        EACH(a_broken_rule_is_named),
        EACH(an_error_of_the_commit_is_the_inserts),
        EACH(what_follows_a_write_is_its_answer),
        EACH(a_write_that_fails_before_what_follows_says_why),
        EACH(writes_have_transactions_of_their_own),
        EACH(a_locked_row_leaves_the_inserts_alone),
        EACH(a_single_writer_does_everything),
        EACH(a_deadline_in_the_queue_means_nothing_was_done),
        EACH(a_deadline_at_work_is_a_timeout),
        EACH(a_deadline_that_has_passed_is_still_told_from_the_loop),
        EACH(postgres_ends_what_takes_too_long),
        EACH(cancelled_queries_are_not_heard_of_again),
        EACH(a_batch_goes_on_without_its_cancelled_members),
        EACH(an_answer_may_cancel_and_send),
        EACH(freeing_drops_what_is_under_way),
        EACH(what_was_under_way_is_sent_again_after_a_cut),
        EACH(cuts_at_any_time_lose_nothing),
        EACH(an_insert_that_was_committed_unheard_is_there_once),
        EACH(a_deadline_after_a_cut_does_not_say_that_nothing_was_done),
        EACH(a_server_that_comes_back_finds_all_queries),
        EACH(without_a_server_queries_end_at_their_deadline),
        EACH(without_memory_there_is_no_database),
        EACH(without_memory_a_query_is_refused),
        EACH(whatever_fails_each_query_is_answered_once),
        EACH(whatever_fails_at_work_each_query_is_answered_once),
        EACH(a_call_that_never_succeeds_leaves_it_to_the_deadlines),
    };
    return cmocka_run_group_tests_name("database", tests, open_cluster, postgres_close);
}
