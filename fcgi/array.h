#ifndef PURSER_ARRAY_H
#define PURSER_ARRAY_H

/* Arrays as PostgreSQL reads them (PostgreSQL manual, section "Array Input and Output Syntax"), for the
 * statements that are about many rows at once: each parameter is an array. */

#include "buffer.h"

/* Append an element, which goes into quotes, NULL: SQL NULL; `first`: the array begins with it. */
void array_append(struct buffer *out, bool first, const char *value);

/* End an array, and the string; `empty`: it has no elements. */
void array_end(struct buffer *out, bool empty);

#endif
