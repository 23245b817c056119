#include "pipeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define TAKE_MS 1000 /* a peer that is there takes a connection at once, whatever it has to do then */

enum state { DOWN, CONNECTING, UP };

/* What the server still owes an answer to, in a ring. */
struct owed {
    void *tag;
    bool is_sync;
};

/*
 * Invariants:
 * 1. `connection` and `watch` are NULL exactly when the state is DOWN, but for the time until `fall` has run.
 * 2. The ring holds what was sent and not yet reported, oldest first.
 * 3. `held` belongs to the oldest entry of the ring.
 */
struct pipeline {
    struct loop *loop;
    const struct pipeline_handler *handler;
    void *cookie;
    enum state state;
    PGconn *connection;
    struct loop_watch *watch;
    int fd; /* that `watch` is for: it changes while libpq tries several hosts */
    uint32_t events;
    struct loop_timer connect_timer;
    uint64_t connect_end; /* as loop_now counts; libpq's own connect_timeout does not count while we poll */
    struct loop_task falling; /* `down` is on its way */
    const char *reason;       /* for it; NULL: what libpq says */
    struct owed *ring;
    size_t capacity, first, count;
    PGresult *held; /* seen, but libpq has not said yet that it is the query's last */
};

/* ---- the end of a connection ---- */

static void disconnect(struct pipeline *pipeline)
{
    loop_timer_clear(pipeline->loop, &pipeline->connect_timer);
    loop_unwatch(pipeline->loop, &pipeline->watch);
    PQclear(pipeline->held);
    pipeline->held = NULL;
    PQfinish(pipeline->connection);
    pipeline->connection = NULL;
    pipeline->state = DOWN;
    pipeline->count = 0;
    pipeline->events = 0;
    pipeline->fd = -1;
}

/* Runs as a task, so that `down` never comes from inside a call. */
static void fall(void *cookie)
{
    struct pipeline *pipeline = cookie;
    const char *said = pipeline->reason;
    if (said == NULL)
        said = pipeline->connection != NULL ? PQerrorMessage(pipeline->connection) : "out of memory";
    char *reason = strdup(said); /* libpq's own text goes with the connection */
    disconnect(pipeline);
    pipeline->handler->down(pipeline->cookie, reason != NULL ? reason : "out of memory");
    free(reason);
}

void pipeline_drop(struct pipeline *pipeline, const char *reason)
{
    pipeline->reason = reason;
    loop_timer_clear(pipeline->loop, &pipeline->connect_timer);
    loop_unwatch(pipeline->loop, &pipeline->watch);
    loop_defer(pipeline->loop, &pipeline->falling);
}

static bool usable(const struct pipeline *pipeline)
{
    return pipeline->state == UP && !pipeline->falling.waiting;
}

/* ---- the socket ---- */

static void callback_socket(void *cookie, uint32_t events);

static void listen_for(struct pipeline *pipeline, uint32_t events)
{
    int fd = PQsocket(pipeline->connection);
    if (pipeline->watch != NULL && fd == pipeline->fd && events == pipeline->events && pipeline->state == UP)
        return;
    /* While connecting, libpq may have closed the descriptor and got the same number again. */
    if (pipeline->state != UP || pipeline->watch == NULL) {
        loop_unwatch(pipeline->loop, &pipeline->watch);
        pipeline->watch = loop_watch(pipeline->loop, fd, events, callback_socket, pipeline);
        if (pipeline->watch == NULL)
            pipeline_drop(pipeline, strerror(errno));
    } else if (loop_rewatch(pipeline->loop, pipeline->watch, events) != 0) {
        pipeline_drop(pipeline, strerror(errno));
    }
    pipeline->fd = fd;
    pipeline->events = events;
}

