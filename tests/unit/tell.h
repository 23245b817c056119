#ifndef PURSER_TESTS_TELL_H
#define PURSER_TESTS_TELL_H

/* A service that tells how it has read the parameters of a request, without a database. Include it after
 * unit.h. */

#include "employees.h"
#include "log.h"
#include "passengers.h"
#include "selection.h"
#include "service.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#define KEY "0196f0c2-4bd7-7a52-9a3e-5d1a3c2b1f00"
#define NO_CURSOR                                                                                            \
    "cursor is not a cursor of these rows in this order; it goes with the filters, q and order of the page " \
    "that it came with\n"

static struct service service;
static struct loop *loop;

/* ---- a service that tells what it was asked ---- */

static inline void write_values(struct buffer *out, const char *const *values, int count)
{
    for (int i = 0; i < count; i++)
        buffer_format(out, "%s%s", i > 0 ? "|" : " ", values[i] != NULL ? values[i] : "(null)");
}

/* "sex eq male; q %a%; order age- uuid-; fields name; by sex; limit 5; after 30|…", what there is of it. */
static inline void tell_kind(struct request *request, enum selection_kind kind)
{
    static const char *const operators[] = {"eq",   "neq",   "gt", "gte",     "lt",         "lte",
                                            "like", "ilike", "in", "is_null", "is_not_null"};
    static struct selection selection;
    struct buffer out;
    if (!selection_read(&selection, request, kind))
        return;
    const struct field *fields = selection.resource->fields;
    buffer_init(&out);
    for (int i = 0; i < selection.filter_count; i++) {
        buffer_format(&out, "%s %s", fields[selection.filters[i].field].key,
                      operators[selection.filters[i].operator]);
        write_values(&out, selection.filters[i].values, selection.filters[i].count);
        buffer_string(&out, "; ");
    }
    if (selection.word_count > 0) {
        buffer_string(&out, "q");
        write_values(&out, selection.words, selection.word_count);
        buffer_string(&out, "; ");
    }
    buffer_string(&out, "order");
    for (int i = 0; i < selection.order_count; i++)
        buffer_format(&out, " %s%s", fields[selection.order[i].field].key,
                      selection.order[i].descending ? "-" : "");
    if (selection.field_count < selection.resource->field_count)
        buffer_string(&out, "; fields");
    for (int i = 0; i < selection.field_count && selection.field_count < selection.resource->field_count; i++)
        buffer_format(&out, " %s", fields[selection.fields[i]].key);
    for (int i = 0; i < selection.by_count; i++)
        buffer_format(&out, "%s %s", i == 0 ? "; by" : "", fields[selection.by[i]].key);
    if (selection.limit > 0)
        buffer_format(&out, "; limit %d", selection.limit);
    if (selection.after != NULL) {
        buffer_string(&out, "; after");
        write_values(&out, selection.after, selection.order_count);
    }
    if (out.failed)
        request_failed(request, DATABASE_FULL);
    else
        request_answer(request, 200, "", "text/plain", out.bytes, out.length);
    buffer_free(&out);
}

static inline void tell(struct request *request)
{
    tell_kind(request, SELECTION_PAGE);
}

static inline void tell_stats(struct request *request)
{
    tell_kind(request, SELECTION_STATS);
}

/* The addresses of the first page and of one behind a row. */
static inline void tell_address(struct request *request)
{
    struct selection *selection = arena_alloc(&request->arena, sizeof *selection);
    const char *const after[] = {"30", KEY};
    struct buffer out;
    if (selection == NULL)
        request_failed(request, DATABASE_FULL);
    if (selection == NULL || !selection_read(selection, request, SELECTION_PAGE))
        return;
    buffer_init(&out);
    selection_address(selection, request, NULL, &out);
    buffer_string(&out, " ");
    selection_address(selection, request, selection->order_count == 2 ? after : after + 1, &out);
    if (out.failed)
        request_failed(request, DATABASE_FULL);
    else
        request_answer(request, 200, "", "text/plain", out.bytes, out.length);
    buffer_free(&out);
}

static const struct route routes[] = {
    {METHOD_GET, "/v1/passengers", tell, &passengers_resource, .v1 = true, .query = true},
    {METHOD_GET, "/v1/passengers/stats", tell_stats, &passengers_resource, .v1 = true, .query = true},
    {METHOD_GET, "/v1/passengers/address", tell_address, &passengers_resource, .v1 = true, .query = true},
    {METHOD_GET, "/v1/employees", tell, &employees_resource, .v1 = true, .query = true},
};
static const struct route_table table = {routes, COUNT(routes)};
static const struct route_table *const tables[] = {&table, NULL};

static inline int start(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR + 1);
    loop = loop_create();
    service_open(&service, loop, NULL, tables);
    return 0;
}

static inline int stop(void **state)
{
    (void)state;
    service_close(&service);
    loop_free(loop);
    return 0;
}

static inline struct peer_answer ask_for(const char *what)
{
    char address[7000];
    snprintf(address, sizeof address, "/v1/%s", what);
    return service_ask(&service, "GET", address, NULL, NULL);
}

static inline void assert_told(const char *what, const char *expected)
{
    struct peer_answer answer = ask_for(what);
    if (answer.status != 200 || strcmp(answer.body.bytes, expected) != 0)
        fail_msg("%s: %d %s", what, answer.status, answer.body.bytes);
    peer_free_answer(&answer);
}

/* The faults as "parameter detail\n" each. */
static inline void assert_faults(const char *what, const char *expected)
{
    struct peer_answer answer = ask_for(what);
    char faults[8000] = "";
    size_t length = 0;
    if (answer.status != 400)
        fail_msg("%s: %d %s", what, answer.status, answer.body.bytes);
    struct json_object *problem = json_tokener_parse(answer.body.bytes), *errors;
    assert_string_equal(json_object_get_string(json_object_object_get(problem, "type")),
                        "/problems/invalid-parameters");
    errors = json_object_object_get(problem, "errors");
    for (size_t i = 0; i < json_object_array_length(errors); i++) {
        struct json_object *each = json_object_array_get_idx(errors, i);
        length += (size_t)snprintf(faults + length, sizeof faults - length, "%s %s\n",
                                   json_object_get_string(json_object_object_get(each, "parameter")),
                                   json_object_get_string(json_object_object_get(each, "detail")));
    }
    if (strcmp(faults, expected) != 0)
        fail_msg("%s:\n%s", what, faults);
    json_object_put(problem);
    peer_free_answer(&answer);
}

#endif
