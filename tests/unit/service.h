#ifndef PURSER_TESTS_SERVICE_H
#define PURSER_TESTS_SERVICE_H

/* The worker's inside without a database of its own: gateway, requests and routes, and one peer that asks. */

#include "peer.h"
#include "request.h"
#include "route.h"

struct service {
    struct loop *loop;
    struct gateway *gateway;
    struct request_server server;
    int listener;
    char path[64];
    struct peer peer;
    const char *const *params; /* more of each request: "HTTP_ACCEPT", its value, …, NULL; or NULL */
};

/* `routes` and `database` as in struct request_server. Fails the test when it can't be. */
void service_open(struct service *service, struct loop *loop, struct database *database,
                  const struct route_table *const *routes);
void service_close(struct service *service);

/*
 * Send a request (a connection is kept, and made again when it was closed) and wait for what comes of it.
 * `type` NULL: no body. service_send can be called alone, to make calls fail before service_wait.
 */
void service_send(struct service *service, const char *method, const char *uri, const char *type,
                  const char *body);
void service_wait(struct service *service);

/* The answer; its status is 0 when the connection was closed without one. */
struct peer_answer service_answer(struct service *service);

/* All three. */
struct peer_answer service_ask(struct service *service, const char *method, const char *uri, const char *type,
                               const char *body);

/* Whether the answer has this header line. */
bool service_has_header(const struct peer_answer *answer, const char *line);

#endif