static void push_out(struct pipeline *pipeline)
{
    int left = PQflush(pipeline->connection);
    if (left < 0)
        pipeline_drop(pipeline, NULL);
    else
        listen_for(pipeline, left > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* ---- connecting ---- */

static void callback_connect_time(void *cookie)
{
    struct pipeline *pipeline = cookie;
    uint64_t now = loop_now(pipeline->loop);
    if (now >= pipeline->connect_end || PQstatus(pipeline->connection) == CONNECTION_STARTED)
        pipeline_drop(pipeline, "no connection in time");
    else
        loop_timer_set(pipeline->loop, &pipeline->connect_timer, pipeline->connect_end - now);
}

static void continue_connecting(struct pipeline *pipeline)
{
    switch (PQconnectPoll(pipeline->connection)) {
    case PGRES_POLLING_READING:
        listen_for(pipeline, EPOLLIN);
        return;
    case PGRES_POLLING_WRITING:
        listen_for(pipeline, EPOLLOUT);
        return;
    case PGRES_POLLING_OK:
        break;
    default:
        pipeline_drop(pipeline, NULL);
        return;
    }
    listen_for(pipeline, EPOLLIN);
    loop_timer_clear(pipeline->loop, &pipeline->connect_timer);
    if (PQsetnonblocking(pipeline->connection, 1) != 0 || PQenterPipelineMode(pipeline->connection) != 1) {
        pipeline_drop(pipeline, NULL);
        return;
    }
    pipeline->state = UP;
    if (usable(pipeline))
        pipeline->handler->up(pipeline->cookie);
}

void pipeline_connect(struct pipeline *pipeline, const char *const *keywords, const char *const *values,
                      uint64_t milliseconds)
{
    pipeline->reason = NULL;
    pipeline->state = CONNECTING;
    pipeline->connection = PQconnectStartParams(keywords, values, 1);
    if (pipeline->connection == NULL || PQstatus(pipeline->connection) == CONNECTION_BAD) {
        pipeline_drop(pipeline, NULL);
        return;
    }
    pipeline->connect_end = loop_now(pipeline->loop) + milliseconds;
    loop_timer_set(pipeline->loop, &pipeline->connect_timer, milliseconds < TAKE_MS ? milliseconds : TAKE_MS);
    listen_for(pipeline, EPOLLOUT); /* as the manual says: act as if PQconnectPoll had said WRITING */
}

/* ---- sending ---- */

static bool owe(struct pipeline *pipeline, void *tag, bool is_sync)
{
    if (pipeline->count == pipeline->capacity) {
        size_t capacity = pipeline->capacity ? pipeline->capacity * 2 : 64;
        struct owed *ring = malloc(capacity * sizeof *ring);
        if (ring == NULL)
            return false;
        for (size_t i = 0; i < pipeline->count; i++)
            ring[i] = pipeline->ring[(pipeline->first + i) % pipeline->capacity];
        free(pipeline->ring);
        pipeline->ring = ring;
        pipeline->capacity = capacity;
        pipeline->first = 0;
    }
    pipeline->ring[(pipeline->first + pipeline->count++) % pipeline->capacity] =
        (struct owed){.tag = tag, .is_sync = is_sync};
    return true;
}

static void note_sent(struct pipeline *pipeline, int sent, void *tag, bool is_sync)
{
    if (sent != 1)
        pipeline_drop(pipeline, NULL);
    else if (!owe(pipeline, tag, is_sync))
        pipeline_drop(pipeline, "out of memory");
}

void pipeline_prepare(struct pipeline *pipeline, const char *name, const char *sql, void *tag)
{
    if (usable(pipeline))
        note_sent(pipeline, PQsendPrepare(pipeline->connection, name, sql, 0, NULL), tag, false);
}

void pipeline_execute(struct pipeline *pipeline, const char *name, const char *const *values, int count,
                      bool binary, void *tag)
{
    if (usable(pipeline))
        note_sent(pipeline,
                  PQsendQueryPrepared(pipeline->connection, name, count, values, NULL, NULL, binary ? 1 : 0),
                  tag, false);
}

void pipeline_query(struct pipeline *pipeline, const char *sql, const char *const *values, int count,
                    bool binary, void *tag)
{
    if (usable(pipeline))
        note_sent(
            pipeline,
            PQsendQueryParams(pipeline->connection, sql, count, NULL, values, NULL, NULL, binary ? 1 : 0),
            tag, false);
}

void pipeline_sync(struct pipeline *pipeline)
{
    if (!usable(pipeline))
        return;
#ifdef LIBPQ_HAS_SEND_PIPELINE_SYNC
    int sent = PQsendPipelineSync(pipeline->connection);
#else
    int sent = PQpipelineSync(pipeline->connection);
#endif
    note_sent(pipeline, sent, NULL, true);
    if (usable(pipeline))
        push_out(pipeline);
}

/* ---- receiving ---- */

static struct owed pop(struct pipeline *pipeline)
{
    struct owed oldest = pipeline->ring[pipeline->first];
    pipeline->first = (pipeline->first + 1) % pipeline->capacity;
    pipeline->count--;
    return oldest;
}

/* The oldest query has no more results: report the one that is held. */
static void report_result(struct pipeline *pipeline)
{
    PGresult *result = pipeline->held;
    pipeline->held = NULL;
    if (result != NULL)
        pipeline->handler->result(pipeline->cookie, pop(pipeline).tag, result);
}

static void report_sync(struct pipeline *pipeline)
{
    PGresult *error = pipeline->held; /* a result more than there were queries: the commit failed */
    pipeline->held = NULL;
    if (pipeline->count == 0 || !pipeline->ring[pipeline->first].is_sync) {
        PQclear(error);
        pipeline_drop(pipeline, "the results are out of step");
        return;
    }
    pop(pipeline);
    pipeline->handler->synced(pipeline->cookie, error);
    PQclear(error);
}

/*
 * PQgetResult gives a query's results and then NULL, and PGRES_PIPELINE_SYNC without one. PQisBusy is asked
 * before each call: after a NULL, PQgetResult would wait for the next query even if it hasn't been sent yet.
 */
static void take_results(struct pipeline *pipeline)
{
    bool ended = false; /* the last call gave NULL; a second NULL means that there is nothing more for now */
    while (pipeline->count > 0 && !pipeline->falling.waiting && !PQisBusy(pipeline->connection)) {
        PGresult *result = PQgetResult(pipeline->connection);
        if (result == NULL) {
            if (ended)
                return;
            if (!pipeline->ring[pipeline->first].is_sync)
                report_result(pipeline);
        } else if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            report_sync(pipeline);
        } else {
            PQclear(pipeline->held);
            pipeline->held = result;
        }
        ended = result == NULL;
    }
}

static void callback_socket(void *cookie, uint32_t events)
{
    struct pipeline *pipeline = cookie;
    if (pipeline->state == CONNECTING) {
        continue_connecting(pipeline);
        return;
    }
    int alive = 1;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        alive = PQconsumeInput(pipeline->connection);
    /* Even when the connection is lost, what came before is read: it was done. */
    take_results(pipeline);
    if (pipeline->falling.waiting)
        return;
    if (!alive || PQstatus(pipeline->connection) == CONNECTION_BAD)
        pipeline_drop(pipeline, NULL);
    else if (events & EPOLLOUT || pipeline->events & EPOLLOUT)
        push_out(pipeline);
}

/* ---- life ---- */

struct pipeline *pipeline_create(struct loop *loop, const struct pipeline_handler *handler, void *cookie)
{
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    if (pipeline == NULL)
        return NULL;
    pipeline->loop = loop;
    pipeline->handler = handler;
    pipeline->cookie = cookie;
    pipeline->fd = -1;
    pipeline->connect_timer = (struct loop_timer){.due = callback_connect_time, .cookie = pipeline};
    pipeline->falling = (struct loop_task){.run = fall, .cookie = pipeline};
    return pipeline;
}

void pipeline_free(struct pipeline *pipeline)
{
    if (pipeline == NULL)
        return;
    loop_undefer(pipeline->loop, &pipeline->falling);
    disconnect(pipeline);
    free(pipeline->ring);
    free(pipeline);
}

int pipeline_server_version(const struct pipeline *pipeline)
{
    return pipeline->connection != NULL ? PQserverVersion(pipeline->connection) : 0;
}

int pipeline_process(const struct pipeline *pipeline)
{
    return pipeline->connection != NULL ? PQbackendPID(pipeline->connection) : 0;
}

bool pipeline_same_server(const struct pipeline *pipeline, const struct pipeline *other)
{
    const PGconn *one = pipeline->connection, *two = other->connection;
    return one != NULL && two != NULL && strcmp(PQhost(one), PQhost(two)) == 0 &&
           strcmp(PQport(one), PQport(two)) == 0;
}
