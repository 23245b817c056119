#ifndef PURSER_REPEATS_H
#define PURSER_REPEATS_H

/*
 * Which SQL a connection has been asked lately: what comes again is worth preparing, because PostgreSQL takes
 * as long to read and analyse a short query as to run it. It still plans each for its values.
 */

#include <stdbool.h>
#include <stdint.h>

#define REPEATS_KEPT       32
#define REPEATS_SQL_BYTES  4096 /* longer texts are not kept */
#define REPEATS_NAME_BYTES 32

struct repeat {
    char *sql; /* NULL: a place that is free */
    uint64_t digest;
    uint64_t used;                 /* by the count of questions */
    char name[REPEATS_NAME_BYTES]; /* that it is prepared as; "" when it isn't */
    void *tag;                     /* the owner's, of the query that it was prepared for */
};

struct repeats {
    struct repeat kept[REPEATS_KEPT];
    uint64_t count; /* of questions, and of names given */
};

/*
 * Note that `sql` is asked. Returns its place when it has been asked before: the caller prepares it when it
 * has no name (repeats_name). NULL when it is new, or too long, or memory ran out. `dropped` becomes the name
 * of a statement that has lost its place for it, or "".
 */
struct repeat *repeats_find(struct repeats *repeats, const char *sql, char dropped[REPEATS_NAME_BYTES]);

/* Give it a name that none had before on this connection. */
void repeats_name(struct repeats *repeats, struct repeat *repeat);

/* Whether `place` is one of those that repeats_find returns. */
bool repeats_has(const struct repeats *repeats, const void *place);

/* Forget one; forget all, with the connection. */
void repeats_forget(struct repeat *repeat);
void repeats_clear(struct repeats *repeats);

#endif
