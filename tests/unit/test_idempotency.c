#include "bulk.h"

#include "unit.h"

#include "collection.h"

/* ---- Idempotency-Key ---- */

static void a_key_that_came_before_is_answered_as_then(void **state)
{
    static const char *const bodies[] = {"[" ADA "," ROW(ID(K1), "A", "a@x.org") "]",
                                         ROW("", "O", "o@x.org")};
    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        char key[8], *first;
        snprintf(key, sizeof key, "key%zu", i);
        be_another(NULL, key);
        ask_twice("POST", EMPLOYEES, bodies[i], 201);
        first = strdup(answer.body.bytes);
        postgres_sql(i == 0 ? "UPDATE employees SET name = 'Changed'" : "DELETE FROM employees");
        another("POST", EMPLOYEES, NULL, key, bodies[i]);
        assert_status(201);
        assert_string_equal(answer.body.bytes, first);
        assert_true(service_has_header(&answer, "Idempotency-Replayed: true"));
        free(first);
    }
    assert_true(service_has_header(&answer, "ETag: \"1\""));
    assert_non_null(strstr(answer.headers.bytes, "Location: /v1/employees/"));
    another("POST", EMPLOYEES, MINIMAL, "key0", bodies[0]);
    assert_status(201);
    assert_string_equal(answer.body.bytes, "");
}

static void a_key_is_of_one_body_one_type_and_one_resolution(void **state)
{
    (void)state;
    another("POST", EMPLOYEES, NULL, "key", "[" ADA "]");
    assert_status(201);
    another("POST", EMPLOYEES, NULL, "key", "[" BOB "]");
    assert_status(422);
    assert_non_null(strstr(answer.body.bytes, "/problems/idempotency-mismatch"));
    another("POST", EMPLOYEES, MERGE, "key", "[" ADA "]");
    assert_status(422);
    another("POST", EMPLOYEES, IGNORE, "key", "[" ADA "]");
    assert_status(422);
    another("POST", EMPLOYEES, NULL, "keys", "[" BOB "]");
    assert_status(201);
    assert_string_equal(table(), "Ada 1, Bob 1");
}

static void a_key_of_another_table_is_another_key(void **state)
{
    (void)state;
    another("POST", "/v1/passengers", NULL, "key", "[]");
    assert_status(201);
    another("POST", EMPLOYEES, NULL, "key", "[" ADA "]");
    assert_status(201);
    assert_false(service_has_header(&answer, "Idempotency-Replayed: true"));
}

static void what_failed_is_not_remembered(void **state)
{
    (void)state;
    another("POST", EMPLOYEES, NULL, NULL, "[" ADA "]");
    another("POST", EMPLOYEES, NULL, "key", "[" ADA "]");
    assert_status(409);
    postgres_sql("DELETE FROM employees");
    another("POST", EMPLOYEES, NULL, "key", "[" ADA "]");
    assert_status(201);
    assert_false(service_has_header(&answer, "Idempotency-Replayed: true"));
}

static void merged_and_ignored_rows_are_remembered(void **state)
{
    static const char *const prefers[] = {MERGE, IGNORE};
    (void)state;
    for (size_t i = 0; i < COUNT(prefers); i++) {
        start(NULL);
        another("POST", EMPLOYEES, NULL, NULL, "[" ADA "]");
        another("POST", EMPLOYEES, prefers[i], "key", "[" ADA "," BOB "]");
        assert_status(200);
        char *first = strdup(answer.body.bytes);
        postgres_sql("DELETE FROM employees");
        another("POST", EMPLOYEES, prefers[i], "key", "[" ADA "," BOB "]");
        assert_string_equal(answer.body.bytes, first);
        assert_true(service_has_header(&answer, "Idempotency-Replayed: true"));
        free(first);
    }
}

static void a_malformed_key_is_refused(void **state)
{
    char longest[257];
    (void)state;
    memset(longest, 'k', sizeof longest);
    longest[256] = '\0';
    const char *const keys[] = {"a b", "a\x7f", "\xc3\xa4", longest};
    for (size_t i = 0; i < COUNT(keys); i++) {
        another("POST", EMPLOYEES, NULL, keys[i], ADA);
        assert_status(400);
        assert_non_null(
            strstr(answer.body.bytes, "{\"header\":\"Idempotency-Key\",\"detail\":\"must be 1 to 255"));
    }
    longest[255] = '\0';
    another("POST", EMPLOYEES, NULL, longest, ADA);
    assert_status(201);
}

/* The statement of the ledger that forgets. */
static void forget(void)
{
    static struct ask ask;
    memset(&ask, 0, sizeof ask);
    assert_int_equal(ask_send(&ask, loop, database, &ledger_statement, 0, 4000), 0);
    assert_true(turn_until(loop, ask_answered, &ask));
    assert_int_equal(ask.outcome, DATABASE_OK);
}

static void a_clients_key_is_kept_for_a_day_and_other_notes_for_an_hour(void **state)
{
    (void)state;
    another("POST", EMPLOYEES, NULL, NULL, "[" ADA "]");
    another("POST", EMPLOYEES, NULL, "key", "[" BOB "]");
    postgres_sql("UPDATE ledger SET at = now() - interval '59 minutes'");
    forget();
    assert_int_equal(postgres_number("SELECT count(*) FROM ledger"), 2);
    postgres_sql("UPDATE ledger SET at = now() - interval '1439 minutes'");
    forget();
    assert_int_equal(postgres_number("SELECT count(*) FROM ledger WHERE fingerprint IS NOT NULL"), 1);
    assert_int_equal(postgres_number("SELECT count(*) FROM ledger"), 1);
    postgres_sql("UPDATE ledger SET at = now() - interval '1441 minutes'");
    forget();
    another("POST", EMPLOYEES, NULL, "key", "[" BOB "]");
    assert_conflict("\"errors\":[{\"row\":1,\"pointer\":\"/email\",\"detail\":\"is taken already\"}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_that_came_before_is_answered_as_then, start, stop),
        cmocka_unit_test_setup_teardown(a_key_is_of_one_body_one_type_and_one_resolution, start, stop),
        cmocka_unit_test_setup_teardown(a_key_of_another_table_is_another_key, start, stop),
        cmocka_unit_test_setup_teardown(what_failed_is_not_remembered, start, stop),
        cmocka_unit_test_setup_teardown(merged_and_ignored_rows_are_remembered, start, stop),
        cmocka_unit_test_setup_teardown(a_malformed_key_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(a_clients_key_is_kept_for_a_day_and_other_notes_for_an_hour, start,
                                        stop),
    };
    return cmocka_run_group_tests_name("idempotency", tests, open_all, close_all);
}
