#ifndef PURSER_HEALTH_H
#define PURSER_HEALTH_H

/* The routes that tell how the service is, and those that the earlier service had for trying it out. */

#include "route.h"

extern const struct route_table health_routes;
extern const struct database_statement health_statement; /* what /readyz asks the database */

#endif
