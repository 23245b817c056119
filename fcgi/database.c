#include "database.h"

#include "jobs.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_MOST 128 /* inserts in one transaction */

struct connection {
    struct database *database;
    struct lane *lane;
    struct jobs flight; /* sent and not answered, in the order of sending */
    bool unsynced;      /* something was sent since the last Sync */
};

struct database {
    struct loop *loop;
    struct loop_task dispatch;
    struct connection *connections; /* the readers first, then the writers */
    int readers, writers;
    struct jobs queues[3]; /* by kind: waiting to be sent, oldest first */
    struct jobs spare;
    const struct lane_statement **statements;
};

struct database_result {
    enum database_outcome outcome;
    const PGresult *rows; /* NULL unless the outcome is OK, a conflict or invalid */
};

/* ---- answering ---- */

static void recycle(struct database *database, struct database_job *job)
{
    loop_timer_clear(database->loop, &job->deadline);
    PQclear(job->result);
    job->result = NULL;
    job->query = NULL;
    jobs_append(&database->spare, job);
}

/* The job is in no list. `rows` stay the caller's. */
static void answer(struct database *database, struct database_job *job, enum database_outcome outcome,
                   PGresult *rows)
{
    struct database_query *query = job->query;
    struct database_result result = {.outcome = outcome, .rows = rows};
    recycle(database, job);
    if (query == NULL)
        return;
    query->job = NULL;
    query->done(query->cookie, &result);
}

static void answer_with_result(struct database *database, struct database_job *job,
                               enum database_outcome outcome)
{
    PGresult *rows = job->result;
    job->result = NULL;
    answer(database, job, outcome, rows);
    PQclear(rows);
}

/* To the front, because it came before those that wait; `alone`: it gets a transaction of its own. */
static void send_again(struct database *database, struct database_job *job, bool alone)
{
    PQclear(job->result);
    job->result = NULL;
    job->connection = NULL;
    job->alone = job->alone || alone;
    if (job->query == NULL)
        recycle(database, job);
    else
        jobs_prepend(&database->queues[job->statement->kind], job);
    loop_defer(database->loop, &database->dispatch);
}

static void callback_deadline(void *cookie)
{
    struct database_job *job = cookie;
    struct database *database = job->database;
    struct database_query *query = job->query;
    struct database_result result = {.outcome = DATABASE_TIMEOUT};
    if (job->connection == NULL) {
        jobs_remove(&database->queues[job->statement->kind], job);
        answer(database, job, job->sent ? DATABASE_LOST : DATABASE_AWAY, NULL);
        return;
    }
    /* It stays in flight until its connection says what became of it, but nobody waits for that any more. */
    job->query = NULL;
    query->job = NULL;
    query->done(query->cookie, &result);
}

/* ---- errors ---- */

enum verdict { VERDICT_ANSWER, VERDICT_AGAIN, VERDICT_RECONNECT };

static bool in_class(const char *state, const char *classes)
{
    for (; *classes != '\0'; classes += 2)
        if (strncmp(state, classes, 2) == 0)
            return true;
    return false;
}

/* What an SQLSTATE (PostgreSQL manual, appendix A) means for the query that got it. */
static enum verdict judge(const char *state, enum database_outcome *outcome)
{
    if (state == NULL || in_class(state, "08") || strncmp(state, "57P", 3) == 0 ||
        strcmp(state, "25006") == 0 || /* read-only: the primary is somewhere else now */
        strcmp(state, "0A000") == 0 || /* "cached plan must not change result type": prepare afresh */
        strcmp(state, "26000") == 0)   /* the prepared statement is gone */
        return VERDICT_RECONNECT;
    if (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0)
        return VERDICT_AGAIN;
    if (strcmp(state, "23505") == 0)
        *outcome = DATABASE_CONFLICT;
    else if (in_class(state, "2223"))
        *outcome = DATABASE_INVALID;
    else if (strcmp(state, "57014") == 0 || strcmp(state, "55P03") == 0)
        *outcome = DATABASE_TIMEOUT;
    else if (in_class(state, "53"))
        *outcome = DATABASE_FULL;
    else
        *outcome = DATABASE_FAILED;
    return VERDICT_ANSWER;
}

