#ifndef PURSER_PIPELINE_H
#define PURSER_PIPELINE_H

/*
 * One connection to PostgreSQL in pipeline mode (libpq manual, "Pipeline Mode"), never waiting: queries go
 * out as they come, results come in the same order.
 *
 * For everything that was sent there is one call of `result` or, for a Sync, of `synced`, in the order of
 * sending, until the connection is lost: then `down` is called once, and what is still open is forgotten. The
 * callbacks run from the loop, never from inside a pipeline_ call; they may send, but not free the pipeline.
 */

#include "loop.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pipeline;

struct pipeline_handler {
    /* The connection is made and in pipeline mode. */
    void (*up)(void *cookie);
    /* The result of what was sent with `tag`; the callee owns it (PQclear). */
    void (*result)(void *cookie, void *tag, PGresult *result);
    /*
     * The Sync came back: what was sent since the one before is committed, unless a result of it was an
     * error, or `error` isn't NULL: an error of the commit itself (the pipeline's to clear).
     */
    void (*synced)(void *cookie, const PGresult *error);
    /* The connection was lost, or could not be made. `reason` may hold names of hosts and users: for the log
     * only. */
    void (*down)(void *cookie, const char *reason);
};

/* Returns NULL when memory ran out. `handler` must live as long as the pipeline. */
struct pipeline *pipeline_create(struct loop *loop, const struct pipeline_handler *handler, void *cookie);

/* Close at once; nothing is called any more. NULL is let pass. */
void pipeline_free(struct pipeline *pipeline);

/*
 * Begin to connect, as PQconnectStartParams does with expand_dbname; `up` or `down` follows. For a pipeline
 * that isn't connected. It is given up after so many milliseconds, and sooner when no peer takes the
 * connection at all. Note that libpq looks host names up without regard for others' time.
 */
void pipeline_connect(struct pipeline *pipeline, const char *const *keywords, const char *const *values,
                      uint64_t milliseconds);

/* Give the connection up; `down` follows with `reason`, which must be static. */
void pipeline_drop(struct pipeline *pipeline, const char *reason);

/*
 * Send: prepare a statement; run a prepared statement with `count` text parameters (NULL: SQL NULL; copied);
 * run one query that isn't prepared, in the same way. When libpq can't, the connection is given up and `down`
 * follows.
 */
void pipeline_prepare(struct pipeline *pipeline, const char *name, const char *sql, void *tag);
void pipeline_execute(struct pipeline *pipeline, const char *name, const char *const *values, int count,
                      bool binary, void *tag);
void pipeline_query(struct pipeline *pipeline, const char *sql, const char *const *values, int count,
                    bool binary, void *tag);

/* End what was sent as one transaction, and push everything out. */
void pipeline_sync(struct pipeline *pipeline);

/* The server's version as PQserverVersion gives it, 0 when not connected. */
int pipeline_server_version(const struct pipeline *pipeline);

/* The server's process for this connection, 0 when not connected. */
int pipeline_process(const struct pipeline *pipeline);

/* Whether both are connected to the same host and port. */
bool pipeline_same_server(const struct pipeline *pipeline, const struct pipeline *other);

#endif
