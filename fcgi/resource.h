#ifndef PURSER_RESOURCE_H
#define PURSER_RESOURCE_H

/*
 * A table described as data, and the SQL that follows from the description.
 *
 * Every statement is harmless when the same request runs it twice (design: "sent again until the deadline").
 * An insert finds its own row, because the request makes the row's id, or the note that it was deleted. A
 * change or deletion leaves a note in
 * the ledger, in the same transaction, and reads the note: its second try may find the row in another version
 * than it asks for, or under another name, or not at all, because of the first. So does the making of a row
 * under a key of the client's, which its second try finds taken.
 */

#include "database.h"
#include "field.h"

#include <stddef.h>

#define RESOURCE_FIELDS 24 /* columns of a table, at most */

/* Every table has these two columns beside its fields: version, counting its changes, and written_by, the
 * request. */

/* What statistics say of a group of rows (stats.h). */
struct resource_measure {
    const char *part; /* the member whose member it is, or NULL; those of one part stand together */
    const char *key;  /* its own name */
    const char *sql;  /* the aggregate */
    enum {
        RESOURCE_COUNT,  /* a bigint */
        RESOURCE_NUMBER, /* a double precision, or NULL */
        RESOURCE_NUMBERS /* an array of those, or NULL */
    } type;
};

#define RESOURCE_MEASURES 16 /* at most */

struct resource_sql; /* private: the statements, made once by resource_prepare */

struct resource {
    const char *name;           /* "passengers": also the table's name, and what `purser import` calls it */
    const char *singular;       /* "passenger", for sentences */
    const struct field *fields; /* in the order of the JSON keys */
    int field_count;
    int key;      /* index of the primary key in `fields`, a FIELD_UUID column */
    int lookup;   /* index of the unique FIELD_EMAIL column that clients name rows by; or `key` itself */
    int searched; /* index of the FIELD_TEXT column whose words the parameter q looks for */
    const struct resource_measure *measures; /* in the order of the JSON members; NULL: no statistics */
    int measure_count;
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
    RESOURCE_INSERTED,   /* (follows INSERT) */
    RESOURCE_CHANGE,  /* REQUEST, NAME, MATCH, NONE, a "t" or "f" (is it sent) and a value for each of FIELDS
                         -> the row and DONE, or none: there is no such row */
    RESOURCE_CHANGED, /* (follows CHANGE) */
    RESOURCE_REMOVE,  /* REQUEST, NAME, MATCH, NONE        -> one row of two columns: was it done, is there a
                         row of this name */
    RESOURCE_REMOVED, /* (follows REMOVE) */
    RESOURCE_PUT, /* REQUEST, key, FIELDS -> the row and DONE: it was made; not DONE: there was one already */
    RESOURCE_BULK_INSERT, /* these five: see bulk_sql.h */
    RESOURCE_BULK_IGNORE,
    RESOURCE_BULK_MERGE,
    RESOURCE_BULK_CHANGE,
    RESOURCE_BULK_REPLAY,
    /* The same as those further above, with the key as NAME. */
    RESOURCE_KEY_GET,
    RESOURCE_KEY_CHANGE,
    RESOURCE_KEY_CHANGED,
    RESOURCE_KEY_REMOVE,
    RESOURCE_KEY_REMOVED,
    RESOURCE_STATEMENTS
};

/*
 * MATCH and NONE: the versions that the row must be in, and those that it must not be in, as bigint[]
 * ("{1,2}"), or NULL: any will do. DONE is two columns behind the version: whether this request has done it;
 * and whether the row is still as it left it, which on a second try it may not be. Booleans, "\1" or "\0".
 */
enum { RESOURCE_REQUEST, RESOURCE_NAME, RESOURCE_MATCH, RESOURCE_NONE, RESOURCE_FIRST };

#define RESOURCE_PARAMETERS (RESOURCE_FIRST + 2 * RESOURCE_FIELDS)

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

/* One of them. Where rows are looked up by the key anyway, those by the key are the same as the others. */
const struct database_statement *resource_statement(const struct resource *resource,
                                                    enum resource_statement which);

/* Append row `row` of a result as a JSON object. */
void resource_write_row(const struct resource *resource, const struct database_result *result, int row,
                        enum field_times times, struct buffer *out);

#endif
