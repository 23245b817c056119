#ifndef PURSER_REPRESENTATION_H
#define PURSER_REPRESENTATION_H

/* Rows as /v1 shows them: the fields that were asked for, in each of the media types. */

#include "accept.h"
#include "selection.h"

/* What stands before the first row, between rows (appended before each but the first), and after the last. */
void representation_begin(const struct selection *selection, enum accept_type type, struct buffer *out);

/* Append row `row` of a result of selection_page_sql; `first`: it is the first of the answer. */
void representation_row(const struct selection *selection, enum accept_type type,
                        const struct database_result *result, int row, bool first, struct buffer *out);

#endif
