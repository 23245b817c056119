#include "batch.h"

#include "array.h"

#include <string.h>

#define PARAMETERS 64 /* of a statement, at most */

static void write_array(struct buffer *out, const struct database_job *job, int count, int parameter)
{
    for (int i = 0; i < count; i++, job = job->next)
        array_append(out, i == 0, job->query->values[parameter]);
    array_end(out, false);
}

int batch_execute(struct lane *lane, const struct database_job *first, int count, void *tag)
{
    const struct database_query *query = first->query;
    size_t places[PARAMETERS];
    const char *values[PARAMETERS];
    struct buffer arrays;
    buffer_init(&arrays);
    for (int i = 0; i < query->count; i++) {
        places[i] = arrays.length;
        write_array(&arrays, first, count, i);
    }
    if (arrays.failed) {
        buffer_free(&arrays);
        return -1;
    }
    for (int i = 0; i < query->count; i++)
        values[i] = arrays.bytes + places[i];
    lane_execute(lane, &query->statement->text, values, query->count, tag);
    if (query->statement->then != NULL)
        lane_execute(lane, &query->statement->then->text, values, query->statement->then_count, NULL);
    buffer_free(&arrays);
    return 0;
}

static bool has_key(const PGresult *result, const struct database_query *query, int row)
{
    return strcmp(PQgetvalue(result, row, query->statement->key), query->values[0]) == 0;
}

int batch_find_row(const PGresult *result, const struct database_query *query, int guess)
{
    int rows = PQntuples(result);
    for (int i = 0; i < rows; i++)
        if (has_key(result, query, (guess + i) % rows))
            return (guess + i) % rows;
    return -1;
}
