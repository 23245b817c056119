/* What other sessions have locked, and who waits for it: nobody but those who want it. */

#include "database.h"

#include "unit.h"

#include "things.h"

#define LOCK_MS 20

static int start_with(int writers)
{
    prepare();
    create_with(1, writers, LOCK_MS);
    postgres_sql("INSERT INTO things SELECT i, 'old ' || i FROM generate_series(1000, 1040) AS i");
    return turn_until(loop, all_are_ready, &(int){1 + writers}) ? 0 : -1;
}

static int start_three(void **state)
{
    (void)state;
    return start_with(3);
}

static int start_one(void **state)
{
    (void)state;
    return start_with(1);
}

static int unlock_and_stop(void **state)
{
    postgres_sql("ROLLBACK");
    return stop(state);
}

/* ---- what the tests say ---- */

static void lock_rows(int first, int last)
{
    postgres_sql("BEGIN; UPDATE things SET count = 100 WHERE id BETWEEN %d AND %d", first, last);
}

static void send_count(int i, int id)
{
    snprintf(texts[i], sizeof texts[i], "%d", id);
    send_one(i, &count_up, texts[i], NULL);
}

struct range {
    int first, last;
};

static bool range_is_answered(void *cookie)
{
    const struct range *range = cookie;
    for (int i = range->first; i <= range->last; i++)
        if (asks[i].answers == 0)
            return false;
    return true;
}

static void assert_done(int first, int last)
{
    assert_true(turn_until(loop, range_is_answered, &(struct range){first, last}));
    for (int i = first; i <= last; i++)
        if (asks[i].outcome != DATABASE_OK || asks[i].rows != 1 || asks[i].answers != 1)
            fail_msg("number %d: outcome %d, %d rows", i, (int)asks[i].outcome, asks[i].rows);
}

static void assert_waiting(int first, int last)
{
    for (int i = first; i <= last; i++)
        assert_int_equal(asks[i].answers, 0);
}

static bool one_is_blocked(void *cookie)
{
    (void)cookie;
    postgres_sql("SELECT pg_stat_clear_snapshot()"); /* a transaction sees the same activity all the time */
    return postgres_number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") > 0;
}

