#ifndef PURSER_CSV_H
#define PURSER_CSV_H

/*
 * CSV in (RFC 4180): comma, double quotes, CRLF or LF, a UTF-8 byte order mark at the start is skipped. One
 * record at a time; memory is bounded by CSV_RECORD_BYTES. And out: csv_write.c.
 */

#include "buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CSV_FIELDS       64          /* fields in one record, at most */
#define CSV_RECORD_BYTES (64 * 1024) /* bytes in one record, at most */

struct csv_field {
    const char *text; /* NUL-terminated, without its quotes; valid until the next csv_read */
    size_t length;
    bool quoted; /* "" is an empty string where nothing between two commas is no value */
};

struct csv {
    FILE *file;         /* the caller's: csv does not close it */
    unsigned long line; /* line at which the record that was read last begins, from 1 */
    unsigned long next; /* line at which the next one begins */
    struct csv_field fields[CSV_FIELDS];
    int count;          /* fields in the record that was read last */
    char fault[120];    /* after -1: a sentence that says what is wrong, without the line number */
    struct buffer text; /* private: the record's bytes */
};

void csv_init(struct csv *csv, FILE *file);
void csv_free(struct csv *csv);

/*
 * Read the next record; blank lines are skipped. Returns 1 when there is one, 0 at the end of the file, -1
 * when the file can't be read (errno not 0) or is not CSV (errno 0); `fault` and `line` say what and where. A
 * record must be valid UTF-8 without U+0000.
 */
int csv_read(struct csv *csv);

/*
 * Append one field: in quotes where it has a comma, a quote or a line's end, begins or ends with a space, or
 * is empty (nothing at all is no value).
 */
void csv_write(struct buffer *out, const char *bytes, size_t length);

#endif
