#include "passengers.h"

#include "crud.h"
#include "list.h"

#include <math.h>

static const char *const sexes[] = {"male", "female", NULL};

/* clang-format off */
static const struct field fields[] = {
    {"uuid", NULL, "uuid", FIELD_UUID, FIELD_READ_ONLY, 0, 0, NULL, true},
    {"survived", "Survived", "survived", FIELD_BOOLEAN, FIELD_NULLABLE, 0, 0, NULL, false},
    {"passengerClass", "Pclass", "passenger_class", FIELD_INTEGER, FIELD_REQUIRED, 1, 3, NULL, false},
    {"name", "Name", "name", FIELD_TEXT, FIELD_REQUIRED, 1, 150, NULL, true},
    {"sex", "Sex", "sex", FIELD_CHOICE, FIELD_NULLABLE, 0, 0, sexes, false},
    {"age", "Age", "age", FIELD_NUMBER, FIELD_NULLABLE, 0, 150, NULL, true},
    {"siblingsOrSpousesAboard", "Siblings_Spouses_Aboard", "siblings_or_spouses_aboard", FIELD_INTEGER, FIELD_REQUIRED, 0, 100, NULL, false},
    {"parentsOrChildrenAboard", "Parents_Children_Aboard", "parents_or_children_aboard", FIELD_INTEGER, FIELD_REQUIRED, 0, 100, NULL, false},
    {"fare", "Fare", "fare", FIELD_NUMBER, FIELD_NULLABLE, 0, INFINITY, NULL, true},
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

#define SUCCESSOR ROUTE_DEPRECATED "</v1/passengers>" ROUTE_SUCCESSOR

static const struct route routes[] = {
    {METHOD_GET, "/passengerlist", list_handle, PASSENGERS, 200, "[", "]", .headers = SUCCESSOR},
    {METHOD_GET, "/getpassenger/*", crud_get, PASSENGERS, 200, "", "", .headers = SUCCESSOR},
    {METHOD_POST, "/postpassenger", crud_create, PASSENGERS, 200, "[", "]", .headers = SUCCESSOR},
    {METHOD_PUT, "/putpassenger/*", crud_replace, PASSENGERS, 200, "", "", .headers = SUCCESSOR},
    {METHOD_DELETE, "/deletepassenger/*", crud_remove, PASSENGERS, 200, "null", NULL, .headers = SUCCESSOR},
};

const struct route_table passengers_routes = {routes, sizeof routes / sizeof *routes};
