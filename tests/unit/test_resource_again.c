// wrap: PQconsumeInput
#include "resource.h"

#include "inject.h"
#include "unit.h"

#include "statements.h"

#include <libpq-fe.h>

INJECT(int, PQconsumeInput, (PGconn * connection), (connection), 0)

/* ---- the same request twice ---- */

static void an_insert_twice_is_one_row(void **state)
{
    (void)state;
    assert_int_equal(insert_employee(FIRST, "ada@example.org"), 1);
    char first[400];
    snprintf(first, sizeof first, "%s", json.bytes);
    assert_int_equal(insert_employee(FIRST, "ada@example.org"), 1);
    assert_string_equal(json.bytes, first);
    assert_int_equal(postgres_number("SELECT count(*) FROM employees"), 1);
    assert_int_equal(postgres_number("SELECT version FROM employees"), 1);
    assert_string_equal(postgres_sql("SELECT written_by FROM employees"), FIRST);
}

static int replace_if(const char *match, const char *none, const char *request, const char *uuid,
                      const char *name)
{
    return run(PASSENGERS, RESOURCE_CHANGE, request, uuid, match, none, "t", NULL, "t", "3", "t", name, "t",
               NULL, "t", NULL, "t", "1", "t", "1", "t", "7", END);
}

static int replace(const char *request, const char *uuid, const char *name)
{
    return replace_if(NULL, NULL, request, uuid, name);
}

static void a_replacement_twice_is_one_change(void **state)
{
    (void)state;
    insert_passenger(FIRST, "Ada");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(replace(SECOND, FIRST, "Eve"), 1);
        assert_string_equal(done, "yes yes");
        assert_non_null(strstr(json.bytes, "\"survived\":null,\"passengerClass\":3,\"name\":\"Eve\""));
        assert_int_equal(postgres_number("SELECT version FROM passengers"), 2);
    }
    assert_int_equal(replace(THIRD, FIRST, "Eve"), 1);
    assert_int_equal(postgres_number("SELECT version FROM passengers"), 3);
    assert_int_equal(replace(FIRST, SECOND, "Eve"), 0);
}

static int change(const char *request, const char *email, const char *new_email)
{
    return run(EMPLOYEES, RESOURCE_CHANGE, request, email, NULL, NULL, "f", NULL, "t", new_email, "f", NULL,
               END);
}

static void a_change_twice_is_one_change_even_of_the_name_it_goes_by(void **state)
{
    (void)state;
    insert_employee(FIRST, "ada@example.org");
    postgres_sql("UPDATE employees SET updated_at = '2099-01-01 00:00:00+00'"); /* ahead of the clock */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(change(SECOND, "ADA@example.org", "eve@example.org"), 1);
        assert_string_equal(done, "yes yes");
        assert_non_null(strstr(json.bytes, "\"age\":36,"));
        assert_non_null(strstr(json.bytes, "\"email\":\"eve@example.org\""));
        assert_int_equal(postgres_number("SELECT version FROM employees"), 2);
        assert_string_equal(postgres_sql("SELECT updated_at AT TIME ZONE 'UTC' FROM employees"),
                            "2099-01-01 00:00:00.000001"); /* it advances all the same */
    }
    assert_int_equal(change(THIRD, "ada@example.org", "x@example.org"), 0);
    assert_int_equal(ask.outcome, DATABASE_OK);
}

static void a_second_try_does_not_undo_what_came_after_the_first(void **state)
{
    (void)state;
    insert_passenger(FIRST, "Ada");
    assert_int_equal(replace(SECOND, FIRST, "Eve"), 1);
    assert_int_equal(replace(THIRD, FIRST, "Zoe"), 1);
    assert_int_equal(replace(SECOND, FIRST, "Eve"), 1);
    assert_string_equal(done, "yes no"); /* it was done, and is not the row's latest */
    assert_non_null(strstr(json.bytes, "\"name\":\"Zoe\""));
    assert_int_equal(postgres_number("SELECT version FROM passengers"), 3);
}

