#include "watch.h"

#include <stdio.h>

/* What is soon done anyway is let be; also the time between two looks at what isn't. */
#define LEFT_MS 100

/* More than statement_timeout, by which PostgreSQL itself ends what takes too long. */
#define SILENT_MS     1000
#define SILENCES_MOST 6

/*
 * The connection may have gone on to its next statement meanwhile: one that has only just begun, by a clock
 * that may be set back, is let be. So is a commit that waits for its standby: to end that wait would show
 * what may yet be lost. The role may have been changed with the settings; then the old one's are not ours.
 */
static const struct database_statement cancel = {
    .text = {.name = "cancel",
             .sql = "SELECT pg_cancel_backend(pid) FROM pg_stat_get_activity($1)"
                    " WHERE state IS DISTINCT FROM 'idle' AND wait_event IS DISTINCT FROM 'SyncRep'"
                    " AND (query_start BETWEEN now() - interval '50 ms' AND now()) IS NOT TRUE"
                    " AND pg_has_role(usesysid, 'USAGE')"},
    .kind = DATABASE_READ};

static bool nobody_waits(const struct database_job *job)
{
    return job->query == NULL && job->statement != &cancel;
}

/* Whether PostgreSQL is at work on a statement whose askers have all been gone for a while. */
static bool works_for_nobody(const struct connection *connection, uint64_t now)
{
    const struct database_job *job = connection->flight.first;
    if (now < connection->moved + LEFT_MS)
        return false;
    for (int count = job->together; count > 0; count--, job = job->next)
        if (!nobody_waits(job) || now < job->left + LEFT_MS)
            return false;
    return true;
}

static bool any_was_left(const struct connection *connection)
{
    const struct database_job *job = connection->flight.first;
    while (job != NULL && !nobody_waits(job))
        job = job->next;
    return job != NULL;
}

/*
 * Who can ask the server of `stuck` for something now: best one that is idle, else one that moves. A writer
 * in the midst of a transaction can't: what comes back with its Sync is that transaction's.
 */
static struct connection *find_helper(const struct connection *stuck, uint64_t now)
{
    struct database *database = stuck->database;
    int reading = database->readers + database->searchers;
    struct connection *moving = NULL;
    for (int i = 0; i < reading + database->writers; i++) {
        struct connection *each = &database->connections[i];
        if (each == stuck || !lane_ready(each->lane) || !lane_same_server(each->lane, stuck->lane))
            continue;
        if (each->flight.first == NULL)
            return each;
        if (moving == NULL && i < reading && now < each->moved + LEFT_MS)
            moving = each;
    }
    return moving;
}

/* When it can't be sent now, or comes to nothing, the next look sends it again. */
static void send_cancel(const struct connection *stuck, uint64_t now)
{
    struct connection *helper = find_helper(stuck, now);
    if (helper == NULL)
        return;
    struct database_job *job = jobs_create(stuck->database, (struct database_job){.statement = &cancel});
    if (job == NULL)
        return;
    char process[16];
    snprintf(process, sizeof process, "%d", lane_process(stuck->lane));
    jobs_launch(helper, job);
    lane_query(helper->lane, cancel.text.sql, (const char *[]){process}, 1, job);
    lane_sync(helper->lane);
    helper->unsynced = false;
}

/*
 * Look at one connection; returns in how many milliseconds to look again. One that was made anew in vain gets
 * more time: a commit that waits for a standby keeps its session, one of max_connections, when it is dropped.
 */
static uint64_t look_at(struct connection *connection, uint64_t now)
{
    uint64_t silent_ms = connection->database->silent_ms << connection->silences;
    uint64_t waited = now - connection->moved;
    if (waited >= silent_ms) {
        connection->silences += connection->silences < SILENCES_MOST;
        lane_pass_over(connection->lane, "PostgreSQL is silent");
        return silent_ms;
    }
    uint64_t again = silent_ms - waited;
    if (!any_was_left(connection))
        return again;
    if (works_for_nobody(connection, now))
        send_cancel(connection, now);
    return again < LEFT_MS ? again : LEFT_MS;
}

static void callback_look(void *cookie)
{
    struct database *database = cookie;
    uint64_t now = loop_now(database->loop), again = database->silent_ms;
    bool any = false;
    for (int i = 0; i < database->readers + database->searchers + database->writers; i++) {
        struct connection *each = &database->connections[i];
        if (each->flight.first == NULL)
            continue;
        uint64_t wish = look_at(each, now);
        if (wish < again)
            again = wish;
        any = true;
    }
    if (any)
        loop_timer_set(database->loop, &database->look, again);
}

void watch_init(struct database *database, uint64_t deadline_ms)
{
    database->silent_ms = deadline_ms + SILENT_MS;
    database->look = (struct loop_timer){.due = callback_look, .cookie = database};
}

void watch_left(struct database_job *job)
{
    struct database *database = job->database;
    job->left = loop_now(database->loop);
    if (!database->look.set || database->look.at > job->left + LEFT_MS)
        loop_timer_set(database->loop, &database->look, LEFT_MS);
}
