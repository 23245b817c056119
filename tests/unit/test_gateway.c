// wrap: malloc calloc realloc epoll_ctl accept4 recv getsockopt memfd_create pwrite ftruncate lseek fcntl FCGX_Init FCGX_Accept_r FCGX_GetStr FCGX_PutStr FCGX_FFlush FCGX_FClose
#include "gateway.h"

#include "inject.h"
#include "log.h"
#include "peer.h"
#include "unit.h"

#include "turn.h"

#include <fcgiapp.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
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
INJECT_INT(ssize_t, pwrite, (int fd, const void *bytes, size_t length, off_t at), (fd, bytes, length, at))
INJECT_INT(int, ftruncate, (int fd, off_t length), (fd, length))
INJECT_INT(off_t, lseek, (int fd, off_t at, int whence), (fd, at, whence))
INJECT_INT(int, FCGX_Init, (void), ())
INJECT_INT(int, FCGX_GetStr, (char *to, int length, FCGX_Stream *stream), (to, length, stream))
INJECT_INT(int, FCGX_PutStr, (const char *from, int length, FCGX_Stream *stream), (from, length, stream))
INJECT_INT(int, FCGX_FFlush, (FCGX_Stream * stream), (stream))
INJECT_INT(int, FCGX_FClose, (FCGX_Stream * stream), (stream))

/* Both of the next fail: libfcgi gives up, and then there is no new feed for the next request. */
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

#define BODY_LIMIT 1000
#define HELLO      "Status: 200\r\n\r\nhello"
#define LONG_BYTES (3 << 20) /* more than a socket takes, whatever the kernel allows it */

static struct loop *loop;
static struct gateway *gateway;
static int listener;
static char path[64];
static struct peer peer;
static struct buffer message;

/* The one that gets the calls. */
static struct {
    struct gateway_call *call; /* the one under way, or NULL */
    bool hold;                 /* don't answer at once */
    const char *answer;
    size_t length, taken;
    int begun, gone, rooms;
    bool too_large;
    char method[20], nothing[20], body[2 * BODY_LIMIT];
    size_t body_length;
} owner;

static void write_answer(void)
{
    ptrdiff_t taken = gateway_write(owner.call, owner.answer + owner.taken, owner.length - owner.taken);
    struct gateway_call *call = owner.call;
    if (taken < 0) {
        owner.call = NULL;
        gateway_break(call);
        return;
    }
    owner.taken += (size_t)taken;
    if (owner.taken < owner.length)
        return;
    owner.call = NULL;
    gateway_end(call);
}

static void callback_room(void *cookie)
{
    assert_ptr_equal(cookie, &owner);
    owner.rooms++;
    write_answer();
}

static void callback_gone(void *cookie)
{
    assert_ptr_equal(cookie, &owner);
    assert_non_null(owner.call);
    owner.call = NULL;
    owner.gone++;
}

static void begin(void *cookie, struct gateway_call *call)
{
    assert_ptr_equal(cookie, &loop);
    owner.begun++;
    owner.call = call;
    owner.taken = 0;
    owner.too_large = gateway_body_too_large(call);
    snprintf(owner.method, sizeof owner.method, "%s", gateway_param(call, "REQUEST_METHOD"));
    snprintf(owner.nothing, sizeof owner.nothing, "%s", gateway_param(call, "NOTHING"));
    const char *body = gateway_body(call, &owner.body_length);
    assert_int_equal(body[owner.body_length], '\0');
    assert_true(owner.body_length < sizeof owner.body);
    memcpy(owner.body, body, owner.body_length + 1);
    gateway_attend(call, callback_room, callback_gone, &owner);
    if (!owner.hold)
        write_answer();
}

static void open_gateway(void)
{
    gateway = gateway_create(loop, listener, BODY_LIMIT, begin, &loop);
}

static int start(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR + 1);
    memset(&owner, 0, sizeof owner);
    owner.answer = HELLO;
    owner.length = strlen(HELLO);
    loop = loop_create();
    listener = peer_listen(path);
    open_gateway();
    signal(SIGPIPE, SIG_IGN);
    peer_connect(&peer, path);
    buffer_init(&message);
    return gateway != NULL ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    peer_close(&peer);
    gateway_free(gateway);
    loop_free(loop);
    peer_unlisten(listener, path);
    buffer_free(&message);
    return 0;
}

