#include "gateway.h"

#include "buffer.h"
#include "feed.h"
#include "log.h"
#include "records.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BYTES   (64 * 1024)
#define SEND_BYTES      (1024 * 1024) /* asked of the kernel, which gives less */
#define ACCEPT_PAUSE_MS 100           /* when descriptors have run out */
#define DISCARD_BYTES   (1ULL << 30)  /* of a body over the limit, before the peer is shown out */

enum state { RECEIVING, ANSWERING };

/* A connection; while ANSWERING it is also the call that its owner holds. */
struct gateway_call {
    struct gateway *gateway;
    struct gateway_call *previous, *next;
    int fd;
    struct loop_watch *watch;
    enum state state;
    struct records records;
    struct buffer received; /* of a request that has not come whole */
    FCGX_Request fcgi;
    char *body;
    size_t body_length;
    size_t held;     /* bytes of the gateway's room for bodies */
    bool refused;    /* there was not enough of it */
    size_t all_room; /* bytes that a socket with nothing in it takes for sure */
    size_t room;     /* bytes that may be written before the socket must be asked */
    bool hung_up;    /* the peer has closed its side; no further event will say so */
    bool wants_room; /* EPOLLOUT is being waited for */
    void (*on_room)(void *cookie);
    void (*on_gone)(void *cookie);
    void *cookie;
};

struct gateway {
    struct loop *loop;
    int listener;
    struct loop_watch *listener_watch;
    struct loop_timer accept_pause;
    size_t body_limit;
    gateway_begin *begin;
    void *cookie;
    struct gateway_call *calls;
    size_t held;      /* bytes of bodies, by all calls */
    struct feed feed; /* what libfcgi reads a vetted request from; it stops at the empty STDIN record */
    bool draining;
    struct loop_task drained;
    void (*on_drained)(void *cookie);
    void *drained_cookie;
    uint8_t scratch[RECEIVE_BYTES];
};

#define WATCHED (EPOLLIN | EPOLLRDHUP | EPOLLET)

/* ---- connections ---- */

void gateway_drop_body(struct gateway_call *call)
{
    free(call->body);
    call->body = NULL;
    call->body_length = 0;
}

static void free_room(struct gateway_call *call)
{
    call->gateway->held -= call->held;
    call->held = 0;
}

static void finish_fcgi(struct gateway_call *call)
{
    free_room(call);
    call->refused = false;
    FCGX_Free(&call->fcgi, 0); /* 0: the descriptor is ours */
    gateway_drop_body(call);
}

static void close_connection(struct gateway_call *call)
{
    struct gateway *gateway = call->gateway;
    *(call->previous ? &call->previous->next : &gateway->calls) = call->next;
    if (call->next != NULL)
        call->next->previous = call->previous;
    loop_unwatch(gateway->loop, &call->watch);
    finish_fcgi(call);
    close(call->fd);
    buffer_free(&call->received);
    free(call);
    if (gateway->draining && gateway->calls == NULL)
        loop_defer(gateway->loop, &gateway->drained);
}

static void refuse_peer(struct gateway_call *call, const char *reason)
{
    log_line(LOG_LEVEL_WARN, "FastCGI connection closed", "reason", reason, LOG_END);
    close_connection(call);
}

/* What a writable socket takes for sure. libfcgi writes 8 KiB at a time, for which the kernel accounts about
 * twice as much; EPOLLOUT comes when three quarters of the send buffer are free. */
static size_t read_room(int fd)
{
    int size = SEND_BYTES;
    socklen_t length = sizeof size;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, length);
    if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length) != 0 || size < 3 * 16384)
        return 16384 / 2;
    return (size_t)size / 3;
}

/* ---- from whole records to a call, by libfcgi ---- */

static bool is_discarded(const struct gateway_call *call)
{
    return call->records.too_large || call->refused;
}

static int read_body(struct gateway_call *call)
{
    size_t length = is_discarded(call) ? 0 : (size_t)call->records.body_bytes;
    call->body = malloc(length + 1);
    if (call->body == NULL)
        return -1;
    call->body[length] = '\0';
    call->body_length = length;
    return length == 0 || FCGX_GetStr(call->body, (int)length, call->fcgi.in) == (int)length ? 0 : -1;
}

