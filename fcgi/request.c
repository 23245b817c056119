#include "request.h"

#include "json.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Of all answers that are streamed to clients that don't keep up: a few of these cost nobody anything. */
#define HELD_BYTES (8 * 1024 * 1024)

/* Kept in a spare request for the next one; a response that needed more gives it back. */
#define KEEP_BYTES (32 * 1024)

/* ---- life ---- */

/* The request waits for the database no more. */
static void free_place(struct request *request)
{
    if (request->waits != NULL)
        (*request->waits)--;
    request->waits = NULL;
}

static void count_held(struct request *request, size_t bytes)
{
    request->server->held += bytes - request->held;
    request->held = bytes;
}

static void end_request(struct request *request)
{
    struct request_server *server = request->server;
    count_held(request, 0);
    free_place(request);
    database_cancel(server->database, &request->query);
    arena_free(&request->arena);
    arena_free(&request->passing);
    if (request->out.capacity > KEEP_BYTES)
        buffer_free(&request->out);
    buffer_clear(&request->out);
    request->next = server->spare;
    server->spare = request;
}

static void callback_gone(void *cookie)
{
    end_request(cookie);
}

static struct request *new_request(struct request_server *server)
{
    struct request *request = server->spare;
    if (request == NULL)
        return calloc(1, sizeof *request);
    server->spare = request->next;
    struct buffer out = request->out;
    *request = (struct request){.out = out};
    return request;
}

void request_free_spare(struct request_server *server)
{
    while (server->spare != NULL) {
        struct request *request = server->spare;
        server->spare = request->next;
        buffer_free(&request->out);
        free(request);
    }
}

/* ---- what came ---- */

static enum method read_method(const char *name)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    enum method method = METHOD_GET;
    while (method < METHOD_OTHER && strcmp(names[method], name) != 0)
        method++;
    return method;
}

/* Who the request is: nginx says it, and says the same when it sends the request again. Another peer may not.
 */
static int read_identity(struct request *request)
{
    uint8_t entropy[16];
    request->id = gateway_param(request->call, "REQUEST_ID");
    if (uuid_of_request(request->row_id, gateway_param(request->call, "REQUEST_MSEC"), request->id))
        return 0;
    if (uuid_entropy(entropy) != 0)
        return -1;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uuid_v7(request->row_id, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, entropy);
    size_t length = strlen(request->id), offset;
    if (length == 0 ||
        !json_utf8_valid(request->id, length, &offset)) /* it stands in answers, which are JSON */
        request->id = request->row_id;
    return 0;
}

/* The body that came must be as long as the header said. A chunked one was measured by nginx. */
static bool length_agrees(const struct request *request)
{
    const char *said = gateway_param(request->call, "CONTENT_LENGTH");
    char came[24];
    size_t length;
    gateway_body(request->call, &length);
    snprintf(came, sizeof came, "%zu", length);
    return said[0] == '\0' || strcmp(said, came) == 0;
}

static void answer_overloaded(struct request *request, const char *detail)
{
    request_problem(request, PROBLEM_OVERLOADED, "Retry-After: 1\r\n", detail);
}

bool request_body_fits(struct request *request, size_t limit)
{
    char detail[64];
    size_t length;
    gateway_body(request->call, &length);
    if (gateway_body_refused(request->call)) {
        answer_overloaded(request, "Too many large bodies are here at once; nothing was changed.");
        return false;
    }
    if (!gateway_body_too_large(request->call) && length <= limit) {
        if (length_agrees(request))
            return true;
        request_problem(request, PROBLEM_MALFORMED_REQUEST, "",
                        "The body is not as long as Content-Length says.");
        return false;
    }
    snprintf(detail, sizeof detail, "The body is larger than %zu bytes.", limit);
    request_problem(request, PROBLEM_BODY_TOO_LARGE, "", detail);
    return false;
}

static void callback_room(void *cookie);

