#ifndef PURSER_PROBE_H
#define PURSER_PROBE_H

/*
 * `purser probe`: one HTTP request to the service on this machine, for health checks in a container that has
 * no tool for it.
 */

#include <stdbool.h>

#define PROBE_MS 3000 /* for the connection, the request and the whole answer together */

/* Whether `path` can be asked for: it begins with a slash, is short, and needs no encoding. */
bool probe_path(const char *path);

/*
 * GET `path` from 127.0.0.1:`port`. Returns 0 when a whole answer with a status of 200 to 299 came within
 * `limit_ms`, else -1 with a sentence in `fault`: nothing listens, it took too long, the answer was cut off
 * or is no HTTP, or the status and what the problem's detail says.
 */
int probe_ask(int port, const char *path, int limit_ms, char fault[256]);

/* The command: probe_ask, the sentence on standard error. Returns the exit code. */
int probe_run(int port, const char *path);

#endif
