#include "outcome.h"

#include <string.h>

/* `classes` are pairs of characters, what an SQLSTATE begins with. */
static bool in_class(const char *state, const char *classes)
{
    for (; *classes != '\0'; classes += 2)
        if (strncmp(state, classes, 2) == 0)
            return true;
    return false;
}

static bool is_one_of(const char *state, const char *const *states)
{
    while (*states != NULL && strcmp(state, *states) != 0)
        states++;
    return *states != NULL;
}

enum outcome_verdict outcome_judge(const PGresult *error, enum database_outcome *outcome)
{
    static const char *const reconnect[] = {
        "57P01", "57P02", "57P03", "57P05", /* the server, or this session, is being shut down */
        "25006",                            /* read-only: the primary is somewhere else now */
        "0A000",                            /* "cached plan must not change result type": prepare afresh */
        "26000",                            /* the prepared statement is gone */
        NULL};
    static const char *const again[] = {"40001", "40P01", "57014", NULL};

    const char *state = PQresultErrorField(error, PG_DIAG_SQLSTATE);
    if (state == NULL || in_class(state, "08") || is_one_of(state, reconnect))
        return OUTCOME_RECONNECT;
    if (is_one_of(state, again))
        return OUTCOME_AGAIN;
    if (strcmp(state, "55P03") == 0)
        return OUTCOME_LOCKED;
    if (strcmp(state, "23505") == 0)
        *outcome = DATABASE_CONFLICT;
    else if (in_class(state, "2223"))
        *outcome = DATABASE_INVALID;
    else if (in_class(state, "53"))
        *outcome = DATABASE_FULL;
    else
        *outcome = DATABASE_FAILED;
    return OUTCOME_ANSWER;
}

bool outcome_succeeded(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result); /* of NULL: PGRES_FATAL_ERROR */
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}
