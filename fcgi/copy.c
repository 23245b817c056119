#include "copy.h"

#include <string.h>

#define PIECE_BYTES 65536 /* sent at once */

PGresult *copy_start(struct copy *copy, PGconn *session, const char *sql)
{
    *copy = (struct copy){.session = session};
    buffer_init(&copy->pending);
    PGresult *result = PQexec(session, sql);
    if (PQresultStatus(result) != PGRES_COPY_IN)
        return result;
    PQclear(result);
    return NULL;
}

static void send_pending(struct copy *copy)
{
    if (!copy->lost && !copy->pending.failed && copy->pending.length > 0)
        copy->lost = PQputCopyData(copy->session, copy->pending.bytes, (int)copy->pending.length) != 1;
    if (!copy->pending.failed)
        buffer_clear(&copy->pending);
}

/* Backslash, tab and line ends mean something to COPY; whatever else there is stands for itself. */
void copy_value(struct copy *copy, const struct field_value *value)
{
    struct buffer *out = &copy->pending;
    if (copy->in_row)
        buffer_append(out, "\t", 1);
    copy->in_row = true;
    if (value->bytes == NULL) {
        buffer_append(out, "\\N", 2);
        return;
    }
    const char *from = value->bytes;
    const char *end = value->bytes + value->length;
    while (from < end) {
        const char *plain = from;
        while (from < end && *from != '\\' && *from != '\t' && *from != '\n' && *from != '\r')
            from++;
        buffer_append(out, plain, (size_t)(from - plain));
        if (from < end) {
            char letter = *from == '\t' ? 't' : *from == '\n' ? 'n' : *from == '\r' ? 'r' : '\\';
            buffer_append(out, (const char[]){'\\', letter}, 2);
            from++;
        }
    }
}

void copy_end_row(struct copy *copy)
{
    buffer_append(&copy->pending, "\n", 1);
    copy->in_row = false;
    if (copy->pending.length >= PIECE_BYTES)
        send_pending(copy);
}

PGresult *copy_finish(struct copy *copy, bool keep)
{
    send_pending(copy);
    if (copy->pending.failed)
        keep = false;
    bool answered = !copy->lost && PQputCopyEnd(copy->session, keep ? NULL : "given up by the client") == 1;
    PGresult *result = answered ? PQgetResult(copy->session) : NULL;
    if (result != NULL) {
        /* The protocol's end of the command: nothing of interest, but it must be read. */
        PGresult *rest;
        while ((rest = PQgetResult(copy->session)) != NULL)
            PQclear(rest);
    }
    if (copy->pending.failed) {
        PQclear(result);
        result = NULL;
    }
    buffer_free(&copy->pending);
    return result;
}
