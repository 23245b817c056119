#ifndef PURSER_BATCH_H
#define PURSER_BATCH_H

/* Many lookups, or many inserts, as one statement: each parameter is an array, with an element for each of
 * them. For database.c. */

#include "jobs.h"

/*
 * Run the statement that `count` jobs from `first` on have in common on `lane`, for all of them together, and
 * behind it what it is followed by (`then`), without a tag. Its result comes with `tag`. Returns 0, or -1
 * when memory ran out: nothing was sent.
 */
int batch_execute(struct lane *lane, const struct database_job *first, int count, void *tag);

/*
 * The row of the answer that is a query's, or -1. `guess` is where it is looked for first: rows come in the
 * order of the elements, though SQL does not promise it.
 */
int batch_find_row(const PGresult *result, const struct database_query *query, int guess);

#endif
