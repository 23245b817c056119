#ifndef PURSER_FIELD_H
#define PURSER_FIELD_H

/*
 * One column of a table as the outside sees it: its names, its type, its rule. The same rule serves JSON
 * bodies and CSV files; the table has it once more as a constraint, so that no road leads round it.
 */

#include "arena.h"
#include "buffer.h"

#include <stdbool.h>
#include <stddef.h>

struct json_object; /* json-c's */

enum field_type {
    FIELD_UUID,
    FIELD_BOOLEAN,
    FIELD_INTEGER, /* minimum to maximum */
    FIELD_NUMBER,  /* minimum to maximum, a double */
    FIELD_TEXT,    /* minimum to maximum characters (code points) */
    FIELD_CHOICE,  /* one of `choices` */
    FIELD_EMAIL,   /* an e-mail address of at most `maximum` characters */
    FIELD_TIME     /* a timestamp, UTC; made by the database */
};

enum field_access {
    FIELD_READ_ONLY, /* made by us: a client may not send it */
    FIELD_REQUIRED,  /* must be sent, and not null */
    FIELD_NULLABLE   /* must be sent, and may be null */
};

struct field {
    const char *key;    /* the JSON key and the CSV header */
    const char *alias;  /* another CSV header for it, or NULL */
    const char *column; /* the SQL column */
    enum field_type type;
    enum field_access access;
    double minimum, maximum;
    const char *const *choices; /* ended by NULL */
    bool indexed;               /* the table has an index that begins with it */
};

/* A value on its way to the database, in PostgreSQL's text form; bytes NULL: SQL NULL. */
struct field_value {
    const char *bytes; /* NUL-terminated, in the arena (or the caller's text) */
    int length;
};

/* Said of a value that may be good: there was no memory to look at it. Compare the pointer. */
extern const char field_out_of_memory[];

/*
 * Check one value that a client sent for `field` (`value` NULL is JSON null) and turn it into `out`,
 * allocated in `arena`. Returns NULL when it is good, else a sentence that says what the value must be
 * (static, or in the arena), or field_out_of_memory.
 */
const char *field_from_json(const struct field *field, struct json_object *value, struct arena *arena,
                            struct field_value *out);

/*
 * The same for one CSV field. An empty unquoted text is no value (null). Booleans are written true, false, 1
 * or 0.
 */
const char *field_from_csv(const struct field *field, const char *text, size_t length, bool quoted,
                           struct arena *arena, struct field_value *out);

/*
 * The same for a value that rows are compared with: checked by the type, so that PostgreSQL can read it, but
 * not by the rule of what may be stored. Integers are of 64 bits, numbers finite; times are RFC 3339's, or
 * the form with a space and without a zone, which is UTC; of choices there is just what they are. Any text is
 * good; it must be UTF-8 without U+0000.
 */
const char *field_from_filter(const struct field *field, const char *text, struct arena *arena,
                              struct field_value *out);

/*
 * Append a value that PostgreSQL sent in its binary form as JSON: `length` -1 is null. The types in the table
 * are boolean, smallint/integer/bigint, double precision, uuid, timestamptz, and text for the rest. A double
 * is written so that it reads back as the same double. Times become "YYYY-MM-DD hh:mm:ss.uuuuuu", always with
 * six digits of fraction, UTC; or, with FIELD_RFC3339, "YYYY-MM-DDThh:mm:ss.uuuuuuZ".
 */
enum field_times { FIELD_SPACED, FIELD_RFC3339 };
void field_write_json(const struct field *field, const char *bytes, int length, enum field_times times,
                      struct buffer *out);

/* Whether its values are text of any kind. */
bool field_is_text(const struct field *field);

/* The same without the quotes and escapes of JSON: a form that PostgreSQL reads too. A null is nothing. */
void field_write_text(const struct field *field, const char *bytes, int length, enum field_times times,
                      struct buffer *out);

#endif