static void log_failure(const struct database_job *job, const PGresult *error)
{
    log_line(LOG_LEVEL_ERROR, "a statement failed", "statement", job->statement->text.name, "sqlstate",
             PQresultErrorField(error, PG_DIAG_SQLSTATE), "reason",
             PQresultErrorField(error, PG_DIAG_MESSAGE_PRIMARY), LOG_END);
}

/* The job has failed by itself, its own error in `error`. */
static void settle_error(struct connection *connection, struct database_job *job, const PGresult *error)
{
    struct database *database = connection->database;
    enum database_outcome outcome = DATABASE_FAILED;
    switch (judge(PQresultErrorField(error, PG_DIAG_SQLSTATE), &outcome)) {
    case VERDICT_RECONNECT:
        lane_drop(connection->lane,
                  "PostgreSQL asked for a new connection"); /* it is sent again after the fall */
        break;
    case VERDICT_AGAIN:
        jobs_remove(&connection->flight, job);
        send_again(database, job, true);
        break;
    case VERDICT_ANSWER:
        if (outcome == DATABASE_FAILED || outcome == DATABASE_FULL)
            log_failure(job, error);
        jobs_remove(&connection->flight, job);
        if (error == job->result)
            answer_with_result(database, job, outcome);
        else
            answer(database, job, outcome, NULL);
        break;
    }
}

