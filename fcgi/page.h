#ifndef PURSER_PAGE_H
#define PURSER_PAGE_H

/*
 * GET of a collection under /v1: a page of the rows that the query asks for, in the media type that the
 * client likes best, with the addresses of the first page and the next one (RFC 8288); as CSV or NDJSON
 * without a limit, all of them (export.h).
 */

#include "request.h"

void page_handle(struct request *request);

#endif