/*
 * libfcgi reads from the descriptor in its request structure, so that is set to the feed while it reads and
 * to the connection while it writes. It has no connection to accept from (-1), and may not close one
 * (keepConnection).
 */
static int decode(struct gateway_call *call, const uint8_t *bytes, size_t length)
{
    struct gateway *gateway = call->gateway;
    struct feed *feed = &gateway->feed;
    if (feed->fd < 0 && feed_open(feed) != 0) /* there was none to be had the last time */
        return -1;
    if (feed_put(feed, bytes, length) != 0)
        return -1;
    buffer_free(&call->received); /* where the bytes may be from; a large body is there often enough */
    FCGX_InitRequest(&call->fcgi, -1, FCGI_FAIL_ACCEPT_ON_INTR);
    call->fcgi.keepConnection = 1;
    call->fcgi.ipcFd = feed->fd;
    if (FCGX_Accept_r(&call->fcgi) != 0) {
        feed->fd = -1; /* libfcgi has closed it */
        feed_close(feed);
        return -1;
    }
    int result = read_body(call);
    call->fcgi.ipcFd = call->fd;
    return feed_trim(feed, length) == 0 ? result : -1;
}

static void begin_call(struct gateway_call *call, uint8_t *bytes)
{
    struct records *records = &call->records;
    if (records->padded)
        records_strip(records, bytes);
    size_t length = records->walked;
    if (is_discarded(call)) {
        /* What is kept of it ends with PARAMS; the body ends here. Its place is free: STDIN was there. */
        uint8_t id[2] = {(uint8_t)(records->request_id >> 8), (uint8_t)records->request_id};
        memcpy(bytes + records->params_end, (uint8_t[]){1, 5, id[0], id[1], 0, 0, 0, 0}, 8);
        length = records->params_end + 8;
    }
    if (decode(call, bytes, length) != 0) {
        refuse_peer(call, "the request could not be decoded");
        return;
    }
    call->state = ANSWERING;
    call->room = call->all_room;
    call->wants_room = false;
    call->on_room = call->on_gone = NULL;
    call->gateway->begin(call->gateway->cookie, call);
}

/* Room for what has come of the body: it counts as it comes, whatever was said of its length. */
static void take_room(struct gateway_call *call)
{
    struct gateway *gateway = call->gateway;
    size_t length = (size_t)call->records.body_bytes;
    free_room(call);
    if (is_discarded(call) || length <= GATEWAY_SMALL_BYTES)
        return;
    call->refused = length > GATEWAY_BODIES * gateway->body_limit - gateway->held;
    call->held = call->refused ? 0 : length;
    gateway->held += call->held;
}

/* A body that is not kept: what was walked of it makes room for the rest. */
static void discard_body(struct gateway_call *call)
{
    struct records *records = &call->records;
    struct buffer kept;
    buffer_init(&kept);
    buffer_append(&kept, call->received.bytes, records->params_end);
    buffer_append(&kept, call->received.bytes + records->walked, call->received.length - records->walked);
    buffer_free(&call->received);
    call->received = kept;
    records->walked = records->params_end;
}

/* Look at `length` new bytes, which lie in the gateway's scratch memory. Returns false when the connection is
 * done with. */
static bool take_bytes(struct gateway_call *call, size_t length)
{
    uint8_t *bytes = call->gateway->scratch;
    if (call->received.length > 0) {
        buffer_append(&call->received, bytes, length);
        bytes = (uint8_t *)call->received.bytes;
        length = call->received.length;
    }
    if (call->received.failed) {
        refuse_peer(call, "out of memory");
        return false;
    }
    enum records_verdict verdict = records_walk(&call->records, bytes, length);
    take_room(call);
    switch (verdict) {
    case RECORDS_BAD:
        refuse_peer(call, call->records.fault);
        return false;
    case RECORDS_WHOLE:
        if (call->records.walked < length)
            refuse_peer(call, "a record after the end of the request");
        else
            begin_call(call, bytes);
        return false;
    case RECORDS_MORE:
        break;
    }
    if (call->received.length == 0)
        buffer_append(&call->received, bytes, length);
    if (is_discarded(call))
        discard_body(call);
    if (call->received.failed || call->records.body_bytes > DISCARD_BYTES) {
        refuse_peer(call, call->received.failed ? "out of memory" : "an endless body");
        return false;
    }
    return true;
}

