#include "field.h"

#include "json.h"
#include "uuid.h"

#include <errno.h>
#include <float.h>
#include <json-c/json.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LOCAL_PART_MAX   64 /* RFC 5321 section 4.5.3.1.1 */
#define DOMAIN_LABEL_MAX 63 /* RFC 1035 section 2.3.4 */

const char field_out_of_memory[] = "could not be looked at: memory ran out";

/* Both spellings are PostgreSQL's. */
static const struct field_value yes_value = {"true", 4};
static const struct field_value no_value = {"false", 5};

/* ---- sentences ---- */

__attribute__((format(printf, 2, 3))) static const char *say(struct arena *arena, const char *format, ...)
{
    char text[256];
    va_list arguments;
    const char *copy;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    copy = arena_copy(arena, text, strlen(text));
    return copy != NULL ? copy : field_out_of_memory;
}

static const char *say_choices(const struct field *field, struct arena *arena)
{
    const char *const *choice = field->choices;
    bool nullable = field->access == FIELD_NULLABLE;
    char text[200] = "";
    size_t used = 0;

    for (; choice[0] != NULL && used < sizeof(text); choice++) {
        const char *before = choice == field->choices ? "" : choice[1] == NULL && !nullable ? " or " : ", ";

        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\"%s\"", before, choice[0]);
    }
    return say(arena, "must be %s%s", text, nullable ? " or null" : "");
}

/* What a value of this field must be. */
static const char *must_be(const struct field *field, struct arena *arena)
{
    const char *or_null = field->access == FIELD_NULLABLE ? " or null" : "";

    switch (field->type) {
    case FIELD_UUID:
        return say(arena, "must be a UUID%s", or_null);
    case FIELD_BOOLEAN:
        return field->access == FIELD_NULLABLE ? "must be true, false or null" : "must be true or false";
    case FIELD_INTEGER:
    case FIELD_NUMBER: {
        const char *what = field->type == FIELD_INTEGER ? "an integer" : "a number";

        if (field->maximum >= DBL_MAX)
            return say(arena, "must be %s of at least %.15g%s", what, field->minimum, or_null);
        return say(arena, "must be %s from %.15g to %.15g%s", what, field->minimum, field->maximum, or_null);
    }
    case FIELD_TEXT:
        return say(arena, "must be %.0f to %.0f characters%s", field->minimum, field->maximum, or_null);
    case FIELD_CHOICE:
        return say_choices(field, arena);
    case FIELD_EMAIL:
        return say(arena, "must be a valid e-mail address of at most %.0f characters%s", field->maximum,
                   or_null);
    case FIELD_TIME:
        return say(arena, "must be a time such as 2025-05-20 22:22:46.243212%s", or_null);
    }
    return "is not valid";
}

/* The same for a value that is not even a string. */
static const char *must_be_string(const struct field *field, struct arena *arena)
{
    if (field->type != FIELD_TEXT)
        return must_be(field, arena);
    return say(arena, "must be a string of %.0f to %.0f characters%s", field->minimum, field->maximum,
               field->access == FIELD_NULLABLE ? " or null" : "");
}

