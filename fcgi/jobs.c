#include "jobs.h"

#include <stdlib.h>

static void link_between(struct jobs *jobs, struct database_job *job, struct database_job *previous,
                         struct database_job *next)
{
    job->previous = previous;
    job->next = next;
    *(previous ? &previous->next : &jobs->first) = job;
    *(next ? &next->previous : &jobs->last) = job;
    jobs->count++;
}

void jobs_append(struct jobs *jobs, struct database_job *job)
{
    link_between(jobs, job, jobs->last, NULL);
}

void jobs_prepend(struct jobs *jobs, struct database_job *job)
{
    link_between(jobs, job, NULL, jobs->first);
}

void jobs_remove(struct jobs *jobs, struct database_job *job)
{
    *(job->previous ? &job->previous->next : &jobs->first) = job->next;
    *(job->next ? &job->next->previous : &jobs->last) = job->previous;
    jobs->count--;
}

struct database_job *jobs_take(struct jobs *jobs)
{
    struct database_job *job = jobs->first;
    if (job != NULL)
        jobs_remove(jobs, job);
    return job;
}

struct jobs *jobs_queue(const struct database_job *job)
{
    struct database *database = job->database;
    return job->blocked ? &database->blocked : &database->queues[job->statement->kind];
}

/* ---- the way of a job ---- */

struct database_job *jobs_create(struct database *database, struct database_job job)
{
    struct database_job *created = jobs_take(&database->spare);
    if (created == NULL && (created = calloc(1, sizeof *created)) == NULL)
        return NULL;
    *created = job;
    created->database = database;
    return created;
}

void jobs_launch(struct connection *connection, struct database_job *job)
{
    struct database *database = connection->database;
    job->connection = connection;
    job->sent = true;
    job->refused = false;
    job->together = 1;
    if (connection->flight.first == NULL)
        connection->moved = loop_now(database->loop);
    jobs_append(&connection->flight, job);
    connection->unsynced = true;
    if (!database->look.set)
        loop_timer_set(database->loop, &database->look, database->silent_ms);
}

/* ---- the end of a job ---- */

void jobs_recycle(struct database_job *job)
{
    struct database *database = job->database;
    loop_timer_clear(database->loop, &job->deadline);
    job->query = NULL;
    jobs_append(&database->spare, job);
}

/* The job is in no list. */
void jobs_answer(struct database_job *job, const struct database_result *result)
{
    struct database_query *query = job->query;
    jobs_recycle(job);
    if (query == NULL)
        return;
    query->job = NULL;
    query->done(query->cookie, result);
}

void jobs_answer_outcome(struct database_job *job, enum database_outcome outcome)
{
    jobs_answer(job, &(struct database_result){.outcome = outcome});
}

void jobs_send_again(struct database_job *job, bool alone)
{
    struct database *database = job->database;
    job->connection = NULL;
    job->refused = alone;
    job->alone = job->alone || alone;
    if (job->query == NULL)
        jobs_recycle(job);
    else
        jobs_prepend(jobs_queue(job), job);
    loop_defer(database->loop, &database->dispatch);
}

/* `count` jobs in flight from `job` on, the last one first, so that the order stays. */
void jobs_send_run_again(struct connection *connection, struct database_job *job, int count, bool alone)
{
    for (int i = 1; i < count; i++)
        job = job->next;
    for (; count > 0; count--) {
        struct database_job *previous = job->previous;
        jobs_remove(&connection->flight, job);
        jobs_send_again(job, alone);
        job = previous;
    }
}
