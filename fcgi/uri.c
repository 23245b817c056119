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

enum decoded { DECODED, BROKEN_ESCAPE, HAS_NUL, NOT_UTF8 };

/* Decode in place. */
static enum decoded decode(char *text, bool plus_is_space)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (*from != '%') {
            *to++ = *from == '+' && plus_is_space ? ' ' : *from;
            continue;
        }
        int high = hex_digit(from[1]), low = high < 0 ? -1 : hex_digit(from[2]);
        if (low < 0)
            return BROKEN_ESCAPE;
        if (high == 0 && low == 0)
            return HAS_NUL;
        *to++ = (char)(high << 4 | low);
        from += 2;
    }
    *to = '\0';
    size_t offset;
    return json_utf8_valid(text, (size_t)(to - text), &offset) ? DECODED : NOT_UTF8;
}

/* Decode in place. Returns a sentence for the client, or NULL. */
static const char *decode_segment(char *segment)
{
    static const char *const sentences[] = {[BROKEN_ESCAPE] =
                                                "The path has a % that two hexadecimal digits do not follow.",
                                            [HAS_NUL] = "The path has a %00.",
                                            [NOT_UTF8] = "The path is not UTF-8."};
    return sentences[decode(segment, false)];
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

/* ---- the query ---- */

/* A name that can't be decoded, in a form that can be shown. */
static const char *show_raw(const char *text, size_t length, struct arena *arena)
{
    static const char digits[] = "0123456789ABCDEF";
    char *shown = arena_alloc(arena, 3 * length + 1), *to = shown;
    for (size_t i = 0; shown != NULL && i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x80) {
            *to++ = '%';
            *to++ = digits[byte >> 4];
            byte = (unsigned char)digits[byte & 15];
        }
        *to++ = (char)byte;
    }
    if (to != NULL)
        *to = '\0';
    return shown;
}

/* Returns -1 when memory ran out. */
static int read_parameter(struct uri_parameter *parameter, const char *text, size_t length,
                          struct arena *arena)
{
    static const char *const faults[] = {[BROKEN_ESCAPE] =
                                             "has a % that two hexadecimal digits do not follow",
                                         [HAS_NUL] = "has a %00",
                                         [NOT_UTF8] = "is not UTF-8"};
    const char *equals = memchr(text, '=', length);
    size_t name_length = equals != NULL ? (size_t)(equals - text) : length;
    char *name = arena_copy(arena, text, name_length);
    char *value =
        equals == NULL ? arena_copy(arena, "", 0) : arena_copy(arena, equals + 1, length - name_length - 1);
    if (name == NULL || value == NULL)
        return -1;
    enum decoded name_is = decode(name, true), value_is = decode(value, true);
    *parameter = (struct uri_parameter){name, value, faults[name_is != DECODED ? name_is : value_is]};
    if (parameter->fault != NULL)
        parameter->value = "";
    if (name_is != DECODED)
        parameter->name = show_raw(text, name_length, arena);
    return parameter->name != NULL ? 0 : -1;
}

int uri_parameters(struct uri_parameter parameters[URI_PARAMETERS], const char *query, struct arena *arena)
{
    int count = 0;
    while (*query != '\0') {
        size_t length = strcspn(query, "&");
        if (length > 0 && count == URI_PARAMETERS)
            return URI_PARAMETERS + 1;
        if (length > 0 && read_parameter(&parameters[count++], query, length, arena) != 0)
            return -1;
        query += length + (query[length] == '&');
    }
    return count;
}

/* ---- out ---- */

#define UNRESERVED "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

static void encode(struct buffer *out, const char *text, const char *plain)
{
    for (; *text != '\0'; text++) {
        if (strchr(plain, *text) != NULL)
            buffer_append(out, text, 1);
        else
            buffer_format(out, "%%%02X", (unsigned char)*text);
    }
}

void uri_encode(struct buffer *out, const char *text)
{
    encode(out, text, UNRESERVED "@+");
}

void uri_encode_parameter(struct buffer *out, const char *text)
{
    encode(out, text, UNRESERVED "@,:()*");
}
