#include "jobs.h"

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
