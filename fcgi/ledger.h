#ifndef PURSER_LEDGER_H
#define PURSER_LEDGER_H

/* Keeps the ledger short: a note is of use only as long as the same request may come again. From nginx, or
 * the worker, that is soon (an hour is long enough); from a client with an Idempotency-Key, within 24 hours.
 */

#include "database.h"

struct ledger;

extern const struct database_statement ledger_statement;

/* Forget old notes every now and then. NULL when memory ran out. */
struct ledger *ledger_create(struct loop *loop, struct database *database);
void ledger_free(struct ledger *ledger); /* before the database; NULL is let pass */

#endif
