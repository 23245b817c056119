#include "passengers.h"

#include "crud.h"
#include "list.h"
#include "stats.h"
#include "v1.h"

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

#define QUARTILES(COLUMN) "percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY " COLUMN ")"

/* avg() ends in an error where a sum, or that of the squares, is more than a double holds. Large values are
 * summed by themselves, as numeric, whose 15 digits may be rounded up beyond the largest double. */
#define LARGE "'1e100'::float8"
#define MEAN_OF_LARGE(COLUMN)                                                                                \
    "CASE WHEN max(" COLUMN ") >= " LARGE " THEN least("                                                     \
    "(coalesce(sum(" COLUMN ") FILTER (WHERE " COLUMN " < " LARGE "), 0)::numeric"                           \
    " + sum(" COLUMN "::numeric) FILTER (WHERE " COLUMN " >= " LARGE "))"                                    \
    " / count(" COLUMN "), 1.7976931348623157e308)::float8"                                                  \
    " ELSE avg(" COLUMN ") FILTER (WHERE " COLUMN " < " LARGE ") END"

static const struct resource_measure measures[] = {
    {NULL, "count", "count(*)", RESOURCE_COUNT},
    {NULL, "survivors", "count(*) FILTER (WHERE survived)", RESOURCE_COUNT},
    {NULL, "survivalRate", "avg(survived::int)::float8", RESOURCE_NUMBER},
    {"age", "mean", "avg(age)", RESOURCE_NUMBER},
    {"age", "quartiles", QUARTILES("age"), RESOURCE_NUMBERS},
    {"fare", "mean", MEAN_OF_LARGE("fare"), RESOURCE_NUMBER},
    {"fare", "quartiles", QUARTILES("fare"), RESOURCE_NUMBERS},
};

static struct resource_sql sql;

const struct resource passengers_resource = {.name = "passengers",
                                             .singular = "passenger",
                                             .fields = fields,
                                             .field_count = sizeof fields / sizeof *fields,
                                             .key = 0,
                                             .lookup = 0,
                                             .searched = 3,
                                             .measures = measures,
                                             .measure_count = sizeof measures / sizeof *measures,
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
    V1_ROUTES("/v1/passengers", PASSENGERS),
    {METHOD_GET, "/v1/passengers/stats", stats_handle, PASSENGERS, 200, .v1 = true, .query = true},
};

const struct route_table passengers_routes = {routes, sizeof routes / sizeof *routes};
