#ifndef PURSER_LIST_H
#define PURSER_LIST_H

/*
 * All rows of a resource, streamed: page by page in the order of the key, the next page asked for when the
 * client has taken the one before. Memory stays flat whatever the table's size, and other requests' queries
 * go between the pages. A row that is there all the time is in the list once; one that comes or goes
 * meanwhile may be in it or not.
 */

#include "route.h"

void list_handle(struct request *request);

#endif
