#include "session.h"

#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RETRY_MS          250
#define CONNECT_TIMEOUT_S "5" /* for a host that swallows packets; the settings may say otherwise */

/* libpq's messages have a line per host that was tried, and indented hints: keep the lines, make them one. */
static void join_lines(const char *message, char reason[SESSION_REASON])
{
    size_t used = 0;
    reason[0] = '\0';
    for (size_t length; *message != '\0'; message += length + (message[length] == '\n')) {
        length = strcspn(message, "\n");
        if (length == 0 || *message == '\t' || used >= SESSION_REASON - 1)
            continue;
        int written = snprintf(reason + used, SESSION_REASON - used, "%s%.*s", used > 0 ? "; " : "",
                               (int)length, message);
        used += written > 0 ? (size_t)written : 0;
    }
}

void session_reason(PGconn *session, const PGresult *result, char reason[SESSION_REASON])
{
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    join_lines(primary != NULL ? primary : PQerrorMessage(session), reason);
}

/*
 * The connection's settings with a time-out in front, where those that follow overrule it. The string of
 * DATABASE_URL is looked at here because libpq's own complaint would quote it, password and all.
 */
static int complete(struct config_connection *connection, struct arena *arena)
{
    char fault[CONFIG_FAULT_BYTES];
    struct config_connection named;
    if (config_connection(&named, arena, fault) != 0) {
        fprintf(stderr, "purser: %s\n", fault);
        return -1;
    }
    int count = 0;
    memset(connection, 0, sizeof *connection);
    if (getenv("PGCONNECT_TIMEOUT") == NULL) {
        connection->keywords[count] = "connect_timeout";
        connection->values[count++] = CONNECT_TIMEOUT_S;
    }
    for (int i = 0; named.keywords[i] != NULL && count < CONFIG_CONNECTION_MAX - 1; i++, count++) {
        connection->keywords[count] = named.keywords[i];
        connection->values[count] = named.values[i];
        bool string = strcmp(named.keywords[i], "dbname") == 0 && strchr(named.values[i], '=') != NULL;
        if (!string && strstr(named.values[i], "://") == NULL)
            continue;
        PQconninfoOption *options = PQconninfoParse(named.values[i], NULL);
        if (options == NULL) {
            fputs("purser: DATABASE_URL is not a connection string that libpq can read\n", stderr);
            return -1;
        }
        PQconninfoFree(options);
    }
    return 0;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static PGconn *connect_once(const struct config_connection *connection)
{
    return PQconnectdbParams(connection->keywords, connection->values, 1);
}

/* Whether it may be there soon: nobody answers, or only to say that it is starting or stopping. */
static bool worth_waiting(const struct config_connection *connection)
{
    PGPing ping = PQpingParams(connection->keywords, connection->values, 1);
    return ping == PQPING_NO_RESPONSE || ping == PQPING_REJECT;
}

static PGconn *connect_patiently(const struct config_connection *connection, int patience_s)
{
    const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
    double end = now() + patience_s;
    bool said = false, refused = false;
    char reason[SESSION_REASON];
    for (;;) {
        PGconn *session = connect_once(connection);
        if (PQstatus(session) == CONNECTION_OK)
            return session;
        session_reason(session, NULL, reason);
        PQfinish(session);

        /* It may have come up between the two questions: only a second refusal counts. */
        bool wait = worth_waiting(connection);
        if (!wait && !refused) {
            refused = true;
            continue;
        }
        if (!wait || now() >= end) {
            fprintf(stderr, "purser: no connection to the database: %s\n", reason);
            return NULL;
        }
        refused = false;
        if (!said)
            fprintf(stderr, "purser: the database does not answer yet, trying for %d s: %s\n", patience_s,
                    reason);
        said = true;
        nanosleep(&pause, NULL);
    }
}

PGconn *session_open(int patience_s)
{
    struct arena arena;
    struct config_connection connection;
    PGconn *session = NULL;
    arena_init(&arena);
    if (complete(&connection, &arena) == 0)
        session = connect_patiently(&connection, patience_s);
    arena_free(&arena);
    return session;
}

int session_run(PGconn *session, const char *sql, const char *what)
{
    PGresult *result = PQexec(session, sql);
    ExecStatusType status = PQresultStatus(result);
    bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!good) {
        char reason[SESSION_REASON];
        session_reason(session, result, reason);
        fprintf(stderr, "purser: %s: %s\n", what, reason);
    }
    PQclear(result);
    return good ? 0 : -1;
}