/* ---- asking ---- */

static void send_request(struct peer *to, const char *body)
{
    buffer_clear(&message);
    peer_request(&message, "POST", "/", "text/plain", body, strlen(body));
    peer_send(to, message.bytes, message.length);
}

static bool is_over(void *cookie)
{
    struct peer *each = cookie;
    peer_receive(each, (size_t)-1);
    return each->closed || peer_answered(each);
}

static void wait_for(struct peer *each)
{
    assert_true(turn_until(loop, is_over, each));
}

static bool is_closed(void *cookie)
{
    struct peer *each = cookie;
    peer_receive(each, (size_t)-1);
    return each->closed;
}

static void assert_hello(struct peer *each)
{
    wait_for(each);
    struct peer_answer answer = peer_take_answer(each);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body.bytes, "hello");
    peer_free_answer(&answer);
}

/* A connection of its own is served. */
static void assert_serving(void)
{
    struct peer other;
    peer_connect(&other, path);
    send_request(&other, "once more");
    assert_hello(&other);
    assert_string_equal(owner.body, "once more");
    peer_close(&other);
}

/* ---- requests ---- */

static void a_request_comes_with_params_and_body(void **state)
{
    (void)state;
    send_request(&peer, "a body");
    assert_hello(&peer);
    assert_int_equal(owner.begun, 1);
    assert_string_equal(owner.method, "POST");
    assert_string_equal(owner.nothing, "");
    assert_string_equal(owner.body, "a body");
    assert_int_equal(owner.body_length, 6);
    assert_false(owner.too_large);
}

static void a_request_may_come_byte_by_byte(void **state)
{
    (void)state;
    peer_request(&message, "POST", "/", "text/plain", "a body", 6);
    for (size_t at = 0; at < message.length; at++) {
        assert_int_equal(owner.begun, 0);
        peer_send(&peer, message.bytes + at, 1);
        turn_once(loop);
    }
    assert_hello(&peer);
    assert_string_equal(owner.body, "a body");
}

static void a_request_may_be_cut_anywhere(void **state)
{
    (void)state;
    peer_request(&message, "POST", "/", "text/plain", "a body", 6);
    for (size_t cut = 1; cut < message.length; cut++) {
        peer_send(&peer, message.bytes, cut);
        turn_once(loop);
        peer_send(&peer, message.bytes + cut, message.length - cut);
        assert_hello(&peer);
    }
    assert_int_equal(owner.begun, message.length - 1);
}

static void a_kept_connection_takes_request_after_request(void **state)
{
    char body[] = "body 0";
    (void)state;
    for (; body[5] < '9'; body[5]++) {
        send_request(&peer, body);
        assert_hello(&peer);
        assert_string_equal(owner.body, body);
    }
    assert_false(is_closed(&peer));
}

static void a_connection_that_is_not_to_be_kept_is_closed(void **state)
{
    (void)state;
    peer_begin(&message, 1, false);
    peer_stream(&message, PEER_PARAMS, 1, NULL, 0);
    peer_stream(&message, PEER_STDIN, 1, NULL, 0);
    peer_send(&peer, message.bytes, message.length);
    assert_true(turn_until(loop, is_closed, &peer));
    assert_hello(&peer);
}

static void a_peer_that_has_no_more_to_say_is_answered(void **state)
{
    (void)state;
    send_request(&peer, "a body");
    shutdown(peer.fd, SHUT_WR);
    assert_true(turn_until(loop, is_closed, &peer));
    assert_hello(&peer);
}

static void peers_do_not_hold_each_other_up(void **state)
{
    struct peer others[20];
    (void)state;
    peer_request(&message, "POST", "/", "text/plain", "a body", 6);
    for (size_t i = 0; i < COUNT(others); i++) {
        peer_connect(&others[i], path);
        peer_send(&others[i], message.bytes, 7 * i + 1);
    }
    assert_serving();
    buffer_clear(&message);
    peer_request(&message, "POST", "/", "text/plain", "a body", 6);
    for (size_t i = COUNT(others); i-- > 0;) {
        peer_send(&others[i], message.bytes + 7 * i + 1, message.length - 7 * i - 1);
        assert_hello(&others[i]);
        peer_close(&others[i]);
    }
}

