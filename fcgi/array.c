#include "array.h"

void array_append(struct buffer *out, bool first, const char *value)
{
    buffer_append(out, first ? "{" : ",", 1);
    if (value == NULL) {
        buffer_append(out, "NULL", 4);
        return;
    }
    buffer_append(out, "\"", 1);
    for (;;) {
        size_t plain = strcspn(value, "\"\\");
        buffer_append(out, value, plain);
        value += plain;
        if (*value == '\0')
            break;
        char escaped[2] = {'\\', *value++};
        buffer_append(out, escaped, 2);
    }
    buffer_append(out, "\"", 1);
}

void array_end(struct buffer *out, bool empty)
{
    buffer_append(out, empty ? "{}" : "}", empty ? 3 : 2); /* with its NUL */
}
