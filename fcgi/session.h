#ifndef PURSER_SESSION_H
#define PURSER_SESSION_H

/*
 * A blocking connection to the database, for the commands that run once and end: migrate and import. Workers
 * have pipelines instead.
 */

#include <libpq-fe.h>

#define SESSION_REASON 400 /* bytes of a reason, its NUL with them */

/*
 * Connect to the database that the settings name. While nothing answers there, or it is only starting, try
 * again for `patience_s` seconds and say so once on standard error; a database that refuses us (password,
 * name) fails at once. Returns the connection, which the caller closes with PQfinish, or NULL after a
 * sentence on standard error.
 */
PGconn *session_open(int patience_s);

/*
 * Run SQL that returns nothing, or nothing of interest; several statements are one transaction unless they
 * say otherwise. Returns 0, or -1 after a sentence "`what`: reason" on standard error.
 */
int session_run(PGconn *session, const char *sql, const char *what);

/*
 * What went wrong with `result` (NULL: with the connection itself) in one line, without SQL and without the
 * connection string.
 */
void session_reason(PGconn *session, const PGresult *result, char reason[SESSION_REASON]);

#endif
