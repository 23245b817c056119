#ifndef PURSER_WATCH_H
#define PURSER_WATCH_H

/*
 * Looks after what is in flight, so that PostgreSQL works for nobody in vain and no connection hangs for
 * ever:
 *
 * - A statement whose askers have all left (their deadlines passed, or the clients have gone) and that
 *   PostgreSQL is still at 100 ms later is cancelled. Another connection to the same server asks for that:
 *   PQcancel would block, and speak in the clear.
 * - A connection that says nothing for longer than any statement may take is dropped, whatever TCP says of
 * it: the server may have been stopped, or cut off.
 *
 * A timer runs while something is in flight, and only then. For database.c.
 */

#include "jobs.h"

void watch_init(struct database *database, uint64_t deadline_ms);

/* The asker of a job in flight has just left. */
void watch_left(struct database_job *job);

#endif
