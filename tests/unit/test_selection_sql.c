// wrap: malloc calloc realloc
#include "selection.h"

#include "employees.h"
#include "inject.h"
#include "log.h"
#include "passengers.h"
#include "postgres.h"
#include "service.h"
#include "unit.h"

#include "ask.h"

#include <stdio.h>

INJECT_MEMORY

/* Pages of real tables, one after the other by their addresses. A row is told by the last letters of its key.
 */

#define ROWS   60 /* passengers with hardly any values beside each other and NULL */
#define LETTER 3  /* of a row's key */

static struct loop *loop;
static struct database *database;
static struct service service;

/* ---- a service of pages ---- */

struct page_request {
    struct selection selection;
    struct selection_sql sql;
};

/* The keys, a space and the next page's address when there may be one. */
static void tell_page(struct request *request, const struct database_result *result)
{
    struct page_request *page = request->state;
    struct database_value values[RESOURCE_FIELDS + 1];
    const struct resource *resource = page->selection.resource;
    struct buffer out;
    if (database_outcome(result) != DATABASE_OK) {
        request_failed(request, database_outcome(result));
        return;
    }
    int rows = database_rows(result);
    buffer_init(&out);
    for (int i = 0; i < rows; i++) {
        char key[UUID_SIZE];
        database_row(result, i, values, resource->field_count + 1);
        uuid_print(key, (const uint8_t *)values[resource->key].bytes);
        buffer_string(&out, key + UUID_SIZE - 1 - LETTER);
    }
    if (rows == page->selection.limit) {
        const char *const *after = selection_after(&page->selection, result, rows - 1, &request->arena);
        buffer_string(&out, " ");
        if (after != NULL)
            selection_address(&page->selection, request, after, &out);
        else
            out.failed = true;
    }
    if (out.failed)
        request_failed(request, DATABASE_FULL);
    else
        request_answer(request, 200, "", "text/plain", out.bytes, out.length);
    buffer_free(&out);
}

/* The first value of the first row. */
static void tell_value(struct request *request, const struct database_result *result)
{
    struct database_value value;
    if (database_outcome(result) != DATABASE_OK) {
        request_failed(request, database_outcome(result));
        return;
    }
    database_row(result, 0, &value, 1);
    if (value.length == 8 && value.bytes[0] == '\0') { /* a bigint */
        char digits[8];
        snprintf(digits, sizeof digits, "%d", (unsigned char)value.bytes[7]);
        request_answer(request, 200, "", "text/plain", digits, strlen(digits));
    } else
        request_answer(request, 200, "", "text/plain", value.bytes, (size_t)value.length);
}

static struct page_request *begin(struct request *request)
{
    struct page_request *page = arena_alloc(&request->arena, sizeof *page);
    if (page == NULL)
        request_failed(request, DATABASE_FULL);
    else if (!selection_read(&page->selection, request, SELECTION_PAGE))
        return NULL;
    request->state = page;
    return page;
}

/* The text and the values are gone before the answer comes: they must have been copied by then. */
static void search(struct request *request, struct page_request *page,
                   void (*done)(struct request *request, const struct database_result *result))
{
    char *text = arena_copy(&request->arena, page->sql.text.bytes, strlen(page->sql.text.bytes));
    selection_sql_free(&page->sql);
    if (text == NULL)
        request_failed(request, DATABASE_FULL);
    else
        request_search(request, text, page->sql.values, page->sql.count, done);
}

static void ask_page(struct request *request)
{
    struct page_request *page = begin(request);
    if (page == NULL)
        return;
    if (page->selection.limit == 0)
        page->selection.limit = SELECTION_LIMIT_MOST;
    if (selection_page_sql(&page->selection, page->selection.after, page->selection.limit, &request->arena,
                           &page->sql) != 0)
        request_failed(request, DATABASE_FULL);
    else
        search(request, page, tell_page);
}