static void a_change_to_an_address_that_is_taken_changes_nothing(void **state)
{
    (void)state;
    insert_employee(FIRST, "ada@example.org");
    insert_employee(SECOND, "eve@example.org");
    change(THIRD, "ada@example.org", "EVE@example.org");
    assert_int_equal(ask.outcome, DATABASE_CONFLICT);
    assert_string_equal(ask.constraint, "employees_email_key");
    assert_int_equal(postgres_number("SELECT count(*) FROM ledger"), 0);
    assert_int_equal(change(THIRD, "ada@example.org", "ADA@example.org"), 1); /* its own is not taken */
}

/* ---- the versions that a row may be in ---- */

static void a_change_is_made_in_the_versions_that_it_asks_for(void **state)
{
    static const struct {
        const char *match, *none, *done;
    } cases[] = {
        {"{1}", NULL, "yes yes"}, {"{5,1,7}", NULL, "yes yes"}, {NULL, "{2,3}", "yes yes"},
        {NULL, "{}", "yes yes"},  {"{1}", "{2}", "yes yes"},    {"{2}", NULL, "no no"},
        {"{}", NULL, "no no"},    {NULL, "{1}", "no no"},       {"{1}", "{1}", "no no"},
        {"{2}", "{2}", "no no"},  {NULL, "{3,1}", "no no"},     {"{9223372036854775807}", NULL, "no no"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        postgres_sql("TRUNCATE passengers, ledger");
        insert_passenger(FIRST, "Ada");
        bool changes = strcmp(cases[i].done, "yes yes") == 0;
        for (int try = 0; try < 2; try++) { /* the second finds another version, and that it was itself */
            assert_int_equal(replace_if(cases[i].match, cases[i].none, SECOND, FIRST, "Eve"), 1);
            assert_string_equal(done, cases[i].done);
            assert_non_null(strstr(json.bytes, changes ? "\"name\":\"Eve\"" : "\"name\":\"Ada\""));
            assert_int_equal(postgres_number("SELECT version FROM passengers"), changes ? 2 : 1);
            assert_int_equal(postgres_number("SELECT count(*) FROM ledger"), changes ? 1 : 0);
        }
    }
    assert_int_equal(replace_if("{1}", NULL, THIRD, SECOND, "Eve"), 0); /* no such row */
}

static void a_change_refused_once_may_be_made_by_the_second_try(void **state)
{
    (void)state;
    insert_passenger(FIRST, "Ada");
    replace_if("{2}", NULL, SECOND, FIRST, "Eve");
    assert_string_equal(done, "no no");
    replace(THIRD, FIRST, "Zoe");
    replace_if("{2}", NULL, SECOND, FIRST, "Eve");
    assert_string_equal(done, "yes yes");
}

static int remove_if(const char *match, const char *none, const char *request, const char *email)
{
    return run(EMPLOYEES, RESOURCE_REMOVE, request, email, match, none, END);
}

static void a_removal_is_made_in_the_versions_that_it_asks_for(void **state)
{
    (void)state;
    insert_employee(FIRST, "ada@example.org");
    assert_int_equal(remove_if("{2}", NULL, SECOND, "ada@example.org"), 1);
    assert_string_equal(done, "no yes");
    assert_int_equal(remove_if(NULL, "{1}", SECOND, "ada@example.org"), 1);
    assert_string_equal(done, "no yes");
    assert_int_equal(postgres_number("SELECT count(*) FROM ledger"), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(remove_if("{1}", "{2}", SECOND, "ada@example.org"), 1);
        assert_string_equal(done, "yes no");
    }
    assert_int_equal(remove_if("{1}", NULL, THIRD, "ada@example.org"), 1);
    assert_string_equal(done, "no no");
}

static void a_removal_twice_finds_its_note(void **state)
{
    (void)state;
    insert_employee(FIRST, "ada@example.org");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(remove_if(NULL, NULL, SECOND, "Ada@example.org"), 1);
        assert_string_equal(done, "yes no");
        assert_int_equal(postgres_number("SELECT count(*) FROM employees"), 0);
    }
    remove_if(NULL, NULL, THIRD, "ada@example.org");
    assert_string_equal(done, "no no");
    assert_int_equal(postgres_number("SELECT count(*) FROM ledger WHERE request <> row"), 1);
}

