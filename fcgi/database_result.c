/* What a query has come to, as its caller sees it. */

#include "jobs.h"

enum database_outcome database_outcome(const struct database_result *result)
{
    return result->outcome;
}

int database_rows(const struct database_result *result)
{
    return result->outcome == DATABASE_OK ? result->count : 0;
}

void database_row(const struct database_result *result, int row, struct database_value *values, int columns)
{
    row += result->first;
    for (int i = 0; i < columns; i++) {
        int length = PQgetlength(result->rows, row, i);
        values[i].bytes = PQgetvalue(result->rows, row, i);
        values[i].length = length == 0 && PQgetisnull(result->rows, row, i) ? -1 : length;
    }
}

const char *database_constraint(const struct database_result *result)
{
    const char *name =
        result->rows != NULL ? PQresultErrorField(result->rows, PG_DIAG_CONSTRAINT_NAME) : NULL;
    return name != NULL ? name : "";
}
