#include "prefer.h"

#include "faults.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The preferences that are known anywhere. A value's place, from 1, is its number in prefer.h. */
enum kind { RETURNS, COUNT, RESOLUTION, HANDLING, KINDS };

static const struct {
    int bit; /* in a route's `known` */
    const char *name;
    const char *values[2];
} kinds[KINDS] = {
    [RETURNS] = {PREFER_RETURN, "return", {"minimal", "representation"}},
    [COUNT] = {PREFER_COUNT, "count", {"exact", "estimated"}},
    [RESOLUTION] = {PREFER_RESOLUTION, "resolution", {"merge-duplicates", "ignore-duplicates"}},
    [HANDLING] = {0, "handling", {"strict", "lenient"}},
};

/* ---- the header's syntax (RFC 7240 section 2, RFC 9110 section 5.6) ---- */

#define VALUE_SIZE 32 /* a longer value is cut off: no known one is that long */

struct preference {
    const char *name; /* in the header: not ended by NUL */
    size_t length;
    char value[VALUE_SIZE]; /* "": none */
};

static size_t token_length(const char *at)
{
    return strspn(at, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

static void skip_blanks(const char **at)
{
    *at += strspn(*at, " \t");
}

static void add_character(char value[VALUE_SIZE], size_t *length, char character)
{
    if (*length < VALUE_SIZE - 1)
        value[(*length)++] = character;
    value[*length] = '\0';
}

/* `*at` is behind the opening quote. Returns false when there is no closing one. */
static bool read_quoted(const char **at, char value[VALUE_SIZE])
{
    size_t length = 0;
    for (; **at != '"'; (*at)++) {
        if (**at == '\\')
            (*at)++;
        if (**at == '\0')
            return false;
        add_character(value, &length, **at);
    }
    (*at)++;
    return true;
}

/* A token, and what it is said to be, if it is. Returns false when it isn't one. */
static bool read_pair(const char **at, struct preference *pair)
{
    pair->value[0] = '\0';
    pair->name = *at;
    pair->length = token_length(*at);
    *at += pair->length;
    skip_blanks(at);
    if (**at != '=')
        return pair->length > 0;
    (*at)++;
    skip_blanks(at);
    if (**at == '"') {
        (*at)++;
        return pair->length > 0 && read_quoted(at, pair->value);
    }
    size_t length = 0, token = token_length(*at);
    for (size_t i = 0; i < token; i++)
        add_character(pair->value, &length, (*at)[i]);
    *at += token;
    return pair->length > 0 && token > 0;
}

/* Parameters, which no preference here has. */
static bool skip_parameters(const char **at)
{
    struct preference parameter;
    for (;;) {
        skip_blanks(at);
        if (**at != ';')
            return true;
        (*at)++;
        skip_blanks(at);
        if (**at != ';' && **at != ',' && **at != '\0' && !read_pair(at, &parameter))
            return false;
    }
}

enum reading { READ_ONE, READ_ALL, READ_FAULT };

/* The next preference of the list, whose elements may be empty. */
static enum reading read_next(const char **at, struct preference *preference)
{
    *at += strspn(*at, " \t,");
    if (**at == '\0')
        return READ_ALL;
    if (!read_pair(at, preference) || !skip_parameters(at) || (**at != ',' && **at != '\0'))
        return READ_FAULT;
    return READ_ONE;
}

/* ---- what it means ---- */

/* KINDS: none that is known. */
static enum kind kind_of(const struct preference *preference)
{
    enum kind kind = 0;
    while (kind < KINDS && (strncasecmp(kinds[kind].name, preference->name, preference->length) != 0 ||
                            kinds[kind].name[preference->length] != '\0'))
        kind++;
    return kind;
}

/* The value's number; 0: it is not known. */
static int number_of(enum kind kind, const char *value)
{
    for (int i = 0; i < 2; i++)
        if (strcmp(kinds[kind].values[i], value) == 0)
            return i + 1;
    return 0;
}

static bool is_known(enum kind kind, int known)
{
    return kind < KINDS && (kind == HANDLING || (kinds[kind].bit & known) != 0);
}

/* The first of each kind counts. Returns false when the header is malformed. */
static bool read_header(const char *header, int known, int numbers[KINDS])
{
    struct preference preference;
    bool seen[KINDS] = {false};
    enum reading reading;
    while ((reading = read_next(&header, &preference)) == READ_ONE) {
        enum kind kind = kind_of(&preference);
        if (!is_known(kind, known) || seen[kind])
            continue;
        seen[kind] = true;
        numbers[kind] = number_of(kind, preference.value);
    }
    return reading == READ_ALL;
}

static void add_strange(struct faults *faults, const struct preference *preference, bool known)
{
    char detail[200];
    int shown = preference->length < 60 ? (int)preference->length : 60;
    snprintf(detail, sizeof detail, "has %.*s, which is not %s here, and handling=strict", shown,
             preference->name, known ? "of a value that is known" : "known");
    faults_add_header(faults, "Prefer", detail);
}

/* What there is no following, of a well-formed header. */
static void find_strange(const char *header, int known, struct faults *faults)
{
    struct preference preference;
    bool seen[KINDS] = {false};
    while (read_next(&header, &preference) == READ_ONE) {
        enum kind kind = kind_of(&preference);
        if (!is_known(kind, known))
            add_strange(faults, &preference, false);
        else if (!seen[kind] && number_of(kind, preference.value) == 0)
            add_strange(faults, &preference, true);
        if (kind < KINDS)
            seen[kind] = true;
    }
}

bool prefer_read(struct prefer *prefer, struct request *request, int known)
{
    const char *header = gateway_param(request->call, "HTTP_PREFER");
    int numbers[KINDS] = {0};
    struct faults faults;
    faults_init(&faults);
    bool whole = read_header(header, known, numbers);
    *prefer = (struct prefer){.returns = (enum prefer_return)numbers[RETURNS],
                              .count = (enum prefer_count)numbers[COUNT],
                              .resolution = (enum prefer_resolution)numbers[RESOLUTION],
                              .strict = numbers[HANDLING] == 1};
    if (!whole)
        faults_add_header(&faults, "Prefer", "must be a list of preferences, such as return=minimal");
    else if (prefer->strict)
        find_strange(header, known, &faults);
    return !faults_answer(&faults, request, PROBLEM_MALFORMED_HEADER,
                          "The header Prefer is not as it must be.");
}

void prefer_applied(const struct prefer *prefer, int applied, struct buffer *headers)
{
    const int numbers[] = {
        [RETURNS] = prefer->returns, [COUNT] = prefer->count, [RESOLUTION] = prefer->resolution};
    const char *before = "Preference-Applied: ";
    for (enum kind kind = RETURNS; kind < HANDLING; kind++) {
        if ((kinds[kind].bit & applied) == 0 || numbers[kind] == 0)
            continue;
        buffer_format(headers, "%s%s=%s", before, kinds[kind].name, kinds[kind].values[numbers[kind] - 1]);
        before = ", ";
    }
    if (before[0] == ',')
        buffer_string(headers, "\r\n");
}
