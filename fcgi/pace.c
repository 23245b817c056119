#include "pace.h"

#include "jobs.h"

#define LEAST  4 /* that say something */
#define SPARED 2 /* the longest of them, which don't count */

void pace_note(struct pace *pace, uint64_t ms)
{
    pace->took_ms[pace->count++ % PACE_KEPT] = ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

uint64_t pace_guess(const struct pace *pace, uint64_t searches)
{
    unsigned known = pace->count < PACE_KEPT ? pace->count : PACE_KEPT;
    uint64_t sum = 0, longest[SPARED] = {0};
    if (known < LEAST)
        return 0;
    for (unsigned i = 0; i < known; i++) {
        uint64_t took = pace->took_ms[i];
        sum += took;
        for (int place = 0; place < SPARED; place++) {
            uint64_t shorter = took < longest[place] ? took : longest[place];
            longest[place] = took < longest[place] ? longest[place] : took;
            took = shorter;
        }
    }
    for (int place = 0; place < SPARED; place++)
        sum -= longest[place];
    return sum * searches / (known - SPARED);
}

void pace_refuse(struct database *database)
{
    struct jobs *queue = &database->queues[DATABASE_SEARCH];
    const struct connection *searchers = &database->connections[database->readers];
    uint64_t now = loop_now(database->loop), ahead = (uint64_t)queue->count;
    for (int i = 0; i < database->searchers; i++)
        ahead += (uint64_t)searchers[i].flight.count;
    for (struct database_job *job = queue->last, *previous; job != NULL; job = previous, ahead--) {
        uint64_t deadline = job->query->deadline;
        uint64_t left = deadline > now ? deadline - now : 0;
        if (pace_guess(&database->pace, ahead) / (uint64_t)database->searchers <= left / 2)
            return;
        previous = job->previous;
        if (job->sent || job->query->begun)
            continue;
        jobs_remove(queue, job);
        jobs_answer_outcome(job, DATABASE_OVERLOADED);
    }
}
