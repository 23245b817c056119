#include "probe.h"

#include "json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <json-c/json.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FAULT_SIZE   256
#define PATH_MAXIMUM 1000
#define KEPT_BYTES   16384 /* of the answer: its head, and a problem's whole text */
#define LAST_CHUNK   "0\r\n\r\n"

struct probe {
    int port;
    const char *path;
    int limit_ms;
    long long end; /* on the monotonic clock, in ms */
    int fd;
    char kept[KEPT_BYTES + 1]; /* how the answer begins, as a string */
    size_t length;             /* of the whole answer so far */
    char last[sizeof LAST_CHUNK];
    char *fault;
};

bool probe_path(const char *path)
{
    if (*path != '/' || strlen(path) > PATH_MAXIMUM)
        return false;
    for (; *path != '\0'; path++)
        if (*path <= ' ' || *path > '~')
            return false;
    return true;
}

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int fail_late(struct probe *probe)
{
    snprintf(probe->fault, FAULT_SIZE, "no whole answer to %.100s on port %d within %d ms", probe->path,
             probe->port, probe->limit_ms);
    return -1;
}

static int fail_errno(struct probe *probe)
{
    if (errno == ECONNREFUSED)
        snprintf(probe->fault, FAULT_SIZE, "nothing listens on port %d", probe->port);
    else
        snprintf(probe->fault, FAULT_SIZE, "port %d can't be asked for %.100s: %s", probe->port, probe->path,
                 strerror(errno));
    return -1;
}

/* Return 0 when the connection is ready for `events`. */
static int await(struct probe *probe, short events)
{
    struct pollfd waited = {.fd = probe->fd, .events = events};
    for (;;) {
        long long left = probe->end - now_ms();
        int ready = left > 0 ? poll(&waited, 1, (int)left) : 0;
        if (ready > 0)
            return 0;
        if (ready == 0)
            return fail_late(probe);
        if (errno != EINTR)
            return fail_errno(probe);
    }
}

static int open_connection(struct probe *probe)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)probe->port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    probe->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe->fd < 0)
        return fail_errno(probe);
    if (connect(probe->fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return fail_errno(probe);
    if (await(probe, POLLOUT) != 0)
        return -1;
    int wrong = 0;
    socklen_t size = sizeof wrong;
    if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &wrong, &size) != 0)
        return fail_errno(probe);
    errno = wrong;
    return wrong == 0 ? 0 : fail_errno(probe);
}

static int send_request(struct probe *probe)
{
    char text[PATH_MAXIMUM + 100];
    int length =
        snprintf(text, sizeof text, "GET %.*s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n",
                 PATH_MAXIMUM, probe->path, probe->port);
    for (int sent = 0; sent < length;) {
        ssize_t count = send(probe->fd, text + sent, (size_t)(length - sent), MSG_NOSIGNAL);
        if (count >= 0)
            sent += (int)count;
        else if (errno == EAGAIN) {
            if (await(probe, POLLOUT) != 0)
                return -1;
        } else if (errno != EINTR)
            return fail_errno(probe);
    }
    return 0;
}

/* The bytes after the head, or NULL as long as the head is not there whole. */
static const char *body_of(const struct probe *probe)
{
    const char *end = strstr(probe->kept, "\r\n\r\n");
    return end != NULL ? end + 4 : NULL;
}

/* The value of a header, or NULL. */
static const char *header_of(const struct probe *probe, const char *name)
{
    const char *found = strcasestr(probe->kept, name);
    return found != NULL && found < body_of(probe) ? found + strlen(name) : NULL;
}

/* Whether the answer is there whole. One that says nothing about its length ends with the connection. */
static bool is_whole(const struct probe *probe, bool closed)
{
    const char *body = body_of(probe);
    if (body == NULL)
        return false;
    const char *length = header_of(probe, "\r\nContent-Length:");
    if (length != NULL)
        return probe->length - (size_t)(body - probe->kept) >= strtoull(length, NULL, 10);
    if (header_of(probe, "\r\nTransfer-Encoding: chunked") != NULL)
        return strcmp(probe->last, LAST_CHUNK) == 0;
    return closed;
}

