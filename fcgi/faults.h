#ifndef PURSER_FAULTS_H
#define PURSER_FAULTS_H

/*
 * All that is wrong with a request, gathered as the member `errors` of a problem (RFC 9457 section 3): each
 * names a field of the body by a JSON Pointer (RFC 6901), a parameter of the query, or a header.
 */

#include "request.h"

#define FAULTS_LISTED 1000 /* of more, "more" says how many there are */

struct faults {
    struct buffer errors; /* `errors.failed`: memory ran out */
    int count;
};

void faults_init(struct faults *faults);
void faults_free(struct faults *faults);

/*
 * Add one. `row` is that of a body with many, from 1; 0: the body has one, or none. `key` is a field's name,
 * NULL for the row, or the body, as a whole. `detail` goes on where the name ended: "must be …".
 */
void faults_add_field(struct faults *faults, int row, const char *key, const char *detail);
void faults_add_parameter(struct faults *faults, const char *name, const char *detail);
void faults_add_header(struct faults *faults, const char *name, const char *detail);

/*
 * When there are any, answer the request with them (PROBLEM_INVALID_FIELDS, …; `detail` is a sentence about
 * all) and return true; also when memory ran out. The faults are freed in any case.
 */
bool faults_answer(struct faults *faults, struct request *request, enum problem problem, const char *detail);

#endif
