#ifndef PURSER_CONFIG_H
#define PURSER_CONFIG_H

/*
 * The settings, from the environment alone (12factor.net/config). The table in config.c is the one list of
 * them; the README's table is held against it by a test.
 */

#include "arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CONFIG_FAULT_BYTES 512 /* room for a sentence about a setting */

struct config {
    int workers;                 /* PURSER_WORKERS: worker processes that supervisord starts */
    int nginx_processes;         /* PURSER_NGINX_PROCESSES */
    int port;                    /* PURSER_PORT: where nginx listens */
    int tls_port;                /* PURSER_TLS_PORT: where it does so with TLS, 0 for nowhere */
    const char *tls_dir;         /* PURSER_TLS_DIR: where tls.crt and tls.key are */
    int rate_limit;              /* PURSER_RATE_LIMIT: requests a second of one address, 0 for any number */
    const char *trusted_proxies; /* PURSER_TRUSTED_PROXIES: whose X-Forwarded-For that limit believes */
    uint64_t max_body_bytes;     /* PURSER_MAX_BODY_BYTES */
    uint64_t max_bulk_bytes;     /* PURSER_MAX_BULK_BYTES: of a body with many rows */
    int max_waiting;             /* PURSER_MAX_WAITING: requests that wait for a kind of query in a worker */
    uint64_t deadline_ms;        /* PURSER_DEADLINE_MS: from a request's arrival to its 503 or 504 */
    uint64_t drain_ms;           /* PURSER_DRAIN_MS: from SIGTERM to the exit at the latest */
    int readers;                 /* PURSER_DB_READERS: connections of a worker for reads */
    int searchers; /* PURSER_DB_SEARCHERS: connections of a worker for reads that may take long */
    int writers;   /* PURSER_DB_WRITERS: connections of a worker for writes */
    int log_level; /* PURSER_LOG_LEVEL: enum log_level */
};

/*
 * Read every setting. Returns 0, or -1 with a sentence in `fault` that names the setting that is wrong or
 * unknown (any PURSER_* variable that is not in the table), or the secret's file that can't be read.
 */
int config_read(struct config *config, char fault[CONFIG_FAULT_BYTES]);

/* PURSER_PORT alone, whatever the other settings are like: for `purser probe`. Returns as config_read. */
int config_port(int *port, char fault[CONFIG_FAULT_BYTES]);

/*
 * Where the database is, as the two arrays that PQconnectStartParams takes, ended by NULL: from DATABASE_URL
 * (any libpq URI or key=value string), else from DB_USERNAME, DB_PASSWORD, DB_URL (host or host:port) and
 * DB_NAME, else nothing, and libpq reads its own PG* variables. DATABASE_URL_FILE, DB_PASSWORD_FILE and
 * PGPASSWORD_FILE name files that hold the secret (a newline at the end is dropped) and are read afresh at
 * each call, so that a rotated password is picked up at the next connect. `application_name` is added where
 * none is given. With several hosts and no target_session_attrs, read-write is asked for. The strings live in
 * `arena`. Returns 0, or -1 with a sentence in `fault`; it never holds a secret.
 */
#define CONFIG_CONNECTION_MAX 24
struct config_connection {
    const char *keywords[CONFIG_CONNECTION_MAX];
    const char *values[CONFIG_CONNECTION_MAX];
};
int config_connection(struct config_connection *connection, struct arena *arena,
                      char fault[CONFIG_FAULT_BYTES]);

/*
 * `purser config`: every setting with its value in force, secrets masked, a line each as NAME=value; with
 * `name`, that setting's value alone. Returns 0, or -1 with a sentence in `fault`.
 */
int config_print(const struct config *config, const char *name, FILE *out, char fault[CONFIG_FAULT_BYTES]);

/* Whether this is a list of IPv4 and IPv6 addresses and networks (10.0.0.0/8), separated by commas; "" is
 * one. */
bool config_networks(const char *text);

/*
 * The processors that this process may use: its affinity, cut to the CPU quota of its control group (v2
 * cpu.max, v1 cpu.cfs_quota_us), rounded up; at least 1.
 */
int config_processors(void);

/* That quota alone, 0 where there is none; `root` goes before /proc and /sys ("" outside of tests). */
int config_quota(const char *root);

#endif