static void padding_everywhere_is_no_matter(void **state)
{
    struct buffer params;
    (void)state;
    buffer_init(&params);
    peer_pair(&params, "REQUEST_METHOD", "POST");
    peer_record(&message, PEER_BEGIN, 1, "\0\1\1\0\0\0\0", 8, 255);
    peer_record(&message, PEER_PARAMS, 1, params.bytes, params.length, 1);
    peer_record(&message, PEER_PARAMS, 1, NULL, 0, 7);
    peer_record(&message, PEER_STDIN, 1, "a body", 6, 8);
    peer_record(&message, PEER_STDIN, 1, NULL, 0, 255);
    peer_send(&peer, message.bytes, message.length);
    assert_hello(&peer);
    assert_string_equal(owner.method, "POST");
    assert_string_equal(owner.body, "a body");
    send_request(&peer, "another");
    assert_hello(&peer);
    buffer_free(&params);
}

static void a_body_over_the_limit_is_said_but_not_kept(void **state)
{
    static char body[100 * BODY_LIMIT];
    static const size_t lengths[] = {BODY_LIMIT, BODY_LIMIT + 1, sizeof body - 1};
    (void)state;
    memset(body, 'b', sizeof body);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        buffer_clear(&message);
        peer_request(&message, "PUT", "/", "text/plain", body, lengths[i]);
        peer_send(&peer, message.bytes, message.length);
        assert_hello(&peer);
        assert_int_equal(owner.too_large, i > 0);
        assert_int_equal(owner.body_length, i == 0 ? BODY_LIMIT : 0);
        assert_string_equal(owner.method, "PUT");
    }
    send_request(&peer, "small");
    assert_hello(&peer);
    assert_string_equal(owner.body, "small");
}

/* ---- peers that don't play by the rules, or leave ---- */

static void nonsense_closes_the_connection(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", 18},
        {"\1\11\0\0\0\0\0\0", 8},                  /* FCGI_GET_VALUES */
        {"\1\5\0\1\0\0\0\0", 8},                   /* STDIN first */
        {"\1\1\0\1\0\10\0\0\0\2\1\0\0\0\0\0", 16}, /* an authorizer */
        {"\0\0\0\0\0\0\0\0", 8},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        peer_send(&peer, cases[i].bytes, cases[i].length);
        assert_true(turn_until(loop, is_closed, &peer));
        peer_close(&peer);
        peer_connect(&peer, path);
    }
    assert_int_equal(owner.begun, 0);
    assert_serving();
}

static void a_second_request_before_the_answer_closes_the_connection(void **state)
{
    (void)state;
    peer_request(&message, "GET", "/", NULL, NULL, 0);
    peer_request(&message, "GET", "/", NULL, NULL, 0);
    peer_send(&peer, message.bytes, message.length);
    assert_true(turn_until(loop, is_closed, &peer));
    assert_int_equal(owner.begun, 0);
    assert_serving();
}

static bool is_begun(void *cookie)
{
    (void)cookie;
    return owner.call != NULL;
}

static bool is_gone(void *cookie)
{
    (void)cookie;
    return owner.gone > 0;
}

static void the_owner_is_told_when_the_peer_leaves(void **state)
{
    (void)state;
    owner.hold = true;
    send_request(&peer, "a body");
    assert_true(turn_until(loop, is_begun, NULL));
    peer_close(&peer);
    assert_true(turn_until(loop, is_gone, NULL));
    owner.hold = false;
    assert_serving();
    assert_int_equal(owner.gone, 1);
}

static void the_owner_is_told_when_the_peer_talks_out_of_turn(void **state)
{
    (void)state;
    owner.hold = true;
    send_request(&peer, "a body");
    assert_true(turn_until(loop, is_begun, NULL));
    send_request(&peer, "another");
    assert_true(turn_until(loop, is_gone, NULL));
    assert_true(turn_until(loop, is_closed, &peer));
}

static void a_peer_may_leave_at_any_byte(void **state)
{
    (void)state;
    peer_request(&message, "POST", "/", "text/plain", "a body", 6);
    for (size_t length = 0; length <= message.length; length++) {
        peer_send(&peer, message.bytes, length);
        if (length % 2 == 0)
            turn_once(loop);
        peer_close(&peer);
        turn_once(loop);
        peer_connect(&peer, path);
    }
    assert_serving();
    assert_true(owner.begun <= 2);
    assert_null(owner.call);
}

