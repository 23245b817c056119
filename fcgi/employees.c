#include "employees.h"

#include "crud.h"
#include "list.h"
#include "v1.h"

static const struct field fields[] = {
    {"age", NULL, "age", FIELD_INTEGER, FIELD_REQUIRED, 0, 150, NULL, true},
    {"created_at", NULL, "created_at", FIELD_TIME, FIELD_READ_ONLY, 0, 0, NULL, true},
    {"email", NULL, "email", FIELD_EMAIL, FIELD_REQUIRED, 3, 254, NULL, true},
    {"id", NULL, "id", FIELD_UUID, FIELD_READ_ONLY, 0, 0, NULL, true},
    {"name", NULL, "name", FIELD_TEXT, FIELD_REQUIRED, 1, 100, NULL, true},
    {"updated_at", NULL, "updated_at", FIELD_TIME, FIELD_READ_ONLY, 0, 0, NULL, false},
};

static struct resource_sql sql;

const struct resource employees_resource = {.name = "employees",
                                            .singular = "employee",
                                            .fields = fields,
                                            .field_count = sizeof fields / sizeof *fields,
                                            .key = 3,
                                            .lookup = 2,
                                            .searched = 4,
                                            .touched = "updated_at",
                                            .sql = &sql};

#define EMPLOYEES &employees_resource
#define ONE       "{\"employee\":"
#define ALL       "{\"employees\":["
#define SUCCESS   ",\"message\":\"success\"}"

#define SUCCESSOR ROUTE_DEPRECATED "</v1/employees>" ROUTE_SUCCESSOR

static const struct route routes[] = {
    {METHOD_GET, "/employees/get", list_handle, EMPLOYEES, 200, ALL, "]" SUCCESS, .headers = SUCCESSOR},
    {METHOD_GET, "/employees/get/*", crud_get, EMPLOYEES, 200, ONE, SUCCESS,
     .headers = SUCCESSOR}, /* what Location points at */
    {METHOD_POST, "/employees/add", crud_create, EMPLOYEES, 201, ONE, SUCCESS, "/employees/get/",
     .headers = SUCCESSOR},
    {METHOD_PATCH, "/employees/update/*", crud_change, EMPLOYEES, 200, ONE, SUCCESS, .headers = SUCCESSOR},
    {METHOD_DELETE, "/employees/delete/*", crud_remove, EMPLOYEES, 204, NULL, NULL, .headers = SUCCESSOR},
    V1_ROUTES("/v1/employees", EMPLOYEES),
};

const struct route_table employees_routes = {routes, sizeof routes / sizeof *routes};
