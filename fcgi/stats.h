#ifndef PURSER_STATS_H
#define PURSER_STATS_H

/*
 * GET of a collection's statistics: the resource's measures (resource.h) of the rows that the query asks for,
 * as a whole or in groups by the columns that it names.
 */

#include "request.h"

#define STATS_GROUPS 5000 /* in one answer, at most */

void stats_handle(struct request *request);

#endif
