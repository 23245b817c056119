#include "search.h"

bool search_send(struct request *request, int made, struct selection_sql *sql, struct arena *arena,
                 void (*done)(struct request *request, const struct database_result *result))
{
    const char *text =
        made == 0 && !sql->text.failed ? arena_copy(arena, sql->text.bytes, sql->text.length) : NULL;
    selection_sql_free(sql);
    if (text == NULL) {
        request_failed(request, DATABASE_FULL);
        return false;
    }
    return request_search(request, text, sql->values, sql->count, done);
}

bool search_succeeded(struct request *request, const struct database_result *result)
{
    if (database_outcome(result) == DATABASE_OK)
        return true;
    if (database_outcome(result) == DATABASE_INVALID)
        request_problem(request, PROBLEM_INVALID_PARAMETERS, "",
                        "A value in the query is none that its column can have.");
    else
        request_failed(request, database_outcome(result));
    return false;
}
