/*
 * A parser of our own that builds json-c's objects. json-c's own parser stays out of it: in strict mode too
 * it takes texts that RFC 8259 forbids, keeps the last of two members of one name, caps large integers and
 * (0.16) does not notice that memory ran out.
 */

#include "json.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char *text;
    size_t length;
    size_t at;
    int depth;  /* arrays and objects that are open */
    int values; /* so far */
    struct buffer
        decoded; /* a stack: names of the objects that are open, and the string that is being read */
    struct json_fault *fault;
};

static int read_value(struct reader *reader, struct json_object **out);

/* The next byte, or NUL at the end; a NUL in the text is nowhere allowed, so nobody mistakes it for one. */
static char peek(const struct reader *reader)
{
    return reader->at < reader->length ? reader->text[reader->at] : '\0';
}

/* Take the next byte if it is `c`. */
static bool take(struct reader *reader, char c)
{
    if (reader->at == reader->length || reader->text[reader->at] != c)
        return false;
    reader->at++;
    return true;
}

static void skip_space(struct reader *reader)
{
    while (take(reader, ' ') || take(reader, '\n') || take(reader, '\r') || take(reader, '\t'))
        ;
}

/* Note what is wrong, and where; always -1. All text before `offset` is valid UTF-8. */
__attribute__((format(printf, 3, 4))) static int refuse(struct reader *reader, size_t offset,
                                                        const char *format, ...)
{
    char *detail = reader->fault->detail;
    size_t size = sizeof(reader->fault->detail);
    size_t line = 1, begin = 0;
    va_list arguments;
    int used;

    for (size_t i = 0; i < offset; i++) {
        if (reader->text[i] == '\n') {
            line++;
            begin = i + 1;
        }
    }
    va_start(arguments, format);
    used = vsnprintf(detail, size, format, arguments);
    va_end(arguments);
    snprintf(detail + used, size - (size_t)used, ", at line %zu, column %zu%s.", line,
             json_utf8_length(reader->text + begin, offset - begin) + 1,
             offset == reader->length ? ", where the text ends" : "");
    reader->fault->offset = offset;
    errno = 0;
    return -1;
}

static int refuse_memory(struct reader *reader)
{
    snprintf(reader->fault->detail, sizeof(reader->fault->detail),
             "There is not enough memory to read the text.");
    reader->fault->offset = reader->at;
    errno = ENOMEM;
    return -1;
}

/* The four digits of a \u escape. */
static int read_hex4(struct reader *reader, unsigned *out)
{
    unsigned value = 0;

    for (int i = 0; i < 4; i++) {
        char c = peek(reader);

        if (c >= '0' && c <= '9')
            value = value * 16 + (unsigned)(c - '0');
        else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            value = value * 16 + (unsigned)((c | 0x20) - 'a' + 10);
        else
            return refuse(reader, reader->at, "\\u must be followed by four hexadecimal digits");
        reader->at++;
    }
    *out = value;
    return 0;
}

static void append_utf8(struct buffer *out, unsigned code)
{
    char bytes[4];
    size_t length = 0;

    if (code < 0x80) {
        bytes[length++] = (char)code;
    } else if (code < 0x800) {
        bytes[length++] = (char)(0xc0 | code >> 6);
        bytes[length++] = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        bytes[length++] = (char)(0xe0 | code >> 12);
        bytes[length++] = (char)(0x80 | (code >> 6 & 0x3f));
        bytes[length++] = (char)(0x80 | (code & 0x3f));
    } else {
        bytes[length++] = (char)(0xf0 | code >> 18);
        bytes[length++] = (char)(0x80 | (code >> 12 & 0x3f));
        bytes[length++] = (char)(0x80 | (code >> 6 & 0x3f));
        bytes[length++] = (char)(0x80 | (code & 0x3f));
    }
    buffer_append(out, bytes, length);
}

