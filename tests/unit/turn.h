#ifndef PURSER_TESTS_TURN_H
#define PURSER_TESTS_TURN_H

/* Turn a loop until something has come true. Include it after unit.h. */

#include "loop.h"

#define TURN_MS 5000 /* longer than anything here takes on a busy machine */

struct turn {
    struct loop *loop;
    bool (*met)(void *cookie);
    void *cookie;
    uint64_t end; /* 0 until the loop's clock has been read */
    bool was_met;
    struct loop_timer timer;
};

static inline void turn_look(void *cookie)
{
    struct turn *turn = cookie;
    if (turn->end == 0)
        turn->end = loop_now(turn->loop) + TURN_MS;
    turn->was_met = turn->met(turn->cookie);
    if (turn->was_met || loop_now(turn->loop) >= turn->end)
        loop_stop(turn->loop);
    else
        loop_timer_set(turn->loop, &turn->timer, 1);
}

/* Returns false when TURN_MS were not enough. `met` is asked from the loop, at least every millisecond. */
static inline bool turn_until(struct loop *loop, bool (*met)(void *cookie), void *cookie)
{
    struct turn turn = {.loop = loop, .met = met, .cookie = cookie};
    turn.timer = (struct loop_timer){.due = turn_look, .cookie = &turn};
    loop_timer_set(loop, &turn.timer, 0);
    assert_int_equal(loop_run(loop), 0);
    loop_timer_clear(loop, &turn.timer);
    return turn.was_met;
}

static inline bool turn_always(void *cookie)
{
    (void)cookie;
    return true;
}

/* One turn, and what is ready in it. */
static inline void turn_once(struct loop *loop)
{
    turn_until(loop, turn_always, NULL);
}

static inline bool turn_is_set(void *cookie)
{
    return *(const bool *)cookie;
}

#endif
