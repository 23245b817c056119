#include "list.h"

#include <string.h>

#define ROW_BYTES 256 /* a guess at a row's JSON, so that a page is written without moving it */

struct list {
    char last[UUID_SIZE]; /* key of the last row that was written; "" before the first */
    const char *values[1];
};

static void done_page(struct request *request, const struct database_result *result);

static void ask_page(struct request *request)
{
    struct list *list = request->state;
    bool after = list->last[0] != '\0';
    list->values[0] = list->last;
    /* Each page has its own time; the client's speed is not the database's fault. */
    request->deadline = loop_now(request->server->loop) + request->server->deadline_ms;
    request_query(request,
                  resource_statement(request->route->resource, after ? RESOURCE_LIST_AFTER : RESOURCE_LIST),
                  list->values, after ? 1 : 0, done_page);
}

static void write_page(struct request *request, const struct database_result *result, int rows)
{
    struct list *list = request->state;
    const struct resource *resource = request->route->resource;
    struct database_value values[RESOURCE_FIELDS];
    buffer_reserve(&request->out, (size_t)rows * ROW_BYTES);
    for (int row = 0; row < rows; row++) {
        if (list->last[0] != '\0' || row > 0)
            buffer_append(&request->out, ",", 1);
        resource_write_row(resource, result, row, FIELD_SPACED, &request->out);
    }
    if (rows > 0) {
        database_row(result, rows - 1, values, resource->field_count);
        uuid_print(list->last, (const uint8_t *)values[resource->key].bytes);
    }
}

static void done_page(struct request *request, const struct database_result *result)
{
    const struct route *route = request->route;
    if (database_outcome(result) != DATABASE_OK) {
        request_failed(request, database_outcome(result));
        return;
    }
    int rows = database_rows(result);
    int full = request->streaming ? RESOURCE_PAGE_ROWS : RESOURCE_FIRST_ROWS;
    if (!request->streaming) {
        if (!request_stream(request, route->status, "", "application/json"))
            return;
        buffer_string(&request->out, route->prefix);
    }
    write_page(request, result, rows);
    request->more = ask_page;
    if (rows < full) {
        buffer_string(&request->out, route->suffix);
        request->more = NULL;
    }
    request_flow(request);
}

void list_handle(struct request *request)
{
    struct list *list = arena_alloc(&request->arena, sizeof *list);
    if (list == NULL) {
        request_failed(request, DATABASE_FULL);
        return;
    }
    memset(list, 0, sizeof *list);
    request->state = list;
    ask_page(request);
}
