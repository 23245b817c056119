#ifndef PURSER_TESTS_POSTGRES_H
#define PURSER_TESTS_POSTGRES_H

/*
 * A private PostgreSQL cluster for one test program: its own directory and unix socket, no TCP. It goes when
 * the program ends, however it ends. The database "purser" has the schema as `purser migrate` makes it, and
 * the environment (DATABASE_URL) names it.
 */

#include <stdbool.h>

/* cmocka's group setup and teardown. */
int postgres_open(void **state);
int postgres_close(void **state);

/* Stop the server as in an accident: it recovers when it is started again. */
void postgres_stop(void);
void postgres_start(void); /* returns when it takes connections */

/*
 * Run SQL in a session of the tests' own; the answer is the first column of the first row, "" when there is
 * none, valid until the next call. Fails the test when PostgreSQL refuses.
 */
const char *postgres_sql(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same as a number. */
long postgres_number(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How many connections to the database there are beside the tests' own. */
long postgres_connections(void);

/* Cut those connections off. */
void postgres_terminate(void);

/* The directory of its socket. */
const char *postgres_directory(void);

#endif
