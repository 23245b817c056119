#ifndef PURSER_LOOP_H
#define PURSER_LOOP_H

/*
 * The event loop: epoll(7), timers, signals. One thread; every callback runs from loop_run, never from inside
 * another loop_ call, so a callback may call any of them.
 *
 * A turn of the loop: wait; call what is ready; call the timers that are due; call the deferred tasks, those
 * that tasks defer included. What was unwatched during a turn is freed at its end, because the kernel's list
 * of ready descriptors may still hold it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct loop_watch;

struct loop *loop_create(void); /* NULL with errno when it can't be made */
void loop_free(struct loop *loop);

/* Run until loop_stop. Returns 0, or -1 with errno when epoll itself fails. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop); /* after the turn that is running */

/* Milliseconds of a clock that only goes forward, read once a turn. */
uint64_t loop_now(const struct loop *loop);

/*
 * Call `ready` with the events (EPOLLIN …) whenever `fd` has one of `events`. Returns NULL with errno when
 * that can't be arranged. The descriptor stays the caller's.
 */
typedef void loop_ready(void *cookie, uint32_t events);
struct loop_watch *loop_watch(struct loop *loop, int fd, uint32_t events, loop_ready *ready, void *cookie);

/* Wait for other events. Returns 0, or -1 with errno. Edge-triggered descriptors report afresh what is ready.
 */
int loop_rewatch(struct loop *loop, struct loop_watch *watch, uint32_t events);

/* Stop watching, and set the pointer to NULL; NULL is let pass. Call it before close(2). */
void loop_unwatch(struct loop *loop, struct loop_watch **watch);

/* Timers and tasks live in their owner's memory; zeroed memory is one that is not set. Neither can fail. */
struct loop_timer {
    void (*due)(void *cookie);
    void *cookie;
    uint64_t at;
    struct loop_timer *earlier, *later;
    bool set;
};

/* Call `timer->due` once in `milliseconds`; a timer that was set is moved. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t milliseconds);
void loop_timer_clear(struct loop *loop, struct loop_timer *timer);

struct loop_task {
    void (*run)(void *cookie);
    void *cookie;
    struct loop_task *next;
    bool waiting;
};

/* Call `task->run` once at the end of this turn; deferring what waits already does nothing. */
void loop_defer(struct loop *loop, struct loop_task *task);
void loop_undefer(struct loop *loop, struct loop_task *task);

/*
 * Block `signals` (ended by 0) and call `caught` from the loop for each that arrives. Returns 0, or -1 with
 * errno. Once for each loop.
 */
int loop_signals(struct loop *loop, const int *signals, void (*caught)(void *cookie, int signal),
                 void *cookie);

#endif
