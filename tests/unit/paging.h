#ifndef PURSER_TESTS_PAGING_H
#define PURSER_TESTS_PAGING_H

/* Pages of real tables, one after the other by their addresses. A row is told by the last letters of its key.
 * Include it after unit.h. */

#include "ask.h"
#include "employees.h"
#include "log.h"
#include "passengers.h"
#include "postgres.h"
#include "selection.h"
#include "service.h"

#include <stdio.h>

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
static inline void tell_page(struct request *request, const struct database_result *result)
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
static inline void tell_value(struct request *request, const struct database_result *result)
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

static inline struct page_request *begin(struct request *request)
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
static inline void search(struct request *request, struct page_request *page,
                          void (*done)(struct request *request, const struct database_result *result))
{
    char *text = arena_copy(&request->arena, page->sql.text.bytes, strlen(page->sql.text.bytes));
    selection_sql_free(&page->sql);
    if (text == NULL)
        request_failed(request, DATABASE_FULL);
    else
        request_search(request, text, page->sql.values, page->sql.count, done);
}

static inline void ask_page(struct request *request)
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

static inline void ask_count(struct request *request)
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

static inline void fill(void)
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

static inline int start(void **state)
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

static inline int stop(void **state)
{
    service_close(&service);
    database_free(database);
    loop_free(loop);
    return postgres_close(state);
}

/* ---- asking ---- */

/* All pages from `address` on: the rows of all. Fails the test at any other answer than 200. */
static inline const char *all_pages(const char *address)
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
static inline const char *expected_rows(const char *table_name, const char *key, const char *where,
                                        const char *order)
{
    return postgres_sql("SELECT string_agg(right(%s::text, %d), '' ORDER BY %s) FROM %s WHERE %s", key,
                        LETTER, order, table_name, where);
}

#endif