static void receive(struct gateway_call *call)
{
    struct gateway *gateway = call->gateway;
    for (;;) {
        ssize_t length = recv(call->fd, gateway->scratch, sizeof gateway->scratch, 0);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (length <= 0) {
            close_connection(call);
            return;
        }
        if (!take_bytes(call, (size_t)length))
            return;
    }
}

static void lose_peer(struct gateway_call *call)
{
    if (call->on_gone != NULL)
        call->on_gone(call->cookie);
    close_connection(call);
}

static void callback_connection(void *cookie, uint32_t events)
{
    struct gateway_call *call = cookie;
    call->hung_up = call->hung_up || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
    if (call->state == RECEIVING) {
        receive(call);
        return;
    }
    /* While a request is being answered a peer has nothing to send: it is gone, or it is not playing by the
     * rules. */
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        lose_peer(call);
        return;
    }
    if ((events & EPOLLOUT) && call->wants_room) {
        call->wants_room = false;
        call->room = call->all_room;
        if (loop_rewatch(call->gateway->loop, call->watch, WATCHED) != 0)
            lose_peer(call); /* nothing would ever wake it up again */
        else if (call->on_room != NULL)
            call->on_room(call->cookie);
    }
}

/* ---- the listening socket ---- */

static int open_connection(struct gateway *gateway, int fd)
{
    struct gateway_call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return -1;
    call->gateway = gateway;
    call->fd = fd;
    call->state = RECEIVING;
    call->all_room = read_room(fd);
    buffer_init(&call->received);
    records_init(&call->records, gateway->body_limit);
    call->watch = loop_watch(gateway->loop, fd, WATCHED, callback_connection, call);
    if (call->watch == NULL) {
        free(call);
        return -1;
    }
    call->next = gateway->calls;
    if (call->next != NULL)
        call->next->previous = call;
    gateway->calls = call;
    return 0;
}

static void callback_listener(void *cookie, uint32_t events);

/* Several workers share the listening socket: the kernel wakes one of them for a connection. */
static void watch_listener(void *cookie)
{
    struct gateway *gateway = cookie;
    gateway->listener_watch =
        loop_watch(gateway->loop, gateway->listener, EPOLLIN | EPOLLEXCLUSIVE, callback_listener, gateway);
    if (gateway->listener_watch == NULL)
        loop_timer_set(gateway->loop, &gateway->accept_pause, ACCEPT_PAUSE_MS);
}

/* Out of descriptors or memory: the connection waits in the backlog, for another worker or for better times.
 */
static void pause_accepting(struct gateway *gateway, const char *reason)
{
    log_line(LOG_LEVEL_ERROR, "can't accept FastCGI connections for a moment", "reason", reason, LOG_END);
    loop_unwatch(gateway->loop, &gateway->listener_watch);
    loop_timer_set(gateway->loop, &gateway->accept_pause, ACCEPT_PAUSE_MS);
}

static void callback_listener(void *cookie, uint32_t events)
{
    struct gateway *gateway = cookie;
    (void)events;
    /* One at a time: a busy worker comes back later than an idle one, so connections spread by themselves. */
    int fd = accept4(gateway->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_accepting(gateway, strerror(errno));
        return; /* else another worker was faster, or the peer has left */
    }
    if (open_connection(gateway, fd) != 0) {
        close(fd);
        pause_accepting(gateway, strerror(errno));
    }
}

static void callback_drained(void *cookie)
{
    struct gateway *gateway = cookie;
    gateway->on_drained(gateway->drained_cookie);
}

