#include "database.h"

#include "unit.h"

#include "things.h"

#include <stdlib.h>

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

static void each_insert_of_a_batch_gets_its_own_row(void **state)
{
    (void)state;
    postgres_sql("INSERT INTO things VALUES (3, 'thing 3')"); /* a second try */
    for (int i = 0; i < 20; i++)
        send_insert(i, 19 - i);
    wait_for_answers(20);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(asks[i].rows, 1);
        assert_string_equal(asks[i].row[0], texts[i]);
        assert_int_equal(atoi(asks[i].row[0]), 19 - i);
    }
}

/* The same request came in twice: nginx had given up on the first. */
static void the_same_insert_twice_in_a_batch_is_one_row_and_two_answers(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++)
        send_insert(i, i / 2);
    wait_for_answers(6);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(asks[i].outcome, DATABASE_OK);
        assert_string_equal(asks[i].row[0], texts[i]);
    }
    assert_int_equal(postgres_number("SELECT count(*) FROM things"), 3);
}

static void inserts_of_two_kinds_are_two_batches(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        if (i % 4 < 2)
            send_insert(i, i);
        else {
            snprintf(texts[i], sizeof texts[i], "%d", i);
            send_one(i, &late_check, texts[i], NULL);
        }
    wait_for_answers(10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(asks[i].outcome, DATABASE_OK);
    assert_int_equal(postgres_number("SELECT count(*) FROM things"), 6);
    assert_int_equal(postgres_number("SELECT count(*) FROM late"), 4);
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
        EACH(each_insert_of_a_batch_gets_its_own_row),
        EACH(the_same_insert_twice_in_a_batch_is_one_row_and_two_answers),
        EACH(inserts_of_two_kinds_are_two_batches),
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
    };
    return cmocka_run_group_tests_name("database", tests, open_cluster, postgres_close);
}