static void an_insert_that_comes_late_does_not_bring_back_what_was_deleted(void **state)
{
    (void)state;
    insert_employee(FIRST, "ada@example.org");
    remove_if(NULL, NULL, SECOND, "ada@example.org");
    assert_int_equal(insert_employee(FIRST, "ada@example.org"), 1); /* it was made, after all */
    assert_int_equal(postgres_number("SELECT count(*) FROM employees"), 0);
    assert_int_equal(insert_employee(THIRD, "ada@example.org"), 1);
    assert_int_equal(postgres_number("SELECT count(*) FROM employees"), 1);
}

static bool waits_for_the_test(void *cookie)
{
    (void)cookie;
    return postgres_number("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") > 0;
}

/* The first try has begun, and sees the table as it was then; another one has made the row meanwhile. */
static void an_insert_that_is_overtaken_does_not_bring_back_what_was_deleted(void **state)
{
    (void)state;
    postgres_sql("CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
                 " 'BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN new; END';"
                 "CREATE TRIGGER late BEFORE INSERT ON employees FOR EACH ROW EXECUTE FUNCTION wait();"
                 "SELECT pg_advisory_lock(4711)");
    struct ask first = {.values = {FIRST, "36", "ada@example.org", "Ada"}};
    assert_int_equal(
        ask_send(&first, loop, database, resource_statement(EMPLOYEES, RESOURCE_INSERT), 4, 4000), 0);
    assert_true(turn_until(loop, waits_for_the_test, NULL));
    postgres_sql("INSERT INTO employees (id, written_by, age, email, name) VALUES ('" FIRST "', '" FIRST
                 "', 36, 'ada@example.org', 'Ada')");
    assert_int_equal(run(EMPLOYEES, RESOURCE_KEY_REMOVE, SECOND, FIRST, NULL, NULL, END), 1);
    assert_string_equal(done, "yes no");
    postgres_sql("SELECT pg_advisory_unlock(4711)");
    assert_true(turn_until(loop, ask_answered, &first));
    postgres_sql("DROP TRIGGER late ON employees; DROP FUNCTION wait");
    assert_int_equal(first.outcome, DATABASE_OK);
    assert_int_equal(postgres_number("SELECT count(*) FROM employees"), 0);
}

/* The key that was deleted is in use again: that row is not the one. */
static void an_insert_that_comes_late_leaves_a_row_alone_that_was_made_again(void **state)
{
    (void)state;
    insert_employee(FIRST, "ada@example.org");
    remove_if(NULL, NULL, SECOND, "ada@example.org");
    run(EMPLOYEES, RESOURCE_PUT, THIRD, FIRST, "37", "eve@example.org", "Eve", END);
    assert_int_equal(insert_employee(FIRST, "ada@example.org"), 1);
    assert_int_equal(postgres_number("SELECT count(*) FROM employees WHERE name = 'Eve'"), 1);
}

static void a_removal_the_second_time_leaves_a_new_row_alone(void **state)
{
    (void)state;
    insert_employee(FIRST, "ada@example.org");
    remove_if(NULL, NULL, SECOND, "ada@example.org");
    insert_employee(THIRD, "ada@example.org");
    remove_if(NULL, NULL, SECOND, "ada@example.org");
    assert_string_equal(done, "yes yes");
    assert_int_equal(postgres_number("SELECT count(*) FROM employees"), 1);
}

/* ---- by the key ---- */

