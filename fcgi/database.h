#ifndef PURSER_DATABASE_H
#define PURSER_DATABASE_H

/*
 * Queries and their fate. A query is answered once: with its rows, its error, or the news that its deadline
 * has passed. Until then it is sent again as often as connections are lost under it, or somebody cancels it,
 * so every statement must be harmless when it is run twice (the same request makes the same row ids, and
 * knows what it has done: see resource.h).
 *
 * Reads go out at the end of the loop's turn, all of them before one Sync. Searches have connections of their
 * own, so that a slow one holds up none of the rest. Lookups, and inserts, go out in
 * batches: one statement at a time on a connection, for all that came in while the one before was on its way;
 * when one of a batch fails, the others are sent again one by one. Other writes have a transaction of their
 * own and a connection to themselves, so that two workers can't deadlock. A row that another session has
 * locked holds up only who wants it: see blocked.h. A write is answered after its commit.
 */

#include "lane.h"
#include "loop.h"

#include <stdbool.h>
#include <stdint.h>

struct database;
struct database_result;

enum database_kind {
    DATABASE_READ,
    DATABASE_LOOKUP, /* a read of one row, or none; many at once: see `key` */
    DATABASE_INSERT, /* of one row; many at once */
    DATABASE_WRITE,
    DATABASE_SEARCH /* a read that may take long; its SQL is the query's own */
};

#define DATABASE_KINDS (DATABASE_SEARCH + 1)

struct database_statement {
    struct lane_statement text;
    enum database_kind kind;
    /*
     * Run right behind it in the same transaction, with the first parameters alone; its rows are the answer,
     * but for an insert, whose own are. NULL: none.
     */
    const struct database_statement *then;
    int then_count; /* the parameters that `then` has */
    /*
     * A lookup's or insert's statement is for many rows at once, so each parameter is an array; the elements
     * of the first one are the rows' keys, and `key` is the column of the answer that has the key again, as
     * text, as it was sent.
     */
    int key;
    /*
     * Of an insert or write: which parameter, from 1 on, names the row or has its unique value; 0: none.
     * Those with the same one would wait for each other in PostgreSQL, so they wait here.
     */
    int row;
};

enum database_outcome {
    DATABASE_OK,
    DATABASE_CONFLICT, /* a unique value is taken already: see database_constraint */
    DATABASE_INVALID,  /* a value breaks a rule of the table, or of its type */
    DATABASE_AWAY,     /* the deadline passed before the query could be sent: nothing was done */
    DATABASE_LOST, /* the same, but it had been sent before on a connection that was lost: it may be done, or
                      not */
    DATABASE_OVERLOADED, /* so much waits that the deadline would pass before the query is sent: nothing was
                            done */
    DATABASE_TIMEOUT,    /* the deadline passed while PostgreSQL was at work: it may be done, or not */
    DATABASE_FULL,       /* PostgreSQL is out of disk, memory or connections */
    DATABASE_FAILED      /* an error that no client can cause; it was logged */
};

/* A query lives in its caller's memory, and so do its values, until `done` was called or it was cancelled. */
struct database_query {
    const struct database_statement *statement;
    const char *sql;           /* of a DATABASE_SEARCH (&database_search): run as it is, not prepared */
    const char *const *values; /* text, NULL: SQL NULL */
    int count;
    uint64_t deadline; /* as loop_now counts */
    bool begun;        /* there has been one before for the same answer: it is not refused as overloaded */
    void (*done)(void *cookie, const struct database_result *result);
    void *cookie;
    struct database_job *job; /* private; NULL when it is not under way */
};

struct database_options {
    int readers, searchers, writers; /* connections */
    uint64_t deadline_ms;            /* PostgreSQL ends a statement that runs longer; see also watch.h */
    uint64_t lock_timeout_ms;        /* a write that waits longer for a lock makes room; 0: never */
    const struct database_statement *const *statements; /* all there are, `then`s or not; ended by NULL */
};

/* The statement of every search: it is not prepared, because its SQL follows from the request. Rows are
 * binary. */
extern const struct database_statement database_search;

/* Begins to connect; queries may be sent at once, and wait. The options may go after the call, the statements
 * not. NULL when memory ran out. */
struct database *database_create(struct loop *loop, const struct database_options *options);

/* Close; queries that are under way are dropped without a word. NULL is let pass. */
void database_free(struct database *database);

/* Why not every kind of query can be run right now, a sentence for clients; NULL when there is a connection
 * for each. */
const char *database_fault(const struct database *database);

/*
 * Send a query. `done` is called once, from the loop, never from inside this call. Returns 0, or -1 when
 * memory ran out: then `done` is not called.
 */
int database_send(struct database *database, struct database_query *query);

/*
 * The caller loses interest: `done` will not be called. What has been sent may be done, or not: PostgreSQL is
 * told to stop when it takes long. A query that isn't under way is let pass.
 */
void database_cancel(struct database *database, struct database_query *query);

/* ---- results: valid inside `done` ---- */

enum database_outcome database_outcome(const struct database_result *result);
int database_rows(const struct database_result *result);

/* A value in the form that the statement asks for (text or binary), with a NUL behind it; length -1 for NULL.
 */
struct database_value {
    const char *bytes;
    int length;
};

/* Fill in the `columns` first values of a row. */
void database_row(const struct database_result *result, int row, struct database_value *values, int columns);

/* For a conflict or an invalid value: the name of the constraint that was broken, or "". */
const char *database_constraint(const struct database_result *result);

#endif
