#include "export.h"

#include "route.h"
#include "search.h"

#include <stdio.h>
#include <string.h>

/* Rows of a page: few enough that others needn't wait long behind one, many enough that their statement's
 * planning does not count. */
#define PAGE_ROWS 2000
#define FEW_ROWS  200 /* of a page when many clients don't keep up */
#define ROW_BYTES 256 /* a guess, so that a page is written without moving it */

struct export
{
    const struct selection *selection;
    enum accept_type type;
    const char *const *after; /* where the next page begins */
    int asked;                /* rows of the page that was asked for last */
    bool under_way;           /* it has not come yet */
    bool drained;             /* all that came has gone to the client */
};

static void done_page(struct request *request, const struct database_result *result);

/* Returns false when the request is over. */
static bool ask_page(struct request *request)
{
    struct export *export = request->state;
    struct selection_sql sql;
    export->asked = request->streaming ? PAGE_ROWS : RESOURCE_FIRST_ROWS;
    if (!request_expect(request, (size_t)export->asked * ROW_BYTES) && export->asked > FEW_ROWS) {
        export->asked = FEW_ROWS;
        request_expect(request, FEW_ROWS * ROW_BYTES);
    }
    export->under_way = true;
    /* Each page has its own time; the client's speed is not the database's fault. */
    request->deadline = loop_now(request->server->loop) + request->server->deadline_ms;
    int made = selection_page_sql(export->selection, export->after, export->asked, &request->passing, &sql);
    return search_send(request, made, &sql, &request->passing, done_page);
}

/* The client has taken what there was. */
static void more(struct request *request)
{
    struct export *export = request->state;
    export->drained = true;
    if (!export->under_way)
        ask_page(request);
}

/* Note where the next page begins, and ask for it while this one is written, unless the client is behind.
 * Returns false when the request is over. */
static bool go_on(struct request *request, const struct database_result *result)
{
    struct export *export = request->state;
    arena_free(&request->passing); /* the statement that has been answered */
    export->after = selection_after(export->selection, result, database_rows(result) - 1, &request->passing);
    if (export->after == NULL) {
        request_failed(request, DATABASE_FULL);
        return false;
    }
    request->more = more;
    return !export->drained || ask_page(request);
}

static void write_rows(struct request *request, const struct database_result *result, bool first)
{
    const struct export *export = request->state;
    int rows = database_rows(result);
    buffer_reserve(&request->out, (size_t)rows * ROW_BYTES);
    for (int row = 0; row < rows; row++)
        representation_row(export->selection, export->type, result, row, first && row == 0, &request->out);
}

static void done_page(struct request *request, const struct database_result *result)
{
    struct export *export = request->state;
    bool first = !request->streaming;
    export->under_way = false;
    if (!search_succeeded(request, result))
        return;
    if (first &&
        !request_stream(request, request->route->status,
                        "Vary: Accept, Prefer\r\nCache-Control: no-cache\r\n", accept_names[export->type]))
        return;
    if (first)
        representation_begin(export->selection, export->type, &request->out);
    request->more = NULL;
    if (database_rows(result) == export->asked && !go_on(request, result))
        return;
    write_rows(request, result, first);
    request_expect(request, export->under_way ? (size_t)export->asked * ROW_BYTES : 0);
    if (!export->drained)
        return; /* the client is behind: it gets this page when it has taken the one before */
    export->drained = false;
    request_flow(request);
}

static void refuse_order(struct request *request)
{
    const struct resource *resource = request->route->resource;
    struct faults faults;
    char detail[300];
    int length = snprintf(detail, sizeof detail, "must, without a limit, begin with one of");
    const char *comma = " ";
    for (int i = 0; i < resource->field_count && length < (int)sizeof detail; i++) {
        if (!resource->fields[i].indexed)
            continue;
        length +=
            snprintf(detail + length, sizeof detail - (size_t)length, "%s%s", comma, resource->fields[i].key);
        comma = ", ";
    }
    faults_init(&faults);
    faults_add_parameter(&faults, "order", detail);
    faults_answer(&faults, request, PROBLEM_INVALID_PARAMETERS, "All rows can't be had in this order.");
}

/*
 * In HTTP/1.0 the end of the connection is the end of an answer whose length is not known before: half of a
 * CSV looks as good as all of it.
 */
static bool can_tell_a_part(const struct request *request)
{
    return strcmp(gateway_param(request->call, "SERVER_PROTOCOL"), "HTTP/1.0") != 0;
}

void export_begin(struct request *request, const struct selection *selection, enum accept_type type)
{
    struct export *export = arena_alloc(&request->arena, sizeof *export);
    if (export == NULL) {
        request_failed(request, DATABASE_FULL);
        return;
    }
    *export =
        (struct export){.selection = selection, .type = type, .after = selection->after, .drained = true};
    request->state = export;
    if (!can_tell_a_part(request))
        request_problem(request, PROBLEM_VERSION_NOT_SUPPORTED, "",
                        "All rows are sent to HTTP/1.1 only: in HTTP/1.0 a part of them would look like the "
                        "whole. With a limit they can be had page by page.");
    else if (selection_ordered_by_index(selection))
        ask_page(request);
    else
        refuse_order(request);
}