static bool succeeded(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

/* ---- what a connection reports ---- */

static void settle_read(struct connection *connection, struct database_job *job)
{
    if (PQresultStatus(job->result) == PGRES_PIPELINE_ABORTED) { /* a neighbour under the same Sync failed */
        jobs_remove(&connection->flight, job);
        send_again(connection->database, job, true);
    } else if (succeeded(job->result)) {
        jobs_remove(&connection->flight, job);
        answer_with_result(connection->database, job, DATABASE_OK);
    } else {
        settle_error(connection, job, job->result);
    }
}

static void callback_result(void *cookie, void *tag, PGresult *result)
{
    struct connection *connection = cookie;
    struct database_job *job = tag;
    if (job->result != NULL && !succeeded(job->result)) {
        PQclear(result); /* its first error tells more than what follows from it */
    } else {
        PQclear(job->result);
        job->result = result;
    }
    job->owed--;
    if (job->owed == 0 && job->statement->kind == DATABASE_READ)
        settle_read(connection, job);
}

/* The transaction of all that is in flight was rolled back. */
static void settle_rollback(struct connection *connection, const PGresult *commit_error)
{
    struct database_job *job = connection->flight.first;
    if (job != connection->flight.last) {
        while ((job = connection->flight.last) !=
               NULL) { /* from the back: each goes to the front of the queue */
            jobs_remove(&connection->flight, job);
            send_again(connection->database, job, true);
        }
    } else {
        settle_error(connection, job, commit_error != NULL ? commit_error : job->result);
    }
}

static void callback_synced(void *cookie, const PGresult *error)
{
    struct connection *connection = cookie;
    struct database *database = connection->database;
    if (connection < database->connections + database->readers || connection->flight.first == NULL)
        return; /* reads were answered as their rows came */
    bool committed = error == NULL;
    for (struct database_job *job = connection->flight.first; job != NULL; job = job->next)
        committed = committed && job->result != NULL && succeeded(job->result);
    if (!committed)
        settle_rollback(connection, error);
    else
        for (struct database_job *job; (job = jobs_take(&connection->flight)) != NULL;)
            answer_with_result(database, job, DATABASE_OK);
    loop_defer(database->loop, &database->dispatch);
}

static void callback_down(void *cookie)
{
    struct connection *connection = cookie;
    struct database_job *job;
    while ((job = connection->flight.last) != NULL) {
        jobs_remove(&connection->flight, job);
        send_again(connection->database, job, false);
    }
}

static void callback_ready(void *cookie)
{
    struct connection *connection = cookie;
    loop_defer(connection->database->loop, &connection->database->dispatch);
}

/* ---- sending ---- */

static void send_job(struct connection *connection, struct database_job *job)
{
    const struct database_statement *statement = job->statement;
    job->connection = connection;
    job->sent = true;
    job->owed = statement->then != NULL ? 2 : 1;
    jobs_append(&connection->flight, job);
    lane_execute(connection->lane, &statement->text, job->query->values, job->query->count, job);
    if (statement->then != NULL)
        lane_execute(connection->lane, &statement->then->text, job->query->values, 1, job);
    connection->unsynced = true;
}

static void end_transaction(struct connection *connection)
{
    if (connection->unsynced)
        lane_sync(connection->lane);
    connection->unsynced = false;
}

static struct connection *pick_reader(struct database *database)
{
    struct connection *best = NULL;
    for (int i = 0; i < database->readers; i++) {
        struct connection *each = &database->connections[i];
        if (lane_ready(each->lane) && (best == NULL || each->flight.count < best->flight.count))
            best = each;
    }
    return best;
}

static void dispatch_reads(struct database *database)
{
    struct jobs *queue = &database->queues[DATABASE_READ];
    struct connection *reader;
    while (queue->first != NULL && (reader = pick_reader(database)) != NULL) {
        bool alone = queue->first->alone;
        if (alone)
            end_transaction(reader);
        send_job(reader, jobs_take(queue));
        if (alone)
            end_transaction(reader);
    }
    for (int i = 0; i < database->readers; i++)
        end_transaction(&database->connections[i]);
}

/* The first writer is for inserts. As long as its batch is on its way, what comes in becomes the next batch.
 */
static struct connection *pick_for_inserts(struct database *database)
{
    for (int i = 0; i < database->writers; i++) {
        struct connection *each = &database->connections[database->readers + i];
        if (lane_ready(each->lane))
            return each->flight.first == NULL ? each : NULL;
    }
    return NULL;
}

/* The other writers are for the rest, so that a locked row leaves the inserts alone; one that is idle. */
static struct connection *pick_for_writes(struct database *database)
{
    bool any_ready = false;
    for (int i = database->writers - 1; i >= 0; i--) {
        struct connection *each = &database->connections[database->readers + i];
        if (!lane_ready(each->lane) || (i == 0 && any_ready))
            continue;
        if (each->flight.first == NULL)
            return each;
        any_ready = true;
    }
    return NULL;
}

static void dispatch_inserts(struct database *database)
{
    struct jobs *queue = &database->queues[DATABASE_INSERT];
    struct connection *writer;
    if (queue->first == NULL || (writer = pick_for_inserts(database)) == NULL)
        return;
    bool alone = queue->first->alone;
    do
        send_job(writer, jobs_take(queue));
    while (!alone && queue->first != NULL && !queue->first->alone && writer->flight.count < BATCH_MOST);
    end_transaction(writer);
}

static void dispatch_writes(struct database *database)
{
    struct jobs *queue = &database->queues[DATABASE_WRITE];
    struct connection *writer;
    while (queue->first != NULL && (writer = pick_for_writes(database)) != NULL) {
        send_job(writer, jobs_take(queue));
        end_transaction(writer);
    }
}

static void callback_dispatch(void *cookie)
{
    struct database *database = cookie;
    dispatch_reads(database);
    dispatch_inserts(database);
    dispatch_writes(database);
}

int database_send(struct database *database, struct database_query *query)
{
    struct database_job *job = jobs_take(&database->spare);
    if (job == NULL && (job = calloc(1, sizeof *job)) == NULL)
        return -1;
    *job = (struct database_job){.database = database, .query = query, .statement = query->statement};
    job->deadline = (struct loop_timer){.due = callback_deadline, .cookie = job};
    query->job = job;
    uint64_t now = loop_now(database->loop);
    loop_timer_set(database->loop, &job->deadline, query->deadline > now ? query->deadline - now : 0);
    jobs_append(&database->queues[query->statement->kind], job);
    loop_defer(database->loop, &database->dispatch);
    return 0;
}

void database_cancel(struct database *database, struct database_query *query)
{
    struct database_job *job = query->job;
    if (job == NULL)
        return;
    query->job = NULL;
    job->query = NULL;
    loop_timer_clear(database->loop, &job->deadline);
    if (job->connection == NULL) {
        jobs_remove(&database->queues[job->statement->kind], job);
        recycle(database, job);
    }
}

/* ---- life ---- */

static const struct lane_handler lane_callbacks = {
    .ready = callback_ready, .result = callback_result, .synced = callback_synced, .down = callback_down};

/* The list that the lanes prepare: each statement, and what it is followed by. */
static const struct lane_statement **list_statements(const struct database_statement *const *statements)
{
    size_t count = 0;
    while (statements[count] != NULL)
        count++;
    const struct lane_statement **list = calloc(2 * count + 1, sizeof(struct lane_statement *));
    if (list == NULL)
        return NULL;
    size_t at = 0;
    for (; *statements != NULL; statements++) {
        list[at++] = &(*statements)->text;
        if ((*statements)->then != NULL)
            list[at++] = &(*statements)->then->text;
    }
    return list;
}

struct database *database_create(struct loop *loop, const struct database_options *options)
{
    struct database *database = calloc(1, sizeof *database);
    if (database == NULL)
        return NULL;
    database->loop = loop;
    database->dispatch = (struct loop_task){.run = callback_dispatch, .cookie = database};
    database->statements = list_statements(options->statements);
    database->connections =
        calloc((size_t)(options->readers + options->writers), sizeof *database->connections);
    if (database->statements == NULL || database->connections == NULL)
        goto failed;
    struct lane_options lane = {.statements = database->statements,
                                .statement_timeout_ms = options->deadline_ms};
    database->readers = options->readers;
    database->writers = options->writers;
    for (int i = 0; i < options->readers + options->writers; i++) {
        struct connection *connection = &database->connections[i];
        connection->database = database;
        connection->lane = lane_create(loop, &lane, &lane_callbacks, connection);
        if (connection->lane == NULL)
            goto failed;
    }
    return database;
failed:
    database_free(database);
    return NULL;
}

static void drop_jobs(struct database *database, struct jobs *jobs)
{
    for (struct database_job *job; (job = jobs_take(jobs)) != NULL;) {
        loop_timer_clear(database->loop, &job->deadline);
        if (job->query != NULL)
            job->query->job = NULL;
        PQclear(job->result);
        free(job);
    }
}

void database_free(struct database *database)
{
    if (database == NULL)
        return;
    for (int i = 0; database->connections != NULL && i < database->readers + database->writers; i++) {
        lane_free(database->connections[i].lane);
        drop_jobs(database, &database->connections[i].flight);
    }
    for (int kind = 0; kind < 3; kind++)
        drop_jobs(database, &database->queues[kind]);
    drop_jobs(database, &database->spare);
    loop_undefer(database->loop, &database->dispatch);
    free(database->connections);
    free(database->statements);
    free(database);
}

const char *database_fault(const struct database *database)
{
    for (int i = 0; i < database->readers + database->writers; i++)
        if (!lane_ready(database->connections[i].lane))
            return lane_fault(database->connections[i].lane);
    return NULL;
}

/* ---- results ---- */

enum database_outcome database_outcome(const struct database_result *result)
{
    return result->outcome;
}

int database_rows(const struct database_result *result)
{
    return result->rows != NULL ? PQntuples(result->rows) : 0;
}

void database_row(const struct database_result *result, int row, struct database_value *values, int columns)
{
    for (int i = 0; i < columns; i++) {
        int length = PQgetlength(result->rows, row, i);
        values[i].bytes = PQgetvalue(result->rows, row, i);
        values[i].length = length == 0 && PQgetisnull(result->rows, row, i) ? -1 : length;
    }
}

const char *database_constraint(const struct database_result *result)
{
    const char *name =
        result->rows != NULL ? PQresultErrorField(result->rows, PG_DIAG_CONSTRAINT_NAME) : NULL;
    return name != NULL ? name : "";
}