static void a_row_is_found_changed_and_removed_by_its_key_too(void **state)
{
    (void)state;
    insert_employee(FIRST, "ada@example.org");
    assert_int_equal(run(EMPLOYEES, RESOURCE_KEY_GET, FIRST, END), 1);
    assert_int_equal(run(EMPLOYEES, RESOURCE_KEY_GET, SECOND, END), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(run(EMPLOYEES, RESOURCE_KEY_CHANGE, SECOND, FIRST, "{1}", NULL, "t", "37", "f", NULL,
                             "f", NULL, END),
                         1);
        assert_string_equal(done, "yes yes");
        assert_non_null(strstr(json.bytes, "\"age\":37,"));
        assert_int_equal(postgres_number("SELECT version FROM employees"), 2);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(run(EMPLOYEES, RESOURCE_KEY_REMOVE, THIRD, FIRST, "{2}", NULL, END), 1);
        assert_string_equal(done, "yes no");
    }
    assert_int_equal(postgres_number("SELECT count(*) FROM employees"), 0);
}

static int put(const char *request, const char *id, const char *email)
{
    return run(EMPLOYEES, RESOURCE_PUT, request, id, "36", email, "Ada", END);
}

static void a_row_is_made_once_under_a_key_of_the_clients(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(put(SECOND, FIRST, "ada@example.org"), 1);
        assert_string_equal(done, "yes yes");
        assert_string_equal(key, FIRST);
        assert_int_equal(postgres_number("SELECT count(*) FROM employees"), 1);
    }
    assert_int_equal(put(THIRD, FIRST, "eve@example.org"), 1); /* it is there: this one's is not made */
    assert_string_equal(done, "no no");
    assert_non_null(strstr(json.bytes, "\"ada@example.org\""));
    assert_int_equal(put(THIRD, FIRST, "ada@example.org"), 1); /* that goes before the address */
    assert_string_equal(done, "no no");
    put(THIRD, SECOND, "ADA@example.org");
    assert_int_equal(ask.outcome, DATABASE_CONFLICT);
    assert_string_equal(ask.constraint, "employees_email_key");
}

static void what_was_made_and_removed_is_not_made_again_by_the_second_try(void **state)
{
    (void)state;
    put(SECOND, FIRST, "ada@example.org");
    run(EMPLOYEES, RESOURCE_KEY_REMOVE, THIRD, FIRST, NULL, NULL, END);
    assert_int_equal(put(SECOND, FIRST, "ada@example.org"), 0);
    assert_int_equal(postgres_number("SELECT count(*) FROM employees"), 0);
}

static void a_row_that_comes_again_is_in_no_version_that_it_was_in(void **state)
{
    (void)state;
    put(FIRST, FIRST, "ada@example.org");
    change(SECOND, "ada@example.org", "eve@example.org");
    postgres_sql("CREATE TEMPORARY TABLE before AS SELECT version FROM employees");
    run(EMPLOYEES, RESOURCE_KEY_REMOVE, THIRD, FIRST, NULL, NULL, END);
    put("00000000-0000-7000-8000-000000000004", FIRST, "ada@example.org");
    assert_string_equal(done, "yes yes");
    assert_string_equal(postgres_sql("SELECT employees.version > before.version FROM employees, before"),
                        "t");
    postgres_sql("DROP TABLE before");
}

/* ---- a first try that was done, or is still at work ---- */

/* The commit arrives, the news of it doesn't: the answer lies unread in the socket when the connection is
 * cut. */
static int lose_answer(const char *done_when)
{
    turn_once(loop);
    while (postgres_number("%s", done_when) == 0)
        ;
    inject_at("PQconsumeInput", 1, 0);
    take_answer();
    assert_int_equal(inject_off(), 1);
    return ask.rows;
}

static void what_was_committed_unheard_is_told_when_it_is_sent_again(void **state)
{
    (void)state;
    begin(EMPLOYEES, RESOURCE_PUT, SECOND, FIRST, "36", "ada@example.org", "Ada", END);
    assert_int_equal(lose_answer("SELECT count(*) FROM employees"), 1);
    assert_string_equal(done, "yes yes");
    postgres_sql("UPDATE employees SET version = 1");
    begin(EMPLOYEES, RESOURCE_KEY_CHANGE, THIRD, FIRST, "{1}", NULL, "t", "37", "f", NULL, "f", NULL, END);
    assert_int_equal(lose_answer("SELECT count(*) FROM employees WHERE age = 37"), 1);
    assert_string_equal(done, "yes yes");
    assert_int_equal(postgres_number("SELECT version FROM employees"), 2);
    begin(EMPLOYEES, RESOURCE_KEY_REMOVE, FIRST, FIRST, "{2}", NULL, END);
    assert_int_equal(lose_answer("SELECT (count(*) = 0)::int FROM employees"), 1);
    assert_string_equal(done, "yes no");
}

