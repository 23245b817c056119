#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_PER_TURN 64

struct loop_watch {
    int fd;
    loop_ready *ready; /* NULL once unwatched */
    void *cookie;
    struct loop_watch *next; /* among those to be freed at the end of the turn */
};

struct loop {
    int epoll;
    bool stopped;
    uint64_t now;
    struct loop_timer *first, *last; /* in order of time */
    struct loop_task *tasks, **tasks_end;
    struct loop_watch *unwatched;
    int signals; /* signalfd, or -1 */
    struct loop_watch *signals_watch;
    void (*caught)(void *cookie, int signal);
    void *caught_cookie;
};

static uint64_t read_clock(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

struct loop *loop_create(void)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return NULL;
    loop->signals = -1;
    loop->tasks_end = &loop->tasks;
    loop->now = read_clock();
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0) {
        free(loop);
        return NULL;
    }
    return loop;
}

static void free_unwatched(struct loop *loop)
{
    while (loop->unwatched != NULL) {
        struct loop_watch *watch = loop->unwatched;
        loop->unwatched = watch->next;
        free(watch);
    }
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    loop_unwatch(loop, &loop->signals_watch);
    free_unwatched(loop);
    if (loop->signals >= 0)
        close(loop->signals);
    close(loop->epoll);
    free(loop);
}

uint64_t loop_now(const struct loop *loop)
{
    return loop->now;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

/* ---- descriptors ---- */

struct loop_watch *loop_watch(struct loop *loop, int fd, uint32_t events, loop_ready *ready, void *cookie)
{
    struct loop_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return NULL;
    watch->fd = fd;
    watch->ready = ready;
    watch->cookie = cookie;
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        free(watch);
        return NULL;
    }
    return watch;
}

int loop_rewatch(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    return epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watch->fd, &event);
}

void loop_unwatch(struct loop *loop, struct loop_watch **watch)
{
    struct loop_watch *gone = *watch;
    if (gone == NULL)
        return;
    *watch = NULL;
    /* It can only fail for a descriptor that is closed already, which epoll has forgotten by itself. */
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, gone->fd, NULL);
    gone->ready = NULL;
    gone->next = loop->unwatched;
    loop->unwatched = gone;
}

/* ---- timers: a list in order of time; most last equally long, so a new one belongs at the end ---- */

void loop_timer_clear(struct loop *loop, struct loop_timer *timer)
{
    if (!timer->set)
        return;
    *(timer->earlier ? &timer->earlier->later : &loop->first) = timer->later;
    *(timer->later ? &timer->later->earlier : &loop->last) = timer->earlier;
    timer->set = false;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t milliseconds)
{
    loop_timer_clear(loop, timer);
    timer->at = loop->now + milliseconds;
    struct loop_timer *earlier = loop->last;
    while (earlier != NULL && earlier->at > timer->at)
        earlier = earlier->earlier;
    timer->earlier = earlier;
    timer->later = earlier ? earlier->later : loop->first;
    *(earlier ? &earlier->later : &loop->first) = timer;
    *(timer->later ? &timer->later->earlier : &loop->last) = timer;
    timer->set = true;
}

static void call_timers(struct loop *loop)
{
    while (loop->first != NULL && loop->first->at <= loop->now) {
        struct loop_timer *timer = loop->first;
        loop_timer_clear(loop, timer);
        timer->due(timer->cookie);
    }
}

static int wait_time(const struct loop *loop)
{
    if (loop->tasks != NULL)
        return 0;
    if (loop->first == NULL)
        return -1;
    if (loop->first->at <= loop->now)
        return 0;
    uint64_t left = loop->first->at - loop->now;
    return left > 60000 ? 60000 : (int)left;
}

/* ---- tasks ---- */

void loop_defer(struct loop *loop, struct loop_task *task)
{
    if (task->waiting)
        return;
    task->waiting = true;
    task->next = NULL;
    *loop->tasks_end = task;
    loop->tasks_end = &task->next;
}

void loop_undefer(struct loop *loop, struct loop_task *task)
{
    if (!task->waiting)
        return;
    struct loop_task **link = &loop->tasks;
    while (*link != task)
        link = &(*link)->next;
    *link = task->next;
    if (loop->tasks_end == &task->next)
        loop->tasks_end = link;
    task->waiting = false;
}

static void run_tasks(struct loop *loop)
{
    while (loop->tasks != NULL) {
        struct loop_task *task = loop->tasks;
        loop_undefer(loop, task);
        task->run(task->cookie);
    }
}

/* ---- signals ---- */

static void callback_signal(void *cookie, uint32_t events)
{
    struct loop *loop = cookie;
    struct signalfd_siginfo info;
    (void)events;
    while (read(loop->signals, &info, sizeof info) == (ssize_t)sizeof info)
        loop->caught(loop->caught_cookie, (int)info.ssi_signo);
}

int loop_signals(struct loop *loop, const int *signals, void (*caught)(void *cookie, int signal),
                 void *cookie)
{
    sigset_t set;
    sigemptyset(&set);
    for (; *signals != 0; signals++)
        sigaddset(&set, *signals);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    loop->caught = caught;
    loop->caught_cookie = cookie;
    loop->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (loop->signals < 0)
        return -1;
    loop->signals_watch = loop_watch(loop, loop->signals, EPOLLIN, callback_signal, loop);
    return loop->signals_watch != NULL ? 0 : -1;
}

/* ---- the turn ---- */

int loop_run(struct loop *loop)
{
    struct epoll_event events[EVENTS_PER_TURN];
    loop->stopped = false;
    while (!loop->stopped) {
        int count = epoll_wait(loop->epoll, events, EVENTS_PER_TURN, wait_time(loop));
        if (count < 0 && errno != EINTR)
            return -1;
        loop->now = read_clock();
        for (int i = 0; i < count; i++) {
            struct loop_watch *watch = events[i].data.ptr;
            if (watch->ready != NULL)
                watch->ready(watch->cookie, events[i].events);
        }
        call_timers(loop);
        run_tasks(loop);
        free_unwatched(loop);
    }
    return 0;
}
