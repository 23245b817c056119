#include "blocked.h"

#define PAUSE_MS                                                                                             \
    750 /* from one that has met its lock to the next, while others have a use for the writer                \
         */

/* ---- rows ---- */

static bool has_row(const struct jobs *jobs, uint64_t row)
{
    const struct database_job *job = jobs->first;
    while (job != NULL && job->row != row)
        job = job->next;
    return job != NULL;
}

/* What writer number `i` is at work on: a write that is alone, or the first of a batch of inserts, or NULL.
 */
static const struct database_job *work_of(const struct database *database, int i)
{
    return database->connections[database->readers + database->searchers + i].flight.first;
}

/* The others of its row would only wait for its lock in PostgreSQL, each with a writer of its own. */
static bool row_is_busy(const struct database *database, uint64_t row)
{
    for (int i = 0; row != 0 && i < database->writers; i++)
        if (work_of(database, i) != NULL && work_of(database, i)->row == row)
            return true;
    return false;
}

static bool row_is_locked(const struct database *database, uint64_t row)
{
    if (row == 0)
        return false;
    for (int i = 0; i < database->writers; i++)
        if (work_of(database, i) != NULL && work_of(database, i)->blocked && work_of(database, i)->row == row)
            return true;
    return has_row(&database->blocked, row);
}

/* ---- in ---- */

static void move_here(struct jobs *from, struct database_job *job)
{
    jobs_remove(from, job);
    job->blocked = job->alone = true;
    jobs_append(&job->database->blocked, job);
}

static void callback_pause(void *cookie)
{
    struct database *database = cookie;
    loop_defer(database->loop, &database->dispatch);
}

void blocked_init(struct database *database)
{
    database->blocked_pause = (struct loop_timer){.due = callback_pause, .cookie = database};
}

/* Others were sent since this one was, or wait to be: its writer is theirs for a while. */
static void pause_for_others(struct database *database, const struct database_job *job)
{
    const struct jobs *queues = database->queues;
    bool passed = job->turn != 0 && job->turn != database->turns; /* 0: it was in a batch of inserts */
    if (passed || queues[DATABASE_WRITE].count > 0 || queues[DATABASE_INSERT].count > 0)
        loop_timer_set(database->loop, &database->blocked_pause, PAUSE_MS);
}

void blocked_add(struct database_job *job)
{
    struct database *database = job->database;
    struct jobs *blocked = &database->blocked;
    uint64_t row = job->row;
    pause_for_others(database, job);
    if (job->query == NULL) {
        jobs_recycle(job);
    } else {
        job->connection = NULL;
        job->blocked = job->alone = true;
        jobs_append(blocked, job);
    }
    struct database_job *each = blocked->first;
    for (int count = row != 0 ? blocked->count : 0; count > 0; count--) {
        struct database_job *next = each->next;
        if (each->row == row)
            move_here(blocked, each);
        each = next;
    }
    loop_defer(database->loop, &database->dispatch);
}

void blocked_suspect(struct database_job *job, int count)
{
    for (; count > 0; count--, job = job->next)
        job->blocked = true;
}

void blocked_sort_out(struct database *database, struct jobs *queue, int most)
{
    for (struct database_job *job = queue->first; job != NULL && most > 0; most--) {
        struct database_job *next = job->next;
        if (row_is_locked(database, job->row))
            move_here(queue, job);
        job = next;
    }
}

/* ---- out ---- */

/* The first that needn't wait for another of its row. */
static struct database_job *find_write(struct database *database)
{
    struct jobs *queue = &database->queues[DATABASE_WRITE];
    for (struct database_job *job = queue->first; job != NULL;) {
        struct database_job *next = job->next;
        if (row_is_locked(database, job->row))
            move_here(queue, job);
        else if (!row_is_busy(database, job->row))
            return job;
        job = next;
    }
    return NULL;
}

/* One writer is left to the others, if there are two beside that of the inserts. */
static bool may_try(const struct database *database)
{
    int ready = 0, trying = 0;
    for (int i = 0; i < database->writers; i++) {
        const struct database_job *job = work_of(database, i);
        ready += i > 0 && lane_ready(database->connections[database->readers + database->searchers + i].lane);
        trying += job != NULL && job->blocked;
    }
    return trying < (ready > 2 ? ready - 1 : 1);
}

static struct database_job *find_blocked(const struct database *database)
{
    struct database_job *job = may_try(database) ? database->blocked.first : NULL;
    while (job != NULL && row_is_busy(database, job->row))
        job = job->next;
    return job;
}

struct database_job *blocked_next(struct database *database)
{
    struct database_job *write = find_write(database);
    struct database_job *job = database->blocked_pause.set ? NULL : find_blocked(database);
    if (job == NULL)
        job = write;
    if (job == NULL)
        return NULL;
    database->turns += job == write;
    job->turn = database->turns;
    jobs_remove(jobs_queue(job), job);
    return job;
}

bool blocked_waits(const struct database_job *job)
{
    return job->blocked || row_is_busy(job->database, job->row) || row_is_locked(job->database, job->row);
}
