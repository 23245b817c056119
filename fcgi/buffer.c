#include "buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 1024

void buffer_init(struct buffer *buffer)
{
    *buffer = (struct buffer){0};
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->bytes);
    buffer_init(buffer);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
}

/* Doubling keeps the number of copies logarithmic. */
char *buffer_grow(struct buffer *buffer, size_t extra)
{
    size_t capacity = buffer->capacity != 0 ? buffer->capacity : FIRST_CAPACITY;
    char *bytes;

    if (buffer->failed)
        return NULL;
    if (extra > SIZE_MAX / 2 - buffer->length) {
        buffer->failed = true;
        return NULL;
    }
    while (capacity - buffer->length < extra)
        capacity *= 2;
    bytes = realloc(buffer->bytes, capacity);
    if (bytes == NULL) {
        buffer->failed = true;
        return NULL;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return bytes + buffer->length;
}

void buffer_string(struct buffer *buffer, const char *string)
{
    buffer_append(buffer, string, strlen(string));
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    char *to;
    int length;

    /* Most fits where there is room already; what doesn't is written again where there is. */
    to = buffer_reserve(buffer, 64);
    if (to == NULL)
        return;
    va_start(arguments, format);
    length = vsnprintf(to, buffer->capacity - buffer->length, format, arguments);
    va_end(arguments);
    if (length < 0) {
        buffer->failed = true;
        return;
    }
    if ((size_t)length >= buffer->capacity - buffer->length) {
        to =
            buffer_reserve(buffer, (size_t)length + 1); /* vsnprintf writes a NUL too, which is not counted */
        if (to == NULL)
            return;
        va_start(arguments, format);
        vsnprintf(to, (size_t)length + 1, format, arguments);
        va_end(arguments);
    }
    buffer->length += (size_t)length;
}
