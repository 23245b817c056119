#ifndef PURSER_PASSENGERS_H
#define PURSER_PASSENGERS_H

/* The passengers: the table as data, and the routes that clients of the earlier service call. */

#include "route.h"

extern const struct resource passengers_resource;
extern const struct route_table passengers_routes;

#endif