/* Whether the one that waits for a lock is another one than at the first look. */
static bool another_is_blocked(void *cookie)
{
    char *began = cookie;
    if (!one_is_blocked(NULL))
        return false;
    const char *now =
        postgres_sql("SELECT max(query_start) FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
    if (began[0] == '\0')
        snprintf(began, 40, "%s", now);
    return strcmp(now, began) != 0;
}

/* Until PostgreSQL has given one up for its lock, and one was sent again. */
static void wait_for_second_try(void)
{
    assert_true(turn_until(loop, another_is_blocked, (char[40]){""}));
}

/* ---- rows ---- */

static void a_locked_row_is_waited_for_by_those_who_want_it_alone(void **state)
{
    (void)state;
    lock_rows(1000, 1000);
    for (int i = 0; i < 20; i++)
        send_count(i, 1000);
    for (int i = 20; i < 40; i++)
        send_count(i, 1000 + i);
    for (int i = 40; i < 60; i++)
        send_insert(i, i);
    assert_done(20, 59);
    assert_waiting(0, 19);
    postgres_sql("COMMIT");
    assert_done(0, 19);
    assert_int_equal(postgres_number("SELECT count FROM things WHERE id = 1000"), 120);
}

static void many_locked_rows_do_not_take_all_writers(void **state)
{
    (void)state;
    lock_rows(1000, 1009);
    for (int i = 0; i < 20; i++)
        send_count(i, 1000 + i / 2);
    for (int i = 20; i < 40; i++)
        send_count(i, 1000 + i);
    assert_done(20, 39);
    for (int i = 40; i < 60; i++)
        send_insert(i, i);
    assert_done(40, 59);
    assert_waiting(0, 19);
    postgres_sql("COMMIT");
    assert_done(0, 19);
    assert_int_equal(postgres_number("SELECT min(count) FROM things WHERE id BETWEEN 1000 AND 1009"), 102);
}

static void one_row_is_freed_while_another_stays_locked(void **state)
{
    (void)state;
    postgres_sql(
        "BEGIN; UPDATE things SET count = 1 WHERE id = 1000; SAVEPOINT a; UPDATE things SET count = 1"
        " WHERE id = 1001");
    for (int i = 0; i < 10; i++)
        send_count(i, 1000 + i % 2);
    wait_for_second_try();
    postgres_sql("ROLLBACK TO a");
    for (int i = 1; i < 10; i += 2)
        assert_done(i, i);
    for (int i = 0; i < 10; i += 2)
        assert_waiting(i, i);
    postgres_sql("COMMIT");
    assert_done(0, 9);
}

static void what_comes_for_a_row_that_is_known_to_be_locked_waits_with_the_others(void **state)
{
    (void)state;
    lock_rows(1000, 1000);
    send_count(0, 1000);
    wait_for_second_try();
    for (int i = 1; i < 20; i++)
        send_count(i, 1000);
    send_one(20, &rename_thing, "1001", "new");
    assert_done(20, 20);
    assert_waiting(0, 19);
    postgres_sql("ROLLBACK");
    assert_done(0, 19);
    assert_int_equal(postgres_number("SELECT count FROM things WHERE id = 1000"), 20);
}

/* However many want it, and however many writers there are: the others would only wait in PostgreSQL. */
static void of_those_who_want_one_row_one_at_a_time_is_sent(void **state)
{
    stop(state);
    create_with(1, 4, 0);
    assert_true(turn_until(loop, all_are_ready, &(int){5}));
    lock_rows(1000, 1000);
    for (int i = 0; i < 10; i++)
        send_count(i, 1000);
    send_count(10, 1001);
    assert_done(10, 10);
    assert_true(turn_until(loop, one_is_blocked, NULL));
    assert_int_equal(postgres_number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"),
                     1);
    postgres_sql("COMMIT");
    assert_done(0, 9);
}

static void a_single_writer_serves_those_who_want_other_rows(void **state)
{
    (void)state;
    lock_rows(1000, 1004);
    for (int i = 0; i < 5; i++)
        send_count(i, 1000 + i);
    for (int i = 5; i < 15; i++)
        send_count(i, 1000 + i);
    for (int i = 15; i < 25; i++)
        send_insert(i, i);
    assert_done(5, 24);
    assert_waiting(0, 4);
    postgres_sql("COMMIT");
    assert_done(0, 4);
}

/* ---- unique values ---- */

static void an_uncommitted_name_holds_up_no_other_insert(void **state)
{
    (void)state;
    postgres_sql("BEGIN; INSERT INTO things VALUES (2000, 'thing 5')");
    for (int i = 0; i < 40; i++)
        send_insert(i, i);
    assert_done(0, 4);
    assert_done(6, 39);
    assert_waiting(5, 5);
    postgres_sql("COMMIT");
    assert_true(turn_until(loop, ask_answered, &asks[5]));
    assert_int_equal(asks[5].outcome, DATABASE_CONFLICT);
    assert_string_equal(asks[5].constraint, "things_name_key");
}

static void a_name_that_was_not_committed_in_the_end_is_free(void **state)
{
    (void)state;
    postgres_sql("BEGIN; INSERT INTO things VALUES (2000, 'thing 0')");
    send_insert(0, 0);
    wait_for_second_try();
    postgres_sql("ROLLBACK");
    assert_done(0, 0);
}

static void many_who_want_an_uncommitted_name_hold_up_no_other_insert(void **state)
{
    (void)state;
    postgres_sql("BEGIN; INSERT INTO things VALUES (2000, 'wanted')");
    for (int i = 0; i < 30; i++) {
        snprintf(texts[i], sizeof texts[i], "%d", i);
        send_one(i, &insert, texts[i], "wanted");
    }
    for (int i = 30; i < 60; i++)
        send_insert(i, i);
    assert_done(30, 59);
    for (int i = 60; i < 90; i++) {
        snprintf(texts[i], sizeof texts[i], "%d", i);
        send_one(i, &insert, texts[i], "wanted");
    }
    for (int i = 90; i < 120; i++)
        send_insert(i, i);
    assert_done(90, 119);
    assert_waiting(0, 29);
    assert_waiting(60, 89);
    postgres_sql("COMMIT");
    assert_true(turn_until(loop, first_are_answered, &(int){120}));
    for (int i = 0; i < 120; i++)
        assert_int_equal(asks[i].outcome, i / 30 % 2 == 0 ? DATABASE_CONFLICT : DATABASE_OK);
}

static void a_locked_table_is_waited_for(void **state)
{
    (void)state;
    postgres_sql("BEGIN; LOCK TABLE things");
    for (int i = 0; i < 150; i++)
        if (i % 2)
            send_insert(i, i);
        else
            send_count(i, 1000 + i % 40);
    wait_for_second_try();
    send_one(150, &late_check, "1", NULL);
    assert_done(150, 150);
    assert_waiting(0, 149);
    postgres_sql("COMMIT");
    assert_done(0, 149);
    assert_int_equal(postgres_number("SELECT count(*) FROM things"), 41 + 75);
    assert_int_equal(postgres_number("SELECT sum(count) FROM things"), 75);
}

/* ---- the end of waiting ---- */

static void a_lock_that_outlasts_the_deadline_is_a_timeout(void **state)
{
    (void)state;
    lock_rows(1000, 1001);
    for (int i = 0; i < 10; i++) {
        snprintf(texts[i], sizeof texts[i], "%d", 1000 + i % 2);
        assert_int_equal(send_with(i, &count_up, texts[i], NULL, 1000), 0);
    }
    wait_for_answers(10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(asks[i].outcome, DATABASE_TIMEOUT);
    send_count(10, 1002); /* and the writers are of use again */
    assert_done(10, 10);
}

/* They were never sent, but not because the database was away. */
static void so_it_is_for_those_behind_the_one_that_waits_for_it(void **state)
{
    stop(state);
    create_with(1, 3, 0);
    assert_true(turn_until(loop, all_are_ready, &(int){4}));
    lock_rows(1000, 1000);
    for (int i = 0; i < 5; i++)
        assert_int_equal(send_with(i, &count_up, "1000", NULL, 1000), 0);
    wait_for_answers(5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(asks[i].outcome, DATABASE_TIMEOUT);
}

static void who_loses_interest_is_not_heard_of_again(void **state)
{
    (void)state;
    lock_rows(1000, 1000);
    for (int i = 0; i < 6; i++)
        send_count(i, 1000);
    wait_for_second_try();
    for (int i = 0; i < 5; i++)
        database_cancel(database, &asks[i].query);
    postgres_sql("COMMIT");
    assert_done(5, 5);
    assert_waiting(0, 4);
}

static void those_who_wait_are_sent_again_after_a_cut(void **state)
{
    (void)state;
    lock_rows(1000, 1000);
    for (int i = 0; i < 6; i++)
        send_count(i, 1000);
    wait_for_second_try();
    postgres_terminate();
    send_count(6, 1001);
    assert_done(6, 6);
    assert_waiting(0, 5);
    postgres_sql("COMMIT");
    assert_done(0, 5);
    assert_int_equal(postgres_number("SELECT count FROM things WHERE id = 1000"), 106);
}

static void freeing_drops_those_who_wait_for_a_lock(void **state)
{
    (void)state;
    lock_rows(1000, 1000);
    for (int i = 0; i < 6; i++)
        send_count(i, 1000);
    wait_for_second_try();
    database_free(database);
    database = NULL;
    assert_waiting(0, 5);
    for (int i = 0; i < 6; i++)
        assert_null(asks[i].query.job);
}

static void readers_wait_for_as_long_as_it_takes(void **state)
{
    (void)state;
    send_one(0, &readers_patience, NULL, NULL);
    send_one(1, &writers_patience, NULL, NULL);
    assert_done(0, 1);
    assert_string_equal(asks[0].row[0], "0");
    assert_string_equal(asks[1].row[0], "20ms");
}

#define THREE(test) cmocka_unit_test_setup_teardown(test, start_three, unlock_and_stop)
#define ONE(test)   cmocka_unit_test_setup_teardown(test, start_one, unlock_and_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        THREE(a_locked_row_is_waited_for_by_those_who_want_it_alone),
        THREE(many_locked_rows_do_not_take_all_writers),
        THREE(one_row_is_freed_while_another_stays_locked),
        THREE(what_comes_for_a_row_that_is_known_to_be_locked_waits_with_the_others),
        THREE(of_those_who_want_one_row_one_at_a_time_is_sent),
        ONE(a_single_writer_serves_those_who_want_other_rows),
        THREE(an_uncommitted_name_holds_up_no_other_insert),
        THREE(a_name_that_was_not_committed_in_the_end_is_free),
        THREE(many_who_want_an_uncommitted_name_hold_up_no_other_insert),
        THREE(a_locked_table_is_waited_for),
        THREE(a_lock_that_outlasts_the_deadline_is_a_timeout),
        THREE(so_it_is_for_those_behind_the_one_that_waits_for_it),
        THREE(who_loses_interest_is_not_heard_of_again),
        THREE(those_who_wait_are_sent_again_after_a_cut),
        THREE(freeing_drops_those_who_wait_for_a_lock),
        THREE(readers_wait_for_as_long_as_it_takes),
    };
    return cmocka_run_group_tests_name("locks", tests, open_cluster, postgres_close);
}
