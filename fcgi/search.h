#ifndef PURSER_SEARCH_H
#define PURSER_SEARCH_H

/* The SQL of a selection on its way to the database, and back. */

#include "selection.h"

/*
 * Run what a function of selection.h has made and returned `made` for: the text moves into `arena`, where the
 * values are, and `sql` is freed. Returns false when memory ran out: then the request is over.
 */
bool search_send(struct request *request, int made, struct selection_sql *sql, struct arena *arena,
                 void (*done)(struct request *request, const struct database_result *result));

/* Whether there are rows to be written. If not, the request has been answered, or broken off. */
bool search_succeeded(struct request *request, const struct database_result *result);

#endif
