#ifndef PURSER_CRUD_ANSWER_H
#define PURSER_CRUD_ANSWER_H

/* What crud.h's handlers make of a result: the row, or why there is none. Each answers the request. */

#include "precondition.h"
#include "prefer.h"
#include "route.h"

/* Of a request to a route of /v1; in the arena, as the request's state. */
struct crud {
    struct prefer prefer;
    struct precondition precondition;
    bool creates; /* a PUT that is to make the row: If-None-Match: * */
};

/* For request_query's `done`, after RESOURCE_GET; RESOURCE_INSERT; RESOURCE_CHANGE or RESOURCE_PUT;
 * RESOURCE_REMOVE. */
void crud_answer_got(struct request *request, const struct database_result *result);
void crud_answer_created(struct request *request, const struct database_result *result);
void crud_answer_changed(struct request *request, const struct database_result *result);
void crud_answer_removed(struct request *request, const struct database_result *result);

/* 412. */
void crud_answer_precondition(struct request *request);

#endif