/* A statement as the tests' own session runs it, in a transaction that is open still. */
static void run_first_try(const struct resource *resource, enum resource_statement which, const char *values)
{
    postgres_sql("PREPARE first_try AS %s", resource_statement(resource, which)->text.sql);
    postgres_sql("BEGIN; EXECUTE first_try (%s)", values);
    postgres_sql("DEALLOCATE first_try");
}

static bool waits_for_lock(void *cookie)
{
    (void)cookie;
    postgres_sql("SELECT pg_stat_clear_snapshot()");
    return postgres_number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'purser'"
                           " AND wait_event_type = 'Lock'") > 0;
}

/* What the worker sends waits for the first try, which then ends with `end`. */
static int end_first_try(const char *end)
{
    assert_true(turn_until(loop, waits_for_lock, NULL));
    postgres_sql("%s", end);
    return take_answer();
}

static void a_change_waits_for_the_first_try_and_finds_it_done(void **state)
{
    static const char *const matches[] = {NULL, "{1}"};
    (void)state;
    for (size_t i = 0; i < COUNT(matches); i++) {
        start(NULL);
        insert_employee(FIRST, "ada@example.org");
        run_first_try(EMPLOYEES, RESOURCE_KEY_CHANGE,
                      "'" SECOND "', '" FIRST "', NULL, NULL, 't', 37, 'f', NULL, 'f', NULL");
        begin(EMPLOYEES, RESOURCE_KEY_CHANGE, SECOND, FIRST, matches[i], NULL, "t", "37", "f", NULL, "f",
              NULL, END);
        assert_true(turn_until(loop, waits_for_lock, NULL));
        char updated[64];
        snprintf(updated, sizeof updated, "%s", postgres_sql("SELECT updated_at FROM employees"));
        assert_int_equal(end_first_try("COMMIT"), 1);
        assert_string_equal(done, "yes yes");
        assert_int_equal(postgres_number("SELECT version FROM employees"), 2);
        assert_string_equal(postgres_sql("SELECT updated_at FROM employees"), updated); /* nothing was done */
    }
}

static void a_change_waits_for_the_first_try_that_moves_the_name(void **state)
{
    (void)state;
    insert_employee(FIRST, "ada@example.org");
    run_first_try(EMPLOYEES, RESOURCE_CHANGE,
                  "'" SECOND
                  "', 'ada@example.org', NULL, NULL, 'f', NULL, 't', 'eve@example.org', 'f', NULL");
    begin(EMPLOYEES, RESOURCE_CHANGE, SECOND, "ada@example.org", NULL, NULL, "f", NULL, "t",
          "eve@example.org", "f", NULL, END);
    assert_int_equal(end_first_try("COMMIT"), 1);
    assert_string_equal(done, "yes yes");
    assert_int_equal(postgres_number("SELECT version FROM employees"), 2);
}

static void a_first_try_that_fails_leaves_the_work_to_the_second(void **state)
{
    (void)state;
    insert_employee(FIRST, "ada@example.org");
    run_first_try(EMPLOYEES, RESOURCE_KEY_CHANGE,
                  "'" SECOND "', '" FIRST "', '{1}', NULL, 't', 37, 'f', NULL, 'f', NULL");
    begin(EMPLOYEES, RESOURCE_KEY_CHANGE, SECOND, FIRST, "{1}", NULL, "t", "37", "f", NULL, "f", NULL, END);
    assert_int_equal(end_first_try("ROLLBACK"), 1);
    assert_string_equal(done, "yes yes");
    assert_int_equal(postgres_number("SELECT version FROM employees WHERE age = 37"), 2);
}

