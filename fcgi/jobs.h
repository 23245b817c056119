#ifndef PURSER_JOBS_H
#define PURSER_JOBS_H

/* The database's note on a query under way, lists of such, and what is told in the end. For database.c and
 * its like. */

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

struct database_result {
    enum database_outcome outcome;
    const PGresult *rows; /* NULL unless the outcome is OK, a conflict or invalid */
    int first, count;     /* which of the rows are the query's */
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
