#ifndef PURSER_GATEWAY_H
#define PURSER_GATEWAY_H

/*
 * FastCGI connections. The only user of libfcgi, which is the codec: it decodes the parameters and the body,
 * and encodes the answer. It never waits: it reads what the gateway has vetted (records.h) and knows to be
 * whole, and writes no more than the socket has room for.
 *
 * One request at a time on a connection, many connections. A connection that misbehaves is closed with a
 * logged reason. An idle connection is closed by the peer, not by us, drain included.
 */

#include "loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GATEWAY_BODIES      4           /* as large as can be, that there is room for at once */
#define GATEWAY_SMALL_BYTES (16 * 1024) /* a body that there is always room for */

struct gateway;
struct gateway_call; /* one request and its answer */

/* A request has come whole. The callee owns `call` until gateway_end or gateway_break, or until it is told
 * `gone`. */
typedef void gateway_begin(void *cookie, struct gateway_call *call);

/*
 * Serve the listening socket `listener` (made non-blocking; it stays the caller's). A body of more than
 * `body_limit` bytes is thrown away while it comes, and said by gateway_body_too_large; so is one that is not
 * small, when the bodies of all calls would be larger than GATEWAY_BODIES times the limit
 * (gateway_body_refused). Returns NULL with errno. Once in a process: libfcgi has global state.
 */
struct gateway *gateway_create(struct loop *loop, int listener, size_t body_limit, gateway_begin *begin,
                               void *cookie);

/* Accept no more; call `drained` from the loop once the peers have closed all connections. */
void gateway_drain(struct gateway *gateway, void (*drained)(void *cookie), void *cookie);

/* Close every connection; the owners of calls are told `gone`. NULL is let pass. */
void gateway_free(struct gateway *gateway);

/* A parameter's value, or "" where there is none. Valid until the call ends. */
const char *gateway_param(const struct gateway_call *call, const char *name);

/* The body, NUL-terminated; valid until the call ends. */
const char *gateway_body(const struct gateway_call *call, size_t *length);

/* The body is not needed any more: give its memory back. It is empty then. Others get no more room by it:
 * what was made of it takes its place, until the call ends. */
void gateway_drop_body(struct gateway_call *call);

/* Why there is no body, if there was one: it is over the limit; there was no room for it. One of them at
 * most. */
bool gateway_body_too_large(const struct gateway_call *call);
bool gateway_body_refused(const struct gateway_call *call);

/*
 * From now on call `room` when gateway_write, having taken less than it was given, can take more, and `gone`
 * when the peer has closed the connection or broken the protocol: the call is over then, and its pointer
 * dead.
 */
void gateway_attend(struct gateway_call *call, void (*room)(void *cookie), void (*gone)(void *cookie),
                    void *cookie);

/*
 * Write the next bytes of the CGI response (RFC 3875 section 6: headers, blank line, body). Returns how many
 * were taken; less than `length` means that the socket is full and `room` will be called. Returns -1 when the
 * connection is broken: the caller then calls gateway_break.
 */
ptrdiff_t gateway_write(struct gateway_call *call, const void *bytes, size_t length);

/* The answer is complete. */
void gateway_end(struct gateway_call *call);

/* Break off: the peer sees a connection that was closed in the middle of an answer. */
void gateway_break(struct gateway_call *call);

#endif
