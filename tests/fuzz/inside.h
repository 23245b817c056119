#ifndef PURSER_TESTS_INSIDE_H
#define PURSER_TESTS_INSIDE_H

/*
 * The inside of a worker in this process: the real gateway, libfcgi, requests and routes, and a peer that
 * asks. There is no PostgreSQL: a request goes as far as the query that it asks the database, which is there
 * to be looked at, and is answered then as if the database were away.
 */

#include "database.h"
#include "peer.h"
#include "request.h"
#include "route.h"

#define INSIDE_BODY_BYTES (64 * 1024) /* of a body, at most */

/* What is asked. */
struct inside_request {
    const char *method, *uri;
    const char *type; /* the body's Content-Type; NULL: there is no body */
    const void *body;
    size_t length;
    const char *const *params; /* more, as peer_request_with takes them */
};

/* Begin, at the first input; once in a process. `more` are routes beside the service's own, ended by NULL. */
void inside_open(const struct route_table *const *more);

/* What the gateway calls with a request: request_begin with the cookie, unless a target looks at it before.
 */
extern gateway_begin *inside_begin;

/* Ask on a kept connection. Returns the query that came of it, good until inside_answer; NULL: there was
 * none. */
const struct database_query *inside_ask(const struct inside_request *request);

/* The request that the query is of. */
const struct request *inside_asked(const struct database_query *query);

/* The answer, good until the next question. It has been checked: see inside.c. */
const struct peer_answer *inside_answer(void);

/* ---- for bytes that may be no request ---- */

void inside_connect(struct peer *peer);

/* One turn of the loop; a query that came of it is answered. */
void inside_turn(void);

/* The first answer out of all that came, checked as above. Free it. */
struct peer_answer inside_take_answer(struct peer *peer);

#endif
