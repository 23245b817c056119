#ifndef PURSER_LANE_H
#define PURSER_LANE_H

/*
 * A pipeline that is kept up: connects, and connects again for as long as it lives; sets the session up;
 * checks that the schema is the one that this build is for; prepares the statements. Only then it is ready.
 */

#include "loop.h"
#include "pipeline.h"

#include <stdbool.h>
#include <stdint.h>

struct lane;

/* A statement that every lane prepares under its name. */
struct lane_statement {
    const char *name;
    const char *sql;
    bool binary; /* its rows come in PostgreSQL's binary form */
};

struct lane_options {
    const struct lane_statement *const *statements; /* ended by NULL; all must outlive the lane */
    uint64_t statement_timeout_ms;                  /* PostgreSQL ends a statement that runs longer */
    uint64_t lock_timeout_ms;                       /* and one that waits longer for a lock; 0: none does */
    bool custom_plans; /* plan each statement for its values; else a prepared one is planned once */
};

struct lane_handler {
    void (*ready)(void *cookie); /* statements can be executed */
    void (*result)(void *cookie, void *tag, PGresult *result);
    void (*synced)(void *cookie, const PGresult *error); /* these two as in pipeline.h */
    void (*down)(void *cookie); /* was ready, is no more: what is open got lost. `ready` follows some day */
};

/* Begins to connect. NULL when memory ran out. */
struct lane *lane_create(struct loop *loop, const struct lane_options *options,
                         const struct lane_handler *handler, void *cookie);
void lane_free(struct lane *lane); /* NULL is let pass */

bool lane_ready(const struct lane *lane);

/* Why it is not ready, as a sentence for clients: no names of hosts, users or tables. NULL when it is. */
const char *lane_fault(const struct lane *lane);

/* The server's process for its connection, 0 when there is none; whether two have the same server. */
int lane_process(const struct lane *lane);
bool lane_same_server(const struct lane *lane, const struct lane *other);

/*
 * For a lane that is ready: run a statement (it is copied); run SQL that isn't one of the statements, its
 * rows in binary form, with a `tag` (it is prepared when it comes again); end a transaction; give the
 * connection up; the same, and try another host first, if there is one.
 */
void lane_execute(struct lane *lane, const struct lane_statement *statement, const char *const *values,
                  int count, void *tag);
void lane_query(struct lane *lane, const char *sql, const char *const *values, int count, void *tag);
void lane_sync(struct lane *lane);
void lane_drop(struct lane *lane, const char *reason);
void lane_pass_over(struct lane *lane, const char *reason);

#endif