void request_begin(void *cookie, struct gateway_call *call)
{
    struct request_server *server = cookie;
    struct request *request = new_request(server);
    if (request == NULL) {
        gateway_break(call);
        return;
    }
    request->server = server;
    request->call = call;
    request->deadline = loop_now(server->loop) + server->deadline_ms;
    arena_init(&request->arena);
    arena_init(&request->passing);
    gateway_attend(call, callback_room, callback_gone, request);
    if (read_identity(request) != 0) {
        request_break(request, "no randomness to be had");
        return;
    }
    request->method = read_method(gateway_param(call, "REQUEST_METHOD"));
    request->head = request->method == METHOD_HEAD;
    if (request->head)
        request->method = METHOD_GET;
    const char *fault = uri_split(&request->uri, gateway_param(call, "REQUEST_URI"), &request->arena);
    if (fault == uri_out_of_memory)
        request_failed(request, DATABASE_FULL);
    else if (fault != NULL)
        request_problem(request, PROBLEM_MALFORMED_REQUEST, "", fault);
    else
        server->handle(request);
}

/* ---- the database ---- */

static void callback_done(void *cookie, const struct database_result *result)
{
    struct request *request = cookie;
    request->done(request, result);
}

bool request_admit(struct request *request, enum database_kind kind)
{
    struct request_server *server = request->server;
    if (request->admitted)
        return true;
    if (server->waiting[kind] >= server->max_waiting) {
        answer_overloaded(request, "Too many requests wait for the database already; nothing was changed.");
        return false;
    }
    request->admitted = true;
    request->waits = &server->waiting[kind];
    ++*request->waits;
    return true;
}

static bool send_query(struct request *request, const struct database_statement *statement, const char *sql,
                       const char *const *values, int count,
                       void (*done)(struct request *request, const struct database_result *result))
{
    if (!request_admit(request, statement->kind))
        return false;
    request->done = done;
    request->query = (struct database_query){.statement = statement,
                                             .sql = sql,
                                             .values = values,
                                             .count = count,
                                             .deadline = request->deadline,
                                             .begun = request->streaming,
                                             .done = callback_done,
                                             .cookie = request};
    if (database_send(request->server->database, &request->query) == 0)
        return true;
    request_failed(request, DATABASE_FULL);
    return false;
}

void request_query(struct request *request, const struct database_statement *statement,
                   const char *const *values, int count,
                   void (*done)(struct request *request, const struct database_result *result))
{
    send_query(request, statement, NULL, values, count, done);
}

bool request_search(struct request *request, const char *sql, const char *const *values, int count,
                    void (*done)(struct request *request, const struct database_result *result))
{
    return send_query(request, &database_search, sql, values, count, done);
}

/* ---- the answer on its way ---- */

void request_break(struct request *request, const char *reason)
{
    log_line(LOG_LEVEL_WARN, "an answer was broken off", "request_id", request->id, "reason", reason,
             LOG_END);
    gateway_break(request->call);
    end_request(request);
}

bool request_expect(struct request *request, size_t bytes)
{
    request->expected = bytes;
    count_held(request, request->out.length - request->out_taken + bytes);
    return request->server->held <= HELD_BYTES;
}

void request_flow(struct request *request)
{
    struct buffer *out = &request->out;
    for (;;) {
        if (out->failed) {
            request_break(request, "out of memory");
            return;
        }
        size_t left = out->length - request->out_taken;
        ptrdiff_t taken = gateway_write(request->call, out->bytes + request->out_taken, left);
        if (taken < 0) { /* the peer has gone: that is its right */
            gateway_break(request->call);
            end_request(request);
            return;
        }
        request->out_taken += (size_t)taken;
        count_held(request, left - (size_t)taken + request->expected);
        if ((size_t)taken < left)
            return; /* callback_room goes on */
        buffer_clear(out);
        request->out_taken = 0;
        if (request->more == NULL)
            break;
        request->more(request);
        return;
    }
    gateway_end(request->call);
    end_request(request);
}

static void callback_room(void *cookie)
{
    request_flow(cookie);
}

