#ifndef PURSER_TESTS_COLLECTION_H
#define PURSER_TESTS_COLLECTION_H

/* The worker's inside with a database, and requests with many rows to its collections. Include it after
 * unit.h. */

#include "ask.h"
#include "employees.h"
#include "ledger.h"
#include "log.h"
#include "passengers.h"
#include "postgres.h"
#include "service.h"

#include <json-c/json.h>

#define EMPLOYEES "/v1/employees"
#define IGNORE    "resolution=ignore-duplicates"
#define MERGE     "resolution=merge-duplicates"
#define MINIMAL   "return=minimal"

#define K1 "00000000-0000-7000-8000-000000000001"
#define K2 "00000000-0000-7000-8000-000000000002"
#define K3 "00000000-0000-7000-8000-000000000003"

/* An employee, with what stands before the rest: "" or a key. */
#define ROW(before, name, email) "{" before "\"name\":\"" name "\",\"age\":1,\"email\":\"" email "\"}"
#define ID(key)                  "\"id\":\"" key "\","
#define ADA                      ROW("", "Ada", "ada@x.org")
#define BOB                      ROW("", "Bob", "bob@x.org")

static struct loop *loop;
static struct database *database;
static struct service service;
static struct peer_answer answer;
static const struct route_table *const tables[] = {&passengers_routes, &employees_routes, NULL};

/* ---- setting up ---- */

static inline int open_all(void **state)
{
    static const struct resource *const resources[] = {&passengers_resource, &employees_resource};
    static const struct database_statement *statements[2 * RESOURCE_STATEMENTS + 2];
    int count = 0;
    log_set_level(LOG_LEVEL_ERROR + 1);
    if (postgres_open(state) != 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(resource_prepare(resources[i]), 0);
        for (int which = 0; which < RESOURCE_STATEMENTS; which++)
            statements[count++] = resource_statement(resources[i], (enum resource_statement)which);
    }
    statements[count++] = &ledger_statement;
    struct database_options options = {
        .readers = 1, .searchers = 1, .writers = 2, .deadline_ms = 4000, .statements = statements};
    loop = loop_create();
    database = database_create(loop, &options);
    service_open(&service, loop, database, tables);
    return turn_until(loop, ask_serving, database) ? 0 : -1;
}

static inline int close_all(void **state)
{
    service_close(&service);
    database_free(database);
    loop_free(loop);
    resource_release(&passengers_resource);
    resource_release(&employees_resource);
    return postgres_close(state);
}

static inline int start(void **state)
{
    (void)state;
    postgres_sql("TRUNCATE passengers, employees, ledger");
    return 0;
}

static inline int stop(void **state)
{
    (void)state;
    peer_free_answer(&answer);
    answer = (struct peer_answer){0};
    return 0;
}

/* ---- asking ---- */

static char request_id[33];
static const char *params[8];

/* The requests from now on are another one than those before, with these headers (NULL: without). */
static inline void be_another(const char *prefer, const char *key)
{
    static int number;
    int count = 0;
    snprintf(request_id, sizeof request_id, "%032x", ++number);
    params[count++] = "REQUEST_ID";
    params[count++] = request_id;
    if (prefer != NULL) {
        params[count++] = "HTTP_PREFER";
        params[count++] = prefer;
    }
    if (key != NULL) {
        params[count++] = "HTTP_IDEMPOTENCY_KEY";
        params[count++] = key;
    }
    params[count] = NULL;
    service.params = params;
}

static inline void send(const char *method, const char *uri, const char *body)
{
    peer_free_answer(&answer);
    answer = (struct peer_answer){0};
    service_send(&service, method, uri, "application/json", body);
}

static inline void ask_once(const char *method, const char *uri, const char *body)
{
    send(method, uri, body);
    service_wait(&service);
    answer = service_answer(&service);
}

static inline void assert_status(int status)
{
    if (answer.status != status)
        fail_msg("%d instead of %d: %s", answer.status, status,
                 answer.body.bytes != NULL ? answer.body.bytes : "");
}

/* Twice the same request: it must be as if it came once. `header` is a line that each answer must have, or
 * NULL. */
static inline void ask_twice(const char *method, const char *uri, const char *body, int status)
{
    char *first;
    ask_once(method, uri, body);
    assert_status(status);
    first = strdup(answer.body.bytes);
    ask_once(method, uri, body);
    assert_status(status);
    assert_string_equal(answer.body.bytes, first);
    assert_null(strstr(answer.headers.bytes, "Idempotency-Replayed"));
    free(first);
}

static inline void another(const char *method, const char *uri, const char *prefer, const char *key,
                           const char *body)
{
    be_another(prefer, key);
    ask_once(method, uri, body);
}

/* The names of the items of the answer, each ended by a blank. */
static inline const char *names(void)
{
    static char text[200];
    struct json_object *whole = json_tokener_parse(answer.body.bytes);
    struct json_object *items = json_object_object_get(whole, "items");
    assert_true(json_object_is_type(items, json_type_array));
    text[0] = '\0';
    for (size_t i = 0; i < json_object_array_length(items); i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s ",
                 json_object_get_string(json_object_object_get(json_object_array_get_idx(items, i), "name")));
    json_object_put(whole);
    return text;
}

/* `errors` of a 409 are these. */
static inline void assert_conflict(const char *errors)
{
    assert_status(409);
    if (strstr(answer.body.bytes, errors) == NULL)
        fail_msg("%s is not in %s", errors, answer.body.bytes);
}

/* name and version of all employees in the order of their names, as "Ada 1, Bob 2"; a version from the clock
 * is "clock". */
static inline const char *table(void)
{
    return postgres_sql("SELECT coalesce(string_agg(name || ' ' || CASE WHEN version > 1700000000000000 THEN"
                        " 'clock' ELSE version::text END, ', ' ORDER BY name), '') FROM employees");
}

#endif
