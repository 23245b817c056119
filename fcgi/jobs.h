#ifndef PURSER_JOBS_H
#define PURSER_JOBS_H

/*
 * The inside of the database: its connections, and the jobs, which are its notes on queries under way. For
 * database.c, which sends them, and settle.c, which learns what became of them.
 */

#include "database.h"
#include "pace.h"

struct database_job {
    struct database *database;
    struct database_query *query;               /* NULL when nobody waits for the answer any more */
    const struct database_statement *statement; /* the query's, which may be gone before the job */
    struct connection *connection;              /* that it is in flight on; NULL: it waits to be sent */
    struct database_job *previous, *next;       /* in the one list that it is in */
    struct loop_timer deadline;
    uint64_t row;  /* names the row of a write (database_statement.row), hashed; 0: none */
    uint64_t turn; /* of a write: how many first tries had been sent when it was */
    uint64_t left; /* when its asker went, if that was while it was in flight */
    int together;  /* of the first job of a batch: how many there are in it */
    bool sent;     /* at least once */
    bool refused;  /* PostgreSQL has undone it, and it waits to be sent again */
    bool alone;    /* gets a transaction of its own */
    bool blocked;  /* has met a lock, or is of a row that is known to be locked: see blocked.h */
};

struct database_result {
    enum database_outcome outcome;
    const PGresult *rows; /* NULL unless the outcome is OK, a conflict or invalid */
    int first, count;     /* which of the rows are the query's */
};

struct jobs {
    struct database_job *first, *last;
    int count;
};

struct connection {
    struct database *database;
    struct lane *lane;
    struct jobs flight; /* sent and not answered, in the order of sending; on a writer: one transaction */
    /* Of a writer's transaction: the last result, or the first error; it counts once the Sync is back. */
    PGresult *result;
    uint64_t moved; /* when the oldest in flight became that: PostgreSQL is at work on it since then */
    int silences;   /* how often it was dropped for saying nothing since its last Sync came back */
    bool looking;   /* a batch of lookups is in flight: what comes in becomes the next */
    bool unsynced;  /* something was sent since the last Sync */
};

struct database {
    struct loop *loop;
    struct loop_task dispatch;
    struct loop_timer look;         /* watch.c's; set while something is in flight */
    uint64_t silent_ms;             /* a connection that has said nothing for so long is dropped */
    struct connection *connections; /* the readers first, then the searchers, then the writers */
    int readers, searchers, writers;
    struct jobs queues[DATABASE_KINDS]; /* by kind: waiting to be sent, oldest first */
    uint64_t turns;                     /* first tries of writes that were sent */
    struct jobs blocked;                /* those that wait for another session's lock */
    struct loop_timer blocked_pause;    /* set: none of them is tried */
    struct pace pace;                   /* of searches */
    struct jobs spare;
    const struct lane_statement **statements;
};

/* Lists of jobs. */
void jobs_append(struct jobs *jobs, struct database_job *job);
void jobs_prepend(struct jobs *jobs, struct database_job *job);
void jobs_remove(struct jobs *jobs, struct database_job *job);
struct database_job *jobs_take(struct jobs *jobs); /* the first, removed; NULL when there is none */

/* The list that a job waits in when it is not in flight. */
struct jobs *jobs_queue(const struct database_job *job);

/* A job like `job`, in no list, in memory that is used again. NULL when memory ran out. */
struct database_job *jobs_create(struct database *database, struct database_job job);

/* It goes out on `connection`, behind what is in flight there. */
void jobs_launch(struct connection *connection, struct database_job *job);

/* ---- the end of a job; in no list when it is called ---- */

/* Nobody waits for it any more: keep it for the next query. */
void jobs_recycle(struct database_job *job);

/* Tell its query, if somebody still waits. */
void jobs_answer(struct database_job *job, const struct database_result *result);
void jobs_answer_outcome(struct database_job *job, enum database_outcome outcome);

/*
 * Back to the front of its queue, because it came before those that wait; `alone`: after an error, so that it
 * gets a transaction of its own.
 */
void jobs_send_again(struct database_job *job, bool alone);

/* The same for `count` jobs in flight on `connection` from `job` on. */
void jobs_send_run_again(struct connection *connection, struct database_job *job, int count, bool alone);

#endif
