#ifndef PURSER_SERVE_H
#define PURSER_SERVE_H

/*
 * The worker: serves FastCGI on the listening socket that it was started with as descriptor 0 (FastCGI
 * Specification 1.0, section 2.2) until SIGTERM or SIGINT; then it finishes what it has, waits until nginx
 * has closed its connections, or PURSER_DRAIN_MS are over, and returns. Returns the process's exit code; what
 * went wrong is in the log.
 */
struct config;
int serve_run(const struct config *config);

#endif
