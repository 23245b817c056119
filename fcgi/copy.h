#ifndef PURSER_COPY_H
#define PURSER_COPY_H

/*
 * Rows into a table with COPY, in its text format, sent in pieces: memory stays flat however many there are.
 * A caller writes a row's values, ends the row, and so on; a connection that is lost is remembered and shows
 * at the end.
 */

#include "buffer.h"
#include "field.h"

#include <libpq-fe.h>
#include <stdbool.h>

struct copy {
    PGconn *session;       /* the caller's */
    struct buffer pending; /* rows that were not sent yet */
    bool in_row;           /* a value of the row was written */
    bool lost;             /* sending failed */
};

/*
 * Start with `sql`, a COPY … FROM STDIN. Returns NULL, or the server's refusal, which the caller clears; the
 * copy holds nothing then.
 */
PGresult *copy_start(struct copy *copy, PGconn *session, const char *sql);

/* The next value of the row. */
void copy_value(struct copy *copy, const struct field_value *value);

void copy_end_row(struct copy *copy);

/*
 * Send what is left and end the COPY; with `keep` false, have the server throw the rows away. Frees the copy.
 * Returns the server's answer (PGRES_COMMAND_OK: the rows are in, PGRES_FATAL_ERROR: none is), or NULL when
 * the connection was lost or memory ran out; the caller clears it.
 */
PGresult *copy_finish(struct copy *copy, bool keep);

#endif
