#ifndef PURSER_TESTS_ASK_H
#define PURSER_TESTS_ASK_H

/* Queries of tests to the real database, and what became of them. Include it after unit.h. */

#include "database.h"
#include "turn.h"

#include <stdio.h>
#include <string.h>

#define ASK_COLUMNS 24

struct ask {
    struct database_query query;
    const char *values[ASK_COLUMNS];
    int answers; /* how often `done` was called: once is right */
    enum database_outcome outcome;
    int rows;
    char row[ASK_COLUMNS][200]; /* the first row's values; "(null)" for NULL */
    char constraint[80];
    int columns; /* to be looked at; set by the test */
    void (*look)(struct ask *ask, const struct database_result *result); /* or NULL */
    struct buffer *out;                                                  /* for `look` */
};

static inline void ask_done(void *cookie, const struct database_result *result)
{
    struct ask *ask = cookie;
    struct database_value values[ASK_COLUMNS];
    ask->answers++;
    ask->outcome = database_outcome(result);
    ask->rows = ask->outcome == DATABASE_OK ? database_rows(result) : 0;
    snprintf(ask->constraint, sizeof ask->constraint, "%s", database_constraint(result));
    if (ask->look != NULL)
        ask->look(ask, result);
    if (ask->rows == 0)
        return;
    database_row(result, 0, values, ask->columns);
    for (int i = 0; i < ask->columns; i++)
        snprintf(ask->row[i], sizeof ask->row[i], "%s", values[i].length < 0 ? "(null)" : values[i].bytes);
}

/* Send it, with the values that are there already; it must be answered within `milliseconds`. */
static inline int ask_send(struct ask *ask, struct loop *loop, struct database *database,
                           const struct database_statement *statement, int count, uint64_t milliseconds)
{
    ask->query = (struct database_query){.statement = statement,
                                         .values = ask->values,
                                         .count = count,
                                         .deadline = loop_now(loop) + milliseconds,
                                         .done = ask_done,
                                         .cookie = ask};
    return database_send(database, &ask->query);
}

static inline bool ask_answered(void *cookie)
{
    return ((const struct ask *)cookie)->answers > 0;
}

static inline bool ask_serving(void *cookie)
{
    return database_fault(cookie) == NULL;
}

static inline bool ask_not_serving(void *cookie)
{
    return database_fault(cookie) != NULL;
}

#endif
