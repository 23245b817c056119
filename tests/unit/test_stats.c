// wrap: malloc calloc realloc
/* GET of a collection's statistics. */

#include "stats.h"

#include "inject.h"
#include "log.h"
#include "passengers.h"
#include "postgres.h"
#include "service.h"
#include "unit.h"

#include "ask.h"

INJECT_MEMORY

#define STATS "/v1/passengers/stats"

static struct loop *loop;
static struct database *database;
static struct service service;
static const struct route_table *const tables[] = {&passengers_routes, NULL};

static int start(void **state)
{
    static const struct database_statement *statements[] = {NULL, NULL};
    log_set_level(LOG_LEVEL_ERROR + 1);
    if (postgres_open(state) != 0)
        return -1;
    assert_int_equal(resource_prepare(&passengers_resource), 0);
    statements[0] = resource_statement(&passengers_resource, RESOURCE_GET);
    struct database_options options = {
        .readers = 1, .searchers = 1, .writers = 1, .deadline_ms = 4000, .statements = statements};
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

static void fill(const char *values)
{
    postgres_sql("TRUNCATE passengers");
    postgres_sql("INSERT INTO passengers (uuid, passenger_class, sex, survived, age, fare, name,"
                 " siblings_or_spouses_aboard, parents_or_children_aboard)"
                 " SELECT gen_random_uuid(), c, s, l, a, f, 'Ada Lovelace', 0, 0"
                 " FROM (VALUES %s) AS v (c, s, l, a, f)",
                 values);
}

static void fill_five(void)
{
    fill("(1, 'female', true, 20, 10.5), (1, 'female', false, 30, 20.5), (1, 'male', NULL, NULL::float8, "
         "NULL::float8),"
         "(3, NULL, true, 40, 0), (3, 'male', false, 50, NULL)");
}

static void assert_stats(const char *query, const char *expected)
{
    char uri[200];
    snprintf(uri, sizeof uri, STATS "%s", query);
    struct peer_answer answer = service_ask(&service, "GET", uri, NULL, NULL);
    if (answer.status != 200)
        fail_msg("%s: %d %s", query, answer.status, answer.body.bytes);
    assert_string_equal(answer.body.bytes, expected);
    assert_true(service_has_header(&answer, "Content-Type: application/json"));
    assert_true(service_has_header(&answer, "Cache-Control: no-cache"));
    peer_free_answer(&answer);
}

static void without_columns_there_is_one_group(void **state)
{
    (void)state;
    fill_five();
    assert_stats("", "{\"by\":[],\"groups\":[{\"count\":5,\"survivors\":2,\"survivalRate\":0.5,"
                     "\"age\":{\"mean\":35,\"quartiles\":[27.5,35,42.5]},"
                     "\"fare\":{\"mean\":10.333333333333334,\"quartiles\":[5.25,10.5,15.5]}}]}");
}

static void groups_are_in_the_order_of_their_columns(void **state)
{
    (void)state;
    fill_five();
    assert_stats(
        "?by=sex,passengerClass",
        "{\"by\":[\"sex\",\"passengerClass\"],\"groups\":["
        "{\"sex\":\"female\",\"passengerClass\":1,\"count\":2,\"survivors\":1,\"survivalRate\":0.5,"
        "\"age\":{\"mean\":25,\"quartiles\":[22.5,25,27.5]},"
        "\"fare\":{\"mean\":15.5,\"quartiles\":[13,15.5,18]}},"
        "{\"sex\":\"male\",\"passengerClass\":1,\"count\":1,\"survivors\":0,\"survivalRate\":null,"
        "\"age\":{\"mean\":null,\"quartiles\":null},\"fare\":{\"mean\":null,\"quartiles\":null}},"
        "{\"sex\":\"male\",\"passengerClass\":3,\"count\":1,\"survivors\":0,\"survivalRate\":0,"
        "\"age\":{\"mean\":50,\"quartiles\":[50,50,50]},\"fare\":{\"mean\":null,\"quartiles\":null}},"
        "{\"sex\":null,\"passengerClass\":3,\"count\":1,\"survivors\":1,\"survivalRate\":1,"
        "\"age\":{\"mean\":40,\"quartiles\":[40,40,40]},"
        "\"fare\":{\"mean\":0,\"quartiles\":[0,0,0]}}]}");
}

static void filters_and_words_choose_the_rows(void **state)
{
    (void)state;
    fill_five();
    assert_stats(
        "?age=gt.30&by=survived&q=love+ada",
        "{\"by\":[\"survived\"],\"groups\":["
        "{\"survived\":false,\"count\":1,\"survivors\":0,\"survivalRate\":0,"
        "\"age\":{\"mean\":50,\"quartiles\":[50,50,50]},\"fare\":{\"mean\":null,\"quartiles\":null}},"
        "{\"survived\":true,\"count\":1,\"survivors\":1,\"survivalRate\":1,"
        "\"age\":{\"mean\":40,\"quartiles\":[40,40,40]},"
        "\"fare\":{\"mean\":0,\"quartiles\":[0,0,0]}}]}");
}

static void of_no_rows_there_are_no_groups_but_the_one_of_all(void **state)
{
    (void)state;
    postgres_sql("TRUNCATE passengers");
    assert_stats("",
                 "{\"by\":[],\"groups\":[{\"count\":0,\"survivors\":0,\"survivalRate\":null,"
                 "\"age\":{\"mean\":null,\"quartiles\":null},\"fare\":{\"mean\":null,\"quartiles\":null}}]}");
    assert_stats("?by=sex", "{\"by\":[\"sex\"],\"groups\":[]}");
}

/* Two fares whose sum no double holds must not take the statistics away from everybody. */
static void the_largest_fares_have_a_mean(void **state)
{
    (void)state;
    fill("(1, NULL, NULL::boolean, NULL::float8, 1.7976931348623157e308), (1, NULL, NULL, NULL, "
         "1.7976931348623157e308),"
         "(2, NULL, NULL, NULL, 1e300), (2, NULL, NULL, NULL, 4.9e-324), (3, NULL, NULL, NULL, 4.9e-324)");
    assert_stats("?by=passengerClass",
                 "{\"by\":[\"passengerClass\"],\"groups\":["
                 "{\"passengerClass\":1,\"count\":2,\"survivors\":0,\"survivalRate\":null,"
                 "\"age\":{\"mean\":null,\"quartiles\":null},\"fare\":{\"mean\":1.7976931348623157e+308,"
                 "\"quartiles\":[1.7976931348623157e+308,1.7976931348623157e+308,1.7976931348623157e+308]}},"
                 "{\"passengerClass\":2,\"count\":2,\"survivors\":0,\"survivalRate\":null,"
                 "\"age\":{\"mean\":null,\"quartiles\":null},"
                 "\"fare\":{\"mean\":5e+299,\"quartiles\":[2.5e+299,5e+299,7.5e+299]}},"
                 "{\"passengerClass\":3,\"count\":1,\"survivors\":0,\"survivalRate\":null,"
                 "\"age\":{\"mean\":null,\"quartiles\":null},\"fare\":{\"mean\":4.94065645841247e-324,"
                 "\"quartiles\":[4.94065645841247e-324,4.94065645841247e-324,4.94065645841247e-324]}}]}");
}

static void assert_refused(const char *uri, const char *const *params, int status, const char *part)
{
    service.params = params;
    struct peer_answer answer = service_ask(&service, "GET", uri, NULL, NULL);
    service.params = NULL;
    if (answer.status != status || strstr(answer.body.bytes, part) == NULL)
        fail_msg("%s: %d %s", uri, answer.status, answer.body.bytes);
    peer_free_answer(&answer);
}

static void what_is_wrong_is_told(void **state)
{
    static const char *const csv[] = {"HTTP_ACCEPT", "text/csv", NULL};
    static const char *const strict[] = {"HTTP_PREFER", "handling=strict, count=exact", NULL};
    (void)state;
    assert_refused(STATS "?by=name", NULL, 400, "{\"parameter\":\"by\",");
    assert_refused(STATS "?by=sex,sex", NULL, 400, "{\"parameter\":\"by\",");
    assert_refused(STATS "?limit=5", NULL, 400, "{\"parameter\":\"limit\",");
    assert_refused(STATS, csv, 406, "\"What is to be had here is application/json.\"");
    assert_refused(STATS, strict, 400, "{\"header\":\"Prefer\",\"detail\":\"has count,");
}

static void more_groups_than_an_answer_has_room_for_are_refused(void **state)
{
    char detail[80];
    (void)state;
    postgres_sql("TRUNCATE passengers");
    postgres_sql(
        "INSERT INTO passengers SELECT gen_random_uuid(), NULL, 1, 'x', NULL, NULL, n %% 101, n / 101, 0"
        " FROM generate_series(0, %d) AS n",
        STATS_GROUPS);
    snprintf(detail, sizeof detail, "makes more than %d groups", STATS_GROUPS);
    assert_refused(STATS "?by=siblingsOrSpousesAboard,parentsOrChildrenAboard", NULL, 400, detail);
    assert_refused(STATS "?by=siblingsOrSpousesAboard,parentsOrChildrenAboard&parentsOrChildrenAboard=lt.49",
                   NULL, 200, "\"groups\":[{");
}

static void statistics_without_memory_are_whole_or_none(void **state)
{
    (void)state;
    fill_five();
    for (int n = 1, failures = 1; failures > 0; n++) {
        request_free_spare(&service.server);
        service_send(&service, "GET", STATS "?by=sex&age=gt.1", NULL, NULL);
        inject_at(NULL, n, ENOMEM);
        service_wait(&service);
        failures = inject_off();
        struct peer_answer answer = service_answer(&service);
        assert_true(answer.status == 200 || answer.status == 503 || answer.status == 0);
        if (answer.status == 200)
            assert_string_equal(answer.body.bytes + answer.body.length - 4, "}}]}");
        peer_free_answer(&answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_columns_there_is_one_group),
        cmocka_unit_test(groups_are_in_the_order_of_their_columns),
        cmocka_unit_test(filters_and_words_choose_the_rows),
        cmocka_unit_test(of_no_rows_there_are_no_groups_but_the_one_of_all),
        cmocka_unit_test(the_largest_fares_have_a_mean),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(more_groups_than_an_answer_has_room_for_are_refused),
        cmocka_unit_test(statistics_without_memory_are_whole_or_none),
    };
    return cmocka_run_group_tests_name("stats", tests, start, stop);
}
