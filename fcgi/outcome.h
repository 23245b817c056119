#ifndef PURSER_OUTCOME_H
#define PURSER_OUTCOME_H

/* What an error of PostgreSQL means for the query that got it. For database.c. */

#include "database.h"

enum outcome_verdict {
    OUTCOME_ANSWER,   /* the error is the answer */
    OUTCOME_AGAIN,    /* it may go well the next time */
    OUTCOME_LOCKED,   /* another session has a lock that it needs */
    OUTCOME_RECONNECT /* not on this connection */
};

/* Judge by the SQLSTATE (PostgreSQL manual, appendix A); for OUTCOME_ANSWER also say which `outcome` it is.
 */
enum outcome_verdict outcome_judge(const PGresult *error, enum database_outcome *outcome);

/* Whether a result is no error. */
bool outcome_succeeded(const PGresult *result);

#endif
