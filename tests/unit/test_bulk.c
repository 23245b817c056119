#include "bulk.h"

#include "unit.h"

#include "collection.h"

/* ---- POST ---- */

static void rows_are_made_once_in_the_order_sent(void **state)
{
    (void)state;
    be_another(NULL, NULL);
    ask_twice("POST", EMPLOYEES, "[" ROW(ID(K3), "C", "c@x.org") "," ROW(ID(K1), "A", "a@x.org") "," ADA "]",
              201);
    assert_string_equal(names(), "C A Ada ");
    assert_string_equal(table(), "A clock, Ada 1, C clock");
}

static void passengers_are_made_too(void **state)
{
    static const char row[] =
        "{\"survived\":null,\"passengerClass\":1,\"name\":\"a\\\"\\\\b\",\"sex\":null,"
        "\"age\":0.5,\"siblingsOrSpousesAboard\":0,\"parentsOrChildrenAboard\":2,\"fare\":1e3}";
    static const char *const prefers[] = {NULL, MERGE, IGNORE};
    char body[600];
    (void)state;
    snprintf(body, sizeof body, "[%s,%s]", row, row);
    for (size_t i = 0; i < COUNT(prefers); i++) {
        be_another(prefers[i], NULL);
        ask_twice("POST", "/v1/passengers", body, prefers[i] == NULL ? 201 : 200);
        assert_string_equal(names(), "a\"\\b a\"\\b ");
        assert_int_equal(postgres_number("SELECT count(*) FROM passengers WHERE fare = 1000 AND age = 0.5"),
                         2 * (i + 1));
    }
}

static void who_wants_no_rows_gets_none(void **state)
{
    static const struct {
        const char *method, *prefer, *body, *applied;
        int status;
    } cases[] = {
        {"POST", MINIMAL, "[" ROW(ID(K1), "A", "a@x.org") "]", "Preference-Applied: return=minimal", 201},
        {"POST", MINIMAL "," MERGE, "[" ADA "]", "Preference-Applied: return=minimal, " MERGE, 204},
        {"POST", MINIMAL "," IGNORE, "[" ADA "]", "Preference-Applied: return=minimal, " IGNORE, 204},
        {"PATCH", MINIMAL, "[{\"id\":\"" K1 "\",\"name\":\"Changed\"}]", "Preference-Applied: return=minimal",
         204},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        be_another(cases[i].prefer, NULL);
        ask_twice(cases[i].method, EMPLOYEES, cases[i].body, cases[i].status);
        assert_string_equal(answer.body.bytes, "");
        assert_true(service_has_header(&answer, cases[i].applied));
    }
    assert_string_equal(postgres_sql("SELECT string_agg(name, ' ' ORDER BY name) FROM employees"),
                        "Ada Changed");
}

static void no_rows_are_made_of_none(void **state)
{
    static const char *const prefers[] = {NULL, MERGE, IGNORE};
    (void)state;
    for (size_t i = 0; i < COUNT(prefers); i++) {
        be_another(prefers[i], NULL);
        ask_twice("POST", EMPLOYEES, "[]", i == 0 ? 201 : 200);
        assert_string_equal(answer.body.bytes, "{\"items\":[]}");
        be_another(prefers[i], "none");
        ask_once("POST", EMPLOYEES, "[]");
        assert_int_equal(answer.status, i == 0 ? 201 : 422); /* the key came with another resolution */
    }
    be_another(NULL, NULL);
    ask_twice("PATCH", EMPLOYEES, "[]", 200);
    assert_string_equal(answer.body.bytes, "{\"items\":[]}");
}

static void what_is_taken_is_told_for_all_rows(void **state)
{
    (void)state;
    another("POST", EMPLOYEES, NULL, NULL, "[" ROW(ID(K1), "A", "a@x.org") "," BOB "]");
    assert_status(201);
    another("POST", EMPLOYEES, NULL, NULL,
            "[" ADA "," ROW(ID(K1), "B", "BOB@x.org") "," ROW(ID(K2), "C", "c@x.org") "," ROW("", "D",
                                                                                              "A@x.org") "]");
    assert_conflict("\"errors\":[{\"row\":2,\"pointer\":\"/id\",\"detail\":\"is taken already\"},"
                    "{\"row\":2,\"pointer\":\"/email\",\"detail\":\"is taken already\"},"
                    "{\"row\":4,\"pointer\":\"/email\",\"detail\":\"is taken already\"}]");
    assert_string_equal(table(), "A clock, Bob 1");
    assert_int_equal(postgres_number("SELECT count(*) FROM ledger"), 1);
}

static void duplicates_are_ignored(void **state)
{
    (void)state;
    another("POST", EMPLOYEES, NULL, NULL, "[" ROW(ID(K1), "A", "a@x.org") "]");
    be_another(IGNORE, NULL);
    ask_twice("POST", EMPLOYEES,
              "[" BOB "," ROW(ID(K1), "B", "b@x.org") "," ROW("", "C", "A@X.org") "," ADA "," ROW(
                  "", "E", "BOB@x.org") "," ROW(ID(K2), "D", "d@x.org") "," ROW(ID(K2), "F", "f@x.org") "]",
              200);
    assert_string_equal(names(), "Bob Ada D ");
    assert_true(service_has_header(&answer, "Preference-Applied: " IGNORE));
    assert_string_equal(table(), "A clock, Ada 1, Bob 1, D clock");
    ask_once("POST", EMPLOYEES, "[" ADA "]");
    be_another(IGNORE, NULL);
    ask_twice("POST", EMPLOYEES, "[" ADA "]", 200);
    assert_string_equal(answer.body.bytes, "{\"items\":[]}");
}