static void a_broken_answer_is_seen(void **state)
{
    (void)state;
    owner.hold = true;
    send_request(&peer, "a body");
    assert_true(turn_until(loop, is_begun, NULL));
    assert_int_equal(gateway_write(owner.call, HELLO, strlen(HELLO)), strlen(HELLO));
    gateway_break(owner.call);
    owner.call = NULL;
    assert_true(turn_until(loop, is_closed, &peer));
    assert_false(peer_answered(&peer));
    owner.hold = false;
    assert_serving();
}

/* ---- long answers ---- */

static void make_long_answer(void)
{
    static char answer[LONG_BYTES];
    memcpy(answer, "Status: 200\r\n\r\n", 15);
    for (size_t i = 15; i < sizeof answer; i++)
        answer[i] = (char)('a' + (i * 7 + i / 1000) % 26);
    owner.answer = answer;
    owner.length = sizeof answer;
}

static void assert_long_answer(void)
{
    struct peer_answer answer = peer_take_answer(&peer);
    assert_int_equal(answer.body.length, owner.length - 15);
    assert_memory_equal(answer.body.bytes, owner.answer + 15, owner.length - 15);
    peer_free_answer(&answer);
}

static bool read_slowly(void *cookie)
{
    (void)cookie;
    peer_receive(&peer, 20000);
    return peer.closed || peer_answered(&peer);
}

static void a_slow_reader_gets_every_byte(void **state)
{
    (void)state;
    make_long_answer();
    for (int round = 0; round < 3; round++) {
        owner.rooms = 0;
        send_request(&peer, "");
        assert_true(turn_until(loop, read_slowly, NULL));
        assert_long_answer();
        assert_true(owner.rooms >= 2);
    }
}

static void a_full_socket_takes_less_and_asks_no_one(void **state)
{
    (void)state;
    make_long_answer();
    send_request(&peer, "");
    assert_true(turn_until(loop, is_begun, NULL));
    turn_once(loop);
    turn_once(loop);
    assert_true(owner.taken > 0 && owner.taken < owner.length);
    size_t taken = owner.taken;
    for (int i = 0; i < 5; i++)
        turn_once(loop);
    assert_int_equal(owner.taken, taken); /* nobody reads */
    assert_int_equal(owner.rooms, 0);
    wait_for(&peer);
    assert_long_answer();
}

static void a_reader_that_leaves_in_the_middle_is_gone(void **state)
{
    (void)state;
    make_long_answer();
    send_request(&peer, "");
    assert_true(turn_until(loop, is_begun, NULL));
    peer_receive(&peer, 5000);
    peer_close(&peer);
    assert_true(turn_until(loop, is_gone, NULL));
    owner.answer = HELLO;
    owner.length = strlen(HELLO);
    assert_serving();
}

/* ---- the end ---- */

static void set_true(void *cookie)
{
    *(bool *)cookie = true;
}

static void draining_without_connections_is_told_from_the_loop(void **state)
{
    bool drained = false;
    (void)state;
    turn_once(loop);
    peer_close(&peer);
    turn_once(loop);
    gateway_drain(gateway, set_true, &drained);
    assert_false(drained);
    assert_true(turn_until(loop, turn_is_set, &drained));
}

static void draining_serves_the_connections_that_there_are(void **state)
{
    bool drained = false;
    struct peer late;
    (void)state;
    send_request(&peer, "a body");
    assert_hello(&peer);
    gateway_drain(gateway, set_true, &drained);
    peer_connect(&late, path);
    send_request(&late, "too late");
    send_request(&peer, "in time");
    assert_hello(&peer);
    assert_string_equal(owner.body, "in time");
    for (int i = 0; i < 5; i++)
        turn_once(loop);
    assert_false(drained);
    assert_int_equal(owner.begun, 2);
    peer_close(&peer);
    assert_true(turn_until(loop, turn_is_set, &drained));
    peer_close(&late);
}

