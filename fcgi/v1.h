#ifndef PURSER_V1_H
#define PURSER_V1_H

/*
 * The routes that every resource has under /v1: one list for all of them. PATH is "/v1/passengers", RESOURCE
 * the address of its description.
 */

#include "bulk.h"
#include "crud.h"
#include "form.h"
#include "page.h"
#include "route.h"

/* clang-format off */
#define V1_ROUTES(PATH, RESOURCE) \
    {METHOD_GET, PATH, page_handle, RESOURCE, 200, .v1 = true, .query = true}, \
    {METHOD_POST, PATH, bulk_create, RESOURCE, 201, "", "", PATH "/", .v1 = true, .bulk = true}, \
    {METHOD_PATCH, PATH, bulk_change, RESOURCE, 200, .v1 = true, .bulk = true, \
     .options = "Accept-Patch: application/json\r\n"}, \
    {METHOD_GET, PATH "/*", crud_get, RESOURCE, 200, "", "", .v1 = true}, \
    {METHOD_PUT, PATH "/*", crud_replace, RESOURCE, 200, "", "", PATH "/", .v1 = true}, \
    {METHOD_PATCH, PATH "/*", crud_change, RESOURCE, 200, "", "", .v1 = true, .options = V1_PATCHES}, \
    {METHOD_DELETE, PATH "/*", crud_remove, RESOURCE, 204, NULL, NULL, .v1 = true}
/* clang-format on */

/* What OPTIONS says of a row (RFC 5789 section 3.1). */
#define V1_PATCHES "Accept-Patch: " FORM_PATCHES "\r\n"

#endif