/* The words of the status line, which nginx takes as they come; RFC 9110 section 15 names them. */
static const char *name_status(int status)
{
    static const struct {
        int status;
        const char *name;
    } names[] = {{200, "OK"},
                 {201, "Created"},
                 {204, "No Content"},
                 {304, "Not Modified"},
                 {400, "Bad Request"},
                 {404, "Not Found"},
                 {405, "Method Not Allowed"},
                 {406, "Not Acceptable"},
                 {409, "Conflict"},
                 {412, "Precondition Failed"},
                 {413, "Content Too Large"},
                 {414, "URI Too Long"},
                 {415, "Unsupported Media Type"},
                 {422, "Unprocessable Content"},
                 {500, "Internal Server Error"},
                 {503, "Service Unavailable"},
                 {504, "Gateway Timeout"},
                 {505, "HTTP Version Not Supported"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].status == status)
            return names[i].name;
    return "Unnamed";
}

static void write_head(struct request *request, int status, const char *headers, const char *type)
{
    free_place(request);
    buffer_format(&request->out, "Status: %d %s\r\n%s%s", status, name_status(status), headers,
                  request->headers != NULL ? request->headers : "");
    if (type != NULL) {
        buffer_string(&request->out, "Content-Type: ");
        buffer_string(&request->out, type);
        buffer_string(&request->out, "\r\n");
    }
}

void request_answer(struct request *request, int status, const char *headers, const char *type,
                    const void *body, size_t length)
{
    write_head(request, status, headers, type);
    if (type != NULL)
        buffer_format(&request->out, "Content-Length: %zu\r\n\r\n", length);
    else
        buffer_string(&request->out, "\r\n");
    if (!request->head && length > 0)
        buffer_append(&request->out, body, length);
    request->more = NULL;
    request_flow(request);
}

void request_answer_json(struct request *request, int status, const char *headers, const struct buffer *body)
{
    if (body->failed)
        request_break(request, "out of memory");
    else
        request_answer(request, status, headers, "application/json", body->bytes, body->length);
}

bool request_stream(struct request *request, int status, const char *headers, const char *type)
{
    write_head(request, status, headers, type);
    buffer_string(&request->out, "\r\n");
    request->streaming = true;
    if (!request->head)
        return true;
    request->more = NULL;
    request_flow(request);
    return false;
}

/* ---- problems ---- */

void request_problem_with(struct request *request, enum problem problem, const char *headers,
                          const char *detail, const struct buffer *members)
{
    struct buffer body;
    if (request->streaming) {
        request_break(request, detail);
        return;
    }
    buffer_init(&body);
    problem_write(&body, problem, detail, request->id);
    if (members != NULL)
        buffer_append(&body, members->bytes, members->length);
    buffer_string(&body, "}");
    if (body.failed || (members != NULL && members->failed))
        request_break(request, "out of memory");
    else
        request_answer(request, problem_kinds[problem].status, headers, "application/problem+json",
                       body.bytes, body.length);
    buffer_free(&body);
}

void request_problem(struct request *request, enum problem problem, const char *headers, const char *detail)
{
    request_problem_with(request, problem, headers, detail, NULL);
}

void request_failed(struct request *request, enum database_outcome outcome)
{
    switch (outcome) {
    case DATABASE_AWAY:
        request_problem(request, PROBLEM_UNAVAILABLE, "Retry-After: 1\r\n",
                        "The database could not be reached in time; nothing was changed.");
        break;
    case DATABASE_LOST:
        request_problem(
            request, PROBLEM_UNAVAILABLE, "Retry-After: 1\r\n",
            "The database was lost and did not come back in time; a change may have been made, or not.");
        break;
    case DATABASE_FULL:
        request_problem(request, PROBLEM_UNAVAILABLE, "Retry-After: 5\r\n",
                        "The service is out of a resource; nothing was changed.");
        break;
    case DATABASE_OVERLOADED:
        answer_overloaded(request,
                          "More searches wait for the database than it can do in time; nothing was changed.");
        break;
    case DATABASE_TIMEOUT:
        request_problem(request, PROBLEM_GATEWAY_TIMEOUT, "Retry-After: 1\r\n",
                        "The database did not answer in time.");
        break;
    default:
        log_line(LOG_LEVEL_ERROR, "an internal error was answered", "request_id", request->id, LOG_END);
        request_problem(request, PROBLEM_INTERNAL_ERROR, "", "The service made a mistake; it was logged.");
        break;
    }
}
