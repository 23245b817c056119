#include "page.h"

#include "export.h"
#include "json.h"
#include "prefer.h"
#include "representation.h"
#include "route.h"
#include "search.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define ROW_BYTES    256         /* a guess at a row's JSON, so that a page is written without moving it */
#define HEADERS_MOST (20 * 1024) /* so many bytes fit into nginx's buffer for them, and more */

struct page {
    struct selection selection;
    enum accept_type type;
    struct prefer prefer;
    int limit;
    int64_t total; /* -1: nobody has asked */
};

/* ---- the answer ---- */

/* The rows that are shown, and behind which of them the next page begins: NULL on the last one. Returns -1
 * when memory ran out. */
static int find_next(struct request *request, const struct database_result *result, int *rows,
                     const char *const **next)
{
    struct page *page = request->state;
    *rows = database_rows(result);
    *next = NULL;
    if (*rows <= page->limit)
        return 0;
    *rows = page->limit;
    *next = selection_after(&page->selection, result, *rows - 1, &request->arena);
    return *next != NULL ? 0 : -1;
}

static void write_headers(struct request *request, const char *const *next, struct buffer *headers)
{
    const struct page *page = request->state;
    buffer_string(headers, "Vary: Accept, Prefer\r\nCache-Control: no-cache\r\nLink: <");
    selection_address(&page->selection, request, NULL, headers);
    buffer_string(headers, ">; rel=\"first\"");
    if (next != NULL) {
        buffer_string(headers, ", <");
        selection_address(&page->selection, request, next, headers);
        buffer_string(headers, ">; rel=\"next\"");
    }
    buffer_string(headers, "\r\n");
    prefer_applied(&page->prefer, page->total >= 0 ? PREFER_COUNT : 0, headers);
    buffer_append(headers, "", 1);
}

/* What follows the rows of a page of JSON. */
static void write_end(struct request *request, const char *const *next, struct buffer *body)
{
    const struct page *page = request->state;
    buffer_string(body, "],\"next\":");
    if (next != NULL) {
        struct buffer address;
        buffer_init(&address);
        selection_address(&page->selection, request, next, &address);
        json_write_string(body, address.bytes, address.length);
        body->failed = body->failed || address.failed;
        buffer_free(&address);
    } else {
        buffer_string(body, "null");
    }
    if (page->total >= 0)
        buffer_format(body, ",\"total\":%lld", (long long)page->total);
    buffer_string(body, "}");
}

static void answer_page(struct request *request, const struct database_result *result)
{
    const struct page *page = request->state;
    const char *const *next;
    struct buffer headers, body;
    int rows;
    if (find_next(request, result, &rows, &next) != 0) {
        request_failed(request, DATABASE_FULL);
        return;
    }
    buffer_init(&headers);
    buffer_init(&body);
    write_headers(request, next, &headers);
    buffer_reserve(&body, (size_t)(rows + 1) * ROW_BYTES);
    representation_begin(&page->selection, page->type, &body);
    for (int row = 0; row < rows; row++)
        representation_row(&page->selection, page->type, result, row, row == 0, &body);
    if (page->type == ACCEPT_JSON)
        write_end(request, next, &body);
    if (headers.failed || body.failed)
        request_failed(request, DATABASE_FULL);
    else if (headers.length > HEADERS_MOST)
        request_problem(request, PROBLEM_URI_TOO_LONG, "",
                        "The addresses of the first and the next page would be longer than 20 kB.");
    else
        request_answer(request, request->route->status, headers.bytes, accept_names[page->type], body.bytes,
                       body.length);
    buffer_free(&headers);
    buffer_free(&body);
}

static void done_page(struct request *request, const struct database_result *result)
{
    if (search_succeeded(request, result))
        answer_page(request, result);
}

/* One row more than is shown tells whether there is a next page. */
static void ask_page(struct request *request)
{
    const struct page *page = request->state;
    struct selection_sql sql;
    int made =
        selection_page_sql(&page->selection, page->selection.after, page->limit + 1, &request->arena, &sql);
    search_send(request, made, &sql, &request->arena, done_page);
}

/* ---- how many there are ---- */

/* The count; or of PostgreSQL's plan, the rows that it expects. */
static int64_t read_total(const struct database_result *result, bool estimated)
{
    struct database_value value = {.length = -1};
    uint64_t count = 0;
    if (database_rows(result) > 0)
        database_row(result, 0, &value, 1);
    if (value.length < 0)
        return 0;
    if (estimated) {
        const char *rows = strstr(value.bytes, "rows=");
        return rows != NULL ? strtoll(rows + strlen("rows="), NULL, 10) : 0;
    }
    memcpy(&count, value.bytes, value.length == sizeof count ? sizeof count : 0);
    return (int64_t)be64toh(count);
}

static void done_count(struct request *request, const struct database_result *result)
{
    struct page *page = request->state;
    if (!search_succeeded(request, result))
        return;
    page->total = read_total(result, page->prefer.count == PREFER_COUNT_ESTIMATED);
    ask_page(request);
}

static void ask_count(struct request *request)
{
    const struct page *page = request->state;
    struct selection_sql sql;
    int made = selection_count_sql(&page->selection, page->prefer.count == PREFER_COUNT_ESTIMATED,
                                   &request->arena, &sql);
    search_send(request, made, &sql, &request->arena, done_count);
}

void page_handle(struct request *request)
{
    struct page *page = arena_alloc(&request->arena, sizeof *page);
    if (page == NULL) {
        request_failed(request, DATABASE_FULL);
        return;
    }
    request->state = page;
    page->total = -1;
    if (!accept_choose(request, ACCEPT_TYPES, &page->type) ||
        !prefer_read(&page->prefer, request, page->type == ACCEPT_JSON ? PREFER_COUNT : 0) ||
        !selection_read(&page->selection, request, SELECTION_PAGE))
        return;
    page->limit = page->selection.limit > 0 ? page->selection.limit : SELECTION_LIMIT;
    if (page->type != ACCEPT_JSON && page->selection.limit == 0)
        export_begin(request, &page->selection, page->type);
    else if (page->prefer.count != PREFER_COUNT_NONE)
        ask_count(request);
    else
        ask_page(request);
}
