#include "migrate.h"

#include "schema.h"
#include "session.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_S    30                /* for a database that starts beside us */
#define OLDEST_SERVER 140000            /* as PQserverVersion counts */
#define LOCK_KEY      "123649733649778" /* "purser" in ASCII: any number that nobody else takes */

/* A server that is too old lacks what the workers send; another encoding could not hold every name. */
static int check_server(PGconn *session)
{
    const char *version = PQparameterStatus(session, "server_version");
    const char *encoding = PQparameterStatus(session, "server_encoding");
    if (PQserverVersion(session) < OLDEST_SERVER) {
        fprintf(stderr, "purser: the server is PostgreSQL %s: 14 or later is needed\n",
                version != NULL ? version : "of an unknown version");
        return -1;
    }
    if (encoding == NULL || strcmp(encoding, "UTF8") != 0) {
        fprintf(stderr, "purser: the database's encoding is %s: it must be UTF8\n",
                encoding != NULL ? encoding : "unknown");
        return -1;
    }
    return 0;
}

/* One at a time. The lock is the session's: it goes when the connection does, however this process ends. */
static int take_lock(PGconn *session)
{
    PGresult *result = PQexec(session, "SELECT pg_try_advisory_lock(" LOCK_KEY ")");
    bool asked = PQresultStatus(result) == PGRES_TUPLES_OK;
    bool taken = asked && strcmp(PQgetvalue(result, 0, 0), "t") == 0;
    PQclear(result);
    if (taken)
        return 0;
    if (asked)
        fputs("purser: another migration is at work: waiting for it to end\n", stderr);
    return session_run(session, "SET lock_timeout = 0; SELECT pg_advisory_lock(" LOCK_KEY ")",
                       "the lock for migrations can't be had");
}

/* Whether the record in row `row` is of the migration that stands in that place here; a sentence if not. */
static bool known(const PGresult *records, int row)
{
    const char *version = PQgetvalue(records, row, 0);
    const char *name = PQgetvalue(records, row, 1);
    if (atoi(version) != row + 1 && atoi(version) <= schema_migration_count) {
        fprintf(stderr, "purser: the database has migration %s, but not migration %d before it\n", version,
                row + 1);
        return false;
    }
    if (row >= schema_migration_count || atoi(version) != row + 1) {
        fprintf(stderr, "purser: the database has migration %s (%s), which this purser does not know\n",
                version, name);
        return false;
    }
    const struct schema_migration *ours = &schema_migrations[row];
    if (strcmp(name, ours->name) != 0) {
        fprintf(stderr, "purser: migration %s is %s in the database, but %s in this purser\n", version, name,
                ours->name);
        return false;
    }
    if (strcmp(PQgetvalue(records, row, 2), ours->checksum) != 0) {
        fprintf(stderr,
                "purser: %s is not what it was when it was applied: leave it as it was, and add a new one\n",
                name);
        return false;
    }
    return true;
}

/* The number of migrations that the database has, all of them checked, or -1 after a sentence. */
static int check_records(PGconn *session)
{
    PGresult *records =
        PQexec(session, "SELECT version, name, checksum FROM purser_migrations ORDER BY version");
    int count = -1;
    if (PQresultStatus(records) == PGRES_TUPLES_OK) {
        for (count = 0; count < PQntuples(records); count++)
            if (!known(records, count)) {
                count = -1;
                break;
            }
    } else {
        char reason[SESSION_REASON];
        session_reason(session, records, reason);
        fprintf(stderr, "purser: the records of the migrations can't be read: %s\n", reason);
    }
    PQclear(records);
    return count;
}

/* Say where in the file the server saw the fault: it counts characters, people count lines. */
static void blame(PGconn *session, const struct schema_migration *migration, const PGresult *result)
{
    char reason[SESSION_REASON];
    const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    session_reason(session, result, reason);
    if (position == NULL) {
        fprintf(stderr, "purser: %s: %s\n", migration->name, reason);
        return;
    }
    int line = 1;
    long characters = strtol(position, NULL, 10);
    for (const char *at = migration->sql; *at != '\0' && characters > 1; at++) {
        line += *at == '\n';
        characters -= (at[1] & 0xc0) != 0x80; /* the bytes inside of a character don't count */
    }
    fprintf(stderr, "purser: %s, line %d: %s\n", migration->name, line, reason);
}

static int record(PGconn *session, const struct schema_migration *migration)
{
    char version[16];
    snprintf(version, sizeof version, "%d", migration->version);
    const char *const values[] = {version, migration->name, migration->checksum};
    PGresult *result =
        PQexecParams(session, "INSERT INTO purser_migrations (version, name, checksum) VALUES ($1, $2, $3)",
                     3, NULL, values, NULL, NULL, 0);
    bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!good)
        blame(session, migration, result);
    PQclear(result);
    return good ? 0 : -1;
}

/* After a fault the transaction is left open: the connection is closed next, and that undoes it. */
static int apply(PGconn *session, const struct schema_migration *migration)
{
    if (session_run(session, "BEGIN", migration->name) != 0)
        return -1;
    PGresult *result = PQexec(session, migration->sql);
    ExecStatusType status = PQresultStatus(result);
    bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!good)
        blame(session, migration, result);
    PQclear(result);
    if (!good || record(session, migration) != 0 || session_run(session, "COMMIT", migration->name) != 0)
        return -1;
    printf("applied %s\n", migration->name);
    return 0;
}

static int migrate(PGconn *session)
{
    if (check_server(session) != 0 || take_lock(session) != 0)
        return -1;
    /* A table that somebody else holds for long must not make every request queue up behind us. */
    if (session_run(session,
                    "SET lock_timeout = '30s'; SET client_min_messages = warning;"
                    "CREATE TABLE IF NOT EXISTS purser_migrations ("
                    "version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,"
                    "applied_at timestamptz NOT NULL DEFAULT clock_timestamp())",
                    "the table of the migrations can't be made") != 0)
        return -1;
    int applied = check_records(session);
    if (applied < 0)
        return -1;
    if (applied == schema_migration_count)
        puts("nothing to do");
    for (; applied < schema_migration_count; applied++)
        if (apply(session, &schema_migrations[applied]) != 0)
            return -1;
    return session_run(session, schema_grants, "the workers' rights can't be granted");
}

int migrate_run(void)
{
    PGconn *session = session_open(PATIENCE_S);
    if (session == NULL)
        return EXIT_FAILURE;
    int result = migrate(session);
    PQfinish(session);
    return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
