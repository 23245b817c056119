#ifndef PURSER_CRUD_H
#define PURSER_CRUD_H

/* Handlers for one row of a resource; the route says which resource, and how the answer looks. */

#include "route.h"

void crud_get(struct request *request);
void crud_create(struct request *request);
void crud_replace(struct request *request);
void crud_change(struct request *request);
void crud_remove(struct request *request);

#endif
