// wrap: malloc calloc realloc epoll_ctl accept4 recv getsockopt memfd_create mmap ftruncate lseek fcntl FCGX_Init FCGX_Accept_r FCGX_GetStr FCGX_PutStr FCGX_FFlush FCGX_FClose
#include "gateway.h"

#include "inject.h"
#include "unit.h"

#include "owner.h"

#include <fcgiapp.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

INJECT_MEMORY
INJECT_INT(int, epoll_ctl, (int epoll, int what, int fd, struct epoll_event *event), (epoll, what, fd, event))
INJECT_INT(int, accept4, (int fd, struct sockaddr *address, socklen_t *size, int flags),
           (fd, address, size, flags))
INJECT_INT(ssize_t, recv, (int fd, void *bytes, size_t length, int flags), (fd, bytes, length, flags))
INJECT_INT(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *size),
           (fd, level, name, value, size))
INJECT_INT(int, ftruncate, (int fd, off_t length), (fd, length))
INJECT_INT(off_t, lseek, (int fd, off_t at, int whence), (fd, at, whence))
INJECT_INT(int, FCGX_Init, (void), ())
INJECT_INT(int, FCGX_GetStr, (char *to, int length, FCGX_Stream *stream), (to, length, stream))
INJECT_INT(int, FCGX_PutStr, (const char *from, int length, FCGX_Stream *stream), (from, length, stream))
INJECT_INT(int, FCGX_FFlush, (FCGX_Stream * stream), (stream))
INJECT_INT(int, FCGX_FClose, (FCGX_Stream * stream), (stream))

/* Libfcgi gives the next request up, and closes the feed; then there is no new one for the request after it.
 */
static bool feed_is_lost;

int __real_memfd_create(const char *name, unsigned flags);
int __wrap_memfd_create(const char *name, unsigned flags);
int __wrap_memfd_create(const char *name, unsigned flags)
{
    bool fails = feed_is_lost || inject_fails("memfd_create");
    feed_is_lost = false;
    return fails ? -1 : __real_memfd_create(name, flags);
}

/* When libfcgi is not content with what it reads it frees the request and closes the descriptor. */
int __real_FCGX_Accept_r(FCGX_Request *request);
int __wrap_FCGX_Accept_r(FCGX_Request *request);
int __wrap_FCGX_Accept_r(FCGX_Request *request)
{
    if (!feed_is_lost && !inject_fails("FCGX_Accept_r"))
        return __real_FCGX_Accept_r(request);
    close(request->ipcFd);
    request->ipcFd = -1;
    return -1;
}

void *__real_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
    return inject_fails("mmap") ? MAP_FAILED : __real_mmap(at, length, protection, flags, fd, offset);
}

int __real_fcntl(int fd, int what, ...);
int __wrap_fcntl(int fd, int what, ...);
int __wrap_fcntl(int fd, int what, ...)
{
    va_list arguments;
    va_start(arguments, what);
    int flags = va_arg(arguments, int);
    va_end(arguments);
    return inject_fails("fcntl") ? -1 : __real_fcntl(fd, what, flags);
}

/* ---- failures ---- */

static void the_gateway_can_fail_to_be_made(void **state)
{
    static const char *const calls[] = {"fcntl",     "FCGX_Init", "calloc",   "memfd_create",
                                        "ftruncate", "mmap",      "epoll_ctl"};
    (void)state;
    gateway_free(gateway);
    for (size_t i = 0; i < COUNT(calls); i++)
        for (int n = 1;; n++) {
            inject_at(calls[i], n, EMFILE);
            open_gateway();
            int error = errno;
            if (inject_off() == 0) {
                assert_true(n > 1);
                gateway_free(gateway);
                break;
            }
            assert_null(gateway);
            assert_int_equal(error, EMFILE);
        }
    gateway = NULL;
}

static bool accepted_or_over(void *cookie)
{
    return owner.begun > 0 || is_over(cookie);
}

/* The n-th call of a function fails, for every n: the peer gets a whole answer, or sees that there is none.
 */
static void run_failing(const char *call, int error, bool whole)
{
    for (int n = 1;; n++) {
        peer_close(&peer);
        turn_once(loop);
        peer_connect(&peer, path);
        owner.begun = 0;
        send_request(&peer, "a body");
        if (!whole)
            assert_true(turn_until(loop, accepted_or_over, &peer));
        inject_at(call, n, error);
        assert_true(turn_until(loop, is_over, &peer));
        int failures = inject_off();
        if (peer_answered(&peer)) {
            struct peer_answer answer = peer_take_answer(&peer);
            assert_int_equal(answer.body.length, owner.length - 15);
            peer_free_answer(&answer);
        } else {
            assert_true(peer.closed);
            assert_null(owner.call);
        }
        if (failures == 0) {
            assert_false(peer.closed);
            return;
        }
    }
}

static void no_failing_call_holds_anybody_up(void **state)
{
    static const struct {
        const char *call;
        int error;
    } cases[] = {
        {"malloc", ENOMEM},     {"calloc", ENOMEM},     {"realloc", ENOMEM},
        {"epoll_ctl", ENOMEM},  {"accept4", EMFILE},    {"accept4", ECONNABORTED},
        {"recv", ECONNRESET},   {"recv", EINTR},        {"getsockopt", EINVAL},
        {"lseek", EIO},         {"FCGX_Accept_r", EIO}, {"FCGX_GetStr", EIO},
        {"FCGX_PutStr", EPIPE}, {"FCGX_FFlush", EPIPE}, {"FCGX_FClose", EPIPE},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        run_failing(cases[i].call, cases[i].error, true);
        assert_serving();
    }
}

static void no_failing_call_leaves_a_long_answer_hanging(void **state)
{
    static const char *const calls[] = {"epoll_ctl", "FCGX_PutStr", "FCGX_FFlush", "FCGX_FClose"};
    (void)state;
    make_long_answer();
    for (size_t i = 0; i < COUNT(calls); i++)
        run_failing(calls[i], ENOMEM, false);
}

static void a_feed_that_could_not_be_opened_again_is_opened_later(void **state)
{
    (void)state;
    feed_is_lost = true;
    for (int requests = 0; requests < 2; requests++) {
        assert_true(feed_is_lost);
        peer_close(&peer);
        peer_connect(&peer, path);
        send_request(&peer, "a body");
        assert_true(turn_until(loop, is_closed, &peer));
    }
    assert_false(feed_is_lost);
    assert_int_equal(owner.begun, 0);
    assert_serving();
}

static void running_out_of_descriptors_passes(void **state)
{
    struct rlimit limit, none;
    (void)state;
    turn_once(loop);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct peer late;
    peer_connect(&late, path);
    send_request(&late, "late");
    int next = dup(0);
    close(next);
    none = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int i = 0; i < 5; i++)
        turn_once(loop);
    assert_int_equal(owner.begun, 0);
    send_request(&peer, "an old friend"); /* who is here is served */
    assert_hello(&peer);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_hello(&late);
    peer_close(&late);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(the_gateway_can_fail_to_be_made),
        EACH(no_failing_call_holds_anybody_up),
        EACH(no_failing_call_leaves_a_long_answer_hanging),
        EACH(a_feed_that_could_not_be_opened_again_is_opened_later),
        EACH(running_out_of_descriptors_passes),
    };
    return cmocka_run_group_tests_name("gateway failures", tests, NULL, NULL);
}
