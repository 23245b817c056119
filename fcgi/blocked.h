#ifndef PURSER_BLOCKED_H
#define PURSER_BLOCKED_H

/*
 * A write that meets a lock of another session holds up nobody but those who want the same row. PostgreSQL
 * gives it up after the writers' lock_timeout; then it waits here, and is sent again, alone, until its
 * deadline. Those who wait here never have all the writers, and where others want one they seldom try. For
 * database.c and settle.c.
 */

#include "jobs.h"

/* Get a new database ready for them. */
void blocked_init(struct database *database);

/* A job in flight alone has met a lock: it goes behind those that wait here, and with it those of its row.
 * The job is in no list when it is called. */
void blocked_add(struct database_job *job);

/* One of `count` jobs in flight from `job` on has met a lock, nobody knows which: when they are sent again
 * (jobs_send_run_again) they wait here, in front, to be tried one by one. */
void blocked_suspect(struct database_job *job, int count);

/* Before inserts are sent together: take those from the first `most` in the queue whose row is known to be
 * locked. */
void blocked_sort_out(struct database *database, struct jobs *queue, int most);

/* What an idle writer should do: the first write of its queue, or one of those that wait here. It is taken
 * from its list. NULL: nothing. */
struct database_job *blocked_next(struct database *database);

/* Whether a job that waits to be sent does so because of a lock, or for another of its row. */
bool blocked_waits(const struct database_job *job);

#endif
