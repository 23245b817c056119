// wrap: malloc calloc realloc
#include "bulk.h"

#include "inject.h"
#include "unit.h"

#include "collection.h"

INJECT_MEMORY

/* ---- others at the same time ---- */

static bool waits_for_a_lock(void *cookie)
{
    (void)cookie;
    postgres_sql("SELECT pg_stat_clear_snapshot()");
    return postgres_number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") > 0;
}

/* `sql` of another session is committed while the request waits for it. */
static void ask_behind(const char *sql, const char *body)
{
    postgres_sql("BEGIN; %s", sql);
    send("POST", EMPLOYEES, body);
    assert_true(turn_until(loop, waits_for_a_lock, NULL));
    postgres_sql("COMMIT");
    service_wait(&service);
    answer = service_answer(&service);
}

static void who_is_faster_is_seen(void **state)
{
    static const char ada[] = "INSERT INTO employees VALUES ('" K1 "', 'Faster', 2, 'ADA@x.org')";
    (void)state;
    be_another(NULL, NULL);
    ask_behind(ada, "[" BOB "," ADA "]");
    assert_conflict("\"errors\":[{\"row\":2,\"pointer\":\"/email\",\"detail\":\"is taken already\"}]");
    assert_string_equal(table(), "Faster 1");
    start(NULL);
    be_another(IGNORE, NULL);
    ask_behind(ada, "[" BOB "," ADA "]");
    assert_string_equal(names(), "Bob ");
    start(NULL);
    be_another(MERGE, NULL);
    ask_behind(ada, "[" BOB "," ADA "]");
    assert_string_equal(names(), "Bob Ada ");
    assert_string_equal(table(), "Ada 2, Bob 1");
}

/* The row that had the e-mail is nobody's to change any more. */
static void a_row_that_loses_its_email_while_a_merge_waits_is_left_alone(void **state)
{
    (void)state;
    postgres_sql("INSERT INTO employees VALUES ('" K1 "', 'Old', 2, 'ada@x.org')");
    be_another(MERGE, NULL);
    ask_behind("UPDATE employees SET email = 'new@x.org', version = 2", "[" ADA "]");
    assert_string_equal(names(), "Ada ");
    assert_string_equal(table(), "Ada 1, Old 2");
    start(NULL);
    postgres_sql("INSERT INTO employees VALUES ('" K1 "', 'Old', 2, 'ada@x.org')");
    be_another(MERGE, NULL);
    ask_behind("DELETE FROM employees", "[" ADA "]");
    assert_string_equal(table(), "Ada 1");
    assert_int_equal(postgres_number("SELECT count(*) FROM employees WHERE id = '" K1 "'"), 0);
}

/* Its twin has written the same note, as far as this request can see. */
static void of_two_with_one_key_the_second_is_told_what_the_first_did(void **state)
{
    (void)state;
    another("POST", EMPLOYEES, NULL, "key", "[" ADA "]");
    postgres_sql("CREATE TABLE kept AS SELECT * FROM ledger; TRUNCATE ledger, employees");
    be_another(NULL, "key");
    ask_behind("INSERT INTO ledger SELECT * FROM kept; DROP TABLE kept", "[" ADA "]");
    assert_status(201);
    assert_true(service_has_header(&answer, "Idempotency-Replayed: true"));
    assert_string_equal(names(), "Ada ");
    assert_string_equal(table(), "");
}

static void who_is_late_each_time_is_told(void **state)
{
    (void)state;
    postgres_sql("CREATE SEQUENCE tries; CREATE FUNCTION clash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                 " PERFORM nextval('tries'); RAISE unique_violation; END $$;"
                 " CREATE TRIGGER clash BEFORE INSERT ON employees EXECUTE FUNCTION clash()");
    another("POST", EMPLOYEES, NULL, NULL, "[" ADA "]");
    postgres_sql("DROP FUNCTION clash CASCADE");
    assert_status(409);
    assert_int_equal(postgres_number("SELECT last_value FROM tries"), 3);
    postgres_sql("DROP SEQUENCE tries");
}

