#ifndef PURSER_IMPORT_H
#define PURSER_IMPORT_H

/*
 * `purser import TABLE FILE.csv`: all rows of a CSV file into the table of `resource`, or none. `path` "-" is
 * standard input.
 *
 * The first row names the columns by the fields' keys or aliases, in any order; what the service makes itself
 * (the key, times) may be left out. Rows without a key get UUIDs that sort in the order of the file. Every
 * value is checked as a request's would be; faults are listed on standard error with line and column, the
 * first 20 of them. With `if_empty` a table that has rows already is left alone, which is a success, too; of
 * several such imports at once, one adds its rows. Progress goes there too, once a second; the result is a
 * line on standard output.
 *
 * Memory does not grow with the file. Returns the exit code: 0 when all rows are in, 1 when none is.
 */

#include "resource.h"

int import_run(const struct resource *resource, const char *path, bool if_empty);

#endif
