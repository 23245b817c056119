// wrap: malloc calloc realloc
#include "resource.h"

#include "employees.h"
#include "inject.h"
#include "log.h"
#include "passengers.h"
#include "postgres.h"
#include "unit.h"
#include "uuid.h"

#include "ask.h"

INJECT_MEMORY

#define PASSENGERS &passengers_resource
#define EMPLOYEES  &employees_resource
#define FIRST      "00000000-0000-7000-8000-000000000001"
#define SECOND     "00000000-0000-7000-8000-000000000002"
#define THIRD      "00000000-0000-7000-8000-000000000003"

static struct loop *loop;
static struct database *database;
static struct buffer json;

static int open_all(void **state)
{
    static const struct database_statement *statements[2 * RESOURCE_STATEMENTS + 1];
    static const struct resource *const resources[] = {PASSENGERS, EMPLOYEES};
    int count = 0;
    log_set_level(LOG_LEVEL_ERROR + 1);
    if (postgres_open(state) != 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(resource_prepare(resources[i]), 0);
        for (int which = 0; which < RESOURCE_STATEMENTS; which++)
            statements[count++] = resource_statement(resources[i], (enum resource_statement)which);
    }
    struct database_options options = {
        .readers = 1, .writers = 2, .deadline_ms = 4000, .statements = statements};
    loop = loop_create();
    database = database_create(loop, &options);
    buffer_init(&json);
    return turn_until(loop, ask_serving, database) ? 0 : -1;
}

static int close_all(void **state)
{
    database_free(database);
    loop_free(loop);
    resource_release(PASSENGERS);
    resource_release(EMPLOYEES);
    buffer_free(&json);
    return postgres_close(state);
}

static int start(void **state)
{
    (void)state;
    postgres_sql("TRUNCATE passengers, employees, ledger");
    return 0;
}

static struct ask ask;
static const struct resource *asked;
static char key[UUID_SIZE]; /* of the first row */
static char done[8];        /* what an answer to a change or removal says: "yes no" */

/* The rows as JSON, each in a line. */
static void write_rows(struct ask *answered, const struct database_result *result)
{
    struct database_value values[RESOURCE_FIELDS];
    buffer_clear(&json);
    for (int i = 0; i < answered->rows; i++) {
        resource_write_row(asked, result, i, FIELD_SPACED, &json);
        buffer_append(&json, "\n", 1);
    }
    buffer_append(&json, "", 1);
    if (answered->rows > 0) {
        database_row(result, 0, values, asked->field_count);
        uuid_print(key, (const uint8_t *)values[asked->key].bytes);
    }
}

/* The two columns from `column` on, which are booleans. */
static void read_done(const struct database_result *result, int column)
{
    struct database_value values[RESOURCE_FIELDS + 3];
    database_row(result, 0, values, column + 2);
    assert_int_equal(values[column].length, 1);
    assert_int_equal(values[column + 1].length, 1);
    snprintf(done, sizeof done, "%s %s", values[column].bytes[0] ? "yes" : "no",
             values[column + 1].bytes[0] ? "yes" : "no");
}

static void write_changed_row(struct ask *answered, const struct database_result *result)
{
    write_rows(answered, result);
    done[0] = '\0';
    if (answered->rows > 0)
        read_done(result, asked->field_count + 1);
}

/* Done? There? */
static void write_removed(struct ask *answered, const struct database_result *result)
{
    done[0] = '\0';
    if (answered->rows > 0)
        read_done(result, 0);
}

/* Run a statement; the values end with END. Returns how many rows came. */
static const char end_of_values[] = "";
#define END end_of_values

static int run(const struct resource *resource, enum resource_statement which, ...)
{
    const char *value;
    int count = 0;
    va_list values;
    memset(&ask, 0, sizeof ask);
    va_start(values, which);
    while ((value = va_arg(values, const char *)) != END)
        ask.values[count++] = value;
    va_end(values);
    asked = resource;
    ask.look = which == RESOURCE_REMOVE || which == RESOURCE_KEY_REMOVE ? write_removed
               : which == RESOURCE_CHANGE || which == RESOURCE_KEY_CHANGE || which == RESOURCE_PUT
                   ? write_changed_row
                   : write_rows;
    assert_int_equal(ask_send(&ask, loop, database, resource_statement(resource, which), count, 4000), 0);
    assert_true(turn_until(loop, ask_answered, &ask));
    assert_int_equal(ask.answers, 1);
    return ask.rows;
}

static int insert_passenger(const char *request, const char *name)
{
    return run(PASSENGERS, RESOURCE_INSERT, request, "true", "1", name, "female", "36.5", "0", "2", NULL,
               END);
}

static int insert_employee(const char *request, const char *email)
{
    return run(EMPLOYEES, RESOURCE_INSERT, request, "36", email, "Ada", END);
}

/* ---- what there is ---- */

static void only_what_clients_write_is_writable(void **state)
{
    (void)state;
    assert_string_equal(resource_writable(PASSENGERS, "name")->column, "name");
    assert_string_equal(resource_writable(PASSENGERS, "passengerClass")->column, "passenger_class");
    assert_null(resource_writable(PASSENGERS, "passenger_class"));
    assert_null(resource_writable(PASSENGERS, "uuid"));
    assert_null(resource_writable(PASSENGERS, ""));
    assert_null(resource_writable(EMPLOYEES, "created_at"));
    assert_null(resource_writable(EMPLOYEES, "version"));
}

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
        assert_true((ours->then != NULL) == (which == RESOURCE_CHANGE || which == RESOURCE_REMOVE ||
                                             which == RESOURCE_PUT || which == RESOURCE_KEY_CHANGE ||
                                             which == RESOURCE_KEY_REMOVE));
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
    assert_int_equal(postgres_number("SELECT count(*) FROM ledger"), 1);
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

#define EACH(test) cmocka_unit_test_setup(test, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(only_what_clients_write_is_writable),
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
        EACH(an_insert_twice_is_one_row),
        EACH(a_replacement_twice_is_one_change),
        EACH(a_change_twice_is_one_change_even_of_the_name_it_goes_by),
        EACH(a_second_try_does_not_undo_what_came_after_the_first),
        EACH(a_change_to_an_address_that_is_taken_changes_nothing),
        EACH(a_change_is_made_in_the_versions_that_it_asks_for),
        EACH(a_change_refused_once_may_be_made_by_the_second_try),
        EACH(a_removal_is_made_in_the_versions_that_it_asks_for),
        EACH(a_removal_twice_finds_its_note),
        EACH(a_removal_the_second_time_leaves_a_new_row_alone),
        EACH(a_row_is_found_changed_and_removed_by_its_key_too),
        EACH(a_row_is_made_once_under_a_key_of_the_clients),
        EACH(what_was_made_and_removed_is_not_made_again_by_the_second_try),
        EACH(a_row_that_comes_again_is_in_no_version_that_it_was_in),
    };
    return cmocka_run_group_tests_name("resource", tests, open_all, close_all);
}