static void a_rule_of_the_table_holds_too(void **state)
{
    (void)state;
    postgres_sql("ALTER TABLE employees ADD CONSTRAINT more CHECK (name <> 'Bob')");
    another("POST", EMPLOYEES, NULL, NULL, "[" BOB "]");
    postgres_sql("ALTER TABLE employees DROP CONSTRAINT more");
    assert_status(422);
}

/* ---- without memory, without a connection ---- */

static const struct {
    const char *method, *prefer, *key, *body;
    const char *table; /* when it is done */
} writes[] = {
    {"POST", NULL, NULL, "[" ADA "," BOB "]", "Ada 1, Bob 1, Old 1"},
    {"POST", NULL, "key", "[" ADA "," BOB "]", "Ada 1, Bob 1, Old 1"},
    {"POST", NULL, "key", ADA, "Ada 1, Old 1"},
    {"POST", IGNORE, NULL, "[" ADA "," ROW(ID(K1), "Bob", "b@x.org") "]", "Ada 1, Old 1"},
    {"POST", MERGE, NULL, "[" ADA "," ROW(ID(K1), "Bob", "b@x.org") "]", "Ada 1, Bob 2"},
    {"PATCH", NULL, NULL, "[{\"id\":\"" K1 "\",\"name\":\"Bob\"}]", "Bob 2"},
};

static void begin_write(size_t i)
{
    start(NULL);
    postgres_sql("INSERT INTO employees VALUES ('" K1 "', 'Old', 2, 'old@x.org')");
    be_another(writes[i].prefer, writes[i].key);
    send(writes[i].method, EMPLOYEES, writes[i].body);
}

static void without_memory_all_is_done_or_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(writes); i++) {
        for (int n = 1;; n++) {
            request_free_spare(&service.server);
            begin_write(i);
            inject_at(NULL, n, ENOMEM);
            service_wait(&service);
            int failures = inject_off();
            answer = service_answer(&service);
            int status = answer.status;
            if (failures == 0)
                assert_true(status == 200 || status == 201);
            if (status == 200 || status == 201)
                assert_string_equal(table(), writes[i].table);
            else
                assert_true(status == 503 || status == 0);
            if (status == 503)
                assert_string_equal(table(), "Old 1");
            if (failures == 0)
                break;
        }
    }
}

static void a_cut_connection_does_not_show(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(writes); i++) {
        for (int turns = 0; turns < 6; turns++) {
            begin_write(i);
            for (int turn = 0; turn < turns; turn++)
                turn_once(loop);
            postgres_terminate();
            service_wait(&service);
            answer = service_answer(&service);
            if (answer.status != 200 && answer.status != 201)
                fail_msg("write %zu, cut after %d turns: %d %s", i, turns, answer.status, answer.body.bytes);
            assert_string_equal(table(), writes[i].table);
            assert_null(strstr(answer.headers.bytes, "Idempotency-Replayed"));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_is_faster_is_seen, start, stop),
        cmocka_unit_test_setup_teardown(a_row_that_loses_its_email_while_a_merge_waits_is_left_alone, start,
                                        stop),
        cmocka_unit_test_setup_teardown(of_two_with_one_key_the_second_is_told_what_the_first_did, start,
                                        stop),
        cmocka_unit_test_setup_teardown(who_is_late_each_time_is_told, start, stop),
        cmocka_unit_test_setup_teardown(a_rule_of_the_table_holds_too, start, stop),
        cmocka_unit_test_setup_teardown(without_memory_all_is_done_or_none, start, stop),
        cmocka_unit_test_setup_teardown(a_cut_connection_does_not_show, start, stop),
    };
    return cmocka_run_group_tests_name("bulk_failures", tests, open_all, close_all);
}
