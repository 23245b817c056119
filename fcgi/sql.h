#ifndef PURSER_SQL_H
#define PURSER_SQL_H

/*
 * The pieces of SQL that follow from a table's description. Names come from the description alone, values are
 * always parameters, so nothing that a client sends is ever part of a statement's text.
 */

#include "resource.h"

/* The type that a field's values are sent as. */
const char *sql_type(const struct field *field);

/* "a, b, c": the fields' columns in order, each behind `prefix` ("" or "found."). */
void sql_columns(struct buffer *out, const struct resource *resource, const char *prefix);

/* The columns of a whole row: those of the fields, then version. */
void sql_row(struct buffer *out, const struct resource *resource, const char *prefix);

/* Whether a client may write the field; and the column of the primary key. */
bool sql_writable(const struct field *field);
const char *sql_key(const struct resource *resource);

/*
 * What a column is compared and ordered by, and what a value (a parameter, another column) is compared as:
 * itself, but an e-mail is the same whatever its case.
 */
void sql_column(struct buffer *out, const struct field *field, const char *prefix);
void sql_value(struct buffer *out, const struct field *field, const char *value);

/* The condition that `field` is the value `name`. */
void sql_names(struct buffer *out, const struct field *field, const char *name);

/* The version of a new row under a key of the client's. There may have been one before, and its versions must
 * not come again with other contents: the clock is beyond them, as no row changes once every microsecond. */
#define SQL_FIRST_VERSION "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

/*
 * What every change of a row does beside the change, for the SET of an UPDATE of `table` (also its alias);
 * `request` is the parameter with the request. The second try of a request changes nothing more.
 */
void sql_stamp(struct buffer *out, const struct resource *resource, const char *table, const char *request);

#endif
