#ifndef PURSER_JSON_H
#define PURSER_JSON_H

/*
 * JSON (RFC 8259) in, strictly, as json-c's objects (json_read.c says why json-c's own parser is not used);
 * and strings out.
 */

#include "buffer.h"

#include <stdbool.h>
#include <stddef.h>

struct json_object; /* json-c's */

#define JSON_DEPTH  32    /* arrays and objects inside each other, at most */
#define JSON_VALUES 25000 /* values in one text, at most: json-c takes up to 1 KiB for an object */

struct json_fault {
    size_t offset;    /* of the byte that is wrong */
    char detail[160]; /* a sentence for the client: what is wrong, with line and column */
};

/*
 * Parse exactly one JSON text of `length` bytes. Returns the value, which the caller gives back with
 * json_object_put (json-c), or NULL with `fault` filled in. Note that json-c has no object for null: a lone
 * `null` is told apart by `fault->detail` being empty. Refused: anything RFC 8259 does not allow, invalid
 * UTF-8 (RFC 3629), U+0000, a lone surrogate escape, a name that appears twice in one object, more than
 * JSON_DEPTH levels or JSON_VALUES values, and a number that a double can't hold: one that overflows, one
 * that underflows to 0, an integer beyond 2^53 that a double would change. Out of memory is reported as a
 * fault with errno ENOMEM (errno is 0 otherwise).
 */
struct json_object *json_read(const char *text, size_t length, struct json_fault *fault);

/* The same for the bytes from `begin` to `end` of a longer text; places in faults are those in the longer
 * one. Blanks alone are a fault. */
struct json_object *json_read_part(const char *text, size_t begin, size_t end, struct json_fault *fault);

/* An array whose elements are read one after the other, so that there is memory for one only: set `text` and
 * `length`, and the rest to 0. */
struct json_elements {
    const char *text;
    size_t length;
    size_t at; /* what was read */
};

/*
 * Read the next element by json_read's rules; JSON_VALUES counts for each. Returns 1 with `*value` (NULL: a
 * null), which the caller gives back; 0 behind the last one, when nothing but blanks follows the array; -1
 * with `fault` filled in, as json_read does it.
 */
int json_read_next(struct json_elements *elements, struct json_object **value, struct json_fault *fault);

/* Append `bytes` (valid UTF-8) as a JSON string with its quotes; control characters, quote and backslash
 * escaped. */
void json_write_string(struct buffer *out, const char *bytes, size_t length);

/* Whether `bytes` are valid UTF-8 (RFC 3629) without U+0000. If not, `*offset` is the first wrong byte. */
bool json_utf8_valid(const char *bytes, size_t length, size_t *offset);

/* The length of the character (RFC 3629, not U+0000) that `bytes` begin with, or 0. */
size_t json_utf8_character(const char *bytes, size_t available);

/* The number of characters (code points) in valid UTF-8. */
size_t json_utf8_length(const char *bytes, size_t length);

#endif
