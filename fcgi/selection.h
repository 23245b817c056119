#ifndef PURSER_SELECTION_H
#define PURSER_SELECTION_H

/*
 * Which rows of a resource a request asks for, in which order, and what of them: the parameters behind the
 * '?', checked, as data, and the SQL that follows. Values are parameters of the SQL, always.
 */

#include "accept.h"
#include "faults.h"
#include "resource.h"

#define SELECTION_FILTERS      16
#define SELECTION_LIST         100 /* values of in.(…) */
#define SELECTION_Q_CHARACTERS 200
#define SELECTION_LIMIT        50 /* the default, and the most */
#define SELECTION_LIMIT_MOST   500

enum selection_operator {
    SELECTION_EQ,
    SELECTION_NEQ,
    SELECTION_GT,
    SELECTION_GTE,
    SELECTION_LT,
    SELECTION_LTE,
    SELECTION_LIKE,
    SELECTION_ILIKE,
    SELECTION_IN,
    SELECTION_IS_NULL,
    SELECTION_IS_NOT_NULL
};

struct selection_filter {
    int field; /* index in the resource */
    enum selection_operator operator;
    const char *const *values; /* in PostgreSQL's text form; patterns as LIKE has them */
    int count;
};

struct selection_order {
    int field;
    bool descending;
};

/* What a route's parameters may be: all have the filters and q. */
enum selection_kind { SELECTION_PAGE, /* limit, cursor, order, fields */ SELECTION_STATS /* by */ };

struct selection {
    const struct resource *resource;
    struct selection_filter filters[SELECTION_FILTERS];
    int filter_count;
    const char *const *words; /* of q, as patterns */
    int word_count;
    struct selection_order order[RESOURCE_FIELDS + 1]; /* the key is the last one */
    int order_count;
    int fields[RESOURCE_FIELDS]; /* that are shown, in this order */
    int field_count;
    int by[RESOURCE_FIELDS]; /* of statistics: the columns that make the groups */
    int by_count;
    int limit; /* 0: none was said */
    /* Where the page begins: behind the row that has these values in the order's columns (NULL: SQL NULL);
     * NULL for the first page. */
    const char *const *after;
    const struct uri_parameter *parameters; /* as they came, for the addresses of other pages */
    int parameter_count;
};

/* SQL and the values of its parameters, in the request's arena. */
struct selection_sql {
    struct buffer text; /* NUL-terminated; selection_sql_free */
    const char **values;
    int count; /* of them; the last one is $count */
};

/*
 * Read the request's query. Returns false when something is wrong with it, after answering the request (400
 * with all faults at once, each naming what is allowed; or 503 when memory ran out). A cursor is only looked
 * at when the filters, q and the order are good, which it is held against.
 */
bool selection_read(struct selection *selection, struct request *request, enum selection_kind kind);

/* Whether the order begins with a column that has an index: then all rows can be had page by page. */
bool selection_ordered_by_index(const struct selection *selection);

/*
 * A page of at most `rows` rows: the columns of sql_row, in order. From `after` on, which is the selection's
 * own, or that of the last row of the page before (selection_after).
 */
int selection_page_sql(const struct selection *selection, const char *const *after, int rows,
                       struct arena *arena, struct selection_sql *sql);

/* The number of rows, as one row "count"; or PostgreSQL's estimate: the first line of EXPLAIN has "rows=N".
 */
int selection_count_sql(const struct selection *selection, bool estimated, struct arena *arena,
                        struct selection_sql *sql);
/* All return 0, or -1 when memory ran out. */

/*
 * For other statements, such as statistics: begin one, with room for all values of the selection; then append
 * to its text, and " WHERE …" with the filters' and q's conditions, nothing when there are none. The text
 * ends in a NUL when selection_sql_end has been called. The first and the last return 0, or -1 when memory
 * ran out.
 */
int selection_sql_begin(const struct selection *selection, struct arena *arena, struct selection_sql *sql);
void selection_where(const struct selection *selection, struct selection_sql *sql);
int selection_sql_end(struct selection_sql *sql);

void selection_sql_free(struct selection_sql *sql);

/*
 * The values of row `row` (a result of selection_page_sql) in the order's columns, in PostgreSQL's text form:
 * where the next page begins. NULL when memory ran out.
 */
const char *const *selection_after(const struct selection *selection, const struct database_result *result,
                                   int row, struct arena *arena);

/*
 * Append the address of a page of the same selection: the path and the query as they came, but with `cursor`
 * for `after`; with none when `after` is NULL (the first page).
 */
void selection_address(const struct selection *selection, const struct request *request,
                       const char *const *after, struct buffer *out);

/* A number for what the order, the filters and q are, and of which resource: a cursor is bound to it. Filters
 * are the same in any order. */
uint64_t selection_digest(const struct selection *selection);

#endif
