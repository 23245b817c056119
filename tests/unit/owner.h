#ifndef PURSER_TESTS_OWNER_H
#define PURSER_TESTS_OWNER_H

/* A gateway with one owner of calls and one peer, for the gateway's tests. Include it after unit.h. */

#include "gateway.h"
#include "log.h"
#include "peer.h"
#include "turn.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

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

static inline void write_answer(void)
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

static inline void callback_room(void *cookie)
{
    assert_ptr_equal(cookie, &owner);
    owner.rooms++;
    write_answer();
}

static inline void callback_gone(void *cookie)
{
    assert_ptr_equal(cookie, &owner);
    assert_non_null(owner.call);
    owner.call = NULL;
    owner.gone++;
}

static inline void begin(void *cookie, struct gateway_call *call)
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

static inline void open_gateway(void)
{
    gateway = gateway_create(loop, listener, BODY_LIMIT, begin, &loop);
}

static inline int start(void **state)
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

static inline int stop(void **state)
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

static inline void send_request(struct peer *to, const char *body)
{
    buffer_clear(&message);
    peer_request(&message, "POST", "/", "text/plain", body, strlen(body));
    peer_send(to, message.bytes, message.length);
}

static inline bool is_over(void *cookie)
{
    struct peer *each = cookie;
    peer_receive(each, (size_t)-1);
    return each->closed || peer_answered(each);
}

static inline void wait_for(struct peer *each)
{
    assert_true(turn_until(loop, is_over, each));
}

static inline bool is_closed(void *cookie)
{
    struct peer *each = cookie;
    peer_receive(each, (size_t)-1);
    return each->closed;
}

static inline void assert_hello(struct peer *each)
{
    wait_for(each);
    struct peer_answer answer = peer_take_answer(each);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body.bytes, "hello");
    peer_free_answer(&answer);
}

/* A connection of its own is served. */
static inline void assert_serving(void)
{
    struct peer other;
    peer_connect(&other, path);
    send_request(&other, "once more");
    assert_hello(&other);
    assert_string_equal(owner.body, "once more");
    peer_close(&other);
}

static inline void make_long_answer(void)
{
    static char answer[LONG_BYTES];
    memcpy(answer, "Status: 200\r\n\r\n", 15);
    for (size_t i = 15; i < sizeof answer; i++)
        answer[i] = (char)('a' + (i * 7 + i / 1000) % 26);
    owner.answer = answer;
    owner.length = sizeof answer;
}

#endif
