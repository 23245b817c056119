#ifndef PURSER_ROUTE_H
#define PURSER_ROUTE_H

/* From method and path to a handler. The tables of routes are data; HEAD and OPTIONS follow from them. */

#include "request.h"
#include "resource.h"

struct route {
    enum method method;
    const char *path; /* "/a/b" or "/a/" and a '*' that stands for one segment (request->argument) */
    void (*handle)(struct request *request);
    /* For the handlers of crud.h and list.h: */
    const struct resource *resource;
    int status;         /* of the answer when all is well */
    const char *prefix; /* what the row, or the rows, stand between; NULL: the answer has no body */
    const char *suffix;
    const char *location; /* of a created row: this, and what the row is looked up by; NULL: no Location */
};

struct route_table {
    const struct route *routes;
    int count;
};

/* Find the route of a request and call its handler; or answer OPTIONS, 404 or 405. */
void route_handle(struct request *request);

/* GET /: the routes as JSON, "GET /hello" and so on; and GET /problems/<slug>. */
void route_index(struct request *request);
void route_problem(struct request *request);

#endif