static void duplicates_are_merged(void **state)
{
    (void)state;
    another("POST", EMPLOYEES, NULL, NULL, "[" ROW(ID(K1), "A", "a@x.org") "," ADA "," BOB "]");
    be_another(MERGE, NULL);
    ask_twice("POST", EMPLOYEES,
              "[" ROW("", "Z", "BOB@x.org") "," ROW(ID(K1), "Y", "y@x.org") "," ROW(
                  "", "X", "x@x.org") "," ROW(ID(K2), "W", "w@x.org") "]",
              200);
    assert_string_equal(names(), "Z Y X W ");
    assert_string_equal(
        postgres_sql("SELECT string_agg(name || ' ' || email, ', ' ORDER BY name) FROM employees"),
        "Ada ada@x.org, W w@x.org, X x@x.org, Y y@x.org, Z BOB@x.org");
    assert_int_equal(postgres_number("SELECT version FROM employees WHERE name = 'Z'"), 2);
    assert_int_equal(postgres_number("SELECT version FROM employees WHERE name = 'X'"), 1);
}

static void what_can_not_be_merged_is_told(void **state)
{
    (void)state;
    another("POST", EMPLOYEES, NULL, NULL,
            "[" ROW(ID(K1), "A", "a@x.org") "," ROW(ID(K2), "B", "b@x.org") "]");
    another("POST", EMPLOYEES, MERGE, NULL,
            "[" ROW(ID(K1), "C", "b@x.org") "," ADA "," ROW(ID(K3), "D", "A@x.org") "]");
    assert_conflict("\"errors\":[{\"row\":1,\"pointer\":\"/email\",\"detail\":\"is taken already\"},"
                    "{\"row\":3,\"pointer\":\"/email\",\"detail\":\"is taken already\"}]");
    another("POST", EMPLOYEES, MERGE, NULL, "[" ROW(ID(K1), "C", "c@x.org") "," ROW("", "D", "a@x.org") "]");
    assert_conflict("\"errors\":[{\"row\":2,\"pointer\":\"\",\"detail\":\"is about the same employee as a row"
                    " before it\"}]");
    assert_string_equal(table(), "A clock, B clock");
}

static void one_object_is_merged_and_ignored_as_a_row(void **state)
{
    (void)state;
    another("POST", EMPLOYEES, MERGE, NULL, ROW(ID(K1), "A", "a@x.org"));
    assert_status(200);
    assert_string_equal(names(), "A ");
    another("POST", EMPLOYEES, IGNORE, NULL, ROW("", "B", "a@x.org"));
    assert_string_equal(answer.body.bytes, "{\"items\":[]}");
    another("POST", EMPLOYEES, MERGE, NULL, ROW(ID(K2), "B", "a@x.org"));
    assert_conflict("\"errors\":[{\"pointer\":\"/email\",\"detail\":\"is taken already\"}]");
}

/* ---- PATCH ---- */

static void rows_are_changed_once_in_the_order_sent(void **state)
{
    (void)state;
    another("POST", EMPLOYEES, NULL, NULL,
            "[" ROW(ID(K1), "A", "a@x.org") "," ROW(ID(K2), "B", "b@x.org") "]");
    postgres_sql("UPDATE employees SET version = 1");
    be_another(NULL, NULL);
    ask_twice("PATCH", EMPLOYEES,
              "[{\"id\":\"" K2 "\",\"name\":\"Z\"},{\"id\":\"" K1 "\",\"email\":\"A@X.org\"}]", 200);
    assert_string_equal(names(), "Z A ");
    assert_string_equal(table(), "A 2, Z 2");
    assert_string_equal(postgres_sql("SELECT email FROM employees WHERE name = 'A'"), "A@X.org");
}

static void what_can_not_be_changed_is_told(void **state)
{
    (void)state;
    another("POST", EMPLOYEES, NULL, NULL,
            "[" ROW(ID(K1), "A", "a@x.org") "," ROW(ID(K2), "B", "b@x.org") "]");
    another("PATCH", EMPLOYEES, NULL, NULL,
            "[{\"id\":\"" K1 "\",\"name\":\"Z\"},{\"id\":\"" K3 "\",\"age\":2},{\"id\":\"" K2
            "\",\"email\":\"A@x.org\"}]");
    assert_conflict("\"errors\":[{\"row\":2,\"pointer\":\"/id\",\"detail\":\"there is no such employee\"},"
                    "{\"row\":3,\"pointer\":\"/email\",\"detail\":\"is taken already\"}]");
    assert_string_equal(table(), "A clock, B clock");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_made_once_in_the_order_sent, start, stop),
        cmocka_unit_test_setup_teardown(passengers_are_made_too, start, stop),
        cmocka_unit_test_setup_teardown(who_wants_no_rows_gets_none, start, stop),
        cmocka_unit_test_setup_teardown(no_rows_are_made_of_none, start, stop),
        cmocka_unit_test_setup_teardown(what_is_taken_is_told_for_all_rows, start, stop),
        cmocka_unit_test_setup_teardown(duplicates_are_ignored, start, stop),
        cmocka_unit_test_setup_teardown(duplicates_are_merged, start, stop),
        cmocka_unit_test_setup_teardown(what_can_not_be_merged_is_told, start, stop),
        cmocka_unit_test_setup_teardown(one_object_is_merged_and_ignored_as_a_row, start, stop),
        cmocka_unit_test_setup_teardown(rows_are_changed_once_in_the_order_sent, start, stop),
        cmocka_unit_test_setup_teardown(what_can_not_be_changed_is_told, start, stop),
    };
    return cmocka_run_group_tests_name("bulk", tests, open_all, close_all);
}
