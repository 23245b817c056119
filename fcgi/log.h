#ifndef PURSER_LOG_H
#define PURSER_LOG_H

/*
 * One JSON object per line on standard output, with the keys that nginx's access log uses too: ts (RFC 3339,
 * UTC), level, program, pid, msg, then the caller's. What came from a client is escaped as JSON, so it can't
 * forge a line. A line that standard output has no room for is dropped and counted; the next line that fits
 * says how many.
 */

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* Lines below `level` are not written. Until this is called: LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* The level named "debug", "info", "warn" or "error", or -1. */
int log_level_named(const char *name);

/* And back. */
const char *log_level_name(enum log_level level);

/*
 * Write a line. After `message` come pairs of strings, key then value, ended by LOG_END: values are written
 * as JSON strings, what is not UTF-8 as U+FFFD; a NULL value leaves its key out. A message is cut at 2,000
 * bytes. A line longer than 4,000 bytes is cut at a pair and ends with "cut":true. errno is left alone.
 */
#define LOG_END ((const char *)0)
void log_line(enum log_level level, const char *message, ...) __attribute__((sentinel));

#endif
