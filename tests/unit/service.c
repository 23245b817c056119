#include "service.h"

#include "unit.h"

#include "turn.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define BODY_LIMIT  (64 * 1024)
#define DEADLINE_MS 2000

void service_open(struct service *service, struct loop *loop, struct database *database,
                  const struct route_table *const *routes)
{
    *service = (struct service){.loop = loop, .peer.fd = -1};
    service->server = (struct request_server){.loop = loop,
                                              .database = database,
                                              .routes = routes,
                                              .handle = route_handle,
                                              .max_body_bytes = BODY_LIMIT,
                                              .max_bulk_bytes = BODY_LIMIT,
                                              .deadline_ms = DEADLINE_MS,
                                              .max_waiting = 1024};
    service->listener = peer_listen(service->path);
    service->gateway = gateway_create(loop, service->listener, BODY_LIMIT, request_begin, &service->server);
    assert_non_null(service->gateway);
    signal(SIGPIPE, SIG_IGN);
}

void service_close(struct service *service)
{
    peer_close(&service->peer);
    turn_once(service->loop);
    gateway_free(service->gateway);
    request_free_spare(&service->server);
    peer_unlisten(service->listener, service->path);
}

void service_send(struct service *service, const char *method, const char *uri, const char *type,
                  const char *body)
{
    struct buffer message;
    peer_receive(&service->peer, service->peer.fd >= 0 ? 1 : 0);
    if (service->peer.fd < 0 || service->peer.closed) {
        peer_close(&service->peer);
        peer_connect(&service->peer, service->path);
    }
    buffer_init(&message);
    peer_request_with(&message, method, uri, type, body, body != NULL ? strlen(body) : 0, service->params);
    peer_send(&service->peer, message.bytes, message.length);
    buffer_free(&message);
}

static bool is_over(void *cookie)
{
    struct peer *peer = cookie;
    peer_receive(peer, (size_t)-1);
    return peer->closed || peer_answered(peer);
}

void service_wait(struct service *service)
{
    assert_true(turn_until(service->loop, is_over, &service->peer));
}

struct peer_answer service_answer(struct service *service)
{
    if (peer_answered(&service->peer))
        return peer_take_answer(&service->peer);
    return (struct peer_answer){.status = 0};
}

struct peer_answer service_ask(struct service *service, const char *method, const char *uri, const char *type,
                               const char *body)
{
    service_send(service, method, uri, type, body);
    service_wait(service);
    return service_answer(service);
}

bool service_has_header(const struct peer_answer *answer, const char *line)
{
    char whole[200];
    snprintf(whole, sizeof whole, "\r\n%s\r\n", line);
    return answer->headers.bytes != NULL && strstr(answer->headers.bytes, whole) != NULL;
}
