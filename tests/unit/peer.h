#ifndef PURSER_TESTS_PEER_H
#define PURSER_TESTS_PEER_H

/* A FastCGI client for tests: it writes records, good ones and others, and takes answers apart. */

#include "buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEER_BEGIN = 1, PEER_ABORT = 2, PEER_END = 3, PEER_PARAMS = 4, PEER_STDIN = 5, PEER_STDOUT = 6 };

/* ---- what it sends ---- */

/* Append one record. The padding's bytes are 'p'. */
void peer_record(struct buffer *out, int type, int id, const void *content, size_t length, uint8_t padding);
void peer_begin(struct buffer *out, int id, bool keep);

/* Append a name and its value as FastCGI encodes them: the content of PARAMS. */
void peer_pair(struct buffer *out, const char *name, const char *value);

/* Append `length` bytes as as many records as it takes, and the empty record behind them. */
void peer_stream(struct buffer *out, int type, int id, const void *bytes, size_t length);

/* Append a whole request of a kept connection; `type` is the Content-Type of the body, NULL: no body. */
void peer_request(struct buffer *out, const char *method, const char *uri, const char *type, const void *body,
                  size_t length);

/* The same with more parameters: names and values in turn, ended by NULL; or NULL for none.
 * They go before those that are always there, so they count if they have the same names. */
void peer_request_with(struct buffer *out, const char *method, const char *uri, const char *type,
                       const void *body, size_t length, const char *const *more);

/* ---- a connection ---- */

struct peer {
    int fd;
    struct buffer got; /* all bytes that came */
    bool closed;       /* the other side has closed, or broken, the connection */
};

/* A listening unix socket in a place of its own; returns its descriptor and its `path`. */
int peer_listen(char path[64]);
void peer_unlisten(int fd, const char *path);

void peer_connect(struct peer *peer, const char *path);
void peer_send(struct peer *peer, const void *bytes, size_t length);

/* Take what has come, at most `limit` bytes; never waits. */
void peer_receive(struct peer *peer, size_t limit);
void peer_close(struct peer *peer);

/* ---- what came back ---- */

struct peer_answer {
    int status;            /* from "Status: …" */
    struct buffer headers; /* NUL-terminated */
    struct buffer body;    /* NUL-terminated, the NUL is not counted */
};

/* Whether what has come is a whole answer, up to END_REQUEST. */
bool peer_answered(const struct peer *peer);

/* The first answer, taken out of `got`. Fails the test when it isn't one. Give it back with peer_free_answer.
 */
struct peer_answer peer_take_answer(struct peer *peer);
void peer_free_answer(struct peer_answer *answer);

#endif
