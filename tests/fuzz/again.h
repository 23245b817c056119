#ifndef PURSER_TESTS_AGAIN_H
#define PURSER_TESTS_AGAIN_H

/* The rows that a query is to write, as they were taken from a body; and other bodies with the same rows,
 * which must come to the same. */

#include "inside.h"
#include "intake.h"

struct again {
    const struct resource *resource;
    struct arena arena;
    bool changes;       /* of rows that are there, not new ones */
    int count, columns; /* the first column is the key */
    int fields[RESOURCE_FIELDS];
    const char *
        *cells[RESOURCE_FIELDS]; /* of each column, a text for each row; NULL: null; or again_not_sent */
};

extern const char again_not_sent[];

/* Take the rows out of a query. Returns false when it is about none. Free it in any case. */
bool again_take(struct again *again, const struct database_query *query);
void again_free(struct again *again);

/* Append a body with these rows. */
void again_write(const struct again *again, enum intake_type type, struct buffer *out);

/* POST (or PATCH, if they are changes) the rows in each form that there is; what is taken then must be the
 * same. Frees them. */
void again_check(struct again *again);

#endif
