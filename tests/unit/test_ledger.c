#include "ledger.h"

#include "unit.h"

#include "ask.h"
#include "log.h"
#include "postgres.h"

static struct loop *loop;
static struct database *database;

static int start(void **state)
{
    static const struct database_statement *const statements[] = {&ledger_statement, NULL};
    struct database_options options = {
        .readers = 1, .writers = 1, .deadline_ms = 4000, .statements = statements};
    log_set_level(LOG_LEVEL_ERROR + 1);
    if (postgres_open(state) != 0)
        return -1;
    loop = loop_create();
    database = database_create(loop, &options);
    return turn_until(loop, ask_serving, database) ? 0 : -1;
}

static int stop(void **state)
{
    database_free(database);
    loop_free(loop);
    return postgres_close(state);
}

/* Returns whether there may be more. */
static bool forget(void)
{
    static struct ask ask;
    memset(&ask, 0, sizeof ask);
    assert_int_equal(ask_send(&ask, loop, database, &ledger_statement, 0, 4000), 0);
    assert_true(turn_until(loop, ask_answered, &ask));
    assert_int_equal(ask.outcome, DATABASE_OK);
    return ask.rows > 0;
}

static void note(int count, const char *age, const char *fingerprint)
{
    postgres_sql("INSERT INTO ledger (request, row, at, fingerprint) SELECT gen_random_uuid(),"
                 " gen_random_uuid(), now() - interval '%s', %s FROM generate_series(1, %d)",
                 age, fingerprint, count);
}

static void notes_are_kept_as_long_as_a_request_may_come_again(void **state)
{
    (void)state;
    note(1, "59 minutes", "NULL");
    note(2, "61 minutes", "NULL");
    note(3, "61 minutes", "gen_random_uuid()");
    note(4, "23 hours", "gen_random_uuid()");
    note(5, "25 hours", "gen_random_uuid()");
    assert_false(forget());
    assert_int_equal(postgres_number("SELECT count(*) FROM ledger"), 1 + 3 + 4);
    postgres_sql("TRUNCATE ledger");
}

static void of_many_a_part_goes_and_the_rest_is_asked_for(void **state)
{
    (void)state;
    note(15000, "2 hours", "NULL");
    assert_true(forget());
    assert_int_equal(postgres_number("SELECT count(*) FROM ledger"), 5000);
    assert_false(forget());
    assert_int_equal(postgres_number("SELECT count(*) FROM ledger"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_are_kept_as_long_as_a_request_may_come_again),
        cmocka_unit_test(of_many_a_part_goes_and_the_rest_is_asked_for),
    };
    return cmocka_run_group_tests_name("ledger", tests, start, stop);
}
