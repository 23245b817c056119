#include "log.h"

#include "json.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Below PIPE_BUF: a pipe that is ready takes such a line whole, and never mixes it with another process's. */
#define LINE_BYTES 4000

/* A message ends there at the latest, so that there is room for the pairs. */
#define MESSAGE_BYTES 2000

/* The end of a line that had to be cut; there is always room left for it. */
#define CUT_TAIL   ",\"cut\":true}\n"
#define PAIR_BYTES (LINE_BYTES - (sizeof(CUT_TAIL) - 1))

struct line {
    size_t length;
    size_t limit; /* of `length`, for what is being written */
    char bytes[LINE_BYTES];
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static enum log_level lowest = LOG_LEVEL_INFO;
static unsigned long dropped; /* lines lost since the last one that was written */
static bool torn;             /* the last line was written in part: the next one starts with a newline */

void log_set_level(enum log_level level)
{
    lowest = level;
}

int log_level_named(const char *name)
{
    for (int i = 0; i < (int)(sizeof(level_names) / sizeof(level_names[0])); i++)
        if (strcmp(name, level_names[i]) == 0)
            return i;
    return -1;
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

/* Add bytes, all or none. */
static bool put(struct line *line, const char *bytes, size_t length)
{
    if (length > line->limit - line->length)
        return false;
    memcpy(line->bytes + line->length, bytes, length);
    line->length += length;
    return true;
}

/* Add the inside of a JSON string, character by character until one does not fit; what is no UTF-8 becomes
 * U+FFFD. */
static bool put_text(struct line *line, const char *text)
{
    size_t left = strnlen(text, LINE_BYTES);

    while (left > 0) {
        size_t length = json_utf8_character(text, left);
        unsigned char c = (unsigned char)text[0];
        char escape[8];
        bool fits;

        if (length == 0) {
            fits = put(line, "\\ufffd", 6);
            length = 1;
        } else if (c < 0x20 || c == 0x7f || c == '"' || c == '\\') {
            fits = put(line, escape, (size_t)snprintf(escape, sizeof(escape), "\\u%04x", c));
        } else {
            fits = put(line, text, length);
        }
        if (!fits)
            return false;
        text += length;
        left -= length;
    }
    return true;
}

/* Add `,"key":"value"`, whole or not at all. */
static bool put_pair(struct line *line, const char *key, const char *value)
{
    size_t before = line->length;

    if (put(line, ",\"", 2) && put_text(line, key) && put(line, "\":\"", 3) && put_text(line, value) &&
        put(line, "\"", 1))
        return true;
    line->length = before;
    return false;
}

/* The keys that every line has. */
static void begin(struct line *line, enum log_level level, const char *message)
{
    struct timespec now;
    struct tm utc;
    char head[256];
    size_t length;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    length = strftime(head, sizeof(head), "{\"ts\":\"%Y-%m-%dT%H:%M:%S", &utc);
    length += (size_t)snprintf(head + length, sizeof(head) - length,
                               ".%03ldZ\",\"level\":\"%s\",\"program\":\"purser\",\"pid\":%ld,\"msg\":\"",
                               now.tv_nsec / 1000000, level_names[level], (long)getpid());
    line->length = 0;
    line->limit = MESSAGE_BYTES;
    if (torn)
        put(line, "\n", 1);
    put(line, head, length);
    put_text(line, message);
    line->limit = PAIR_BYTES;
    put(line, "\"", 1);
    if (dropped > 0)
        put(line, head, (size_t)snprintf(head, sizeof(head), ",\"dropped\":%lu", dropped));
}

/* Only when standard output is ready: a reader that sleeps must not stop the worker. */
static void write_out(const struct line *line)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    ssize_t written = -1;
    int cause = errno; /* the caller may still want to look at it */

    if (poll(&out, 1, 0) == 1 && out.revents == POLLOUT)
        written = write(STDOUT_FILENO, line->bytes, line->length);
    if (written > 0)
        torn = (size_t)written < line->length;
    if (written == (ssize_t)line->length)
        dropped = 0;
    else
        dropped++;
    errno = cause;
}

void log_line(enum log_level level, const char *message, ...)
{
    struct line line;
    va_list pairs;
    const char *key;
    bool whole = true;

    if (level < lowest)
        return;
    begin(&line, level, message);
    va_start(pairs, message);
    while (whole && (key = va_arg(pairs, const char *)) != NULL) {
        const char *value = va_arg(pairs, const char *);

        if (value != NULL)
            whole = put_pair(&line, key, value);
    }
    va_end(pairs);
    line.limit = LINE_BYTES;
    if (whole)
        put(&line, "}\n", 2);
    else
        put(&line, CUT_TAIL, sizeof(CUT_TAIL) - 1);
    write_out(&line);
}
