#include "selection.h"

#include "employees.h"
#include "log.h"
#include "passengers.h"
#include "postgres.h"
#include "service.h"
#include "unit.h"

#include "ask.h"

#include <json-c/json.h>
#include <stdio.h>

/* How many rows the pages of a large table cost: what the README says is read by index must be. */

/* The plans are the same whoever compiled the program: the other builds look at fewer rows, for time. */
#if defined __clang__ || defined __SANITIZE_ADDRESS__
#define ROWS 100000
#else
#define ROWS 1000000
#endif
#define MOST_READ 5000 /* rows, for a page of 50 */

static struct loop *loop;
static struct database *database;
static struct service service;

/* ---- the tables ---- */

/* Without their indexes, which are made again when the rows are there. */
static void fill(const char *table, const char *insert)
{
    char indexes[4000];
    snprintf(indexes, sizeof indexes, "%s",
             postgres_sql("SELECT string_agg(indexdef, ';') FROM pg_indexes WHERE tablename = '%s'"
                          " AND indexname NOT LIKE '%%_pkey'",
                          table));
    postgres_sql("DO $$ DECLARE name text; BEGIN FOR name IN SELECT indexname FROM pg_indexes"
                 " WHERE tablename = '%s' AND indexname NOT LIKE '%%_pkey'"
                 " LOOP EXECUTE 'DROP INDEX ' || name; END LOOP; END $$",
                 table);
    postgres_sql("%s", insert);
    postgres_sql("SET maintenance_work_mem = '512MB'; %s", indexes);
    postgres_sql("VACUUM ANALYZE %s", table);
}

/* One name in 50,000 is rare. Keys and times are in the order of the rows, as they are in life. */
static void fill_all(void)
{
    char insert[1500];
    snprintf(insert, sizeof insert,
             "INSERT INTO passengers SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,"
             " CASE n %% 5 WHEN 0 THEN NULL ELSE n %% 3 = 0 END, 1 + n %% 3,"
             " CASE n %% 50000 WHEN 0 THEN 'Quagmire ' ELSE 'Person ' END || left(md5(n::text), 10),"
             " CASE n %% 7 WHEN 0 THEN NULL WHEN 1 THEN 'male' ELSE 'female' END,"
             " CASE n %% 5 WHEN 1 THEN NULL ELSE abs(hashint4(n)) %% 160 / 2.0 END, n %% 4, n %% 6,"
             " CASE n %% 50 WHEN 1 THEN NULL ELSE abs(hashint4(n)) %% 50000 / 100.0 END"
             " FROM generate_series(1, %d) AS n",
             ROWS);
    fill("passengers", insert);
    snprintf(insert, sizeof insert,
             "INSERT INTO employees SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,"
             " CASE n %% 50000 WHEN 0 THEN 'Quagmire ' ELSE 'Person ' END || left(md5(n::text), 10),"
             " 18 + n %% 50, md5(n::text) || '@example.org',"
             " '2025-01-01 00:00Z'::timestamptz + n * interval '1 second'"
             " FROM generate_series(1, %d) AS n",
             ROWS);
    fill("employees", insert);
}

/* ---- plans ---- */

static double number(struct json_object *node, const char *key)
{
    return json_object_get_double(json_object_object_get(node, key));
}

/* The rows that the scans of a plan whose names begin with `kind` took from tables, those that they threw
 * away included. */
static double count_rows(struct json_object *node, const char *kind)
{
    const char *type = json_object_get_string(json_object_object_get(node, "Node Type"));
    struct json_object *plans = json_object_object_get(node, "Plans");
    bool counts = strstr(type, "Seq Scan") != NULL || strncmp(type, "Index", 5) == 0 ||
                  strcmp(type, "Bitmap Heap Scan") == 0;
    double rows = 0;
    if (counts && strncmp(type, kind, strlen(kind)) == 0)
        rows = number(node, "Actual Loops") *
               (number(node, "Actual Rows") + number(node, "Rows Removed by Filter") +
                number(node, "Rows Removed by Index Recheck"));
    for (size_t i = 0; plans != NULL && i < json_object_array_length(plans); i++)
        rows += count_rows(json_object_array_get_idx(plans, i), kind);
    return rows;
}

static void look(struct request *request, const struct database_result *result)
{
    struct database_value value;
    if (database_outcome(result) != DATABASE_OK) {
        request_failed(request, database_outcome(result));
        return;
    }
    database_row(result, 0, &value, 1);
    request_answer(request, 200, "", "application/json", value.bytes, (size_t)value.length);
}

static const char *const *after; /* where the page begins; NULL: at the first row */

