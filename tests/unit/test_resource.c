// wrap: malloc calloc realloc
#include "resource.h"

#include "inject.h"
#include "unit.h"

#include "statements.h"

INJECT_MEMORY

/* ---- what there is ---- */

static void statements_know_their_kind_and_name(void **state)
{
    (void)state;
    for (int which = 0; which < RESOURCE_STATEMENTS; which++) {
        const struct database_statement *ours = resource_statement(EMPLOYEES, (enum resource_statement)which);
        enum database_kind kind = which == RESOURCE_GET || which == RESOURCE_KEY_GET ? DATABASE_LOOKUP
                                  : which <= RESOURCE_LIST_AFTER                     ? DATABASE_READ
                                  : which == RESOURCE_INSERT                         ? DATABASE_INSERT
                                                                                     : DATABASE_WRITE;
        assert_int_equal(ours->kind, kind);
        assert_int_equal(strncmp(ours->text.name, "employees_", 10), 0);
        assert_true((ours->then != NULL) == (which == RESOURCE_INSERT || which == RESOURCE_CHANGE ||
                                             which == RESOURCE_REMOVE || which == RESOURCE_PUT ||
                                             which == RESOURCE_KEY_CHANGE || which == RESOURCE_KEY_REMOVE));
        for (int other = 0; other < which; other++)
            assert_string_not_equal(ours->text.name,
                                    resource_statement(EMPLOYEES, (enum resource_statement)other)->text.name);
    }
}

static void where_rows_are_looked_up_by_the_key_it_is_one_statement(void **state)
{
    static const enum resource_statement pairs[][2] = {{RESOURCE_KEY_GET, RESOURCE_GET},
                                                       {RESOURCE_KEY_CHANGE, RESOURCE_CHANGE},
                                                       {RESOURCE_KEY_CHANGED, RESOURCE_CHANGED},
                                                       {RESOURCE_KEY_REMOVE, RESOURCE_REMOVE},
                                                       {RESOURCE_KEY_REMOVED, RESOURCE_REMOVED}};
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        assert_ptr_equal(resource_statement(PASSENGERS, pairs[i][0]),
                         resource_statement(PASSENGERS, pairs[i][1]));
        assert_ptr_not_equal(resource_statement(EMPLOYEES, pairs[i][0]),
                             resource_statement(EMPLOYEES, pairs[i][1]));
    }
    assert_ptr_equal(resource_statement(PASSENGERS, RESOURCE_PUT)->then,
                     resource_statement(PASSENGERS, RESOURCE_CHANGED));
}

static void values_are_only_ever_parameters(void **state)
{
    (void)state;
    assert_string_equal(
        resource_statement(PASSENGERS, RESOURCE_LIST_AFTER)->text.sql,
        "SELECT uuid, survived, passenger_class, name, sex, age, siblings_or_spouses_aboard,"
        " parents_or_children_aboard, fare FROM passengers WHERE uuid > $1 ORDER BY uuid LIMIT 250");
    assert_int_equal(insert_passenger(FIRST, "'); DROP TABLE passengers; --"), 1);
    assert_int_equal(postgres_number("SELECT count(*) FROM passengers"), 1);
}

static void without_memory_there_are_no_statements(void **state)
{
    struct resource_sql sql;
    struct resource copy = *EMPLOYEES;
    int n = 1;
    (void)state;
    copy.sql = &sql;
    for (;; n++) {
        inject_at(NULL, n, ENOMEM);
        int result = resource_prepare(&copy);
        if (inject_off() == 0) {
            assert_int_equal(result, 0);
            break;
        }
        assert_int_equal(result, -1);
    }
    assert_true(n > 1);
    assert_string_equal(copy.sql->statements[RESOURCE_REMOVED].text.sql,
                        resource_statement(EMPLOYEES, RESOURCE_REMOVED)->text.sql);
    resource_release(&copy);
}

/* ---- rows ---- */

static void a_row_is_written_in_the_order_of_its_keys(void **state)
{
    (void)state;
    assert_int_equal(insert_passenger(FIRST, "\u00c9l\u00e9onore \"Lo\""), 1);
    assert_string_equal(json.bytes,
                        "{\"uuid\":\"" FIRST "\",\"survived\":true,\"passengerClass\":1,"
                        "\"name\":\"\u00c9l\u00e9onore \\\"Lo\\\"\",\"sex\":\"female\",\"age\":36.5,"
                        "\"siblingsOrSpousesAboard\":0,\"parentsOrChildrenAboard\":2,\"fare\":null}\n");
    assert_int_equal(run(PASSENGERS, RESOURCE_GET, FIRST, END), 1);
    assert_non_null(strstr(json.bytes, "\"age\":36.5"));
    assert_int_equal(run(PASSENGERS, RESOURCE_GET, SECOND, END), 0);
}

