#include "postgres.h"

#include "migrate.h"
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAMS     "/usr/lib/postgresql"
#define START_TRIES  2000
#define START_TRY_MS 10

static char directory[64], data[80], programs[80], url[240];
static pid_t server, keeper;
static int keeper_pipe; /* the keeper removes the directory when it is closed */
static PGconn *session;

/* ---- processes ---- */

/* PostgreSQL refuses to run as root. */
static void become_ordinary(void)
{
    const struct passwd *user = getpwnam("postgres");
    if (geteuid() != 0)
        return;
    if (user == NULL || initgroups("postgres", user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
        setuid(user->pw_uid) != 0)
        _exit(126);
}

/* The child's output goes to the log; `tie` is the signal that it gets when the test program ends. */
static pid_t run(const char *const *arguments, int tie)
{
    fflush(NULL);
    pid_t parent = getpid(), child = fork();
    if (child != 0)
        return child;
    char log[96];
    sigset_t none;
    become_ordinary();
    prctl(PR_SET_PDEATHSIG, tie);
    snprintf(log, sizeof log, "%s/log", directory);
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0); /* Ctrl-C is for the test program */
    if (getppid() != parent || out < 0 || chdir("/") != 0)
        _exit(126);
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    execv(arguments[0], (char *const *)(uintptr_t)arguments);
    _exit(127);
}

static void find_programs(void)
{
    DIR *versions = opendir(PROGRAMS);
    int newest = 0;
    for (struct dirent *entry; versions != NULL && (entry = readdir(versions)) != NULL;)
        if (atoi(entry->d_name) > newest)
            newest = atoi(entry->d_name);
    if (versions != NULL)
        closedir(versions);
    snprintf(programs, sizeof programs, PROGRAMS "/%d/bin", newest);
}

/* A shell that outlives this program, by as long as it takes to clean up. */
static void start_keeper(void)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        abort();
    fflush(NULL);
    keeper = fork();
    if (keeper == 0) {
        dup2(ends[0], STDIN_FILENO);
        setpgid(0, 0);
        execl("/bin/sh", "sh", "-c", "read line; until rm -rf \"$1\" 2>/dev/null; do sleep 0.1; done", "sh",
              directory, (char *)NULL);
        _exit(127);
    }
    close(ends[0]);
    keeper_pipe = ends[1];
}

static void make_cluster(void)
{
    char program[96];
    int status;
    snprintf(directory, sizeof directory, "/tmp/purser-unit-XXXXXX");
    if (mkdtemp(directory) == NULL)
        abort();
    start_keeper();
    const struct passwd *user = getpwnam("postgres");
    if (geteuid() == 0 && (user == NULL || chown(directory, user->pw_uid, user->pw_gid) != 0))
        abort();
    find_programs();
    snprintf(data, sizeof data, "%s/data", directory);
    snprintf(program, sizeof program, "%s/initdb", programs);
    const char *const initdb[] = {program,
                                  "--no-sync",
                                  "--auth=trust",
                                  "--username=postgres",
                                  "--encoding=UTF8",
                                  "--locale=C.UTF-8",
                                  "--pgdata",
                                  data,
                                  NULL};
    pid_t child = run(initdb, SIGKILL);
    if (waitpid(child, &status, 0) != child || status != 0) {
        fprintf(stderr, "initdb failed: see %s/log\n", directory);
        abort();
    }
}

/* ---- the server ---- */

static PGconn *open_session(const char *database)
{
    snprintf(url, sizeof url,
             "postgresql://postgres@/%s?host=%s&application_name=tests"
             "&options=-cclient_min_messages%%3Derror%%20-clock_timeout%%3D5000",
             database, directory);
    return PQconnectdb(url);
}

void postgres_start(void)
{
    const struct timespec pause = {.tv_nsec = START_TRY_MS * 1000000L};
    char program[96];
    snprintf(program, sizeof program, "%s/postgres", programs);
    const char *const arguments[] = {program,
                                     "-D",
                                     data,
                                     "-k",
                                     directory,
                                     "--listen_addresses=",
                                     "--fsync=off",
                                     "--full_page_writes=off",
                                     "--autovacuum=off",
                                     "--max_connections=40",
                                     "--shared_buffers=16MB",
                                     "--timezone=Asia/Kolkata",
                                     NULL};
    server = run(arguments, SIGQUIT);
    for (int tries = 0; tries < START_TRIES; tries++) {
        session = open_session("postgres");
        if (PQstatus(session) == CONNECTION_OK)
            break;
        PQfinish(session);
        session = NULL;
        nanosleep(&pause, NULL);
    }
    assert_non_null(session);
    bool there = postgres_number("SELECT count(*) FROM pg_database WHERE datname = 'purser'") == 1;
    if (!there)
        postgres_sql("CREATE DATABASE purser");
    PQfinish(session);
    session = open_session("purser");
    assert_int_equal(PQstatus(session), CONNECTION_OK);
}

void postgres_stop(void)
{
    kill(server, SIGQUIT);
    waitpid(server, NULL, 0);
    PQfinish(session); /* not before: its transaction would end, and its locks go */
    session = NULL;
}

/* Without its line for each migration on standard output. */
static int migrate_quietly(void)
{
    fflush(stdout);
    int kept = dup(STDOUT_FILENO), nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    int result = migrate_run();
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    close(nowhere);
    return result;
}

int postgres_open(void **state)
{
    (void)state;
    make_cluster();
    postgres_start();
    setenv("DATABASE_URL", url, 1);
    if (migrate_quietly() != 0)
        return -1;
    snprintf(url, sizeof url, "postgresql://postgres@/purser?host=%s", directory);
    return setenv("DATABASE_URL", url, 1);
}

int postgres_close(void **state)
{
    (void)state;
    postgres_stop();
    close(keeper_pipe);
    waitpid(keeper, NULL, 0);
    return 0;
}

/* ---- SQL ---- */

static const char *ask(const char *sql)
{
    static char answer[4096];
    PGresult *result = PQexec(session, sql);
    ExecStatusType status = PQresultStatus(result);
    answer[0] = '\0';
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(session));
    if (PQntuples(result) > 0)
        snprintf(answer, sizeof answer, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return answer;
}

const char *postgres_sql(const char *format, ...)
{
    char sql[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sql, sizeof sql, format, arguments);
    va_end(arguments);
    return ask(sql);
}

long postgres_number(const char *format, ...)
{
    char sql[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sql, sizeof sql, format, arguments);
    va_end(arguments);
    return atol(ask(sql));
}

#define OTHERS                                                                                               \
    " FROM pg_stat_activity WHERE datname = 'purser' AND backend_type = 'client backend'"                    \
    " AND application_name <> 'tests'"

long postgres_connections(void)
{
    postgres_sql("SELECT pg_stat_clear_snapshot()");
    return postgres_number("SELECT count(*)" OTHERS);
}

void postgres_terminate(void)
{
    postgres_sql("SELECT pg_stat_clear_snapshot()"); /* in a transaction it would be as it was at first */
    postgres_sql("SELECT count(pg_terminate_backend(pid))" OTHERS);
}

const char *postgres_directory(void)
{
    return directory;
}
