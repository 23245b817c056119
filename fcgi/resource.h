#ifndef PURSER_RESOURCE_H
#define PURSER_RESOURCE_H

/*
 * A table described as data, and the SQL that follows from the description.
 *
 * Every statement is harmless when the same request runs it twice (design: "sent again until the deadline").
 * An insert finds its own row, because the request makes the row's id. A replacement writes the same again. A
 * change or deletion by a name that it may itself have taken away leaves a note in the ledger, in the same
 * transaction, and reads the note.
 */

#include "database.h"
#include "field.h"

#include <stddef.h>

#define RESOURCE_FIELDS 24 /* columns of a table, at most */

/* Every table has these two columns beside its fields: version, counting its changes, and written_by, the
 * request. */

struct resource_sql; /* private: the statements, made once by resource_prepare */

struct resource {
    const char *name;           /* "passengers": also the table's name, and what `purser import` calls it */
    const char *singular;       /* "passenger", for sentences */
    const struct field *fields; /* in the order of the JSON keys */
    int field_count;
    int key;    /* index of the primary key in `fields`, a FIELD_UUID column */
    int lookup; /* index of the unique FIELD_EMAIL column that clients name rows by; or `key` itself */
    const char *touched;      /* the column that says when a row was changed last, or NULL */
    struct resource_sql *sql; /* static memory of the resource's own: see below */
};

/*
 * The statements and their parameters, in order. NAME is the value that the row is looked up by; FIELDS are
 * those that a client may write, in order; REQUEST is the row id that the request makes.
 */
enum resource_statement {
    RESOURCE_GET,        /* NAME                              -> the row */
    RESOURCE_LIST,       /* (none)                            -> the first page by key */
    RESOURCE_LIST_AFTER, /* key                               -> the next page */
    RESOURCE_INSERT,     /* REQUEST, FIELDS                   -> the row; its key is REQUEST */
    RESOURCE_REPLACE,    /* REQUEST, NAME, FIELDS             -> the row, or none */
    RESOURCE_CHANGE, /* REQUEST, NAME, a "t" or "f" (is it sent) and a value for each of FIELDS -> the row, or
                        none */
    RESOURCE_CHANGED, /* (follows CHANGE) */
    RESOURCE_REMOVE,  /* REQUEST, NAME                     -> a row of one column, or none */
    RESOURCE_REMOVED, /* (follows REMOVE) */
    RESOURCE_STATEMENTS
};

#define RESOURCE_PARAMETERS (2 + 2 * RESOURCE_FIELDS)

/* Rows of a page of a streamed list: the first, which for most tables is the only one, about 200 kB as JSON;
 * and those that follow, which are small so that others needn't wait long behind one. */
#define RESOURCE_FIRST_ROWS 1000
#define RESOURCE_PAGE_ROWS  250

struct resource_sql {
    struct database_statement statements[RESOURCE_STATEMENTS];
    char names[RESOURCE_STATEMENTS][48];
    struct buffer text; /* all the SQL, one after the other */
    struct {
        char text[48]; /* what stands before the field's value in the JSON of a row: ,"key": */
        size_t length;
    } labels[RESOURCE_FIELDS];
};

/* Make the statements. Returns 0, or -1 when memory ran out. Once, before the database is created. */
int resource_prepare(const struct resource *resource);
void resource_release(const struct resource *resource);

const struct database_statement *resource_statement(const struct resource *resource,
                                                    enum resource_statement which);

/* The field that a client may write with this key, or NULL. */
const struct field *resource_writable(const struct resource *resource, const char *key);

/* Append row `row` of a result as a JSON object. */
void resource_write_row(const struct resource *resource, const struct database_result *result, int row,
                        enum field_times times, struct buffer *out);

#endif
