#include "pace.h"

#include "unit.h"

#include "ask.h"
#include "jobs.h"
#include "log.h"
#include "postgres.h"

#define PATIENCE_MS 10000

static struct loop *loop;
static struct database *database;
static struct ask asks[10];

static int open_cluster(void **state)
{
    log_set_level(LOG_LEVEL_ERROR + 1);
    return postgres_open(state);
}

static int start(void **state)
{
    static const struct database_statement *const none[] = {NULL};
    struct database_options options = {
        .readers = 1, .searchers = 1, .writers = 1, .deadline_ms = PATIENCE_MS, .statements = none};
    (void)state;
    memset(asks, 0, sizeof asks);
    loop = loop_create();
    database = database_create(loop, &options);
    return turn_until(loop, ask_serving, database) ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    database_free(database);
    loop_free(loop);
    return 0;
}

static void note(struct pace *pace, int times, uint64_t ms)
{
    while (times-- > 0)
        pace_note(pace, ms);
}

/* So many searches at once. The first four of them go out; the others wait for these. */
static void search(int count)
{
    for (int i = 0; i < count; i++) {
        asks[i].query = (struct database_query){.statement = &database_search,
                                                .sql = "SELECT pg_sleep(0.1)",
                                                .deadline = loop_now(loop) + PATIENCE_MS,
                                                .done = ask_done,
                                                .cookie = &asks[i]};
        assert_int_equal(database_send(database, &asks[i].query), 0);
    }
}

static void expect_answers(int count, int refused)
{
    for (int i = 0; i < count; i++)
        assert_true(turn_until(loop, ask_answered, &asks[i]));
    for (int i = 0; i < count; i++) {
        assert_int_equal(asks[i].answers, 1);
        assert_int_equal(asks[i].outcome, i < count - refused ? DATABASE_OK : DATABASE_OVERLOADED);
    }
}

static void it_knows_nothing_before_a_few_have_come(void **state)
{
    struct pace pace = {0};
    (void)state;
    note(&pace, 3, 1000);
    assert_int_equal(pace_guess(&pace, 100), 0);
    note(&pace, 1, 1000);
    assert_int_equal(pace_guess(&pace, 100), 100 * 1000);
}

static void it_is_the_mean_of_the_last_ones(void **state)
{
    struct pace pace = {0};
    (void)state;
    note(&pace, 100, 5000);
    note(&pace, PACE_KEPT / 2, 10);
    note(&pace, PACE_KEPT / 2, 20);
    assert_int_equal(pace_guess(&pace, 14), 8 * 10 + 6 * 20);
}

static void a_pause_or_two_are_not_slowness(void **state)
{
    struct pace pace = {0};
    (void)state;
    note(&pace, 7, 2);
    note(&pace, 1, UINT64_MAX);
    note(&pace, 7, 2);
    note(&pace, 1, 30000);
    assert_int_equal(pace_guess(&pace, 10), 20);
    note(&pace, 1, 9000);
    assert_true(pace_guess(&pace, 10) > 20);
}

static void less_than_a_millisecond_counts_by_the_millisecond_that_it_sometimes_is(void **state)
{
    struct pace pace = {0};
    (void)state;
    for (int i = 0; i < PACE_KEPT; i++)
        note(&pace, 1, i % 2);
    assert_int_equal(pace_guess(&pace, 140), 60);
}

static void searches_that_come_too_late_for_their_deadline_are_refused_at_once(void **state)
{
    (void)state;
    note(&database->pace, PACE_KEPT, PATIENCE_MS / 9);
    search(7);
    turn_once(loop);
    for (int i = 0; i < 7; i++)
        assert_int_equal(asks[i].answers, i > 3);
    expect_answers(7, 3);
}

static void quick_ones_may_wait(void **state)
{
    (void)state;
    note(&database->pace, PACE_KEPT, 1);
    search(10);
    expect_answers(10, 0);
}

static void one_whose_answer_has_begun_goes_on(void **state)
{
    (void)state;
    note(&database->pace, PACE_KEPT, PATIENCE_MS / 9);
    search(7);
    for (int i = 0; i < 7; i++)
        asks[i].query.begun = true;
    expect_answers(7, 0);
}

static void slow_ones_are_noticed(void **state)
{
    (void)state;
    search(5);
    expect_answers(5, 0);
    assert_in_range(pace_guess(&database->pace, 10), 900, 100 * PATIENCE_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_knows_nothing_before_a_few_have_come),
        cmocka_unit_test(it_is_the_mean_of_the_last_ones),
        cmocka_unit_test(a_pause_or_two_are_not_slowness),
        cmocka_unit_test(less_than_a_millisecond_counts_by_the_millisecond_that_it_sometimes_is),
        cmocka_unit_test_setup_teardown(searches_that_come_too_late_for_their_deadline_are_refused_at_once,
                                        start, stop),
        cmocka_unit_test_setup_teardown(quick_ones_may_wait, start, stop),
        cmocka_unit_test_setup_teardown(one_whose_answer_has_begun_goes_on, start, stop),
        cmocka_unit_test_setup_teardown(slow_ones_are_noticed, start, stop),
    };
    return cmocka_run_group_tests_name("pace", tests, open_cluster, postgres_close);
}
