#ifndef PURSER_INTAKE_H
#define PURSER_INTAKE_H

/* A body with many rows: a JSON array of objects, objects in lines (NDJSON), or CSV with a header. */

#include "rows.h"

enum intake_type { INTAKE_JSON, INTAKE_NDJSON, INTAKE_CSV, INTAKE_TYPES };

/* "application/json", "application/x-ndjson", "text/csv". */
extern const char *const intake_names[INTAKE_TYPES];

/* What the request's Content-Type says; INTAKE_TYPES: another one, or none. */
enum intake_type intake_type(const struct request *request);

/* Whether the body is JSON and no array: one row, or nothing that makes sense. */
bool intake_is_lone(const struct request *request);

struct intake_rule {
    bool change;            /* rows that are there: the key and at least one field; a JSON array only */
    bool repeats;           /* rows may have the same key or e-mail */
    enum form_key lone_key; /* whether one object that is the whole body may have the key */
};

struct intake {
    int count;                 /* rows */
    bool lone;                 /* the body is one object; its faults have no row then */
    struct rows_arrays arrays; /* in the request's arena */
};

/*
 * Read the request's body, and give its memory back. Every row is checked as a body of its own would be, and
 * all faults of all rows are told at once. Returns true with `intake` filled in; else the request has been
 * answered: 400 (it is not what its type says), 413 (more than ROWS_MOST rows), 415, 422.
 */
bool intake_read(struct intake *intake, struct request *request, const struct intake_rule *rule);

/* 415, with what is understood; `change` as above. */
void intake_refuse_type(struct request *request, bool change);

#endif