static void ask_count(struct request *request)
{
    struct page_request *page = begin(request);
    bool estimated = strstr(request->route->path, "estimate") != NULL;
    if (page == NULL)
        return;
    if (selection_count_sql(&page->selection, estimated, &request->arena, &page->sql) != 0)
        request_failed(request, DATABASE_FULL);
    else
        search(request, page, tell_value);
}

#define PASSENGERS &passengers_resource
#define EMPLOYEES  &employees_resource

static const struct route routes[] = {
    {METHOD_GET, "/passengers", ask_page, PASSENGERS, .v1 = true, .query = true},
    {METHOD_GET, "/passengers/count", ask_count, PASSENGERS, .v1 = true, .query = true},
    {METHOD_GET, "/passengers/estimate", ask_count, PASSENGERS, .v1 = true, .query = true},
    {METHOD_GET, "/employees", ask_page, EMPLOYEES, .v1 = true, .query = true},
};
static const struct route_table table = {routes, COUNT(routes)};
static const struct route_table *const tables[] = {&table, NULL};

/* ---- the tables ---- */

static const char *const names[] = {"Ada",
                                    "ada",
                                    "O'Hara",
                                    "a\"b",
                                    "back\\slash",
                                    "50%",
                                    "under_score",
                                    "star*",
                                    "'); DROP TABLE passengers; --",
                                    "$1",
                                    "\u00c9l\u00e9onore \U0001f6a2",
                                    "a,b) (c",
                                    "+ &=?#",
                                    "null",
                                    "\t tab\nand line ",
                                    "Ada Love"};

static void fill(void)
{
    for (int n = 0; n < ROWS; n++)
        postgres_sql("INSERT INTO passengers SELECT ('0196f0c2-4bd7-7a52-9a3e-' || lpad(to_hex(%d), 12, '0'))"
                     "::uuid, %s, 1 + %d %% 3, $h$%s$h$, %s, %s, %d %% 2, 0, %s",
                     n * 37 % 4001 + 256,
                     n % 3 == 0   ? "NULL"
                     : n % 3 == 1 ? "true"
                                  : "false",
                     n, names[(size_t)n % COUNT(names)],
                     n % 5 == 0 ? "NULL"
                     : n % 2    ? "'male'"
                                : "'female'",
                     n % 4 == 0   ? "NULL"
                     : n % 4 == 1 ? "0.1"
                     : n % 4 == 2 ? "22.5"
                                  : "149.99999999999997",
                     n,
                     n % 7 == 0  ? "NULL"
                     : n % 7 < 4 ? "'-0'"
                                 : "1e300 / 3");
    for (int n = 0; n < 40; n++)
        postgres_sql(
            "INSERT INTO employees SELECT ('0196f0c2-4bd7-7a52-9a3e-' || lpad(to_hex(%d), 12, '0'))::uuid,"
            " 'Name %d', %d, '%s%d@example.org', '2025-05-20 22:22:46.243212Z'::timestamptz + %d * interval"
            " '1 microsecond', '1999-12-31 23:59:59.999999+00'",
            n * 37 % 1001 + 256, n % 3, n % 4, n % 2 ? "Ada" : "ada", n, n % 5 * 333333);
    postgres_sql("ANALYZE");
}

static int start(void **state)
{
    static const struct database_statement *const none[] = {NULL};
    log_set_level(LOG_LEVEL_ERROR + 1);
    if (postgres_open(state) != 0)
        return -1;
    fill();
    struct database_options options = {
        .readers = 1, .searchers = 1, .writers = 1, .deadline_ms = 4000, .statements = none};
    loop = loop_create();
    database = database_create(loop, &options);
    service_open(&service, loop, database, tables);
    return turn_until(loop, ask_serving, database) ? 0 : -1;
}

static int stop(void **state)
{
    service_close(&service);
    database_free(database);
    loop_free(loop);
    return postgres_close(state);
}

/* ---- asking ---- */

