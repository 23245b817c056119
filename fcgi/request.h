#ifndef PURSER_REQUEST_H
#define PURSER_REQUEST_H

/*
 * One request, from the gateway to its answer. Its life: begun (the gateway has it whole), handled (a route's
 * handler decides; it may wait for the database), answering (the response goes out as the socket takes it),
 * and freed with all that was allocated for it. When the client leaves, the request goes with its query.
 */

#include "arena.h"
#include "buffer.h"
#include "database.h"
#include "gateway.h"
#include "problem.h"
#include "uri.h"
#include "uuid.h"

#include <stdbool.h>

enum method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_OTHER
};

struct request;
struct route;
struct route_table;

/* What all requests of a worker share. */
struct request_server {
    struct loop *loop;
    struct database *database;
    const struct route_table *const *routes; /* ended by NULL */
    void (*handle)(struct request *request); /* picks the route: route_handle */
    size_t max_body_bytes, max_bulk_bytes;   /* of a route's body, and of one for many rows */
    uint64_t deadline_ms;
    int max_waiting;             /* requests for one kind of query that wait for the database at once */
    int waiting[DATABASE_KINDS]; /* those that do */
    size_t held;                 /* by all requests, as they count it */
    bool draining;               /* SIGTERM has come */
    struct request *spare;       /* for reuse; request_free_spare */
};

struct request {
    struct request_server *server;
    struct gateway_call *call;
    struct arena arena;   /* for all that lives as long as the request */
    struct arena passing; /* for what its handler gives back earlier: a statement of many */
    enum method method;   /* METHOD_GET for HEAD too: see `head` */
    bool head;            /* the answer has no body */
    struct uri uri;
    const struct route *route;
    const char *argument;   /* the segment that the route's '*' stands for */
    const char *headers;    /* more header lines of whatever the answer is, or NULL */
    const char *id;         /* nginx's $request_id */
    char row_id[UUID_SIZE]; /* the UUID that this request gives to a row it creates, and writes with */
    uint64_t deadline;      /* as loop_now counts */
    bool admitted;          /* request_admit */
    int *waits;             /* where it is counted among those that wait for the database, or NULL */
    struct database_query query;
    void (*done)(struct request *request, const struct database_result *result);
    void (*more)(struct request *request); /* what was appended to `out` is gone: append the next; NULL: there
                                              is no more */
    struct buffer out;                     /* of the response, what the socket has not taken yet */
    size_t out_taken;
    size_t expected;      /* request_expect */
    size_t held;          /* what is in `out` for the client to take, and what is expected */
    bool streaming;       /* the header is out: from now on a fault can only be shown by breaking off */
    void *state;          /* the handler's own, in the arena */
    struct request *next; /* among the spare ones */
};

/* A gateway_begin; the cookie is the struct request_server. */
void request_begin(void *cookie, struct gateway_call *call);

/* Whether there was room for the body, and it has no more than `limit` bytes, and as many as Content-Length
 * says. If not, the request has been answered (503, 413, 400). */
bool request_body_fits(struct request *request, size_t limit);

/* Give back the memory that is kept for reuse. */
void request_free_spare(struct request_server *server);

/*
 * Take a place among those who wait for the database, before the work that a query asks for is done. Returns
 * false when all are taken: the request has been answered then. Each request does so once, the first query of
 * one that hasn't does it, and its place is free again when its answer begins. To be let in anyway, set
 * `admitted`.
 */
bool request_admit(struct request *request, enum database_kind kind);

/*
 * Run a statement with `count` values (they live in the arena) and call `done` with its result. A handler
 * that has called this just returns. When it is not admitted, or memory has run out, the request is answered
 * (or broken off, if its answer has begun), and `done` not called.
 */
void request_query(struct request *request, const struct database_statement *statement,
                   const char *const *values, int count,
                   void (*done)(struct request *request, const struct database_result *result));

/*
 * The same with SQL that isn't prepared (DATABASE_SEARCH), which lives as long as the values. Returns false
 * in those cases: nothing may touch the request then.
 */
bool request_search(struct request *request, const char *sql, const char *const *values, int count,
                    void (*done)(struct request *request, const struct database_result *result));

/*
 * Answer. Each of these ends the handler's work; nothing may touch the request after it.
 */

/* With a whole body: `body` is `type` (NULL: no body). `headers` are more header lines, each ended by CRLF,
 * or "". */
void request_answer(struct request *request, int status, const char *headers, const char *type,
                    const void *body, size_t length);
void request_answer_json(struct request *request, int status, const char *headers, const struct buffer *body);

/* With a problem; `headers` as above. A streamed answer that has begun is broken off instead. */
void request_problem(struct request *request, enum problem problem, const char *headers, const char *detail);

/* With a problem that has more members: what follows problem_write's object, ",\"errors\":[…]". */
void request_problem_with(struct request *request, enum problem problem, const char *headers,
                          const char *detail, const struct buffer *members);

/* With what a query's outcome means where the handler has no better answer: all but DATABASE_OK. */
void request_failed(struct request *request, enum database_outcome outcome);

/*
 * A streamed answer: request_stream sends the header with more lines as above (a HEAD ends there, and the
 * request with it: false is returned); the handler appends to request->out and calls request_flow, which
 * sends it and calls request->more when all is taken. With request->more NULL the answer ends after what is
 * in request->out.
 */
bool request_stream(struct request *request, int status, const char *headers, const char *type);
void request_flow(struct request *request);

/*
 * Of a streamed answer: about so many bytes more will come into `out`; 0 once they are there. Returns false
 * when that is more than should be held in memory for all clients that don't keep up: they should be few
 * then.
 */
bool request_expect(struct request *request, size_t bytes);

/* Break off a streamed answer, visibly. */
void request_break(struct request *request, const char *reason);

#endif
