#ifndef PURSER_EXPORT_H
#define PURSER_EXPORT_H

/*
 * All rows of a selection, as CSV or NDJSON: streamed page by page, in the order of an index, so that memory
 * is that of a page or two however many rows there are, and however slowly the client reads. Each page is a
 * statement with a deadline of its own. A fault breaks the answer off, visibly.
 */

#include "representation.h"

/* `selection` lives as long as the request. Answers with 400 where its order has no index. */
void export_begin(struct request *request, const struct selection *selection, enum accept_type type);

#endif