/* All pages from `address` on: the rows of all. Fails the test at any other answer than 200. */
static const char *all_pages(const char *address)
{
    static char rows[ROWS * LETTER * 2 + 1];
    char next[4000];
    rows[0] = '\0';
    snprintf(next, sizeof next, "%s", address);
    while (next[0] != '\0') {
        struct peer_answer answer = service_ask(&service, "GET", next, NULL, NULL);
        if (answer.status != 200)
            fail_msg("%s: %d %s", next, answer.status, answer.body.bytes);
        size_t length = strcspn(answer.body.bytes, " ");
        if (strlen(rows) + length >= sizeof rows)
            fail_msg("%s does not end", address);
        strncat(rows, answer.body.bytes, length);
        snprintf(next, sizeof next, "%s", answer.body.bytes + length + (answer.body.bytes[length] == ' '));
        peer_free_answer(&answer);
    }
    return rows;
}

/* What SQL says that they are. */
static const char *expected_rows(const char *table_name, const char *key, const char *where,
                                 const char *order)
{
    return postgres_sql("SELECT string_agg(right(%s::text, %d), '' ORDER BY %s) FROM %s WHERE %s", key,
                        LETTER, order, table_name, where);
}

static void check_order(const struct resource *resource, const char *order, const char *sql,
                        const char *filter, const char *where, int limit)
{
    char address[300];
    snprintf(address, sizeof address, "/%s?limit=%d&order=%s%s", resource->name, limit, order, filter);
    const char *rows = all_pages(address);
    const char *expected = expected_rows(resource->name, resource->fields[resource->key].column, where, sql);
    if (strcmp(rows, expected) != 0)
        fail_msg("%s:\n%s\n%s", address, rows, expected);
}

static const char *order_sql(const struct field *field, bool descending)
{
    static char texts[4][80];
    static int next;
    next = (next + 1) % 4;
    snprintf(texts[next], sizeof texts[next], field->type == FIELD_EMAIL ? "lower(%s)%s" : "%s%s",
             field->column, descending ? " DESC NULLS FIRST" : " ASC NULLS LAST");
    return texts[next];
}

/* ---- paging ---- */

static void pages_in_the_order_of_any_column_have_each_row_once(void **state)
{
    static const struct resource *const resources[] = {PASSENGERS, EMPLOYEES};
    static const int limits[] = {1, 2, 7, ROWS};
    (void)state;
    for (size_t which = 0; which < COUNT(resources); which++)
        for (int i = 0; i < resources[which]->field_count; i++)
            for (size_t limit = 0; limit < COUNT(limits); limit++)
                for (int descending = 0; descending < 2; descending++) {
                    const struct field *fields = resources[which]->fields;
                    char order[80], sql[200];
                    snprintf(order, sizeof order, "%s%s", descending ? "-" : "", fields[i].key);
                    snprintf(sql, sizeof sql, "%s, %s", order_sql(&fields[i], descending),
                             order_sql(&fields[resources[which]->key], descending));
                    check_order(resources[which], order, sql, "", "true", limits[limit]);
                }
}

static void pages_in_the_order_of_two_columns_have_each_row_once(void **state)
{
    const struct field *fields = passengers_resource.fields;
    (void)state;
    for (int i = 0; i < passengers_resource.field_count; i++)
        for (int j = 0; j < passengers_resource.field_count; j++)
            for (int way = 0; way < 4 && i != j; way++) {
                char order[100], sql[300];
                snprintf(order, sizeof order, "%s%s,%s%s", way & 1 ? "-" : "", fields[i].key,
                         way & 2 ? "-" : "", fields[j].key);
                snprintf(sql, sizeof sql, "%s, %s, %s", order_sql(&fields[i], way & 1),
                         order_sql(&fields[j], way & 2), order_sql(&fields[0], way & 2));
                check_order(PASSENGERS, order, sql, "", "true", 7);
            }
}

static void an_order_of_all_columns_goes_on_too(void **state)
{
    (void)state;
    check_order(PASSENGERS,
                "-survived,sex,-age,fare,parentsOrChildrenAboard,-siblingsOrSpousesAboard,name,"
                "-passengerClass,-uuid",
                "survived DESC, sex, age DESC, fare, siblings_or_spouses_aboard DESC, name,"
                " passenger_class DESC, uuid DESC",
                "", "true", 3);
}

