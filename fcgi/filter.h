#ifndef PURSER_FILTER_H
#define PURSER_FILTER_H

/* One condition on a column, as a parameter of the query has it: "gte.30", "in.(a,b)", "is.null", "female".
 */

#include "selection.h"

/*
 * Read the condition on `field` of `resource`; its values go to the arena. Returns NULL, or what is wrong, to
 * go on behind the parameter's name ("must be …"; static or in the arena), or field_out_of_memory.
 */
const char *filter_read(struct selection_filter *filter, const struct resource *resource, int field,
                        const char *text, struct arena *arena);

/*
 * A pattern of LIKE for `length` bytes of `text`, each standing for itself; with `wild` a '*' is any run of
 * characters. `around` ("" or "%") stands on both sides. NULL when memory ran out.
 */
const char *filter_pattern(const char *text, size_t length, bool wild, const char *around,
                           struct arena *arena);

#endif
