#include "health.h"

#include "schema.h"

#include <string.h>

#define READY_MS 2000 /* a probe wants an answer before it gives up itself */

const struct database_statement health_statement = {.text = {.name = "schema", .sql = schema_query},
                                                    .kind = DATABASE_READ};

static void answer_text(struct request *request, int status, const char *json)
{
    request_answer(request, status, "", "application/json", json, strlen(json));
}

static void answer_hello(struct request *request)
{
    answer_text(request, 201, "{\"message\":\"ok\"}");
}

static void answer_zero(struct request *request)
{
    answer_text(request, 201, "{\"0\":\"\"}");
}

/* A worker answers: that is all there is to being alive. The database has no say in it. */
static void answer_alive(struct request *request)
{
    answer_text(request, 200, "{\"status\":\"alive\"}");
}

static void done_ready(struct request *request, const struct database_result *result)
{
    struct database_value values[2];
    const char *fault = database_fault(request->server->database);
    char text[160];
    if (database_outcome(result) == DATABASE_OK && database_rows(result) == 1) {
        database_row(result, 0, values, 2);
        if (schema_fault(values[0].bytes, values[1].bytes, text, sizeof text))
            fault = text;
    } else if (fault == NULL) {
        fault = "The database does not answer.";
    }
    if (fault == NULL)
        answer_text(request, 200, "{\"status\":\"ready\"}");
    else
        request_problem(request, PROBLEM_NOT_READY, "Retry-After: 1\r\n", fault);
}

static void answer_ready(struct request *request)
{
    const struct request_server *server = request->server;
    const char *fault = server->draining ? "The service is stopping." : database_fault(server->database);
    if (fault != NULL) {
        request_problem(request, PROBLEM_NOT_READY, "Retry-After: 1\r\n", fault);
        return;
    }
    request->deadline =
        loop_now(server->loop) + (server->deadline_ms < READY_MS ? server->deadline_ms : READY_MS);
    request->admitted = true; /* a probe must not take many waiting for none answered */
    request_query(request, &health_statement, NULL, 0, done_ready);
}

#define SUCCESSOR ROUTE_DEPRECATED "</healthz>" ROUTE_SUCCESSOR

static const struct route routes[] = {
    {METHOD_GET, "/", route_index, .status = 200},
    {METHOD_GET, "/hello", answer_hello, .status = 201, .headers = SUCCESSOR},
    {METHOD_GET, "/zero", answer_zero, .status = 201, .headers = SUCCESSOR},
    {METHOD_GET, "/healthz", answer_alive, .status = 200},
    {METHOD_GET, "/readyz", answer_ready, .status = 200},
    {METHOD_GET, "/problems/*", route_problem, .status = 200},
};

const struct route_table health_routes = {routes, sizeof routes / sizeof *routes};
