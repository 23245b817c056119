#ifndef PURSER_ROUTE_H
#define PURSER_ROUTE_H

/*
 * From method and path to a handler. The tables of routes are data; HEAD and OPTIONS follow from them. A path
 * that is named wholly goes before one with a '*', whatever the method: Allow is of that path alone.
 */

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
    const char *headers;  /* more header lines of each answer, each ended by CRLF; NULL: none */
    const char *options;  /* more header lines of the answer to OPTIONS at the path, as above; NULL: none */
    bool v1;    /* answers as /v1 does: rows are found by their key, times are RFC 3339's, there are ETags */
    bool query; /* of a v1 route: it takes parameters behind the '?', and checks them itself */
    bool bulk;  /* its body may have many rows: max_bulk_bytes is its limit */
};

/* The headers of a route that has a better one (RFC 9745, RFC 5829 section 3.3), around the better one's
 * address. */
#define ROUTE_DEPRECATED "Deprecation: @1795132800\r\nLink: "
#define ROUTE_SUCCESSOR  "; rel=\"successor-version\"\r\n"

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
