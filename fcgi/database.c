#include "database.h"

#include "batch.h"
#include "jobs.h"
#include "log.h"
#include "outcome.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_MOST 128 /* inserts in one statement */

struct connection {
    struct database *database;
    struct lane *lane;
    struct jobs flight; /* sent and not answered, in the order of sending; on a writer: one transaction */
    PGresult *
        result; /* of a writer's transaction: the last, or the first error; it counts once the Sync is back */
    bool unsynced; /* something was sent since the last Sync */
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

/* ---- answering ---- */

static void recycle(struct database *database, struct database_job *job)
{
    loop_timer_clear(database->loop, &job->deadline);
    job->query = NULL;
    jobs_append(&database->spare, job);
}

/* The job is in no list. */
static void answer(struct database *database, struct database_job *job, const struct database_result *result)
{
    struct database_query *query = job->query;
    recycle(database, job);
    if (query == NULL)
        return;
    query->job = NULL;
    query->done(query->cookie, result);
}

static void answer_outcome(struct database *database, struct database_job *job, enum database_outcome outcome)
{
    answer(database, job, &(struct database_result){.outcome = outcome});
}

static void answer_rows(struct database *database, struct database_job *job, enum database_outcome outcome,
                        const PGresult *rows)
{
    answer(database, job,
           &(struct database_result){.outcome = outcome, .rows = rows, .count = PQntuples(rows)});
}

/* To the front, because it came before those that wait; `alone`: it gets a transaction of its own. */
static void send_again(struct database *database, struct database_job *job, bool alone)
{
    job->connection = NULL;
    job->alone = job->alone || alone;
    if (job->query == NULL)
        recycle(database, job);
    else
        jobs_prepend(&database->queues[job->statement->kind], job);
    loop_defer(database->loop, &database->dispatch);
}

/* All that is in flight, from the back, so that the order stays. */
static void send_all_again(struct connection *connection, bool alone)
{
    while (connection->flight.last != NULL) {
        struct database_job *job = connection->flight.last;
        jobs_remove(&connection->flight, job);
        send_again(connection->database, job, alone);
    }
}

static void callback_deadline(void *cookie)
{
    struct database_job *job = cookie;
    struct database *database = job->database;
    struct database_query *query = job->query;
    struct database_result result = {.outcome = DATABASE_TIMEOUT};
    if (job->connection == NULL) {
        jobs_remove(&database->queues[job->statement->kind], job);
        answer_outcome(database, job, job->sent ? DATABASE_LOST : DATABASE_AWAY);
        return;
    }
    /* It stays in flight until its connection says what became of it, but nobody waits for that any more. */
    job->query = NULL;
    query->job = NULL;
    query->done(query->cookie, &result);
}

/* ---- what a connection reports ---- */

static void log_failure(const struct database_job *job, const PGresult *error)
{
    log_line(LOG_LEVEL_ERROR, "a statement failed", "statement", job->statement->text.name, "sqlstate",
             PQresultErrorField(error, PG_DIAG_SQLSTATE), "reason",
             PQresultErrorField(error, PG_DIAG_MESSAGE_PRIMARY), LOG_END);
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
        send_again(connection->database, job, true);
        break;
    case OUTCOME_ANSWER:
        if (outcome == DATABASE_FAILED || outcome == DATABASE_FULL)
            log_failure(job, error);
        jobs_remove(&connection->flight, job);
        answer_rows(connection->database, job, outcome, error);
        break;
    }
}

static void settle_read(struct connection *connection, struct database_job *job, const PGresult *result)
{
    if (PQresultStatus(result) == PGRES_PIPELINE_ABORTED) { /* a neighbour under the same Sync failed */
        jobs_remove(&connection->flight, job);
        send_again(connection->database, job, true);
    } else if (outcome_succeeded(result)) {
        jobs_remove(&connection->flight, job);
        answer_rows(connection->database, job, DATABASE_OK, result);
    } else {
        settle_error(connection, job, result);
    }
}

static void callback_result(void *cookie, void *tag, PGresult *result)
{
    struct connection *connection = cookie;
    if (tag != NULL) {
        settle_read(connection, tag, result);
        PQclear(result);
    } else if (connection->result != NULL && !outcome_succeeded(connection->result)) {
        PQclear(result); /* the first error tells more than what follows from it */
    } else {
        PQclear(connection->result);
        connection->result = result;
    }
}

