#include "loop.h"

#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct loop *loop;
static char story[200]; /* what happened, a letter each */

static void tell(void *cookie)
{
    strcat(story, cookie);
}

static void tell_and_stop(void *cookie)
{
    tell(cookie);
    loop_stop(loop);
}

static int start(void **state)
{
    (void)state;
    story[0] = '\0';
    loop = loop_create();
    return loop != NULL ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static void run(void)
{
    assert_int_equal(loop_run(loop), 0);
}

#define TIMER(letter)                                                                                        \
    (struct loop_timer)                                                                                      \
    {                                                                                                        \
        .due = tell, .cookie = (letter)                                                                      \
    }
#define LAST_TIMER(letter)                                                                                   \
    (struct loop_timer)                                                                                      \
    {                                                                                                        \
        .due = tell_and_stop, .cookie = (letter)                                                             \
    }
#define TASK(letter)                                                                                         \
    (struct loop_task)                                                                                       \
    {                                                                                                        \
        .run = tell, .cookie = (letter)                                                                      \
    }

/* ---- timers ---- */

static void timers_come_in_order_of_time(void **state)
{
    struct loop_timer a = TIMER("a"), b = TIMER("b"), c = TIMER("c"), d = LAST_TIMER("d");
    (void)state;
    loop_timer_set(loop, &c, 9);
    loop_timer_set(loop, &a, 1);
    loop_timer_set(loop, &d, 12);
    loop_timer_set(loop, &b, 5);
    run();
    assert_string_equal(story, "abcd");
}

static void timers_of_one_time_come_in_order_of_setting(void **state)
{
    struct loop_timer a = TIMER("a"), b = TIMER("b"), c = TIMER("c"), d = LAST_TIMER("d");
    (void)state;
    loop_timer_set(loop, &a, 3);
    loop_timer_set(loop, &b, 3);
    loop_timer_set(loop, &c, 3);
    loop_timer_set(loop, &d, 3);
    run();
    assert_string_equal(story, "abcd");
}

static void a_timer_is_not_early(void **state)
{
    struct loop_timer end = LAST_TIMER("a");
    (void)state;
    uint64_t before = loop_now(loop);
    loop_timer_set(loop, &end, 20);
    run();
    assert_true(loop_now(loop) >= before + 20);
}

static void a_timer_that_is_set_again_is_moved(void **state)
{
    struct loop_timer a = TIMER("a"), b = TIMER("b"), c = LAST_TIMER("c");
    (void)state;
    loop_timer_set(loop, &a, 1);
    loop_timer_set(loop, &b, 3);
    loop_timer_set(loop, &c, 9);
    loop_timer_set(loop, &a, 6); /* back */
    run();
    assert_string_equal(story, "bac");
    story[0] = '\0';
    loop_timer_set(loop, &c, 9);
    loop_timer_set(loop, &b, 7);
    loop_timer_set(loop, &b, 1); /* forth */
    loop_timer_set(loop, &a, 3);
    run();
    assert_string_equal(story, "bac");
}

static void a_cleared_timer_is_silent(void **state)
{
    struct loop_timer timers[5] = {TIMER("a"), TIMER("b"), TIMER("c"), TIMER("d"), TIMER("e")};
    struct loop_timer end = LAST_TIMER(".");
    (void)state;
    for (uint64_t i = 0; i < 5; i++)
        loop_timer_set(loop, &timers[i], i);
    loop_timer_clear(loop, &timers[0]); /* the first, one in between, the last */
    loop_timer_clear(loop, &timers[2]);
    loop_timer_clear(loop, &timers[4]);
    loop_timer_clear(loop, &timers[4]); /* a second time: nothing */
    loop_timer_set(loop, &end, 6);
    run();
    assert_string_equal(story, "bd.");
}

/* One that is due clears another that is due in the same turn, and sets itself again. */
static struct loop_timer victim, again;

static void clear_victim(void *cookie)
{
    strcat(story, cookie);
    loop_timer_clear(loop, &victim);
    if (strlen(story) < 3)
        loop_timer_set(loop, &again, 2);
}

static void timers_may_clear_and_set_timers(void **state)
{
    struct loop_timer end = LAST_TIMER(".");
    (void)state;
    again = (struct loop_timer){.due = clear_victim, .cookie = "a"};
    victim = TIMER("v");
    loop_timer_set(loop, &again, 1);
    loop_timer_set(loop, &victim, 1);
    loop_timer_set(loop, &end, 20);
    run();
    assert_string_equal(story, "aaa.");
}

static void many_timers_stay_in_order(void **state)
{
    static struct loop_timer timers[300];
    static char letters[300][2];
    struct loop_timer end = LAST_TIMER(".");
    (void)state;
    uint32_t random = 7;
    for (size_t i = 0; i < 1000; i++) {
        random = random * 1664525 + 1013904223;
        size_t which = (random >> 8) % 100;
        uint64_t at = (random >> 20) % 26;
        letters[which][0] = (char)('a' + at);
        timers[which] = timers[which].set ? timers[which] : TIMER(letters[which]);
        loop_timer_set(loop, &timers[which], at);
        if ((random >> 16) % 5 == 0)
            loop_timer_clear(loop, &timers[which]);
    }
    loop_timer_set(loop, &end, 30);
    run();
    for (size_t i = 1; i + 1 < strlen(story); i++)
        assert_true(story[i - 1] <= story[i]);
    assert_true(strlen(story) > 50);
}

/* ---- tasks ---- */

static struct loop_task second, third;

static void defer_second(void *cookie)
{
    tell(cookie);
    loop_defer(loop, &second);
}

static void tasks_run_once_in_order(void **state)
{
    struct loop_task a = TASK("a"), b = TASK("b");
    struct loop_timer end = LAST_TIMER(".");
    (void)state;
    loop_defer(loop, &b);
    loop_defer(loop, &a);
    loop_defer(loop, &b);
    loop_timer_set(loop, &end, 5);
    run();
    assert_string_equal(story, "ba.");
}

static void a_task_that_a_task_defers_runs_in_the_same_turn(void **state)
{
    struct loop_task first = {.run = defer_second, .cookie = "1"},
                     last = {.run = tell_and_stop, .cookie = "."};
    (void)state;
    second = TASK("2");
    loop_defer(loop, &first);
    loop_defer(loop, &last);
    run();
    assert_string_equal(story, "1.2");
}

static void undefer_second(void *cookie)
{
    tell(cookie);
    loop_undefer(loop, &second);
}

static void an_undeferred_task_does_not_run(void **state)
{
    struct loop_task first = {.run = undefer_second, .cookie = "1"},
                     last = {.run = tell_and_stop, .cookie = "."};
    (void)state;
    second = TASK("2");
    third = TASK("3");
    loop_undefer(loop, &second); /* waits not: nothing */
    loop_defer(loop, &first);
    loop_defer(loop, &third);
    loop_undefer(loop, &third); /* the last of the list */
    loop_defer(loop, &second);
    loop_defer(loop, &last);
    run();
    assert_string_equal(story, "1.");
}

/* ---- descriptors ---- */

static int pipes[2][2];
static struct loop_watch *watches[2];

static int start_pipes(void **state)
{
    for (int i = 0; i < 2; i++)
        if (pipe2(pipes[i], O_NONBLOCK) != 0)
            return -1;
    return start(state);
}

static int stop_pipes(void **state)
{
    for (int i = 0; i < 2; i++) {
        loop_unwatch(loop, &watches[i]);
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
    return stop(state);
}

static void read_and_tell(void *cookie, uint32_t events)
{
    char byte[2] = {0};
    (void)cookie;
    assert_true(events & EPOLLIN);
    assert_int_equal(read(pipes[0][0], byte, 1), 1);
    strcat(story, byte);
    if (byte[0] == '.')
        loop_stop(loop);
}

static void what_is_ready_is_called(void **state)
{
    (void)state;
    watches[0] = loop_watch(loop, pipes[0][0], EPOLLIN, read_and_tell, NULL);
    assert_non_null(watches[0]);
    assert_int_equal(write(pipes[0][1], "abc.", 4), 4);
    run();
    assert_string_equal(story, "abc.");
}

/* Both are ready in one turn; the one that comes first unwatches and closes the other. */
static void unwatch_other(void *cookie, uint32_t events)
{
    long other = 1 - (long)(intptr_t)cookie;
    (void)events;
    strcat(story, "x");
    assert_non_null(watches[other]);
    loop_unwatch(loop, &watches[other]);
    assert_null(watches[other]);
    loop_unwatch(loop, &watches[other]); /* NULL is let pass */
    close(pipes[other][0]);
    pipes[other][0] = -1;
    loop_stop(loop);
}

static void what_was_unwatched_in_the_same_turn_is_not_called(void **state)
{
    (void)state;
    for (intptr_t i = 0; i < 2; i++) {
        watches[i] = loop_watch(loop, pipes[i][0], EPOLLIN, unwatch_other, (void *)i);
        assert_int_equal(write(pipes[i][1], "a", 1), 1);
    }
    run();
    assert_string_equal(story, "x");
}

/* The number of a closed descriptor comes back within the turn: the event of the old one is not the new
 * one's. */
static void fail_when_called(void *cookie, uint32_t events)
{
    (void)cookie;
    (void)events;
    fail_msg("called for another's event");
}

static void replace_other(void *cookie, uint32_t events)
{
    long other = 1 - (long)(intptr_t)cookie;
    int fd = pipes[other][0];
    unwatch_other(cookie, events);
    pipes[other][0] = eventfd(0, EFD_NONBLOCK);
    assert_int_equal(pipes[other][0], fd);
    watches[other] = loop_watch(loop, fd, EPOLLIN, fail_when_called, NULL);
    assert_non_null(watches[other]);
}

static void a_number_that_comes_back_is_another_descriptor(void **state)
{
    (void)state;
    for (intptr_t i = 0; i < 2; i++) {
        watches[i] = loop_watch(loop, pipes[i][0], EPOLLIN, replace_other, (void *)i);
        assert_int_equal(write(pipes[i][1], "a", 1), 1);
    }
    run();
    assert_string_equal(story, "x");
}

static void unwatch_itself(void *cookie, uint32_t events)
{
    (void)cookie;
    (void)events;
    strcat(story, "x");
    loop_unwatch(loop, &watches[0]);
}

static void a_callback_may_unwatch_itself(void **state)
{
    struct loop_timer end = LAST_TIMER(".");
    (void)state;
    watches[0] = loop_watch(loop, pipes[0][0], EPOLLIN, unwatch_itself, NULL);
    assert_int_equal(write(pipes[0][1], "a", 1), 1);
    loop_timer_set(loop, &end, 5);
    run();
    assert_string_equal(story, "x.");
}

static void tell_events(void *cookie, uint32_t events)
{
    (void)cookie;
    strcat(story, events & EPOLLOUT ? "o" : "i");
    loop_stop(loop);
}

static void other_events_can_be_waited_for(void **state)
{
    struct loop_timer end = LAST_TIMER(".");
    (void)state;
    watches[0] = loop_watch(loop, pipes[0][1], EPOLLIN, tell_events, NULL);
    loop_timer_set(loop, &end, 2);
    run();
    assert_int_equal(loop_rewatch(loop, watches[0], EPOLLOUT), 0);
    run();
    assert_int_equal(loop_rewatch(loop, watches[0], 0), 0);
    loop_timer_set(loop, &end, 2);
    run();
    assert_string_equal(story, ".o.");
}

static void the_order_of_a_turn_is_descriptors_timers_tasks(void **state)
{
    struct loop_timer timer = TIMER("t");
    struct loop_task task = {.run = tell_and_stop, .cookie = "."};
    (void)state;
    watches[0] = loop_watch(loop, pipes[0][0], EPOLLIN, read_and_tell, NULL);
    assert_int_equal(write(pipes[0][1], "d", 1), 1);
    loop_defer(loop, &task);
    loop_timer_set(loop, &timer, 0);
    run();
    assert_string_equal(story, "dt.");
}

/* ---- signals ---- */

static void tell_signal(void *cookie, int number)
{
    (void)cookie;
    strcat(story, number == SIGUSR2 ? "u" : "w");
    if (strlen(story) == 2)
        loop_stop(loop);
}

static void signals_come_through_the_loop(void **state)
{
    static const int numbers[] = {SIGUSR2, SIGWINCH, 0};
    (void)state;
    assert_int_equal(loop_signals(loop, numbers, tell_signal, NULL), 0);
    kill(getpid(), SIGUSR2);
    kill(getpid(), SIGWINCH);
    assert_string_equal(story, "");
    run();
    assert_true(strcmp(story, "uw") == 0 || strcmp(story, "wu") == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timers_come_in_order_of_time, start, stop),
        cmocka_unit_test_setup_teardown(timers_of_one_time_come_in_order_of_setting, start, stop),
        cmocka_unit_test_setup_teardown(a_timer_is_not_early, start, stop),
        cmocka_unit_test_setup_teardown(a_timer_that_is_set_again_is_moved, start, stop),
        cmocka_unit_test_setup_teardown(a_cleared_timer_is_silent, start, stop),
        cmocka_unit_test_setup_teardown(timers_may_clear_and_set_timers, start, stop),
        cmocka_unit_test_setup_teardown(many_timers_stay_in_order, start, stop),
        cmocka_unit_test_setup_teardown(tasks_run_once_in_order, start, stop),
        cmocka_unit_test_setup_teardown(a_task_that_a_task_defers_runs_in_the_same_turn, start, stop),
        cmocka_unit_test_setup_teardown(an_undeferred_task_does_not_run, start, stop),
        cmocka_unit_test_setup_teardown(what_is_ready_is_called, start_pipes, stop_pipes),
        cmocka_unit_test_setup_teardown(what_was_unwatched_in_the_same_turn_is_not_called, start_pipes,
                                        stop_pipes),
        cmocka_unit_test_setup_teardown(a_number_that_comes_back_is_another_descriptor, start_pipes,
                                        stop_pipes),
        cmocka_unit_test_setup_teardown(a_callback_may_unwatch_itself, start_pipes, stop_pipes),
        cmocka_unit_test_setup_teardown(other_events_can_be_waited_for, start_pipes, stop_pipes),
        cmocka_unit_test_setup_teardown(the_order_of_a_turn_is_descriptors_timers_tasks, start_pipes,
                                        stop_pipes),
        cmocka_unit_test_setup_teardown(signals_come_through_the_loop, start, stop),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
