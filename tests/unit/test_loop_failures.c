// wrap: malloc calloc realloc epoll_ctl epoll_create1 epoll_wait signalfd sigprocmask
#include "loop.h"

#include "inject.h"
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

INJECT_MEMORY
INJECT_INT(int, epoll_ctl, (int epoll, int what, int fd, struct epoll_event *event), (epoll, what, fd, event))
INJECT_INT(int, epoll_create1, (int flags), (flags))
INJECT_INT(int, epoll_wait, (int epoll, struct epoll_event *events, int most, int timeout),
           (epoll, events, most, timeout))
INJECT_INT(int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags))
INJECT_INT(int, sigprocmask, (int how, const sigset_t *set, sigset_t *old), (how, set, old))

static struct loop *loop;
static struct loop_watch *watch;
static int ends[2];
static char story[20]; /* what happened, a letter each */

static int start(void **state)
{
    (void)state;
    story[0] = '\0';
    loop = loop_create();
    return loop != NULL ? pipe2(ends, O_NONBLOCK) : -1;
}

static int stop(void **state)
{
    (void)state;
    loop_unwatch(loop, &watch);
    loop_free(loop);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

static void run(void)
{
    assert_int_equal(loop_run(loop), 0);
}

static void tell_and_stop(void *cookie)
{
    strcat(story, cookie);
    loop_stop(loop);
}

static void read_and_tell(void *cookie, uint32_t events)
{
    char byte[2] = {0};
    (void)cookie;
    assert_true(events & EPOLLIN);
    assert_int_equal(read(ends[0], byte, 1), 1);
    tell_and_stop(byte);
}

static void fail_when_called(void *cookie, uint32_t events)
{
    (void)cookie;
    (void)events;
    fail_msg("called after it was unwatched");
}

static void ignore_signal(void *cookie, int number)
{
    (void)cookie;
    (void)number;
}

static void without_memory_or_epoll_there_is_no_loop(void **state)
{
    static const char *const calls[] = {"calloc", "epoll_create1"};
    (void)state;
    for (size_t i = 0; i < COUNT(calls); i++) {
        inject_at(calls[i], 1, ENOMEM);
        struct loop *none = loop_create();
        int error = errno;
        assert_int_equal(inject_off(), 1);
        assert_null(none);
        assert_int_equal(error, ENOMEM);
    }
    loop_free(NULL);
}

static void a_watch_that_can_not_be_made_is_none(void **state)
{
    static const char *const calls[] = {"calloc", "epoll_ctl"};
    (void)state;
    for (size_t i = 0; i < COUNT(calls); i++) {
        inject_at(calls[i], 1, ENOSPC);
        struct loop_watch *none = loop_watch(loop, ends[0], EPOLLIN, read_and_tell, NULL);
        int error = errno;
        assert_int_equal(inject_off(), 1);
        assert_null(none);
        assert_int_equal(error, ENOSPC);
    }
    assert_null(loop_watch(loop, -1, EPOLLIN, read_and_tell, NULL));
    assert_int_equal(errno, EBADF);
    /* And afterwards it can. */
    watch = loop_watch(loop, ends[0], EPOLLIN, read_and_tell, NULL);
    assert_non_null(watch);
    assert_int_equal(write(ends[1], ".", 1), 1);
    run();
    assert_string_equal(story, ".");
}

static void a_rewatch_that_fails_says_so_and_changes_nothing(void **state)
{
    (void)state;
    watch = loop_watch(loop, ends[0], EPOLLIN, read_and_tell, NULL);
    inject_at("epoll_ctl", 1, ENOMEM);
    assert_int_equal(loop_rewatch(loop, watch, EPOLLOUT), -1);
    assert_int_equal(errno, ENOMEM);
    inject_off();
    assert_int_equal(write(ends[1], ".", 1), 1);
    run();
    assert_string_equal(story, ".");
}

static void an_unwatch_never_fails(void **state)
{
    (void)state;
    watch = loop_watch(loop, ends[0], EPOLLIN, fail_when_called, NULL);
    assert_int_equal(write(ends[1], "a", 1), 1);
    inject_at("epoll_ctl", 1, EBADF);
    loop_unwatch(loop, &watch);
    assert_int_equal(inject_off(), 1);
    assert_null(watch);
    loop_free(loop); /* the freed watch is not looked at again */
    loop = loop_create();
}

static void an_interrupted_wait_is_no_failure(void **state)
{
    struct loop_timer end = {.due = tell_and_stop, .cookie = "."};
    (void)state;
    loop_timer_set(loop, &end, 2);
    inject_at("epoll_wait", 1, EINTR);
    run();
    assert_int_equal(inject_off(), 1);
    assert_string_equal(story, ".");
}

static void a_broken_epoll_ends_the_run(void **state)
{
    (void)state;
    inject_at("epoll_wait", 1, EBADF);
    assert_int_equal(loop_run(loop), -1);
    assert_int_equal(errno, EBADF);
    inject_off();
}

static void signals_that_can_not_be_had_say_so(void **state)
{
    static const char *const calls[] = {"sigprocmask", "signalfd", "calloc", "epoll_ctl"};
    static const int numbers[] = {SIGUSR2, 0};
    (void)state;
    for (size_t i = 0; i < COUNT(calls); i++) {
        inject_at(calls[i], 1, EMFILE);
        int result = loop_signals(loop, numbers, ignore_signal, NULL);
        assert_int_equal(inject_off(), 1);
        assert_int_equal(result, -1);
        loop_free(loop);
        loop = loop_create();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_memory_or_epoll_there_is_no_loop, start, stop),
        cmocka_unit_test_setup_teardown(a_watch_that_can_not_be_made_is_none, start, stop),
        cmocka_unit_test_setup_teardown(a_rewatch_that_fails_says_so_and_changes_nothing, start, stop),
        cmocka_unit_test_setup_teardown(an_unwatch_never_fails, start, stop),
        cmocka_unit_test_setup_teardown(an_interrupted_wait_is_no_failure, start, stop),
        cmocka_unit_test_setup_teardown(a_broken_epoll_ends_the_run, start, stop),
        cmocka_unit_test_setup_teardown(signals_that_can_not_be_had_say_so, start, stop),
    };
    return cmocka_run_group_tests_name("loop failures", tests, NULL, NULL);
}