static void keep(struct probe *probe, const char *bytes, size_t count)
{
    size_t tail = sizeof probe->last - 1;
    if (probe->length < KEPT_BYTES) {
        size_t room = KEPT_BYTES - probe->length;
        memcpy(probe->kept + probe->length, bytes, count < room ? count : room);
    }
    for (size_t i = count < tail ? 0 : count - tail; i < count; i++) {
        memmove(probe->last, probe->last + 1, tail - 1);
        probe->last[tail - 1] = bytes[i];
    }
    probe->length += count;
}

/* Read until the answer is whole or the peer has closed. */
static int read_answer(struct probe *probe)
{
    char bytes[4096];
    while (!is_whole(probe, false)) {
        if (await(probe, POLLIN) != 0) /* also where there is always more to read */
            return -1;
        ssize_t count = recv(probe->fd, bytes, sizeof bytes, 0);
        if (count == 0)
            break;
        if (count > 0)
            keep(probe, bytes, (size_t)count);
        else if (errno != EAGAIN && errno != EINTR)
            return fail_errno(probe);
    }
    return 0;
}

/* Say the status, and the detail where the answer is a problem. A body in one chunk is found, too. */
static int fail_status(struct probe *probe, int status)
{
    int used = snprintf(probe->fault, FAULT_SIZE, "%.60s has the status %d", probe->path, status);
    const char *from = strchr(body_of(probe), '{');
    const char *to = strrchr(body_of(probe), '}');
    struct json_fault wrong;
    struct json_object *problem =
        from != NULL && to > from ? json_read(from, (size_t)(to - from) + 1, &wrong) : NULL;
    struct json_object *detail = NULL;
    if (json_object_is_type(problem, json_type_object) &&
        json_object_object_get_ex(problem, "detail", &detail) &&
        json_object_is_type(detail, json_type_string)) {
        snprintf(probe->fault + used, FAULT_SIZE - (size_t)used, ": %s", json_object_get_string(detail));
        for (char *at = probe->fault; *at != '\0'; at++)
            if ((unsigned char)*at < ' ')
                *at = '?'; /* one line stays one */
    }
    json_object_put(problem);
    return -1;
}

static int judge(struct probe *probe)
{
    const char *wrong = "was cut off";
    int status;
    if (strncmp(probe->kept, "HTTP/1.", probe->length < 7 ? probe->length : 7) != 0)
        wrong = "is no HTTP";
    else if (is_whole(probe, true))
        wrong = sscanf(probe->kept, "HTTP/1.%*1[01] %3d", &status) == 1 ? NULL : "is no HTTP";
    if (wrong == NULL)
        return status >= 200 && status <= 299 ? 0 : fail_status(probe, status);
    snprintf(probe->fault, FAULT_SIZE, "the answer to %.100s on port %d %s", probe->path, probe->port, wrong);
    return -1;
}

int probe_ask(int port, const char *path, int limit_ms, char fault[FAULT_SIZE])
{
    struct probe probe = {.port = port,
                          .path = path,
                          .limit_ms = limit_ms,
                          .end = now_ms() + limit_ms,
                          .fd = -1,
                          .fault = fault};
    int result = -1;
    if (open_connection(&probe) == 0 && send_request(&probe) == 0 && read_answer(&probe) == 0)
        result = judge(&probe);
    if (probe.fd >= 0)
        close(probe.fd);
    return result;
}

int probe_run(int port, const char *path)
{
    char fault[FAULT_SIZE];
    if (probe_ask(port, path, PROBE_MS, fault) == 0)
        return EXIT_SUCCESS;
    fprintf(stderr, "purser: %s\n", fault);
    return EXIT_FAILURE;
}
