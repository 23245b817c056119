#include "peer.h"

#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HEADER_BYTES 8
#define PEER_BYTES   (4 << 20)
#define ROOM_MS      10000

/* ---- what it sends ---- */

void peer_record(struct buffer *out, int type, int id, const void *content, size_t length, uint8_t padding)
{
    uint8_t header[HEADER_BYTES] = {
        1, (uint8_t)type, (uint8_t)(id >> 8), (uint8_t)id, (uint8_t)(length >> 8), (uint8_t)length, padding};
    buffer_append(out, header, sizeof header);
    buffer_append(out, content, length);
    for (; padding > 0; padding--)
        buffer_append(out, "p", 1);
}

void peer_begin(struct buffer *out, int id, bool keep)
{
    peer_record(out, PEER_BEGIN, id, (uint8_t[8]){0, 1, keep}, 8, 0);
}

static void write_length(struct buffer *out, size_t length)
{
    uint8_t bytes[4] = {(uint8_t)(length >> 24 | 0x80), (uint8_t)(length >> 16), (uint8_t)(length >> 8),
                        (uint8_t)length};
    if (length < 128)
        buffer_append(out, bytes + 3, 1);
    else
        buffer_append(out, bytes, 4);
}

void peer_pair(struct buffer *out, const char *name, const char *value)
{
    write_length(out, strlen(name));
    write_length(out, strlen(value));
    buffer_string(out, name);
    buffer_string(out, value);
}

void peer_stream(struct buffer *out, int type, int id, const void *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t part = length - at < 32768 ? length - at : 32768;
        peer_record(out, type, id, (const char *)bytes + at, part, 0);
        at += part;
    }
    peer_record(out, type, id, NULL, 0, 0);
}

void peer_request(struct buffer *out, const char *method, const char *uri, const char *type, const void *body,
                  size_t length)
{
    peer_request_with(out, method, uri, type, body, length, NULL);
}

void peer_request_with(struct buffer *out, const char *method, const char *uri, const char *type,
                       const void *body, size_t length, const char *const *more)
{
    struct buffer params;
    char said[24];
    buffer_init(&params);
    for (; more != NULL && *more != NULL; more += 2)
        peer_pair(&params, more[0], more[1]);
    peer_pair(&params, "REQUEST_METHOD", method);
    peer_pair(&params, "REQUEST_URI", uri);
    peer_pair(&params, "REQUEST_ID", "0123456789abcdef0123456789abcdef");
    peer_pair(&params, "REQUEST_MSEC", "1747779766.043");
    if (type != NULL) {
        snprintf(said, sizeof said, "%zu", length);
        peer_pair(&params, "CONTENT_TYPE", type);
        peer_pair(&params, "CONTENT_LENGTH", said);
    }
    peer_begin(out, 1, true);
    peer_stream(out, PEER_PARAMS, 1, params.bytes, params.length);
    peer_stream(out, PEER_STDIN, 1, body, length);
    buffer_free(&params);
}

/* ---- a connection ---- */

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return address;
}

int peer_listen(char path[64])
{
    static int number;
    snprintf(path, 64, "/tmp/purser-unit-%d-%d.sock", (int)getpid(), ++number);
    struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 128), 0);
    return fd;
}

void peer_unlisten(int fd, const char *path)
{
    close(fd);
    unlink(path);
}

void peer_connect(struct peer *peer, const char *path)
{
    struct sockaddr_un address = address_of(path);
    peer->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    peer->closed = false;
    buffer_init(&peer->got);
    assert_non_null(
        buffer_reserve(&peer->got, PEER_BYTES)); /* now, so that no call is made while others fail */
    assert_true(peer->fd >= 0);
    assert_int_equal(connect(peer->fd, (struct sockaddr *)&address, sizeof address), 0);
}

/* Where the one who reads is in the same thread, there must be room for everything at once. */
static void await_room(const struct peer *peer)
{
    struct pollfd socket = {.fd = peer->fd, .events = POLLOUT};
    assert_int_equal(poll(&socket, 1, ROOM_MS), 1);
}

void peer_send(struct peer *peer, const void *bytes, size_t length)
{
    for (size_t sent = 0; sent < length && !peer->closed;) {
        ssize_t taken =
            send(peer->fd, (const char *)bytes + sent, length - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (taken >= 0)
            sent += (size_t)taken;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            await_room(peer);
        else if (errno == EPIPE || errno == ECONNRESET)
            peer->closed = true;
        else
            fail_msg("send: %s", strerror(errno));
    }
}

void peer_receive(struct peer *peer, size_t limit)
{
    static char bytes[64 * 1024];
    while (limit > 0 && !peer->closed) {
        size_t most = limit < sizeof bytes ? limit : sizeof bytes;
        ssize_t length = recv(peer->fd, bytes, most, MSG_DONTWAIT);
        if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (length <= 0) {
            peer->closed = true;
            return;
        }
        buffer_append(&peer->got, bytes, (size_t)length);
        limit -= (size_t)length;
    }
}

void peer_close(struct peer *peer)
{
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
    buffer_free(&peer->got);
}

/* ---- what came back ---- */

/* The size of the record that `bytes` begin with, 0 when it has not come whole. */
static size_t size_of_record(const uint8_t *bytes, size_t length)
{
    if (length < HEADER_BYTES)
        return 0;
    size_t size = HEADER_BYTES + (size_t)(bytes[4] << 8 | bytes[5]) + bytes[6];
    return size <= length ? size : 0;
}

bool peer_answered(const struct peer *peer)
{
    const uint8_t *bytes = (const uint8_t *)peer->got.bytes;
    size_t size;
    for (size_t at = 0; (size = size_of_record(bytes + at, peer->got.length - at)) != 0; at += size)
        if (bytes[at + 1] == PEER_END)
            return true;
    return false;
}

/* The joined content of STDOUT; returns how many bytes the answer has with all of its records. */
static size_t join_output(const struct peer *peer, struct buffer *output)
{
    const uint8_t *bytes = (const uint8_t *)peer->got.bytes;
    size_t at = 0, size;
    while ((size = size_of_record(bytes + at, peer->got.length - at)) != 0) {
        const uint8_t *record = bytes + at;
        at += size;
        if (record[1] == PEER_END)
            return at;
        assert_int_equal(record[0], 1);
        if (record[1] == PEER_STDOUT)
            buffer_append(output, record + HEADER_BYTES, (size_t)(record[4] << 8 | record[5]));
    }
    fail_msg("the answer has no end");
    return 0;
}

struct peer_answer peer_take_answer(struct peer *peer)
{
    struct peer_answer answer = {0};
    struct buffer output;
    buffer_init(&output);
    size_t size = join_output(peer, &output);
    memmove(peer->got.bytes, peer->got.bytes + size, peer->got.length - size);
    peer->got.length -= size;

    const char *blank = memmem(output.bytes, output.length, "\r\n\r\n", 4);
    assert_non_null(blank);
    const char *body = blank + 4;
    size_t length = output.length - (size_t)(body - output.bytes);
    buffer_append(&answer.headers, output.bytes, (size_t)(blank + 2 - output.bytes));
    buffer_append(&answer.headers, "", 1);
    buffer_append(&answer.body, body, length);
    buffer_append(&answer.body, "", 1);
    answer.body.length--;
    assert_int_equal(sscanf(answer.headers.bytes, "Status: %d\r\n", &answer.status), 1);
    buffer_free(&output);
    return answer;
}

void peer_free_answer(struct peer_answer *answer)
{
    buffer_free(&answer->headers);
    buffer_free(&answer->body);
}
