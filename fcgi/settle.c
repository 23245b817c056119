#include "settle.h"

#include "batch.h"
#include "blocked.h"
#include "log.h"
#include "outcome.h"

static void log_failure(const struct database_job *job, const PGresult *error)
{
    log_line(LOG_LEVEL_ERROR, "a statement failed", "statement", job->statement->text.name, "sqlstate",
             PQresultErrorField(error, PG_DIAG_SQLSTATE), "reason",
             PQresultErrorField(error, PG_DIAG_MESSAGE_PRIMARY), LOG_END);
}

/* Its statement is for many: the answer has rows of others too. */
static bool goes_with_others(const struct database_job *job)
{
    return job->statement->kind == DATABASE_LOOKUP || job->statement->kind == DATABASE_INSERT;
}

/* A job in flight has failed by itself. */
static void settle_error(struct connection *connection, struct database_job *job, const PGresult *error)
{
    enum database_outcome outcome = DATABASE_FAILED;
    switch (outcome_judge(error, &outcome)) {
    case OUTCOME_RECONNECT: /* it is sent again after the fall */
        lane_drop(connection->lane, "PostgreSQL asked for a new connection");
        break;
    case OUTCOME_AGAIN:
        jobs_remove(&connection->flight, job);
        jobs_send_again(job, true);
        break;
    case OUTCOME_LOCKED:
        jobs_remove(&connection->flight, job);
        blocked_add(job);
        break;
    case OUTCOME_ANSWER:
        if (outcome == DATABASE_FAILED || outcome == DATABASE_FULL)
            log_failure(job, error);
        jobs_remove(&connection->flight, job);
        jobs_answer(job, &(struct database_result){.outcome = outcome, .rows = error});
        break;
    }
}

/* Each of `count` jobs in flight from `job` on gets its row of the answer, or all rows if it asked alone. */
static void settle_success(struct connection *connection, struct database_job *job, int count,
                           const PGresult *result)
{
    for (int guess = 0; count > 0; count--) {
        struct database_job *next = job->next;
        struct database_result own = {.outcome = DATABASE_OK, .rows = result, .count = PQntuples(result)};
        if (goes_with_others(job) && job->query != NULL) {
            own.first = batch_find_row(result, job->query, guess);
            own.count = own.first >= 0;
            guess = own.first + 1;
        }
        jobs_remove(&connection->flight, job);
        jobs_answer(job, &own);
        job = next;
    }
}

/*
 * Of one, it was its own fault. Of several, each is sent again by itself, so that only the guilty one fails;
 * so is one whose neighbour under the same Sync has failed. That the connection is to be given up is nobody's
 * fault.
 */
static void settle_failure(struct connection *connection, struct database_job *job, int count,
                           const PGresult *error)
{
    enum database_outcome outcome;
    bool aborted = PQresultStatus(error) == PGRES_PIPELINE_ABORTED;
    enum outcome_verdict verdict = aborted ? OUTCOME_AGAIN : outcome_judge(error, &outcome);
    if (!aborted && (count == 1 || verdict == OUTCOME_RECONNECT)) {
        settle_error(connection, job, error);
        return;
    }
    if (verdict == OUTCOME_LOCKED)
        blocked_suspect(job, count);
    jobs_send_run_again(connection, job, count, true);
}

static void settle(struct connection *connection, struct database_job *job, int count, const PGresult *result)
{
    if (outcome_succeeded(result))
        settle_success(connection, job, count, result);
    else
        settle_failure(connection, job, count, result);
}

/*
 * Whether a transaction's result is known already when `next` comes: the first error tells more than what
 * follows from it; and an insert's rows are the answer, not what is run behind it.
 */
static bool is_decided(const struct connection *connection, const PGresult *next)
{
    const struct database_job *job = connection->flight.first;
    if (connection->result == NULL)
        return false;
    return !outcome_succeeded(connection->result) ||
           (job != NULL && job->statement->kind == DATABASE_INSERT && outcome_succeeded(next));
}

static void callback_result(void *cookie, void *tag, PGresult *result)
{
    struct connection *connection = cookie;
    struct database_job *job = tag;
    uint64_t now = loop_now(connection->database->loop);
    if (job != NULL && job->statement->kind == DATABASE_SEARCH)
        pace_note(&connection->database->pace, now - connection->moved);
    connection->moved = now;
    if (job != NULL) {
        if (job->statement->kind == DATABASE_LOOKUP) {
            connection->looking = false;
            loop_defer(connection->database->loop, &connection->database->dispatch);
        }
        settle(connection, job, job->together, result);
        PQclear(result);
    } else if (is_decided(connection, result)) {
        PQclear(result);
    } else {
        PQclear(connection->result);
        connection->result = result;
    }
}

static void callback_synced(void *cookie, const PGresult *error)
{
    struct connection *connection = cookie;
    PGresult *result = connection->result;
    connection->result = NULL;
    connection->moved = loop_now(connection->database->loop);
    connection->silences = 0;
    if (result == NULL || connection->flight.first == NULL)
        ; /* reads: they were answered as their rows came */
    else
        settle(connection, connection->flight.first, connection->flight.count,
               error != NULL ? error : result);
    PQclear(result);
    loop_defer(connection->database->loop, &connection->database->dispatch);
}

static void callback_down(void *cookie)
{
    struct connection *connection = cookie;
    PQclear(connection->result);
    connection->result = NULL;
    connection->unsynced = connection->looking = false;
    jobs_send_run_again(connection, connection->flight.first, connection->flight.count, false);
}

static void callback_ready(void *cookie)
{
    struct connection *connection = cookie;
    loop_defer(connection->database->loop, &connection->database->dispatch);
}

const struct lane_handler settle_callbacks = {
    .ready = callback_ready, .result = callback_result, .synced = callback_synced, .down = callback_down};
