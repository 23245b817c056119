#ifndef PURSER_ROWS_H
#define PURSER_ROWS_H

/*
 * Many rows on their way to one statement: as they are checked they go into arrays, one for each column, so
 * that a row's own memory can go at once.
 */

#include "form.h"

#define ROWS_MOST 10000

/* Arrays, as PostgreSQL reads them. */
struct rows_arrays {
    const char *keys;                    /* sent, or made */
    const char *given;                   /* booleans: the key was sent */
    const char *sent[RESOURCE_FIELDS];   /* booleans: the field was sent */
    const char *values[RESOURCE_FIELDS]; /* of each field that a client may write */
};

struct rows {
    const struct resource *resource;
    struct arena *arena; /* where the arrays go in the end */
    const char *request; /* its row id: keys are made of it */
    bool repeats;        /* rows may have the same key or e-mail */
    int count;
    /* Private. */
    struct buffer keys, given, sent[RESOURCE_FIELDS], values[RESOURCE_FIELDS];
    struct buffer names[2]; /* the keys and the e-mails that were sent, with their rows */
};

void rows_init(struct rows *rows, const struct resource *resource, struct arena *arena, const char *request,
               bool repeats);
void rows_free(struct rows *rows);

/* Add a row; it has the number `rows->count` then. One with faults is added all the same, so that they are
 * found in all rows; what was made of the rows is of no use then. */
void rows_add(struct rows *rows, const struct form *form);

/* All rows are in: a key, or an e-mail, that was there in an earlier row is a fault of the later one. */
void rows_check(const struct rows *rows, struct faults *faults);

/* Put the arrays into the arena and free the rows. Returns false when memory ran out. */
bool rows_finish(struct rows *rows, struct rows_arrays *arrays);

#endif
