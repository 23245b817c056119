#include "employees.h"

#include "crud.h"
#include "list.h"

static const struct field fields[] = {
    {"age", NULL, "age", FIELD_INTEGER, FIELD_REQUIRED, 0, 150, NULL},
    {"created_at", NULL, "created_at", FIELD_TIME, FIELD_READ_ONLY, 0, 0, NULL},
    {"email", NULL, "email", FIELD_EMAIL, FIELD_REQUIRED, 3, 254, NULL},
    {"id", NULL, "id", FIELD_UUID, FIELD_READ_ONLY, 0, 0, NULL},
    {"name", NULL, "name", FIELD_TEXT, FIELD_REQUIRED, 1, 100, NULL},
    {"updated_at", NULL, "updated_at", FIELD_TIME, FIELD_READ_ONLY, 0, 0, NULL},
};

static struct resource_sql sql;

const struct resource employees_resource = {.name = "employees",
                                            .singular = "employee",
                                            .fields = fields,
                                            .field_count = sizeof fields / sizeof *fields,
                                            .key = 3,
                                            .lookup = 2,
                                            .touched = "updated_at",
                                            .sql = &sql};

#define EMPLOYEES &employees_resource
#define ONE       "{\"employee\":"
#define ALL       "{\"employees\":["
#define SUCCESS   ",\"message\":\"success\"}"

static const struct route routes[] = {
    {METHOD_GET, "/employees/get", list_handle, EMPLOYEES, 200, ALL, "]" SUCCESS, NULL},
    {METHOD_GET, "/employees/get/*", crud_get, EMPLOYEES, 200, ONE, SUCCESS,
     NULL}, /* what Location points at */
    {METHOD_POST, "/employees/add", crud_create, EMPLOYEES, 201, ONE, SUCCESS, "/employees/get/"},
    {METHOD_PATCH, "/employees/update/*", crud_change, EMPLOYEES, 200, ONE, SUCCESS, NULL},
    {METHOD_DELETE, "/employees/delete/*", crud_remove, EMPLOYEES, 204, NULL, NULL, NULL},
};

const struct route_table employees_routes = {routes, sizeof routes / sizeof *routes};
