#ifndef PURSER_SETTLE_H
#define PURSER_SETTLE_H

/*
 * What becomes of the jobs in flight: each is answered, or sent again, when its connection reports rows, an
 * error, a commit or its own end. For database.c.
 */

#include "jobs.h"

/* The callbacks of every lane; the cookie is its struct connection. */
extern const struct lane_handler settle_callbacks;

#endif
