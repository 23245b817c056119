#ifndef PURSER_BULK_H
#define PURSER_BULK_H

/*
 * Handlers for many rows of a resource at once, all or none: POST and PATCH of a collection of /v1. A POST of
 * one row comes here too, as it may have an Idempotency-Key, which is for both.
 */

#include "route.h"

/* POST: one row goes on to crud_create, unless it has an Idempotency-Key, or is to be merged or ignored where
 * it is there already. */
void bulk_create(struct request *request);

/* PATCH: changes of rows that are named by their keys. */
void bulk_change(struct request *request);

#endif