static void filtered_pages_have_what_matches(void **state)
{
    static const struct {
        const char *filter, *where;
    } cases[] = {
        {"&sex=male", "sex = 'male'"},
        {"&sex=neq.male", "sex <> 'male'"},
        {"&sex=is.null", "sex IS NULL"},
        {"&sex=is.not_null&survived=true", "sex IS NOT NULL AND survived"},
        {"&sex=gt.female", "sex > 'female'"},
        {"&survived=in.(true,false)", "survived IS NOT NULL"},
        {"&age=gte.22.5", "age >= 22.5"},
        {"&age=lt.22.5", "age < 22.5"},
        {"&age=149.99999999999997", "age > 149"},
        {"&fare=0", "fare = 0"},
        {"&fare=lte.1e300", "fare <= 1e300"},
        {"&passengerClass=in.(1,3)", "passenger_class IN (1, 3)"},
        {"&passengerClass=lt.9223372036854775807", "true"},
        {"&passengerClass=gt.32768", "false"},
        {"&uuid=gt.0196f0c2-4bd7-7a52-9a3e-000000000400", "uuid > '0196f0c2-4bd7-7a52-9a3e-000000000400'"},
        {"&name=like.ada*", "name LIKE 'ada%'"},
        {"&name=ilike.ada*", "name ILIKE 'ada%'"},
        {"&name=like.*a*a*", "name LIKE '%a%a%'"},
        {"&name=gte.a&name=lt.b", "name >= 'a' AND name < 'b'"},
        {"&q=ADA", "name ILIKE '%ada%'"},
        {"&q=love+ada", "name = 'Ada Love'"},
        {"&q=nobody", "false"},
    };
    static const char *const orders[][2] = {{"uuid", "uuid"},
                                            {"-age", "age DESC, uuid DESC"},
                                            {"survived,-fare", "survived, fare DESC, uuid DESC"}};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t j = 0; j < COUNT(orders); j++)
            check_order(PASSENGERS, orders[j][0], orders[j][1], cases[i].filter, cases[i].where, 5);
    check_order(EMPLOYEES, "email", "lower(email)", "&email=like.ADA1*", "lower(email) LIKE 'ada1%'", 2);
    check_order(EMPLOYEES, "email", "lower(email)", "&email=in.(ADA1@example.org,aDa2@example.org)",
                "lower(email) IN ('ada1@example.org', 'ada2@example.org')", 1);
    check_order(EMPLOYEES, "id", "id", "&created_at=2025-05-21T00:22:46.576545%2B02:00",
                "created_at = '2025-05-20 22:22:46.576545Z'", 2);
    check_order(EMPLOYEES, "id", "id", "&updated_at=lt.2000-01-01T00:00:00Z", "true", 2);
}

/* More rows match than are looked at beforehand: the other way to pick them. */
static void many_matching_rows_are_paged_too(void **state)
{
    (void)state;
    postgres_sql(
        "INSERT INTO passengers SELECT ('0196f0c2-4bd7-7a52-9a3f-' || lpad(to_hex(n), 12, '0'))::uuid,"
        " NULL, 1, 'Many', 'male', CASE n %% 3 WHEN 0 THEN NULL ELSE n %% 3 END, 0, 0, NULL"
        " FROM generate_series(1, 1100) AS n");
    for (int way = 0; way < 4; way++) {
        char address[200], sql[200];
        snprintf(address, sizeof address, "/passengers?limit=450&name=Many&order=%sage,%suuid",
                 way & 1 ? "-" : "", way & 2 ? "-" : "");
        snprintf(sql, sizeof sql, "age %s, uuid %s", way & 1 ? "DESC" : "", way & 2 ? "DESC" : "");
        char next[4000], rows[1100 * LETTER + 1] = "";
        strcpy(next, address);
        while (next[0] != '\0') {
            struct peer_answer answer = service_ask(&service, "GET", next, NULL, NULL);
            assert_int_equal(answer.status, 200);
            size_t length = strcspn(answer.body.bytes, " ");
            assert_true(strlen(rows) + length < sizeof rows);
            strncat(rows, answer.body.bytes, length);
            strcpy(next, answer.body.bytes + length + (answer.body.bytes[length] == ' '));
            peer_free_answer(&answer);
        }
        assert_string_equal(rows, expected_rows("passengers", "uuid", "name = 'Many'", sql));
    }
    postgres_sql("DELETE FROM passengers WHERE name = 'Many'");
    postgres_sql("VACUUM ANALYZE passengers");
}

