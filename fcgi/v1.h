#ifndef PURSER_V1_H
#define PURSER_V1_H

/*
 * The routes that every resource has under /v1: one list for all of them. PATH is "/v1/passengers", RESOURCE
 * the address of its description.
 */

#include "route.h"

#define V1_ROUTES(PATH, RESOURCE)

#endif
