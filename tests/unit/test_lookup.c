/* Many lookups as one statement: whose row is whose. */

#include "jobs.h"

#include "unit.h"

#include "things.h"

static void fill_things(int count)
{
    postgres_sql("INSERT INTO things SELECT n, 'thing ' || n FROM generate_series(1, %d) AS n", count);
}

static void send_look_up(int i, int id)
{
    snprintf(texts[i], sizeof texts[i], "%d", id);
    send_one(i, &look_up, texts[i], NULL);
}

static void each_lookup_gets_its_own_row(void **state)
{
    (void)state;
    fill_things(200);
    for (int i = 0; i < 150; i++) /* more than a batch takes, and in no order; some twice, some not there */
        send_look_up(i, (i * 37) % 230 / 2);
    wait_for_answers(150);
    for (int i = 0; i < 150; i++) {
        char expected[20];
        int id = (i * 37) % 230 / 2;
        assert_int_equal(asks[i].outcome, DATABASE_OK);
        assert_int_equal(asks[i].rows, id >= 1);
        snprintf(expected, sizeof expected, "thing %d", id);
        if (id >= 1)
            assert_string_equal(asks[i].row[0], expected);
    }
}

static void lookups_of_one_turn_are_one_statement(void **state)
{
    (void)state;
    fill_things(50);
    for (int i = 0; i < 50; i++)
        send_look_up(i, i + 1);
    turn_once(loop);
    for (int i = 0; i < 50; i++)
        assert_int_equal(asks[i].query.job->together, i == 0 ? 50 : 1);
    wait_for_answers(50);
}

static void a_lookup_that_fails_leaves_the_others_answered(void **state)
{
    (void)state;
    fill_things(10);
    for (int i = 0; i < 10; i++)
        send_look_up(i, i + 1);
    send_one(10, &look_up, "no number", NULL);
    wait_for_answers(11);
    for (int i = 0; i < 10; i++)
        assert_int_equal(asks[i].rows, 1);
    assert_int_equal(asks[10].outcome, DATABASE_INVALID);
}

static void cancelled_lookups_shift_nobodys_row(void **state)
{
    (void)state;
    fill_things(20);
    for (int i = 0; i < 20; i++)
        send_look_up(i, i + 1);
    turn_once(loop);
    for (int i = 0; i < 20; i += 3)
        database_cancel(database, &asks[i].query);
    assert_true(turn_until(loop, ask_answered, &asks[19]));
    for (int i = 0; i < 20; i++) {
        char expected[20];
        snprintf(expected, sizeof expected, "thing %d", i + 1);
        assert_int_equal(asks[i].answers, i % 3 != 0);
        if (i % 3 != 0)
            assert_string_equal(asks[i].row[0], expected);
    }
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(each_lookup_gets_its_own_row),
        EACH(lookups_of_one_turn_are_one_statement),
        EACH(a_lookup_that_fails_leaves_the_others_answered),
        EACH(cancelled_lookups_shift_nobodys_row),
    };
    return cmocka_run_group_tests_name("lookup", tests, open_cluster, postgres_close);
}