/* ---- hostile values ---- */

static void write_query(struct buffer *out, const char *before, const char *value, const char *behind)
{
    buffer_clear(out);
    buffer_string(out, before);
    uri_encode_parameter(out, value);
    buffer_string(out, behind);
    buffer_append(out, "", 1);
}

static void any_text_is_only_ever_a_value(void **state)
{
    struct buffer query;
    (void)state;
    buffer_init(&query);
    for (size_t i = 0; i < COUNT(names); i++) {
        char where[200];
        snprintf(where, sizeof where, "name = $h$%s$h$", names[i]);
        write_query(&query, "/passengers?limit=2&name=eq.", names[i], "");
        const char *expected = expected_rows("passengers", "uuid", where, "uuid");
        assert_string_equal(all_pages(query.bytes), expected);
        if (strchr(names[i], '*') == NULL) {
            write_query(&query, "/passengers?limit=2&name=like.", names[i], "");
            assert_string_equal(all_pages(query.bytes), expected_rows("passengers", "uuid", where, "uuid"));
        }
        /* In a list, quoted. */
        struct buffer quoted;
        buffer_init(&quoted);
        buffer_string(&quoted, "in.(\"");
        for (const char *at = names[i]; *at != '\0'; at++) {
            buffer_string(&quoted, *at == '"' || *at == '\\' ? "\\" : "");
            buffer_append(&quoted, at, 1);
        }
        buffer_append(&quoted, "\")", 3);
        write_query(&query, "/passengers?limit=2&name=", quoted.bytes, "");
        assert_string_equal(all_pages(query.bytes), expected_rows("passengers", "uuid", where, "uuid"));
        buffer_free(&quoted);
    }
    buffer_free(&query);
    assert_int_equal(postgres_number("SELECT count(*) FROM passengers"), ROWS);
}

