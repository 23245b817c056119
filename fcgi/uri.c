#include "uri.h"

#include "json.h"

#include <string.h>

const char uri_out_of_memory[] = "There was no memory to read the path.";

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit = (char)(digit | 0x20);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Decode in place. Returns a sentence for the client, or NULL. */
static const char *decode_segment(char *segment)
{
    char *to = segment;
    for (const char *from = segment; *from != '\0'; from++) {
        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        int high = hex_digit(from[1]), low = high < 0 ? -1 : hex_digit(from[2]);
        if (low < 0)
            return "The path has a % that two hexadecimal digits do not follow.";
        if (high == 0 && low == 0)
            return "The path has a %00.";
        *to++ = (char)(high << 4 | low);
        from += 2;
    }
    *to = '\0';
    size_t offset;
    return json_utf8_valid(segment, (size_t)(to - segment), &offset) ? NULL : "The path is not UTF-8.";
}

const char *uri_split(struct uri *uri, const char *target, struct arena *arena)
{
    const char *query = strchr(target, '?');
    size_t length = query != NULL ? (size_t)(query - target) : strlen(target);
    *uri = (struct uri){.query = query != NULL ? query + 1 : ""};
    if (target[0] != '/')
        return "The request target is not a path.";
    char *path = arena_copy(arena, target + 1, length - 1);
    if (path == NULL)
        return uri_out_of_memory;
    if (*path == '\0')
        return NULL;
    while (path != NULL) {
        if (uri->count == URI_SEGMENTS) {
            uri->count++; /* longer than any route */
            return NULL;
        }
        char *slash = strchr(path, '/');
        if (slash != NULL)
            *slash = '\0';
        const char *fault = decode_segment(path);
        if (fault != NULL)
            return fault;
        uri->segments[uri->count++] = path;
        path =
            slash != NULL ? slash + 1 : NULL; /* a slash at the end is another path: an empty segment more */
    }
    return NULL;
}

void uri_encode(struct buffer *out, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~@+";
    for (; *text != '\0'; text++) {
        if (strchr(plain, *text) != NULL)
            buffer_append(out, text, 1);
        else
            buffer_format(out, "%%%02X", (unsigned char)*text);
    }
}
