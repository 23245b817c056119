#include "serve.h"

#include "config.h"
#include "database.h"
#include "employees.h"
#include "gateway.h"
#include "health.h"
#include "ledger.h"
#include "log.h"
#include "loop.h"
#include "passengers.h"
#include "request.h"
#include "route.h"
#include "version.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const struct resource *const resources[] = {&passengers_resource, &employees_resource};
#define RESOURCES (sizeof resources / sizeof *resources)

static const struct route_table *const routes[] = {&health_routes, &passengers_routes, &employees_routes,
                                                   NULL};

/* Long enough for who is at work on a row to finish, and short for those who would have to wait behind it. */
#define LOCK_TIMEOUT_MS 250

#define LARGE_BYTES (1024 * 1024) /* of memory that is not kept for the next request */

struct worker {
    const struct config *config;
    struct loop *loop;
    struct database *database;
    struct ledger *ledger;
    struct gateway *gateway;
    struct request_server server;
    struct loop_timer drain_timer;
};

/* ---- stopping ---- */

static void callback_drained(void *cookie)
{
    struct worker *worker = cookie;
    loop_stop(worker->loop);
}

static void callback_drain_time(void *cookie)
{
    struct worker *worker = cookie;
    log_line(LOG_LEVEL_WARN, "stopping with connections open: PURSER_DRAIN_MS is over", LOG_END);
    loop_stop(worker->loop);
}

static void callback_signal(void *cookie, int signal)
{
    struct worker *worker = cookie;
    if (worker->server.draining)
        return;
    log_line(LOG_LEVEL_INFO, "stopping", "signal", signal == SIGTERM ? "TERM" : "INT", LOG_END);
    worker->server.draining = true;
    loop_timer_set(worker->loop, &worker->drain_timer, worker->config->drain_ms);
    gateway_drain(worker->gateway, callback_drained, worker);
}

/* ---- starting ---- */

static int prepare_resources(void)
{
    for (size_t i = 0; i < RESOURCES; i++)
        if (resource_prepare(resources[i]) != 0)
            return -1;
    return 0;
}

/* What the routes can ask the database: every resource's statements, and ours. */
static struct database *open_database(struct worker *worker)
{
    const struct database_statement *statements[RESOURCES * RESOURCE_STATEMENTS + 3];
    size_t count = 0;
    for (size_t i = 0; i < RESOURCES; i++)
        for (int which = 0; which < RESOURCE_STATEMENTS; which++)
            statements[count++] = resource_statement(resources[i], (enum resource_statement)which);
    statements[count++] = &health_statement;
    statements[count++] = &ledger_statement;
    statements[count] = NULL;
    struct database_options options = {.readers = worker->config->readers,
                                       .searchers = worker->config->searchers,
                                       .writers = worker->config->writers,
                                       .deadline_ms = worker->config->deadline_ms,
                                       .lock_timeout_ms = LOCK_TIMEOUT_MS,
                                       .statements = statements};
    return database_create(worker->loop, &options);
}

static uint64_t larger(uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

static bool is_listening(int fd)
{
    int listening = 0;
    socklen_t size = sizeof listening;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

/* Returns NULL, or what could not be done. */
static const char *start(struct worker *worker)
{
    static const int signals[] = {SIGTERM, SIGINT, 0};
    const struct config *config = worker->config;
    worker->drain_timer = (struct loop_timer){.due = callback_drain_time, .cookie = worker};
    if (!is_listening(0))
        return "descriptor 0 is not a listening socket: the worker is started by supervisord's "
               "[fcgi-program]";
    if (prepare_resources() != 0 || (worker->loop = loop_create()) == NULL)
        return "no memory or no epoll";
    worker->database = open_database(worker);
    worker->ledger = worker->database != NULL ? ledger_create(worker->loop, worker->database) : NULL;
    if (worker->ledger == NULL)
        return "out of memory";
    worker->server = (struct request_server){.loop = worker->loop,
                                             .database = worker->database,
                                             .routes = routes,
                                             .handle = route_handle,
                                             .max_body_bytes = config->max_body_bytes,
                                             .max_bulk_bytes = config->max_bulk_bytes,
                                             .deadline_ms = config->deadline_ms,
                                             .max_waiting = config->max_waiting};
    worker->gateway = gateway_create(worker->loop, 0, larger(config->max_bulk_bytes, config->max_body_bytes),
                                     request_begin, &worker->server);
    if (worker->gateway == NULL)
        return "the listening socket can't be served";
    signal(SIGPIPE, SIG_IGN); /* after the gateway: libfcgi has handlers of its own for these */
    signal(SIGUSR1, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    return loop_signals(worker->loop, signals, callback_signal, worker) == 0 ? NULL : "no signalfd";
}

static void stop(struct worker *worker)
{
    gateway_free(worker->gateway);
    ledger_free(worker->ledger);
    database_free(worker->database);
    request_free_spare(&worker->server);
    for (size_t i = 0; i < RESOURCES; i++)
        resource_release(resources[i]);
    loop_free(worker->loop);
}

int serve_run(const struct config *config)
{
    struct worker worker = {.config = config};
    /* Memory for a body or an answer of many rows goes back to the system with it: glibc would learn from the
     * first one to keep it, in pieces. */
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    mallopt(M_TRIM_THRESHOLD, 2 * LARGE_BYTES);
    const char *fault = start(&worker);
    if (fault == NULL) {
        log_line(LOG_LEVEL_INFO, "serving", "version", version_number, LOG_END);
        if (loop_run(worker.loop) != 0)
            fault = "epoll failed";
    }
    if (fault != NULL)
        log_line(LOG_LEVEL_ERROR, "the worker can't run", "reason", fault, "error", strerror(errno), LOG_END);
    stop(&worker);
    log_line(LOG_LEVEL_INFO, "stopped", LOG_END);
    return fault == NULL ? 0 : 1;
}
