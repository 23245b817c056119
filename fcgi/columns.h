#ifndef PURSER_COLUMNS_H
#define PURSER_COLUMNS_H

/* The header of a CSV: which column is which field. Columns are named by the fields' keys or aliases, in any
 * order. */

#include "csv.h"
#include "resource.h"

struct columns {
    int count;
    int fields[CSV_FIELDS]; /* of each column, its place among the resource's; -1: it is none */
};

enum columns_fault { COLUMNS_UNKNOWN, COLUMNS_TWICE, COLUMNS_MISSING };

/*
 * Take the record that `csv` read last as the header. `fault` is called for each column that is not, or is
 * there already, among the resource's, with its title; and for each writable field without one, with its key.
 */
void columns_read(struct columns *columns, const struct resource *resource, const struct csv *csv,
                  void (*fault)(void *cookie, enum columns_fault fault, const char *title), void *cookie);

/* Whether there is a column for the field. */
bool columns_have(const struct columns *columns, int field);

#endif