static void explain(struct request *request)
{
    struct selection *selection = arena_alloc(&request->arena, sizeof *selection);
    bool count = strstr(request->route->path, "count") != NULL;
    struct selection_sql sql;
    if (!selection_read(selection, request, SELECTION_PAGE))
        return;
    int rows = selection->limit > 0 ? selection->limit : SELECTION_LIMIT;
    int made = count ? selection_count_sql(selection, false, &request->arena, &sql)
                     : selection_page_sql(selection, after, rows, &request->arena, &sql);
    assert_int_equal(made, 0);
    char *text = arena_alloc(&request->arena, sql.text.length + 100);
    sprintf(text, "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) %s", sql.text.bytes);
    selection_sql_free(&sql);
    request_search(request, text, sql.values, sql.count, look);
}

static const struct route routes[] = {
    {METHOD_GET, "/v1/passengers", explain, &passengers_resource, .v1 = true, .query = true},
    {METHOD_GET, "/v1/passengers/count", explain, &passengers_resource, .v1 = true, .query = true},
    {METHOD_GET, "/v1/employees", explain, &employees_resource, .v1 = true, .query = true},
};
static const struct route_table table = {routes, COUNT(routes)};
static const struct route_table *const tables[] = {&table, NULL};

/* `most` is of all rows, and `by_index` of those that are taken one by one, wherever they lie. */
static void check_both(const char *address, const char *const *place, double most, double by_index)
{
    after = place;
    char whole[300];
    snprintf(whole, sizeof whole, "/v1/%s", address);
    struct peer_answer answer = service_ask(&service, "GET", whole, NULL, NULL);
    if (answer.status != 200)
        fail_msg("%s: %d %s", address, answer.status, answer.body.bytes);
    struct json_object *plan = json_tokener_parse(answer.body.bytes);
    struct json_object *top = json_object_array_get_idx(plan, 0);
    double rows = count_rows(json_object_object_get(top, "Plan"), "");
    double index_rows = count_rows(json_object_object_get(top, "Plan"), "Index");
    if (getenv("PURSER_TEST_PLANS") != NULL) /* for a human */
        printf("%-70s %8.0f rows %8.1f ms\n", address, rows, number(top, "Execution Time"));
    if (rows > most || index_rows > by_index)
        fail_msg("%s: %.0f rows\n%s", address, rows, answer.body.bytes);
    json_object_put(plan);
    peer_free_answer(&answer);
}

static void check(const char *address, const char *const *place, double most)
{
    check_both(address, place, most, most);
}

/* ---- setting up ---- */

static int start(void **state)
{
    static const struct database_statement *const none[] = {NULL};
    log_set_level(LOG_LEVEL_ERROR + 1);
    if (postgres_open(state) != 0)
        return -1;
    fill_all();
    struct database_options options = {
        .readers = 1, .searchers = 1, .writers = 1, .deadline_ms = 60000, .statements = none};
    loop = loop_create();
    database = database_create(loop, &options);
    service_open(&service, loop, database, tables);
    service.server.deadline_ms = 60000;
    return turn_until(loop, ask_serving, database) ? 0 : -1;
}

static int stop(void **state)
{
    service_close(&service);
    database_free(database);
    loop_free(loop);
    return postgres_close(state);
}

/* ---- by index ---- */

static void pages_in_the_order_of_an_index_are_read_by_it(void **state)
{
    static const struct resource *const resources[] = {&passengers_resource, &employees_resource};
    (void)state;
    for (size_t which = 0; which < COUNT(resources); which++)
        for (int i = 0; i < resources[which]->field_count; i++)
            for (int way = 0; way < 2 && resources[which]->fields[i].indexed; way++) {
                char address[100], value[200], key[UUID_SIZE];
                snprintf(address, sizeof address, "%s?order=%s%s", resources[which]->name, way ? "-" : "",
                         resources[which]->fields[i].key);
                check(address, NULL, MOST_READ);
                /* Behind a row in the middle, and behind one without values. */
                for (int row = ROWS / 2; row <= ROWS / 2 + 1; row++) {
                    snprintf(key, sizeof key, "00000000-0000-7000-8000-%012x", (unsigned)row);
                    snprintf(value, sizeof value, "%s",
                             postgres_sql("SELECT %s::text FROM %s WHERE %s = '%s'",
                                          resources[which]->fields[i].column, resources[which]->name,
                                          resources[which]->fields[resources[which]->key].column, key));
                    check(address, (const char *const[]){value[0] != '\0' ? value : NULL, key}, MOST_READ);
                }
            }
}