/* ---- values of one type ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alphanumeric(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Letters, digits and the signs that HTML's pattern for an e-mail address has; dots only between others. */
static bool local_part_valid(const char *text, size_t length)
{
    if (length == 0 || length > LOCAL_PART_MAX || text[0] == '.' || text[length - 1] == '.')
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\0' || (!is_alphanumeric(text[i]) && strchr(".!#$%&'*+/=?^_`{|}~-", text[i]) == NULL))
            return false;
        if (text[i] == '.' && text[i + 1] == '.')
            return false;
    }
    return true;
}

static bool label_valid(const char *text, size_t length)
{
    if (length == 0 || length > DOMAIN_LABEL_MAX || text[0] == '-' || text[length - 1] == '-')
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_alphanumeric(text[i]) && text[i] != '-')
            return false;
    return true;
}

/* The HTML Living Standard's "valid e-mail address", with the lengths and dots of RFC 5321. */
static bool email_valid(const char *text, size_t length)
{
    const char *end = text + length;
    const char *at = memchr(text, '@', length);

    if (at == NULL || !local_part_valid(text, (size_t)(at - text)))
        return false;
    for (const char *label = at + 1;;) {
        const char *dot = memchr(label, '.', (size_t)(end - label));
        const char *label_end = dot != NULL ? dot : end;

        if (!label_valid(label, (size_t)(label_end - label)))
            return false;
        if (dot == NULL)
            return true;
        label = dot + 1;
    }
}

/* YYYY-MM-DD hh:mm:ss, perhaps with a fraction and a sign of UTC. Only the shape: the database knows the
 * calendar. */
static bool time_valid(const char *text, size_t length)
{
    static const char shape[] = "0000-00-00 00:00:00";
    static const char *const zones[] = {"", "Z", "+00", "+00:00"};
    size_t at = sizeof(shape) - 1;

    if (length < at)
        return false;
    for (size_t i = 0; i < at; i++) {
        if (shape[i] == '0' ? !is_digit(text[i])
                            : text[i] != shape[i] && !(shape[i] == ' ' && text[i] == 'T'))
            return false;
    }
    if (at < length && text[at] == '.') {
        size_t point = at++;

        while (at < length && is_digit(text[at]))
            at++;
        if (at - point < 2 || at - point > 7)
            return false;
    }
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
        if (length - at == strlen(zones[i]) && memcmp(text + at, zones[i], length - at) == 0)
            return true;
    return false;
}

static bool choice_valid(const struct field *field, const char *text, size_t length)
{
    for (const char *const *choice = field->choices; *choice != NULL; choice++)
        if (strlen(*choice) == length && memcmp(*choice, text, length) == 0)
            return true;
    return false;
}

/* A field whose value is a string, for `text` that is valid UTF-8 with a NUL behind it. */
static bool text_valid(const struct field *field, const char *text, size_t length)
{
    size_t characters;

    switch (field->type) {
    case FIELD_TEXT:
        characters = json_utf8_length(text, length);
        return (double)characters >= field->minimum && (double)characters <= field->maximum;
    case FIELD_CHOICE:
        return choice_valid(field, text, length);
    case FIELD_EMAIL:
        return (double)length <= field->maximum && email_valid(text, length);
    case FIELD_TIME:
        return time_valid(text, length);
    default:
        return false;
    }
}

static const char *copy_out(const char *text, size_t length, struct arena *arena, struct field_value *out)
{
    out->bytes = arena_copy(arena, text, length);
    out->length = (int)length;
    return out->bytes != NULL ? NULL : field_out_of_memory;
}

/* Integers are written as such even when they came as 3.0 or 3e0; other numbers as the client wrote them. */
static const char *take_number(const struct field *field, struct json_object *value, struct arena *arena,
                               struct field_value *out)
{
    double number = json_object_get_double(value);
    bool as_sent = json_object_is_type(value, json_type_double) && field->type == FIELD_NUMBER && number != 0;
    char digits[32];
    const char *text = digits;

    if (!(number >= field->minimum && number <= field->maximum))
        return must_be(field, arena);
    if (field->type == FIELD_INTEGER && number != floor(number))
        return must_be(field, arena);
    if (as_sent)
        text = json_object_get_string(value);
    else if (json_object_is_type(value, json_type_int))
        snprintf(digits, sizeof(digits), "%lld", (long long)json_object_get_int64(value));
    else
        snprintf(digits, sizeof(digits), "%.0f", number + 0.0); /* + 0.0 takes the sign from -0 */
    if (text == NULL)
        return field_out_of_memory;
    return copy_out(text, strlen(text), arena, out);
}

static const char *take_uuid(const struct field *field, const char *text, size_t length, struct arena *arena,
                             struct field_value *out)
{
    char uuid[UUID_SIZE];

    if (!uuid_parse(uuid, text, length))
        return must_be(field, arena);
    return copy_out(uuid, UUID_SIZE - 1, arena, out);
}

/* ---- in ---- */

const char *field_from_json(const struct field *field, struct json_object *value, struct arena *arena,
                            struct field_value *out)
{
    bool is_string = json_object_is_type(value, json_type_string);
    const char *text = is_string ? json_object_get_string(value) : NULL;
    size_t length = is_string ? (size_t)json_object_get_string_len(value) : 0;

    *out = (struct field_value){0};
    if (value == NULL)
        return field->access == FIELD_REQUIRED ? must_be(field, arena) : NULL;
    switch (field->type) {
    case FIELD_BOOLEAN:
        if (!json_object_is_type(value, json_type_boolean))
            return must_be(field, arena);
        *out = json_object_get_boolean(value) ? yes_value : no_value;
        return NULL;
    case FIELD_INTEGER:
    case FIELD_NUMBER:
        if (!json_object_is_type(value, json_type_int) && !json_object_is_type(value, json_type_double))
            return must_be(field, arena);
        return take_number(field, value, arena, out);
    case FIELD_UUID:
        return is_string ? take_uuid(field, text, length, arena, out) : must_be(field, arena);
    default:
        if (!is_string)
            return must_be_string(field, arena);
        if (!text_valid(field, text, length))
            return must_be(field, arena);
        return copy_out(text, length, arena, out);
    }
}

static const char *boolean_from_csv(const struct field *field, const char *text, struct arena *arena,
                                    struct field_value *out)
{
    bool yes = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;

    if (!yes && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
        return must_be(field, arena);
    *out = yes ? yes_value : no_value;
    return NULL;
}

/* A number is what JSON says it is, so that a file holds the same numbers as a body. */
static const char *number_from_csv(const struct field *field, const char *text, size_t length,
                                   struct arena *arena, struct field_value *out)
{
    struct json_fault json_fault;
    struct json_object *value;
    const char *fault;

    if (length == 0 || (text[0] != '-' && !is_digit(text[0])) || !is_digit(text[length - 1]))
        return must_be(field, arena);
    value = json_read(text, length, &json_fault);
    if (value == NULL)
        return errno == ENOMEM ? field_out_of_memory : must_be(field, arena);
    fault = take_number(field, value, arena, out);
    json_object_put(value);
    return fault;
}

const char *field_from_csv(const struct field *field, const char *text, size_t length, bool quoted,
                           struct arena *arena, struct field_value *out)
{
    *out = (struct field_value){0};
    if (length == 0 && !quoted)
        return field->access == FIELD_REQUIRED ? "must not be empty" : NULL;
    switch (field->type) {
    case FIELD_BOOLEAN:
        return boolean_from_csv(field, text, arena, out);
    case FIELD_INTEGER:
    case FIELD_NUMBER:
        return number_from_csv(field, text, length, arena, out);
    case FIELD_UUID:
        return take_uuid(field, text, length, arena, out);
    default:
        if (!text_valid(field, text, length))
            return must_be(field, arena);
        return copy_out(text, length, arena, out);
    }
}
