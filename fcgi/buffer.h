#ifndef PURSER_BUFFER_H
#define PURSER_BUFFER_H

/*
 * A growing run of bytes that remembers failure: writers need no checks of their own, whoever sends the bytes
 * looks at `failed` once. After a failure the contents are of no use and every further write does nothing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct buffer {
    char *bytes;     /* NULL until the first write */
    size_t length;   /* bytes in use */
    size_t capacity; /* bytes allocated */
    bool failed;     /* memory ran out at some point */
};

/* Make `buffer` empty; allocates nothing. */
void buffer_init(struct buffer *buffer);

/* Give the memory back; the buffer is then as after buffer_init. */
void buffer_free(struct buffer *buffer);

/* Forget the contents and the failure, keep the memory. */
void buffer_clear(struct buffer *buffer);

/*
 * Make room for `extra` more bytes. Returns where they go, or NULL when memory ran out (and `failed` is set).
 * The pointer is good until the next write; the caller adds what it wrote to `length`. This and buffer_append
 * are here, because answers are made of a great many small pieces.
 */
char *buffer_grow(struct buffer *buffer, size_t extra); /* buffer_reserve, where there is no room yet */

static inline char *buffer_reserve(struct buffer *buffer, size_t extra)
{
    if (!buffer->failed && buffer->bytes != NULL && buffer->capacity - buffer->length >= extra)
        return buffer->bytes + buffer->length;
    return buffer_grow(buffer, extra);
}

/* Append `length` bytes, or a string without its NUL. */
static inline void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
    char *to = length > 0 ? buffer_reserve(buffer, length) : NULL;

    if (to == NULL)
        return;
    memcpy(to, bytes, length);
    buffer->length += length;
}

void buffer_string(struct buffer *buffer, const char *string);

/* Append as printf(3) writes. */
void buffer_format(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
