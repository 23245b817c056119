#ifndef PURSER_BULK_SQL_H
#define PURSER_BULK_SQL_H

/*
 * The statements about many rows, which resource_prepare puts beside the others.
 *
 * Each does everything, or nothing, and leaves a note in the ledger that it did; where the note is there
 * already it does nothing, and RESOURCE_BULK_REPLAY tells what was done. Of two that write the same note at
 * once, one fails with a conflict, as it does with rows that came in its way: it is to be asked again, and
 * will see them.
 */

#include "resource.h"

/*
 * The first parameters of all but RESOURCE_BULK_REPLAY. BULK_NOTE: the request's row id, or what its
 * Idempotency-Key makes; BULK_FINGERPRINT: of what came with such a key, NULL: it has none; BULK_ROWS: "t" or
 * "f", whether rows are to be returned. BULK_GIVEN says which keys were sent; RESOURCE_BULK_CHANGE hasn't it.
 * Behind them are the values: an array for each field that a client may write; for RESOURCE_BULK_CHANGE two,
 * whether it is sent, and the value.
 */
enum { BULK_NOTE, BULK_REQUEST, BULK_FINGERPRINT, BULK_ROWS, BULK_KEYS, BULK_GIVEN };

#define BULK_PARAMETERS (BULK_GIVEN + 1 + 2 * RESOURCE_FIELDS)

/*
 * What there is behind the columns and the version of a row, two bigints: what the row is, and the place in
 * the body, from 1, that it is about.
 */
enum bulk_row {
    BULK_ROW,         /* a row as it is now; those of one statement are in the order of the body */
    BULK_DONE,        /* no row: the statement did what it was to do, now */
    BULK_KEY_TAKEN,   /* no row: another row has the key */
    BULK_EMAIL_TAKEN, /* no row: another row has the e-mail */
    BULK_SAME_ROW,    /* no row: an earlier one of the body is about the same row */
    BULK_NO_ROW       /* no row: there is none with the key */
};

/*
 * RESOURCE_BULK_REPLAY: note, fingerprint, request, keys (of rows that are not in the note), BULK_ROWS ->
 * rows with, behind their version: was the fingerprint the same; was it this request; the place, NULL: no
 * row. At least one, if there is the note.
 */

/* Append the SQL of one of them. */
void bulk_sql_write(const struct resource *resource, enum resource_statement which, struct buffer *out);

#endif