static void words_stand_for_themselves(void **state)
{
    static const struct {
        const char *q, *where;
    } cases[] = {
        {"50%25", "name = '50%'"},         {"%25", "name = '50%'"},
        {"_", "name = 'under_score'"},     {"%5C", "name = E'back\\\\slash'"},
        {"*", "name = 'star*'"},           {"'", "name IN ('O''Hara', '''); DROP TABLE passengers; --')"},
        {"%22", "name = 'a\"b'"},          {"\u00e9l\u00c9", "name LIKE '\u00c9l\u00e9%'"},
        {"TAB+line", "name LIKE '%tab%'"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char address[100];
        snprintf(address, sizeof address, "/passengers?limit=3&q=%s", cases[i].q);
        const char *rows = all_pages(address);
        /* A format would read its percent signs. */
        char where[200];
        snprintf(where, sizeof where, "%s", cases[i].where);
        const char *expected = expected_rows("passengers", "uuid", where, "uuid");
        if (strcmp(rows, expected) != 0 || rows[0] == '\0')
            fail_msg("%s: %s, not %s", address, rows, expected);
    }
}

static void what_is_checked_is_read_by_the_database(void **state)
{
    static const char *const addresses[] = {
        "/employees?created_at=0001-01-01T00:00:00%2B15:59",
        "/employees?created_at=9999-12-31T23:59:59.999999-15:59",
        "/employees?created_at=2024-02-29+23:59:60.000000%2B00",
        "/employees?created_at=2000-02-29t12:00:00.1z",
        "/employees?created_at=in.(2025-05-20T22:22:46.243212Z,2025-05-20+22:22:46)",
        "/passengers?age=4.9e-324",
        "/passengers?age=1.7976931348623157e308",
        "/passengers?age=-0",
        "/passengers?age=00000000000000000000000000000000000000000000000000000001.5E%2B000001",
        "/passengers?passengerClass=-9223372036854775808",
        "/passengers?passengerClass=-000000000000000000000000000000009",
        "/passengers?uuid=FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "/passengers?uuid=00000000-0000-0000-0000-000000000000",
        "/passengers?name=like.*****",
        "/passengers?name=ilike.",
        "/employees?email=ilike.*%5C*",
        "/employees?email=gt.%F4%8F%BF%BF",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(addresses); i++)
        all_pages(addresses[i]);
}

/* ---- counts ---- */

static void assert_value(const char *address, const char *expected)
{
    struct peer_answer answer = service_ask(&service, "GET", address, NULL, NULL);
    if (answer.status != 200 || strstr(answer.body.bytes, expected) == NULL)
        fail_msg("%s: %d %s", address, answer.status, answer.body.bytes);
    peer_free_answer(&answer);
}

static void counts_are_of_what_matches(void **state)
{
    char expected[20];
    (void)state;
    assert_value("/passengers/count", "60");
    assert_value("/passengers/count?sex=male&limit=1&order=age", "24");
    assert_value("/passengers/count?q=drop", "4");
    assert_value("/passengers/count?name=nobody", "0");
    assert_value("/passengers/estimate", "rows=60 ");
    snprintf(expected, sizeof expected, "rows=%d ", 24);
    assert_value("/passengers/estimate?sex=eq.male", expected); /* the value was known to the planner */
    assert_value("/passengers/estimate?sex=is.null", "rows=12 ");
}

/* ---- memory ---- */

static void without_memory_there_is_no_wrong_page(void **state)
{
    static const char first[] = "/passengers?limit=7&sex=male&q=a&order=-age,fare";
    char next[2000];
    (void)state;
    struct peer_answer answer = service_ask(&service, "GET", first, NULL, NULL);
    snprintf(next, sizeof next, "%s", strchr(answer.body.bytes, ' ') + 1);
    peer_free_answer(&answer);
    const char *const addresses[] = {first, next, "/passengers/count?sex=male",
                                     "/employees?limit=5&order=email"};
    for (size_t i = 0; i < COUNT(addresses); i++) {
        struct peer_answer whole = service_ask(&service, "GET", addresses[i], NULL, NULL);
        assert_int_equal(whole.status, 200);
        for (int n = 1; n < 500; n++) {
            service_send(&service, "GET", addresses[i], NULL, NULL);
            inject_at(NULL, n, ENOMEM);
            service_wait(&service);
            int failures = inject_off();
            answer = service_answer(&service);
            if (answer.status == 200)
                assert_string_equal(answer.body.bytes, whole.body.bytes);
            else
                assert_true(answer.status == 503 || answer.status == 0);
            peer_free_answer(&answer);
            assert_true(turn_until(loop, ask_serving, database));
            if (failures == 0)
                break;
            assert_true(n < 499);
        }
        peer_free_answer(&whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_in_the_order_of_any_column_have_each_row_once),
        cmocka_unit_test(pages_in_the_order_of_two_columns_have_each_row_once),
        cmocka_unit_test(an_order_of_all_columns_goes_on_too),
        cmocka_unit_test(filtered_pages_have_what_matches),
        cmocka_unit_test(many_matching_rows_are_paged_too),
        cmocka_unit_test(any_text_is_only_ever_a_value),
        cmocka_unit_test(words_stand_for_themselves),
        cmocka_unit_test(what_is_checked_is_read_by_the_database),
        cmocka_unit_test(counts_are_of_what_matches),
        cmocka_unit_test(without_memory_there_is_no_wrong_page),
    };
    return cmocka_run_group_tests_name("pages of selections", tests, start, stop);
}