/* \u and what follows; `begin` is where its backslash stands. */
static int read_unicode_escape(struct reader *reader, size_t begin)
{
    unsigned code, low;

    if (read_hex4(reader, &code) != 0)
        return -1;
    if (code == 0)
        return refuse(reader, begin, "U+0000 is not allowed in a string");
    if (code >= 0xd800 && code < 0xe000) {
        if (code >= 0xdc00 || !take(reader, '\\') || !take(reader, 'u'))
            return refuse(reader, begin, "Half a surrogate pair is not a character");
        if (read_hex4(reader, &low) != 0)
            return -1;
        if (low < 0xdc00 || low >= 0xe000)
            return refuse(reader, begin, "Half a surrogate pair is not a character");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(&reader->decoded, code);
    return 0;
}

/* What follows a backslash. */
static int read_escape(struct reader *reader)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    size_t begin = reader->at - 1;
    const char *letter = NULL;

    if (take(reader, 'u'))
        return read_unicode_escape(reader, begin);
    if (peek(reader) != '\0')
        letter = strchr(letters, peek(reader));
    if (letter == NULL)
        return refuse(reader, reader->at, "A backslash must be followed by one of \" \\ / b f n r t u");
    buffer_append(&reader->decoded, &meanings[letter - letters], 1);
    reader->at++;
    return 0;
}