static void times_are_utc_with_six_digits(void **state)
{
    (void)state;
    insert_employee(FIRST, "ada@example.org");
    postgres_sql("UPDATE employees SET created_at = '2025-05-20 22:22:46.2+00',"
                 " updated_at = '2025-05-21 00:00:00+05:30'");
    assert_int_equal(run(EMPLOYEES, RESOURCE_GET, "ada@example.org", END), 1);
    assert_string_equal(json.bytes, "{\"age\":36,\"created_at\":\"2025-05-20 22:22:46.200000\","
                                    "\"email\":\"ada@example.org\",\"id\":\"" FIRST "\",\"name\":\"Ada\","
                                    "\"updated_at\":\"2025-05-20 18:30:00.000000\"}\n");
}

static void lists_go_page_by_page_in_the_order_of_keys(void **state)
{
    (void)state;
    postgres_sql(
        "INSERT INTO passengers SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, NULL, 1,"
        " 'P', NULL, NULL, 0, 0, NULL FROM generate_series(%d, 1, -1) AS n",
        RESOURCE_FIRST_ROWS + 2);
    assert_int_equal(run(PASSENGERS, RESOURCE_LIST, END), RESOURCE_FIRST_ROWS);
    assert_string_equal(key, FIRST);
    assert_int_equal(run(PASSENGERS, RESOURCE_LIST_AFTER, FIRST, END), RESOURCE_PAGE_ROWS);
    assert_int_equal(run(PASSENGERS, RESOURCE_LIST_AFTER, "00000000-0000-7000-8000-000000001000", END), 2);
    assert_string_equal(key, "00000000-0000-7000-8000-000000001001");
    assert_int_equal(run(PASSENGERS, RESOURCE_LIST_AFTER, "00000000-0000-7000-8000-000000001002", END), 0);
}

static void addresses_are_the_same_whatever_their_case(void **state)
{
    (void)state;
    insert_employee(FIRST, "Ada@Example.org");
    assert_int_equal(run(EMPLOYEES, RESOURCE_GET, "aDA@eXAMPLE.ORG", END), 1);
    assert_non_null(strstr(json.bytes, "\"Ada@Example.org\""));
    insert_employee(SECOND, "ADA@example.ORG");
    assert_int_equal(ask.outcome, DATABASE_CONFLICT);
    assert_string_equal(ask.constraint, "employees_email_key");
}

static void every_character_arrives_as_it_was_sent(void **state)
{
    static const char *const names[] = {"NULL", "null",   "\"",  "\\",   "a,b{c}d",    " a ",
                                        "\\\"", "\ta\nb", "\\N", "\x7f", "\U0001f6a2", "''; --"};
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        postgres_sql("TRUNCATE passengers");
        assert_int_equal(insert_passenger(FIRST, names[i]), 1);
        assert_string_equal(postgres_sql("SELECT name FROM passengers"), names[i]);
    }
}

static void the_table_holds_what_the_worker_would_let_through(void **state)
{
    (void)state;
    run(PASSENGERS, RESOURCE_INSERT, FIRST, "true", "4", "A", NULL, NULL, "0", "0", NULL, END);
    assert_int_equal(ask.outcome, DATABASE_INVALID);
    assert_string_equal(ask.constraint, "passengers_passenger_class_check");
    run(PASSENGERS, RESOURCE_INSERT, FIRST, "true", "70000", "A", NULL, NULL, "0", "0", NULL, END);
    assert_int_equal(ask.outcome, DATABASE_INVALID);
    run(PASSENGERS, RESOURCE_INSERT, FIRST, "true", "1", NULL, NULL, NULL, "0", "0", NULL, END);
    assert_int_equal(ask.outcome, DATABASE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(statements_know_their_kind_and_name),
        EACH(where_rows_are_looked_up_by_the_key_it_is_one_statement),
        EACH(values_are_only_ever_parameters),
        EACH(without_memory_there_are_no_statements),
        EACH(a_row_is_written_in_the_order_of_its_keys),
        EACH(times_are_utc_with_six_digits),
        EACH(lists_go_page_by_page_in_the_order_of_keys),
        EACH(addresses_are_the_same_whatever_their_case),
        EACH(every_character_arrives_as_it_was_sent),
        EACH(the_table_holds_what_the_worker_would_let_through),
    };
    return cmocka_run_group_tests_name("resource", tests, open_all, close_all);
}
