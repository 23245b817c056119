// wrap: malloc calloc realloc
#include "list.h"

#include "inject.h"
#include "jobs.h"
#include "log.h"
#include "passengers.h"
#include "postgres.h"
#include "service.h"
#include "unit.h"

#include "ask.h"

#include <json-c/json.h>

INJECT_MEMORY

#define ROWS (RESOURCE_FIRST_ROWS + 20 * RESOURCE_PAGE_ROWS + 100) /* more than a socket takes */

static struct loop *loop;
static struct database *database;
static struct service service;
static const struct route_table *const tables[] = {&passengers_routes, NULL};

static int start(void **state)
{
    static const struct database_statement *statements[RESOURCE_STATEMENTS + 1];
    log_set_level(LOG_LEVEL_ERROR + 1);
    if (postgres_open(state) != 0)
        return -1;
    assert_int_equal(resource_prepare(&passengers_resource), 0);
    for (int i = 0; i < RESOURCE_STATEMENTS; i++)
        statements[i] = resource_statement(&passengers_resource, (enum resource_statement)i);
    struct database_options options = {
        .readers = 1, .writers = 1, .deadline_ms = 4000, .statements = statements};
    loop = loop_create();
    database = database_create(loop, &options);
    service_open(&service, loop, database, tables);
    return turn_until(loop, ask_serving, database) ? 0 : -1;
}

static int stop(void **state)
{
    service_close(&service);
    database_free(database);
    resource_release(&passengers_resource);
    loop_free(loop);
    return postgres_close(state);
}

static void fill(int rows)
{
    postgres_sql("TRUNCATE passengers");
    postgres_sql(
        "INSERT INTO passengers SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, NULL, 1,"
        " rpad('Person', 150, 'x'), NULL, NULL, 0, 0, n FROM generate_series(1, %d) AS n",
        rows);
}

/* The answer is an array of all rows in order. */
static bool is_whole(const struct peer_answer *answer, int rows)
{
    struct json_object *list = json_tokener_parse(answer->body.bytes);
    bool whole = json_object_is_type(list, json_type_array) && (int)json_object_array_length(list) == rows;
    for (int i = 0; whole && i < rows; i++)
        whole = json_object_get_int(
                    json_object_object_get(json_object_array_get_idx(list, (size_t)i), "fare")) == i + 1;
    json_object_put(list);
    return whole;
}

static void a_list_of_any_length_is_one_array(void **state)
{
    static const int lengths[] = {0,
                                  1,
                                  RESOURCE_FIRST_ROWS - 1,
                                  RESOURCE_FIRST_ROWS,
                                  RESOURCE_FIRST_ROWS + 1,
                                  RESOURCE_FIRST_ROWS + RESOURCE_PAGE_ROWS,
                                  RESOURCE_FIRST_ROWS + RESOURCE_PAGE_ROWS + 1,
                                  ROWS};
    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        fill(lengths[i]);
        struct peer_answer answer = service_ask(&service, "GET", "/passengerlist", NULL, NULL);
        assert_int_equal(answer.status, 200);
        if (lengths[i] == 0)
            assert_string_equal(answer.body.bytes, "[]");
        assert_true(is_whole(&answer, lengths[i]));
        peer_free_answer(&answer);
    }
}

static void head_of_a_list_has_no_body(void **state)
{
    (void)state;
    fill(ROWS);
    struct peer_answer answer = service_ask(&service, "HEAD", "/passengerlist", NULL, NULL);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.body.length, 0);
    peer_free_answer(&answer);
}

static void a_cut_database_does_not_show_in_a_list(void **state)
{
    (void)state;
    fill(ROWS);
    for (int turns = 0; turns < 8; turns++) {
        service_send(&service, "GET", "/passengerlist", NULL, NULL);
        for (int i = 0; i < turns; i++)
            turn_once(loop);
        postgres_terminate();
        service_wait(&service);
        struct peer_answer answer = service_answer(&service);
        assert_true(is_whole(&answer, ROWS));
        peer_free_answer(&answer);
    }
}

/* The whole list, or another status, or a connection that was closed: never a part that looks like the whole.
 */
static void assert_honest(int n)
{
    struct peer_answer answer = service_answer(&service);
    if (answer.status == 200 && !is_whole(&answer, ROWS))
        fail_msg("without memory for call %d: a list that is none", n);
    assert_true(answer.status == 200 || answer.status == 503 || answer.status == 0);
    peer_free_answer(&answer);
}

static void a_list_without_memory_is_whole_or_broken_off(void **state)
{
    (void)state;
    fill(ROWS);
    for (int n = 1;; n++) {
        request_free_spare(&service.server);
        service_send(&service, "GET", "/passengerlist", NULL, NULL);
        inject_at(NULL, n, ENOMEM);
        service_wait(&service);
        int failures = inject_off();
        assert_honest(n);
        if (failures == 0)
            break;
    }
}

/* No page is asked for, and none will be: the list waits for room. */
static bool nothing_is_asked(void *cookie)
{
    static int quiet;
    (void)cookie;
    bool idle = database->queues[DATABASE_READ].count == 0;
    for (int i = 0; i < database->readers; i++)
        idle = idle && database->connections[i].flight.count == 0;
    quiet = idle ? quiet + 1 : 0;
    return quiet > 3;
}

/*
 * The list's own note on its query serves for the next page, unless another query has taken it while the list
 * waited for room. The other queries wait for a lock, so that they keep what they have.
 */
static void a_list_that_can_not_ask_for_its_next_page_is_broken_off(void **state)
{
    static struct ask asks[20];
    const struct database_statement *get = resource_statement(&passengers_resource, RESOURCE_GET);
    size_t sent = 0;
    (void)state;
    fill(ROWS);
    service_send(&service, "GET", "/passengerlist", NULL, NULL);
    while (service.peer.got.length == 0) { /* the first page has come */
        turn_once(loop);
        peer_receive(&service.peer, 1);
    }
    assert_true(turn_until(loop, nothing_is_asked, NULL)); /* the socket takes no more */
    postgres_sql("BEGIN; LOCK TABLE passengers");
    inject_from("calloc", 1, ENOMEM);
    do
        asks[sent].values[0] = "00000000-0000-7000-8000-000000000001";
    while (ask_send(&asks[sent], loop, database, get, 1, 4000) == 0 && ++sent < COUNT(asks));
    assert_true(sent > 0 && sent < COUNT(asks));
    service_wait(&service);
    inject_off();
    postgres_sql("COMMIT");
    assert_true(turn_until(loop, ask_answered, &asks[sent - 1]));
    struct peer_answer answer = service_answer(&service);
    if (answer.status != 0)
        fail_msg("it ends with %s", answer.body.bytes + answer.body.length - 200);
    peer_free_answer(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_of_any_length_is_one_array),
        cmocka_unit_test(head_of_a_list_has_no_body),
        cmocka_unit_test(a_cut_database_does_not_show_in_a_list),
        cmocka_unit_test(a_list_without_memory_is_whole_or_broken_off),
        cmocka_unit_test(a_list_that_can_not_ask_for_its_next_page_is_broken_off),
    };
    return cmocka_run_group_tests_name("list", tests, start, stop);
}
