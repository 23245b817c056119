#ifndef PURSER_TESTS_STATEMENTS_H
#define PURSER_TESTS_STATEMENTS_H

/* The statements of both resources on a real database, run one by one. Include it after unit.h. */

#include "ask.h"
#include "employees.h"
#include "log.h"
#include "passengers.h"
#include "postgres.h"
#include "uuid.h"

#define PASSENGERS &passengers_resource
#define EMPLOYEES  &employees_resource
#define FIRST      "00000000-0000-7000-8000-000000000001"
#define SECOND     "00000000-0000-7000-8000-000000000002"
#define THIRD      "00000000-0000-7000-8000-000000000003"

static struct loop *loop;
static struct database *database;
static struct buffer json;

static inline int open_all(void **state)
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

static inline int close_all(void **state)
{
    database_free(database);
    loop_free(loop);
    resource_release(PASSENGERS);
    resource_release(EMPLOYEES);
    buffer_free(&json);
    return postgres_close(state);
}

static inline int start(void **state)
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
static inline void write_rows(struct ask *answered, const struct database_result *result)
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
static inline void read_done(const struct database_result *result, int column)
{
    struct database_value values[RESOURCE_FIELDS + 3];
    database_row(result, 0, values, column + 2);
    assert_int_equal(values[column].length, 1);
    assert_int_equal(values[column + 1].length, 1);
    snprintf(done, sizeof done, "%s %s", values[column].bytes[0] ? "yes" : "no",
             values[column + 1].bytes[0] ? "yes" : "no");
}

static inline void write_changed_row(struct ask *answered, const struct database_result *result)
{
    write_rows(answered, result);
    done[0] = '\0';
    if (answered->rows > 0)
        read_done(result, asked->field_count + 1);
}

/* Done? There? */
static inline void write_removed(struct ask *answered, const struct database_result *result)
{
    done[0] = '\0';
    if (answered->rows > 0)
        read_done(result, 0);
}

/* Run a statement; the values end with END. Returns how many rows came. */
static const char end_of_values[] = "";
#define END end_of_values

static inline void send_values(const struct resource *resource, enum resource_statement which, va_list values)
{
    const char *value;
    int count = 0;
    memset(&ask, 0, sizeof ask);
    while ((value = va_arg(values, const char *)) != END)
        ask.values[count++] = value;
    asked = resource;
    ask.look = which == RESOURCE_REMOVE || which == RESOURCE_KEY_REMOVE ? write_removed
               : which == RESOURCE_CHANGE || which == RESOURCE_KEY_CHANGE || which == RESOURCE_PUT
                   ? write_changed_row
                   : write_rows;
    assert_int_equal(ask_send(&ask, loop, database, resource_statement(resource, which), count, 4000), 0);
}

static inline int take_answer(void)
{
    assert_true(turn_until(loop, ask_answered, &ask));
    assert_int_equal(ask.answers, 1);
    return ask.rows;
}

/* Send it alone; take_answer goes on. */
static inline void begin(const struct resource *resource, enum resource_statement which, ...)
{
    va_list values;
    va_start(values, which);
    send_values(resource, which, values);
    va_end(values);
}

static inline int run(const struct resource *resource, enum resource_statement which, ...)
{
    va_list values;
    va_start(values, which);
    send_values(resource, which, values);
    va_end(values);
    return take_answer();
}

static inline int insert_passenger(const char *request, const char *name)
{
    return run(PASSENGERS, RESOURCE_INSERT, request, "true", "1", name, "female", "36.5", "0", "2", NULL,
               END);
}

static inline int insert_employee(const char *request, const char *email)
{
    return run(EMPLOYEES, RESOURCE_INSERT, request, "36", email, "Ada", END);
}

#define EACH(test) cmocka_unit_test_setup(test, start)

#endif