/* A string, put on the stack `decoded` with a NUL behind it. */
static int read_string(struct reader *reader)
{
    size_t begin = reader->at++;
    size_t run = reader->at; /* from here on nothing is copied yet */

    for (;;) {
        unsigned char c = (unsigned char)peek(reader);
        size_t character;

        if (reader->at == reader->length)
            return refuse(reader, begin, "The string that begins here has no closing quote");
        if (c == '"' || c == '\\') {
            buffer_append(&reader->decoded, reader->text + run, reader->at - run);
            reader->at++;
            if (c == '"')
                break;
            if (read_escape(reader) != 0)
                return -1;
            run = reader->at;
            continue;
        }
        if (c < 0x20)
            return refuse(reader, reader->at, "A control character in a string must be escaped");
        character = json_utf8_character(reader->text + reader->at, reader->length - reader->at);
        if (character == 0)
            return refuse(reader, reader->at, "The bytes are not valid UTF-8");
        reader->at += character;
    }
    buffer_append(&reader->decoded, "", 1);
    return reader->decoded.failed ? refuse_memory(reader) : 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int skip_digits(struct reader *reader)
{
    if (!is_digit(peek(reader)))
        return refuse(reader, reader->at, "A digit is expected");
    while (is_digit(peek(reader)))
        reader->at++;
    return 0;
}

/* The value of a literal that has the right form. */
static int convert_number(struct reader *reader, size_t begin, const char *literal, bool integer,
                          struct json_object **out)
{
    double value = strtod(literal, NULL);
    char first = literal[strcspn(literal, "123456789eE")]; /* a digit when the value is not 0 */
    char exact[512]; /* longer than the largest double with all its digits */

    if (isinf(value))
        return refuse(reader, begin, "The number is too large");
    if (value == 0 && first >= '1' && first <= '9')
        return refuse(reader, begin, "The number is too close to 0");
    if (!integer) {
        *out = json_object_new_double_s(value, literal);
    } else {
        long long whole;

        if (strlen(literal) > 15) { /* 15 digits are always kept */
            snprintf(exact, sizeof(exact), "%.0f", value);
            if (strcmp(exact, literal) != 0)
                return refuse(reader, begin, "The integer is too large to be kept exactly");
        }
        errno = 0;
        whole = strtoll(literal, NULL, 10);
        *out = errno == 0 ? json_object_new_int64(whole) : json_object_new_double_s(value, literal);
    }
    return *out != NULL ? 0 : refuse_memory(reader);
}

static int read_number(struct reader *reader, struct json_object **out)
{
    size_t begin = reader->at;
    size_t stack = reader->decoded.length;
    bool integer = true;
    int result;

    take(reader, '-');
    if (take(reader, '0')) {
        if (is_digit(peek(reader)))
            return refuse(reader, begin, "A number may not begin with a zero that is followed by digits");
    } else if (skip_digits(reader) != 0) {
        return -1;
    }
    if (take(reader, '.')) {
        integer = false;
        if (skip_digits(reader) != 0)
            return -1;
    }
    if (take(reader, 'e') || take(reader, 'E')) {
        integer = false;
        if (!take(reader, '+'))
            take(reader, '-');
        if (skip_digits(reader) != 0)
            return -1;
    }
    buffer_append(&reader->decoded, reader->text + begin, reader->at - begin);
    buffer_append(&reader->decoded, "", 1);
    if (reader->decoded.failed)
        return refuse_memory(reader);
    result = convert_number(reader, begin, reader->decoded.bytes + stack, integer, out);
    reader->decoded.length = stack;
    return result;
}

/* true, false or null; of the three only null is a value without an object. */
static int read_word(struct reader *reader, struct json_object **out)
{
    static const char *const words[] = {"true", "false", "null"};

    for (int i = 0; i < 3; i++) {
        size_t length = strlen(words[i]);

        if (reader->length - reader->at < length || memcmp(reader->text + reader->at, words[i], length) != 0)
            continue;
        reader->at += length;
        *out = i < 2 ? json_object_new_boolean(i == 0) : NULL;
        return i < 2 && *out == NULL ? refuse_memory(reader) : 0;
    }
    return refuse(reader, reader->at, "A value is expected");
}

static int read_array(struct reader *reader, struct json_object *array)
{
    do {
        struct json_object *value;

        if (read_value(reader, &value) != 0)
            return -1;
        if (json_object_array_add(array, value) != 0) {
            json_object_put(value);
            return refuse_memory(reader);
        }
    } while (take(reader, ','));
    return take(reader, ']') ? 0 : refuse(reader, reader->at, "A comma or ] is expected");
}

/* Not more than `limit` bytes of a name, and whole characters. */
static int cut(const char *name, int limit)
{
    int length = 0;

    while (name[length] != '\0') {
        int character = (int)json_utf8_character(name + length, 4);

        if (length + character > limit)
            break;
        length += character;
    }
    return length;
}

static int read_member(struct reader *reader, struct json_object *object)
{
    size_t stack = reader->decoded.length;
    size_t begin;
    struct json_object *value;
    const char *name;

    skip_space(reader);
    begin = reader->at;
    if (peek(reader) != '"')
        return refuse(reader, begin, "A name in double quotes is expected");
    if (read_string(reader) != 0)
        return -1;
    name = reader->decoded.bytes + stack;
    if (json_object_object_get_ex(object, name, NULL))
        return refuse(reader, begin, "The name \"%.*s\" appears twice in one object", cut(name, 60), name);
    skip_space(reader);
    if (!take(reader, ':'))
        return refuse(reader, reader->at, "A colon is expected");
    if (read_value(reader, &value) != 0)
        return -1;
    name = reader->decoded.bytes + stack; /* the stack may have moved */
    if (json_object_object_add_ex(object, name, value, JSON_C_OBJECT_ADD_KEY_IS_NEW) != 0) {
        json_object_put(value);
        return refuse_memory(reader);
    }
    reader->decoded.length = stack;
    return 0;
}

static int read_object(struct reader *reader, struct json_object *object)
{
    do {
        if (read_member(reader, object) != 0)
            return -1;
    } while (take(reader, ','));
    return take(reader, '}') ? 0 : refuse(reader, reader->at, "A comma or } is expected");
}

static int read_container(struct reader *reader, struct json_object **out)
{
    bool is_array = peek(reader) == '[';
    int result = 0;

    if (reader->depth == JSON_DEPTH)
        return refuse(reader, reader->at, "There are more than %d arrays and objects inside each other",
                      JSON_DEPTH);
    *out = is_array ? json_object_new_array() : json_object_new_object();
    if (*out == NULL)
        return refuse_memory(reader);
    reader->at++;
    reader->depth++;
    skip_space(reader);
    if (!take(reader, is_array ? ']' : '}'))
        result = is_array ? read_array(reader, *out) : read_object(reader, *out);
    reader->depth--;
    if (result != 0)
        json_object_put(*out);
    return result;
}

/* One value with the white space around it. After -1 there is nothing to give back. */
static int read_value(struct reader *reader, struct json_object **out)
{
    size_t stack = reader->decoded.length;
    int result = 0;
    char c;

    skip_space(reader);
    c = peek(reader);
    if (reader->values++ == JSON_VALUES)
        return refuse(reader, reader->at, "There are more than %d values", JSON_VALUES);
    if (c == '{' || c == '[') {
        result = read_container(reader, out);
    } else if (c == '"') {
        if (read_string(reader) != 0)
            return -1;
        *out = json_object_new_string_len(reader->decoded.bytes + stack,
                                          (int)(reader->decoded.length - stack - 1));
        reader->decoded.length = stack;
        if (*out == NULL)
            return refuse_memory(reader);
    } else if (c == '-' || is_digit(c)) {
        result = read_number(reader, out);
    } else {
        result = read_word(reader, out);
    }
    skip_space(reader);
    return result;
}

/* One value from where the reader stands up to `length`, and nothing behind it. */
static struct json_object *read_whole(struct reader *reader)
{
    struct json_object *value = NULL;

    *reader->fault = (struct json_fault){0};
    errno = 0;
    buffer_init(&reader->decoded);
    if (reader->length > INT_MAX) { /* json-c counts with int */
        refuse(reader, reader->at, "The text is too long");
    } else if (read_value(reader, &value) != 0) {
        value = NULL;
    } else if (reader->at < reader->length) {
        refuse(reader, reader->at, "Only one value is expected, and here is more text");
        json_object_put(value);
        value = NULL;
    } else {
        errno = 0;
    }
    buffer_free(&reader->decoded);
    return value;
}

struct json_object *json_read(const char *text, size_t length, struct json_fault *fault)
{
    return read_whole(&(struct reader){.text = text, .length = length, .fault = fault});
}

struct json_object *json_read_part(const char *text, size_t begin, size_t end, struct json_fault *fault)
{
    return read_whole(&(struct reader){.text = text, .at = begin, .length = end, .fault = fault});
}

/* What stands before an element, or behind the last one: 1, 0 and -1 as json_read_next returns them. */
static int step(struct reader *reader, struct json_elements *elements)
{
    bool first = elements->at == 0;

    skip_space(reader);
    if (first && !take(reader, '['))
        return refuse(reader, reader->at, "[ is expected");
    skip_space(reader);
    if (!take(reader, ']')) {
        if (!first && !take(reader, ','))
            return refuse(reader, reader->at, "A comma or ] is expected");
        return 1;
    }
    skip_space(reader);
    if (reader->at < reader->length)
        return refuse(reader, reader->at, "Only one value is expected, and here is more text");
    return 0;
}

int json_read_next(struct json_elements *elements, struct json_object **value, struct json_fault *fault)
{
    struct reader reader = {
        .text = elements->text, .length = elements->length, .at = elements->at, .depth = 1, .fault = fault};
    int result;

    *fault = (struct json_fault){0};
    *value = NULL;
    buffer_init(&reader.decoded);
    result = step(&reader, elements);
    if (result == 1 && read_value(&reader, value) != 0)
        result = -1;
    buffer_free(&reader.decoded);
    elements->at = reader.at;
    if (result < 0)
        *value = NULL;
    else
        errno = 0;
    return result;
}
