#include "database.h"

#include "batch.h"
#include "blocked.h"
#include "hash.h"
#include "jobs.h"
#include "settle.h"
#include "watch.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_MOST 128 /* lookups or inserts in one statement */
/* Searches on their way on one connection: PostgreSQL needn't wait for the next one. */
#define SEARCH_MOST 4

const struct database_statement database_search = {.text = {.name = "search", .binary = true},
                                                   .kind = DATABASE_SEARCH};

/* What to say of a query that waits to be sent when its deadline has passed. */
static enum database_outcome judge_waiting(const struct database_job *job)
{
    if (database_fault(job->database) == NULL && (job->refused || blocked_waits(job)))
        return DATABASE_TIMEOUT;
    return job->sent ? DATABASE_LOST : DATABASE_AWAY;
}

static void callback_deadline(void *cookie)
{
    struct database_job *job = cookie;
    struct database_query *query = job->query;
    struct database_result result = {.outcome = DATABASE_TIMEOUT};
    if (job->connection == NULL) {
        jobs_remove(jobs_queue(job), job);
        jobs_answer_outcome(job, judge_waiting(job));
        return;
    }
    /* It stays in flight until its connection says what became of it, but nobody waits for that any more. */
    job->query = NULL;
    query->job = NULL;
    watch_left(job);
    query->done(query->cookie, &result);
}

/* ---- sending ---- */

/*
 * What waits at the front of `queue`, and what can go with it: the same statement, and nobody who must be
 * alone. The result of reads and lookups comes with the first job as its tag; a transaction of a writer has
 * one result, and no tag.
 */
static bool send_batch(struct connection *connection, struct jobs *queue, bool tagged)
{
    struct database_job *first = queue->first;
    int count = 0;
    do {
        jobs_launch(connection, jobs_take(queue));
        count++;
    } while (!first->alone && queue->first != NULL && !queue->first->alone &&
             queue->first->statement == first->statement && count < BATCH_MOST);
    first->together = count;
    if (batch_execute(connection->lane, first, count, tagged ? first : NULL) == 0)
        return true;
    for (struct database_job *next; count > 0; count--, first = next) {
        next = first->next;
        jobs_remove(&connection->flight, first);
        jobs_answer_outcome(first, DATABASE_FULL);
    }
    loop_defer(connection->database->loop, &connection->database->dispatch); /* for those that still wait */
    return false;
}

static void send_read(struct connection *connection, struct jobs *queue)
{
    struct database_job *job = jobs_take(queue);
    jobs_launch(connection, job);
    lane_execute(connection->lane, &job->statement->text, job->query->values, job->query->count, job);
}

/* The job is in no list. */
static void send_write(struct connection *connection, struct database_job *job)
{
    const struct database_statement *statement = job->statement;
    jobs_launch(connection, job);
    lane_execute(connection->lane, &statement->text, job->query->values, job->query->count, NULL);
    if (statement->then != NULL)
        lane_execute(connection->lane, &statement->then->text, job->query->values, statement->then_count,
                     NULL);
}

static void end_transaction(struct connection *connection)
{
    if (connection->unsynced)
        lane_sync(connection->lane);
    connection->unsynced = false;
}

/* The reader with the least to do. One with lookups on their way gets no others: what comes in becomes the
 * next batch. */
static struct connection *pick_reader(struct database *database, enum database_kind kind)
{
    struct connection *best = NULL;
    for (int i = 0; i < database->readers; i++) {
        struct connection *each = &database->connections[i];
        if (!lane_ready(each->lane) || (kind == DATABASE_LOOKUP && each->looking))
            continue;
        if (best == NULL || each->flight.count < best->flight.count)
            best = each;
    }
    return best;
}

static void dispatch_reads(struct database *database, enum database_kind kind)
{
    struct jobs *queue = &database->queues[kind];
    struct connection *reader;
    while (queue->first != NULL && (reader = pick_reader(database, kind)) != NULL) {
        bool alone = queue->first->alone;
        if (alone)
            end_transaction(reader);
        if (kind == DATABASE_LOOKUP)
            reader->looking = send_batch(reader, queue, true);
        else
            send_read(reader, queue);
        if (alone)
            end_transaction(reader);
    }
}

/* The searcher with the least to do, or NULL. */
static struct connection *pick_searcher(struct database *database)
{
    struct connection *best = NULL;
    for (int i = 0; i < database->searchers; i++) {
        struct connection *each = &database->connections[database->readers + i];
        if (lane_ready(each->lane) && each->flight.count < SEARCH_MOST &&
            (best == NULL || each->flight.count < best->flight.count))
            best = each;
    }
    return best;
}

static void dispatch_searches(struct database *database)
{
    struct jobs *queue = &database->queues[DATABASE_SEARCH];
    struct connection *searcher;
    while (queue->first != NULL && (searcher = pick_searcher(database)) != NULL) {
        struct database_job *job = jobs_take(queue);
        jobs_launch(searcher, job);
        lane_query(searcher->lane, job->query->sql, job->query->values, job->query->count, job);
        end_transaction(searcher);
    }
    pace_refuse(database);
}

static struct connection *writer_of(struct database *database, int index)
{
    return &database->connections[database->readers + database->searchers + index];
}

/* The first writer is for inserts. As long as its batch is on its way, what comes in becomes the next batch.
 */
