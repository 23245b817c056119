#ifndef PURSER_TESTS_CAPTIVE_H
#define PURSER_TESTS_CAPTIVE_H

/*
 * The program's commands in processes of their own, whose calls of others can be made to fail: the whole
 * worker, from its settings to its end, and those that run once. Include it after imports.h.
 */

#include "config.h"
#include "log.h"
#include "peer.h"
#include "postgres.h"
#include "serve.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#define CAPTIVE_PATIENCE_MS 90000 /* for anything at all: a machine may be busy */
#define CAPTIVE_CONNECTIONS 3     /* of the worker to the database */
#define CAPTIVE_NO_CODE     (-1)  /* it had to be killed */

static struct {
    int listener;
    char path[64];
    char complaints[64]; /* the file with its standard error: what a sanitizer says is there */
    pid_t pid;           /* 0: none runs */
    int code;            /* of the last one that ended: its exit code, or 1000 and the signal */
} captive;

/* ---- waiting ---- */

static inline double captive_now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* Ask until it is so; false when CAPTIVE_PATIENCE_MS are over. */
static inline bool captive_await(bool (*met)(void *cookie), void *cookie)
{
    const struct timespec pause = {.tv_nsec = 500000};
    for (double end = captive_now_ms() + CAPTIVE_PATIENCE_MS; !met(cookie); nanosleep(&pause, NULL))
        if (captive_now_ms() > end)
            return false;
    return true;
}

/* ---- processes ---- */

static inline bool captive_ended(void *cookie)
{
    int status;
    (void)cookie;
    if (captive.pid == 0 || waitpid(captive.pid, &status, WNOHANG) == 0)
        return captive.pid == 0;
    captive.pid = 0;
    captive.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    return true;
}

/* One that a failed test has left. */
static inline void captive_kill(void)
{
    if (captive.pid == 0)
        return;
    kill(captive.pid, SIGKILL);
    waitpid(captive.pid, NULL, 0);
    captive.pid = 0;
}

/* Wait for its end; returns its exit code. One that doesn't end is killed. */
static inline int captive_end(void)
{
    if (!captive_await(captive_ended, NULL)) {
        captive_kill();
        captive.code = CAPTIVE_NO_CODE;
    }
    return captive.code;
}

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGABRT};

static inline void captive_start(int (*command)(void *cookie), void *cookie)
{
    captive_kill();
    imports_shared->ready = imports_shared->gone = 0;
    fflush(NULL);
    captive.pid = fork();
    assert_true(captive.pid >= 0);
    if (captive.pid > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int nowhere = open("/dev/null", O_RDWR);
    int complaints = open(captive.complaints, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(nowhere, STDOUT_FILENO);
    dup2(complaints, STDERR_FILENO);
    close(nowhere);
    close(complaints);
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++)
        signal(crashes[i], SIG_DFL); /* cmocka's handler would go on with the next test, in this process */
    imports_inside = true;
    int code = command(cookie);
    imports_inside = false; /* what is left to be done is the compiler's: its counts, its look for leaks */
    exit(code);
}

/* Run a command to its end; returns its exit code. */
static inline int captive_run(int (*command)(void *cookie), void *cookie)
{
    captive_start(command, cookie);
    return captive_end();
}

static inline void captive_open(void)
{
    imports_open();
    captive.listener = peer_listen(captive.path);
    snprintf(captive.complaints, sizeof captive.complaints, "/tmp/purser-unit-%d-complaints", (int)getpid());
    setenv("PURSER_DB_READERS", "1", 1);
    setenv("PURSER_DB_SEARCHERS", "1", 1);
    setenv("PURSER_DB_WRITERS", "1", 1);
    setenv("PURSER_WORKERS", "1", 1);
    setenv("PURSER_DEADLINE_MS", "30000", 1); /* a busy machine is none of the failures */
    setenv("PURSER_LOG_LEVEL", "debug", 1);
    signal(SIGPIPE, SIG_IGN);
}

static inline void captive_close(void)
{
    captive_kill();
    peer_unlisten(captive.listener, captive.path);
    unlink(captive.complaints);
}

/* What it wrote to standard error, for a person. */
static inline const char *captive_complaints(void)
{
    static char text[6000];
    FILE *file = fopen(captive.complaints, "re");
    size_t length = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
    text[length] = '\0';
    if (file != NULL)
        fclose(file);
    return text;
}

/* ---- the worker ---- */

static inline int captive_serve(void *cookie)
{
    struct config config;
    char fault[CONFIG_FAULT_BYTES];
    (void)cookie;
    if (dup2(captive.listener, STDIN_FILENO) < 0 || config_read(&config, fault) != 0)
        return 2;
    close(captive.listener);
    log_set_level((enum log_level)config.log_level);
    return serve_run(&config);
}

static inline bool captive_answered(void *cookie)
{
    struct peer *peer = cookie;
    peer_receive(peer, (size_t)-1);
    return peer_answered(peer) || peer->closed || captive_ended(NULL);
}

/* Wait for the answer to what was sent; its status is 0 when there was none, -1 when there was not even an
 * end. */
static struct peer_answer captive_take_answer(struct peer *peer)
{
    bool over = captive_await(captive_answered, peer);
    if (over)
        peer_receive(peer, (size_t)-1);
    if (peer_answered(peer))
        return peer_take_answer(peer);
    return (struct peer_answer){.status = over ? 0 : -1};
}

static inline bool captive_is_set_up(void *cookie)
{
    (void)cookie;
    return imports_shared->ready == CAPTIVE_CONNECTIONS || captive_ended(NULL);
}

static inline bool captive_are_gone(void *cookie)
{
    (void)cookie;
    for (int i = 0; i < imports_shared->gone && i < IMPORTS_GONE; i++)
        if (imports_shared->gone_pids[i] != 0 && kill(imports_shared->gone_pids[i], 0) == 0)
            return false;
    return true;
}

/* Ask it for one thing, on a connection of its own; returns the status. */
static inline int captive_ask(const char *uri)
{
    struct peer peer;
    struct buffer message;
    buffer_init(&message);
    peer_request(&message, "GET", uri, NULL, NULL, 0);
    peer_connect(&peer, captive.path);
    peer_send(&peer, message.bytes, message.length);
    struct peer_answer answer = captive_take_answer(&peer);
    int status = answer.status;
    peer_free_answer(&answer);
    peer_close(&peer);
    buffer_free(&message);
    return status;
}

static inline bool captive_is_idle(void *cookie)
{
    if (captive_ended(NULL))
        return true;
    return captive_is_set_up(cookie) && captive_ask("/readyz") == 200 && captive_is_set_up(cookie) &&
           captive_are_gone(cookie);
}

/*
 * Wait until the worker has nothing to do: all connections to the database are there and owe nothing, it
 * answers, and the server has done with the connections that were closed. False when that does not come to
 * be.
 */
static inline bool captive_settle(void)
{
    bool idle = captive_await(captive_is_idle, NULL) && captive.pid != 0;
    imports_shared->gone = 0;
    return idle;
}

static inline void captive_terminate(void)
{
    if (captive.pid != 0)
        kill(captive.pid, SIGTERM);
}

#endif
