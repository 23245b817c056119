#ifndef PURSER_EMPLOYEES_H
#define PURSER_EMPLOYEES_H

/* The employees: the table as data, and the routes that clients of the earlier service call. */

#include "route.h"

extern const struct resource employees_resource;
extern const struct route_table employees_routes;

#endif