static void freeing_closes_what_is_open(void **state)
{
    struct peer half;
    (void)state;
    owner.hold = true;
    peer_connect(&half, path);
    peer_send(&half, "\1\1", 2);
    send_request(&peer, "a body");
    assert_true(turn_until(loop, is_begun, NULL));
    turn_once(loop);
    gateway_free(gateway);
    gateway = NULL;
    gateway_free(NULL);
    assert_true(is_closed(&peer));
    assert_true(is_closed(&half));
    assert_int_equal(owner.gone, 1);
    peer_close(&half);
}

/* ---- failures ---- */

static void the_gateway_can_fail_to_be_made(void **state)
{
    static const char *const calls[] = {"fcntl", "FCGX_Init", "calloc", "memfd_create", "epoll_ctl"};
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
        {"malloc", ENOMEM},     {"calloc", ENOMEM},        {"realloc", ENOMEM},    {"epoll_ctl", ENOMEM},
        {"accept4", EMFILE},    {"accept4", ECONNABORTED}, {"recv", ECONNRESET},   {"recv", EINTR},
        {"getsockopt", EINVAL}, {"pwrite", ENOSPC},        {"ftruncate", EIO},     {"lseek", EIO},
        {"FCGX_Accept_r", EIO}, {"FCGX_GetStr", EIO},      {"FCGX_PutStr", EPIPE}, {"FCGX_FFlush", EPIPE},
        {"FCGX_FClose", EPIPE},
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
    send_request(&peer, "a body");
    assert_true(turn_until(loop, is_closed, &peer));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_comes_with_params_and_body, start, stop),
        cmocka_unit_test_setup_teardown(a_request_may_come_byte_by_byte, start, stop),
        cmocka_unit_test_setup_teardown(a_request_may_be_cut_anywhere, start, stop),
        cmocka_unit_test_setup_teardown(a_kept_connection_takes_request_after_request, start, stop),
        cmocka_unit_test_setup_teardown(a_connection_that_is_not_to_be_kept_is_closed, start, stop),
        cmocka_unit_test_setup_teardown(a_peer_that_has_no_more_to_say_is_answered, start, stop),
        cmocka_unit_test_setup_teardown(peers_do_not_hold_each_other_up, start, stop),
        cmocka_unit_test_setup_teardown(padding_everywhere_is_no_matter, start, stop),
        cmocka_unit_test_setup_teardown(a_body_over_the_limit_is_said_but_not_kept, start, stop),
        cmocka_unit_test_setup_teardown(nonsense_closes_the_connection, start, stop),
        cmocka_unit_test_setup_teardown(a_second_request_before_the_answer_closes_the_connection, start,
                                        stop),
        cmocka_unit_test_setup_teardown(the_owner_is_told_when_the_peer_leaves, start, stop),
        cmocka_unit_test_setup_teardown(the_owner_is_told_when_the_peer_talks_out_of_turn, start, stop),
        cmocka_unit_test_setup_teardown(a_peer_may_leave_at_any_byte, start, stop),
        cmocka_unit_test_setup_teardown(a_broken_answer_is_seen, start, stop),
        cmocka_unit_test_setup_teardown(a_slow_reader_gets_every_byte, start, stop),
        cmocka_unit_test_setup_teardown(a_full_socket_takes_less_and_asks_no_one, start, stop),
        cmocka_unit_test_setup_teardown(a_reader_that_leaves_in_the_middle_is_gone, start, stop),
        cmocka_unit_test_setup_teardown(draining_without_connections_is_told_from_the_loop, start, stop),
        cmocka_unit_test_setup_teardown(draining_serves_the_connections_that_there_are, start, stop),
        cmocka_unit_test_setup_teardown(freeing_closes_what_is_open, start, stop),
        cmocka_unit_test_setup_teardown(the_gateway_can_fail_to_be_made, start, stop),
        cmocka_unit_test_setup_teardown(no_failing_call_holds_anybody_up, start, stop),
        cmocka_unit_test_setup_teardown(no_failing_call_leaves_a_long_answer_hanging, start, stop),
        cmocka_unit_test_setup_teardown(a_feed_that_could_not_be_opened_again_is_opened_later, start, stop),
        cmocka_unit_test_setup_teardown(running_out_of_descriptors_passes, start, stop),
    };
    return cmocka_run_group_tests_name("gateway", tests, NULL, NULL);
}