static void settle_commit(struct connection *connection, const PGresult *result)
{
    struct database *database = connection->database;
    struct database_job *job;
    for (int place = 0; (job = jobs_take(&connection->flight)) != NULL; place++) {
        struct database_result own = {.outcome = DATABASE_OK, .rows = result, .count = PQntuples(result)};
        if (job->statement->kind == DATABASE_INSERT && job->query != NULL) {
            own.first = batch_find_row(result, job->query, place);
            own.count = own.first >= 0;
        }
        answer(database, job, &own);
    }
}

/* Of one, it was its own fault. Of several, each gets a transaction of its own, so that only the guilty one
 * fails. */
static void settle_rollback(struct connection *connection, const PGresult *error)
{
    if (connection->flight.first == connection->flight.last)
        settle_error(connection, connection->flight.first, error);
    else
        send_all_again(connection, true);
}

static void callback_synced(void *cookie, const PGresult *error)
{
    struct connection *connection = cookie;
    PGresult *result = connection->result;
    connection->result = NULL;
    if (result == NULL || connection->flight.first == NULL)
        ; /* reads: they were answered as their rows came */
    else if (error == NULL && outcome_succeeded(result))
        settle_commit(connection, result);
    else
        settle_rollback(connection, error != NULL ? error : result);
    PQclear(result);
    loop_defer(connection->database->loop, &connection->database->dispatch);
}

static void callback_down(void *cookie)
{
    struct connection *connection = cookie;
    PQclear(connection->result);
    connection->result = NULL;
    connection->unsynced = false;
    send_all_again(connection, false);
}

static void callback_ready(void *cookie)
{
    struct connection *connection = cookie;
    loop_defer(connection->database->loop, &connection->database->dispatch);
}

/* ---- sending ---- */

static void launch(struct connection *connection, struct database_job *job)
{
    job->connection = connection;
    job->sent = true;
    jobs_append(&connection->flight, job);
    connection->unsynced = true;
}

/* A read's result comes with the job as its tag; a transaction has one result for all its jobs, and no tag.
 */
static void send_read(struct connection *connection, struct database_job *job)
{
    launch(connection, job);
    lane_execute(connection->lane, &job->statement->text, job->query->values, job->query->count, job);
}

static void send_write(struct connection *connection, struct database_job *job)
{
    const struct database_statement *statement = job->statement;
    launch(connection, job);
    lane_execute(connection->lane, &statement->text, job->query->values, job->query->count, NULL);
    if (statement->then != NULL)
        lane_execute(connection->lane, &statement->then->text, job->query->values, 1, NULL);
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
        send_read(reader, jobs_take(queue));
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

/* What waits at the front and can go together: the same statement, and nobody who must be alone. */
static void launch_batch(struct connection *writer, struct jobs *queue)
{
    const struct database_statement *statement = queue->first->statement;
    bool alone = queue->first->alone;
    do
        launch(writer, jobs_take(queue));
    while (!alone && queue->first != NULL && !queue->first->alone && queue->first->statement == statement &&
           writer->flight.count < BATCH_MOST);
}

static void dispatch_inserts(struct database *database)
{
    struct jobs *queue = &database->queues[DATABASE_INSERT];
    struct connection *writer;
    if (queue->first == NULL || (writer = pick_for_inserts(database)) == NULL)
        return;
    launch_batch(writer, queue);
    if (batch_execute(writer->lane, &writer->flight, NULL) == 0) {
        end_transaction(writer);
        return;
    }
    writer->unsynced = false;
    for (struct database_job *job; (job = jobs_take(&writer->flight)) != NULL;)
        answer_outcome(database, job, DATABASE_FULL);
    loop_defer(database->loop, &database->dispatch); /* the next batch: no answer will come to send it */
}

static void dispatch_writes(struct database *database)
{
    struct jobs *queue = &database->queues[DATABASE_WRITE];
    struct connection *writer;
    while (queue->first != NULL && (writer = pick_for_writes(database)) != NULL) {
        send_write(writer, jobs_take(queue));
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
        free(job);
    }
}

void database_free(struct database *database)
{
    if (database == NULL)
        return;
    for (int i = 0; database->connections != NULL && i < database->readers + database->writers; i++) {
        lane_free(database->connections[i].lane);
        PQclear(database->connections[i].result);
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

/* NULL when one of `count` connections is ready. */
static const char *fault_of(const struct connection *connections, int count)
{
    const char *fault = NULL;
    for (int i = 0; i < count; i++) {
        fault = lane_fault(connections[i].lane);
        if (fault == NULL)
            return NULL;
    }
    return fault;
}

const char *database_fault(const struct database *database)
{
    const char *fault = fault_of(database->connections, database->readers);
    return fault != NULL ? fault : fault_of(database->connections + database->readers, database->writers);
}
