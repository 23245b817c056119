#include "passengers.h"

#include "crud.h"
#include "list.h"

#include <math.h>

static const char *const sexes[] = {"male", "female", NULL};

/* clang-format off */
static const struct field fields[] = {
    {"uuid", NULL, "uuid", FIELD_UUID, FIELD_READ_ONLY, 0, 0, NULL},
    {"survived", "Survived", "survived", FIELD_BOOLEAN, FIELD_NULLABLE, 0, 0, NULL},
    {"passengerClass", "Pclass", "passenger_class", FIELD_INTEGER, FIELD_REQUIRED, 1, 3, NULL},
    {"name", "Name", "name", FIELD_TEXT, FIELD_REQUIRED, 1, 150, NULL},
    {"sex", "Sex", "sex", FIELD_CHOICE, FIELD_NULLABLE, 0, 0, sexes},
    {"age", "Age", "age", FIELD_NUMBER, FIELD_NULLABLE, 0, 150, NULL},
    {"siblingsOrSpousesAboard", "Siblings_Spouses_Aboard", "siblings_or_spouses_aboard", FIELD_INTEGER, FIELD_REQUIRED, 0, 100, NULL},
    {"parentsOrChildrenAboard", "Parents_Children_Aboard", "parents_or_children_aboard", FIELD_INTEGER, FIELD_REQUIRED, 0, 100, NULL},
    {"fare", "Fare", "fare", FIELD_NUMBER, FIELD_NULLABLE, 0, INFINITY, NULL},
};
/* clang-format on */

static struct resource_sql sql;

const struct resource passengers_resource = {.name = "passengers",
                                             .singular = "passenger",
                                             .fields = fields,
                                             .field_count = sizeof fields / sizeof *fields,
                                             .key = 0,
                                             .lookup = 0,
                                             .touched = NULL,
                                             .sql = &sql};

#define PASSENGERS &passengers_resource

static const struct route routes[] = {
    {METHOD_GET, "/passengerlist", list_handle, PASSENGERS, 200, "[", "]", NULL},
    {METHOD_GET, "/getpassenger/*", crud_get, PASSENGERS, 200, "", "", NULL},
    {METHOD_POST, "/postpassenger", crud_create, PASSENGERS, 200, "[", "]", NULL},
    {METHOD_PUT, "/putpassenger/*", crud_replace, PASSENGERS, 200, "", "", NULL},
    {METHOD_DELETE, "/deletepassenger/*", crud_remove, PASSENGERS, 200, "null", NULL, NULL},
};

const struct route_table passengers_routes = {routes, sizeof routes / sizeof *routes};