struct gateway *gateway_create(struct loop *loop, int listener, size_t body_limit, gateway_begin *begin,
                               void *cookie)
{
    int flags = fcntl(listener, F_GETFL);
    if (flags < 0 || fcntl(listener, F_SETFL, flags | O_NONBLOCK) != 0 || FCGX_Init() != 0)
        return NULL;
    struct gateway *gateway = calloc(1, sizeof *gateway);
    if (gateway == NULL)
        return NULL;
    gateway->loop = loop;
    gateway->listener = listener;
    gateway->body_limit = body_limit;
    gateway->begin = begin;
    gateway->cookie = cookie;
    gateway->accept_pause = (struct loop_timer){.due = watch_listener, .cookie = gateway};
    gateway->drained = (struct loop_task){.run = callback_drained, .cookie = gateway};
    if (feed_open(&gateway->feed) == 0)
        gateway->listener_watch =
            loop_watch(loop, listener, EPOLLIN | EPOLLEXCLUSIVE, callback_listener, gateway);
    if (gateway->listener_watch == NULL) {
        gateway_free(gateway);
        return NULL;
    }
    return gateway;
}

void gateway_drain(struct gateway *gateway, void (*drained)(void *cookie), void *cookie)
{
    gateway->draining = true;
    gateway->on_drained = drained;
    gateway->drained_cookie = cookie;
    loop_timer_clear(gateway->loop, &gateway->accept_pause);
    loop_unwatch(gateway->loop, &gateway->listener_watch);
    if (gateway->calls == NULL)
        loop_defer(gateway->loop, &gateway->drained);
}

void gateway_free(struct gateway *gateway)
{
    if (gateway == NULL)
        return;
    gateway->draining = false;
    while (gateway->calls != NULL)
        lose_peer(gateway->calls);
    loop_undefer(gateway->loop, &gateway->drained);
    loop_timer_clear(gateway->loop, &gateway->accept_pause);
    loop_unwatch(gateway->loop, &gateway->listener_watch);
    feed_close(&gateway->feed);
    free(gateway);
}

/* ---- calls ---- */

const char *gateway_param(const struct gateway_call *call, const char *name)
{
    const char *value = FCGX_GetParam(name, call->fcgi.envp);
    return value != NULL ? value : "";
}

const char *gateway_body(const struct gateway_call *call, size_t *length)
{
    *length = call->body_length;
    return call->body != NULL ? call->body : "";
}

bool gateway_body_too_large(const struct gateway_call *call)
{
    return call->records.too_large;
}

bool gateway_body_refused(const struct gateway_call *call)
{
    return call->refused && !call->records.too_large;
}

void gateway_attend(struct gateway_call *call, void (*room)(void *cookie), void (*gone)(void *cookie),
                    void *cookie)
{
    call->on_room = room;
    call->on_gone = gone;
    call->cookie = cookie;
}

ptrdiff_t gateway_write(struct gateway_call *call, const void *bytes, size_t length)
{
    size_t taken = length < call->room ? length : call->room;
    if (taken > 0 && FCGX_PutStr(bytes, (int)taken, call->fcgi.out) != (int)taken)
        return -1;
    call->room -= taken;
    if (taken == length)
        return (ptrdiff_t)taken;
    if (FCGX_FFlush(call->fcgi.out) != 0)
        return -1;
    call->wants_room = true;
    return loop_rewatch(call->gateway->loop, call->watch, WATCHED | EPOLLOUT) == 0 ? (ptrdiff_t)taken : -1;
}

void gateway_end(struct gateway_call *call)
{
    /* The error stream first: it writes nothing, and the output's last bytes then go with END_REQUEST. */
    bool broken = FCGX_FClose(call->fcgi.err) != 0;
    broken = FCGX_FClose(call->fcgi.out) != 0 || broken;
    if (broken || !call->records.keep || call->hung_up) {
        close_connection(call);
        return;
    }
    finish_fcgi(call);
    call->state = RECEIVING;
    call->on_room = call->on_gone = NULL; /* the owner has gone its way */
    records_init(&call->records, call->gateway->body_limit);
}

void gateway_break(struct gateway_call *call)
{
    close_connection(call);
}