static struct connection *pick_for_inserts(struct database *database)
{
    for (int i = 0; i < database->writers; i++) {
        struct connection *each = writer_of(database, i);
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
        struct connection *each = writer_of(database, i);
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
    struct connection *writer = queue->first != NULL ? pick_for_inserts(database) : NULL;
    if (writer == NULL)
        return;
    blocked_sort_out(database, queue, BATCH_MOST);
    if (queue->first == NULL)
        return;
    send_batch(writer, queue, false);
    end_transaction(writer);
}

static void dispatch_writes(struct database *database)
{
    struct connection *writer;
    struct database_job *job;
    while ((writer = pick_for_writes(database)) != NULL && (job = blocked_next(database)) != NULL) {
        struct jobs one = {0};
        if (job->statement->kind == DATABASE_INSERT) {
            jobs_append(&one, job);
            send_batch(writer, &one, false);
        } else {
            send_write(writer, job);
        }
        end_transaction(writer);
    }
}

static void callback_dispatch(void *cookie)
{
    struct database *database = cookie;
    dispatch_reads(database, DATABASE_LOOKUP);
    dispatch_reads(database, DATABASE_READ);
    for (int i = 0; i < database->readers; i++)
        end_transaction(&database->connections[i]);
    dispatch_searches(database);
    dispatch_inserts(database);
    dispatch_writes(database);
}

/* What else is about the same row, or would have the same unique value, has the same one. */
static uint64_t row_of(const struct database_query *query)
{
    int place = query->statement->row - 1;
    return place < 0 || query->values[place] == NULL ? 0 : hash_text(HASH_BEGIN, query->values[place]);
}

int database_send(struct database *database, struct database_query *query)
{
    struct database_job *job = jobs_create(
        database, (struct database_job){.query = query, .statement = query->statement, .row = row_of(query)});
    if (job == NULL)
        return -1;
    job->deadline = (struct loop_timer){.due = callback_deadline, .cookie = job};
    query->job = job;
    uint64_t now = loop_now(database->loop);
    loop_timer_set(database->loop, &job->deadline, query->deadline > now ? query->deadline - now : 0);
    jobs_append(jobs_queue(job), job);
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
        jobs_remove(jobs_queue(job), job);
        jobs_recycle(job);
    } else {
        watch_left(job);
    }
}

/* ---- life ---- */

static void add_statement(const struct lane_statement **list, const struct database_statement *statement)
{
    while (*list != NULL && *list != &statement->text)
        list++;
    *list = &statement->text;
}

/* The list that the lanes prepare: each statement, and what it is followed by, once. */
static const struct lane_statement **list_statements(const struct database_statement *const *statements)
{
    size_t count = 0;
    while (statements[count] != NULL)
        count++;
    const struct lane_statement **list = calloc(2 * count + 1, sizeof(struct lane_statement *));
    if (list == NULL)
        return NULL;
    for (; *statements != NULL; statements++) {
        add_statement(list, *statements);
        if ((*statements)->then != NULL)
            add_statement(list, (*statements)->then);
    }
    return list;
}

/* The connections and their lanes. Returns 0, or -1 when memory ran out. */
static int create_connections(struct database *database, const struct database_options *options)
{
    static const struct lane_statement *const none[] = {NULL};
    int count = options->readers + options->searchers + options->writers;
    database->connections = calloc((size_t)count, sizeof *database->connections);
    if (database->connections == NULL)
        return -1;
    database->readers = options->readers;
    database->searchers = options->searchers;
    database->writers = options->writers;
    for (int i = 0; i < count; i++) {
        struct connection *connection = &database->connections[i];
        bool writes = i >= options->readers + options->searchers;
        bool searches = !writes && i >= options->readers;
        struct lane_options lane = {.statements = searches ? none : database->statements,
                                    .statement_timeout_ms = options->deadline_ms,
                                    .lock_timeout_ms = writes ? options->lock_timeout_ms : 0,
                                    .custom_plans = searches};
        connection->database = database;
        connection->lane = lane_create(database->loop, &lane, &settle_callbacks, connection);
        if (connection->lane == NULL)
            return -1;
    }
    return 0;
}

struct database *database_create(struct loop *loop, const struct database_options *options)
{
    struct database *database = calloc(1, sizeof *database);
    if (database == NULL)
        return NULL;
    database->loop = loop;
    database->dispatch = (struct loop_task){.run = callback_dispatch, .cookie = database};
    blocked_init(database);
    watch_init(database, options->deadline_ms);
    database->statements = list_statements(options->statements);
    if (database->statements != NULL && create_connections(database, options) == 0)
        return database;
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
    for (int i = 0;
         database->connections != NULL && i < database->readers + database->searchers + database->writers;
         i++) {
        lane_free(database->connections[i].lane);
        PQclear(database->connections[i].result);
        drop_jobs(database, &database->connections[i].flight);
    }
    for (int kind = 0; kind < DATABASE_KINDS; kind++)
        drop_jobs(database, &database->queues[kind]);
    drop_jobs(database, &database->blocked);
    drop_jobs(database, &database->spare);
    loop_undefer(database->loop, &database->dispatch);
    loop_timer_clear(database->loop, &database->look);
    loop_timer_clear(database->loop, &database->blocked_pause);
    free(database->connections);
    free(database->statements);
    free(database);
}

/* NULL when one of `count` connections is ready, or there is none to be. */
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
    const struct connection *connections = database->connections;
    const char *fault = fault_of(connections, database->readers);
    if (fault == NULL)
        fault = fault_of(connections + database->readers, database->searchers);
    if (fault == NULL)
        fault = fault_of(connections + database->readers + database->searchers, database->writers);
    return fault;
}