static void filters_on_an_index_are_read_by_it(void **state)
{
    static const char *const addresses[] = {
        "passengers?uuid=00000000-0000-7000-8000-000000008000",
        "passengers?uuid=gt.00000000-0000-7000-8000-000000008000",
        "passengers?uuid=lt.00000000-0000-7000-8000-000000008000&order=-uuid",
        "passengers?uuid=in.(00000000-0000-7000-8000-000000008000,00000000-0000-7000-8000-000000008001)",
        "passengers?age=30",
        "passengers?age=30&order=age",
        "passengers?age=gt.70&order=age",
        "passengers?age=lt.20&order=-age",
        "passengers?age=gt.79.5",
        "passengers?age=is.null&order=age",
        "passengers?fare=gte.100&fare=lt.200&order=fare",
        "passengers?fare=gte.100&fare=lt.100.05",
        "passengers?name=Person%20c4ca4238a0",
        "passengers?name=gte.Quagmire",
        "passengers?name=in.(Person%20c4ca4238a0,nobody)",
        "employees?email=C4CA4238A0B923820DCC509A6F75849B@example.org",
        "employees?email=gte.c4ca&order=email",
        "employees?created_at=gte.2025-01-02T00:00:00Z&order=created_at",
        "employees?created_at=gte.2025-01-02T00:00:00Z&order=-created_at",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(addresses); i++)
        check(addresses[i], NULL, MOST_READ);
}

static void rare_words_are_found_by_index(void **state)
{
    static const char *const addresses[] = {
        "passengers?q=quagmire",
        "passengers?q=quagmire+person",
        "passengers?q=nobodyatall",
        "passengers?q=quagmire&limit=1",
        "passengers?q=nobodyatall&limit=1&order=name",
        "passengers?q=quagmire&order=name",
        "passengers?q=quagmire&order=-fare",
        "passengers?q=quagmire&order=sex,name",
        "passengers?name=ilike.*QUAGMIRE*",
        "passengers?name=like.*agmir*&limit=2",
        "passengers?name=like.Quag*",
        "passengers?name=ilike.*nobodyatall*&limit=1",
        "employees?q=quagmire",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(addresses); i++)
        check(addresses[i], NULL, MOST_READ);
}

/* The planner's guess of how many match would lead it through all of the other index. */
static void what_nothing_matches_is_known_at_once(void **state)
{
    static const char *const addresses[] = {
        "passengers?age=99.25&order=name",  "passengers?age=99.25&order=fare",
        "passengers?fare=0.005&order=name", "passengers?name=nobody&order=age",
        "employees?age=17&order=name",      "employees?age=17",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(addresses); i++)
        check(addresses[i], NULL, MOST_READ);
}

/* ---- the others ---- */

static void no_page_costs_more_than_the_table_twice(void **state)
{
    static const char *const addresses[] = {
        "passengers?sex=male",
        "passengers?sex=male&order=name",
        "passengers?sex=female&survived=true&passengerClass=1",
        "passengers?siblingsOrSpousesAboard=99",
        "passengers?siblingsOrSpousesAboard=99&order=name",
        "passengers?order=sex",
        "passengers?order=survived,name",
        "passengers?order=age,name",
        "passengers?age=is.null",
        "passengers?age=in.(1,2,3)",
        "passengers?age=gt.75",
        "passengers?age=gt.75&order=name",
        "passengers?age=30&order=name",
        "passengers?q=person",
        "passengers?q=person&order=fare",
        "passengers?q=abc",
        "passengers?q=qz",
        "employees?order=updated_at",
        "passengers/count",
        "passengers/count?sex=male",
        "passengers/count?age=gt.75",
        "passengers/count?q=quagmire",
        "employees?email=like.abc*",
        "employees?created_at=gte.2025-01-02T00:00:00Z",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(addresses); i++)
        check(addresses[i], NULL, 2.1 * ROWS);
}

/* Columns that have to do with each other: many rows have the one value, many the other, none has both. To
 * look for such in the order of a third would be to read the table in the worst order there is. */
static void filters_that_exclude_each_other_cost_one_scan(void **state)
{
    static const char *const addresses[] = {
        "passengers?passengerClass=1&parentsOrChildrenAboard=1&order=name",
        "passengers?passengerClass=1&parentsOrChildrenAboard=1&order=-fare",
        "passengers?passengerClass=1&parentsOrChildrenAboard=1&q=person&order=age",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(addresses); i++)
        check_both(addresses[i], NULL, 1.1 * ROWS, MOST_READ);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_in_the_order_of_an_index_are_read_by_it),
        cmocka_unit_test(filters_on_an_index_are_read_by_it),
        cmocka_unit_test(rare_words_are_found_by_index),
        cmocka_unit_test(what_nothing_matches_is_known_at_once),
        cmocka_unit_test(filters_that_exclude_each_other_cost_one_scan),
        cmocka_unit_test(no_page_costs_more_than_the_table_twice),
    };
    return cmocka_run_group_tests_name("plans of selections", tests, start, stop);
}