static void of_two_changes_of_one_version_the_later_is_refused(void **state)
{
    (void)state;
    insert_employee(FIRST, "ada@example.org");
    run_first_try(EMPLOYEES, RESOURCE_KEY_CHANGE,
                  "'" SECOND "', '" FIRST "', '{1}', NULL, 't', 37, 'f', NULL, 'f', NULL");
    begin(EMPLOYEES, RESOURCE_KEY_CHANGE, THIRD, FIRST, "{1}", NULL, "t", "38", "f", NULL, "f", NULL, END);
    assert_int_equal(end_first_try("COMMIT"), 1);
    assert_string_equal(done, "no no");
    assert_int_equal(postgres_number("SELECT age FROM employees"), 37);
}

static void a_removal_waits_for_the_first_try_and_finds_it_done(void **state)
{
    (void)state;
    insert_employee(FIRST, "ada@example.org");
    run_first_try(EMPLOYEES, RESOURCE_KEY_REMOVE, "'" SECOND "', '" FIRST "', '{1}', NULL");
    begin(EMPLOYEES, RESOURCE_KEY_REMOVE, SECOND, FIRST, "{1}", NULL, END);
    assert_int_equal(end_first_try("COMMIT"), 1);
    assert_string_equal(done, "yes no");
}

static void the_making_of_a_row_waits_for_the_first_try_and_finds_it_done(void **state)
{
    static const char first[] = "'" SECOND "', '" FIRST "', 36, 'ada@example.org', 'Ada'";
    (void)state;
    run_first_try(EMPLOYEES, RESOURCE_PUT, first);
    begin(EMPLOYEES, RESOURCE_PUT, SECOND, FIRST, "36", "ada@example.org", "Ada", END);
    assert_int_equal(end_first_try("COMMIT"), 1);
    assert_string_equal(done, "yes yes");
    start(NULL);
    run_first_try(EMPLOYEES, RESOURCE_PUT, first);
    begin(EMPLOYEES, RESOURCE_PUT, THIRD, FIRST, "36", "ada@example.org", "Ada", END);
    assert_int_equal(end_first_try("COMMIT"), 1);
    assert_string_equal(done, "no no");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(an_insert_twice_is_one_row),
        EACH(a_replacement_twice_is_one_change),
        EACH(a_change_twice_is_one_change_even_of_the_name_it_goes_by),
        EACH(a_second_try_does_not_undo_what_came_after_the_first),
        EACH(a_change_to_an_address_that_is_taken_changes_nothing),
        EACH(a_change_is_made_in_the_versions_that_it_asks_for),
        EACH(a_change_refused_once_may_be_made_by_the_second_try),
        EACH(a_removal_is_made_in_the_versions_that_it_asks_for),
        EACH(a_removal_twice_finds_its_note),
        EACH(an_insert_that_comes_late_does_not_bring_back_what_was_deleted),
        EACH(an_insert_that_is_overtaken_does_not_bring_back_what_was_deleted),
        EACH(an_insert_that_comes_late_leaves_a_row_alone_that_was_made_again),
        EACH(a_removal_the_second_time_leaves_a_new_row_alone),
        EACH(a_row_is_found_changed_and_removed_by_its_key_too),
        EACH(a_row_is_made_once_under_a_key_of_the_clients),
        EACH(what_was_made_and_removed_is_not_made_again_by_the_second_try),
        EACH(a_row_that_comes_again_is_in_no_version_that_it_was_in),
        EACH(what_was_committed_unheard_is_told_when_it_is_sent_again),
        EACH(a_change_waits_for_the_first_try_and_finds_it_done),
        EACH(a_change_waits_for_the_first_try_that_moves_the_name),
        EACH(a_first_try_that_fails_leaves_the_work_to_the_second),
        EACH(of_two_changes_of_one_version_the_later_is_refused),
        EACH(a_removal_waits_for_the_first_try_and_finds_it_done),
        EACH(the_making_of_a_row_waits_for_the_first_try_and_finds_it_done),
    };
    return cmocka_run_group_tests_name("resource_again", tests, open_all, close_all);
}
