#ifndef PURSER_JOBS_H
#define PURSER_JOBS_H

/* The database's note on a query under way, and lists of such. For database.c. */

#include "database.h"

struct database_job {
    struct database *database;
    struct database_query *query;               /* NULL when nobody waits for the answer any more */
    const struct database_statement *statement; /* the query's, which may be gone before the job */
    struct connection *connection;              /* that it is in flight on; NULL: it waits to be sent */
    struct database_job *previous, *next;       /* in the one list that it is in */
    struct loop_timer deadline;
    bool sent;  /* at least once */
    bool alone; /* gets a transaction of its own */
};

struct jobs {
    struct database_job *first, *last;
    int count;
};

void jobs_append(struct jobs *jobs, struct database_job *job);
void jobs_prepend(struct jobs *jobs, struct database_job *job);
void jobs_remove(struct jobs *jobs, struct database_job *job);
struct database_job *jobs_take(struct jobs *jobs); /* the first, removed; NULL when there is none */

#endif
