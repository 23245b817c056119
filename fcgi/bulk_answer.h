#ifndef PURSER_BULK_ANSWER_H
#define PURSER_BULK_ANSWER_H

/* What bulk.h's handlers make of a result. Each answers the request. */

#include "bulk_sql.h"
#include "crud_answer.h"
#include "intake.h"

/* A request under way; in the arena, as its state. */
struct bulk {
    struct crud crud; /* first: crud_answer.h finds it as the request's state */
    enum resource_statement statement;
    struct intake intake;
    bool lone;            /* one row, that is answered as crud_create answers */
    bool idempotent;      /* it has an Idempotency-Key */
    char note[UUID_SIZE]; /* in the ledger: the client's, or the request's own */
    char fingerprint[UUID_SIZE];
    const char *values[BULK_PARAMETERS];
    int count;             /* of the values */
    const char *replay[5]; /* RESOURCE_BULK_REPLAY's */
    int tries;
};

/* After a statement of bulk_sql.h that did what it was to do, or says why it did not. */
void bulk_answer_written(struct request *request, const struct database_result *result);

/* After RESOURCE_BULK_REPLAY, with at least one row. */
void bulk_answer_replayed(struct request *request, const struct database_result *result);

/* After DATABASE_CONFLICT and DATABASE_INVALID. */
void bulk_answer_refused(struct request *request, const struct database_result *result);

#endif
