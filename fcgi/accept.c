#include "accept.h"

#include "faults.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *const accept_names[ACCEPT_TYPES] = {[ACCEPT_JSON] = "application/json",
                                                [ACCEPT_CSV] = "text/csv; charset=utf-8; header=present",
                                                [ACCEPT_NDJSON] = "application/x-ndjson"};

/* A piece of the header. */
struct text {
    const char *bytes;
    size_t length;
};

/* One media range: what it says of each type that it is about. */
struct range {
    struct text type, subtype;
    int parameters;
    bool alien;  /* a parameter is none of text/csv's, and of nothing that we have */
    bool of_csv; /* a parameter is text/csv's alone */
    int quality; /* in thousandths */
};

/* ---- reading ---- */

static void skip_space(const char **at)
{
    *at += strspn(*at, " \t");
}

/* RFC 9110 section 5.6.2. */
static bool read_token(const char **at, struct text *token)
{
    static const char marks[] =
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    *token = (struct text){*at, strspn(*at, marks)};
    *at += token->length;
    return token->length > 0;
}

/* A token, or a quoted string (section 5.6.4), whose escapes stay: no value that we know needs one. */
static bool read_value(const char **at, struct text *value)
{
    if (**at != '"')
        return read_token(at, value);
    const char *end = *at + 1;
    for (; *end != '"'; end++) {
        end += *end == '\\';
        if (((unsigned char)*end < ' ' && *end != '\t') || *end == '\x7f')
            return false; /* the end of the header, too */
    }
    *value = (struct text){*at + 1, (size_t)(end - *at - 1)};
    *at = end + 1;
    return true;
}

static bool is(const struct text *text, const char *word)
{
    return strlen(word) == text->length && strncasecmp(text->bytes, word, text->length) == 0;
}

/* A weight from 0 to 1 with at most three decimals, as thousandths. Java's clients leave the zero before the
 * point out. */
static bool read_quality(const struct text *value, int *quality)
{
    const char *at = value->bytes, *end = at + value->length;
    int whole = at < end && (*at == '0' || *at == '1') ? *at++ - '0' : 0;
    int decimals = 0, places = 100;
    if (at < end && *at == '.')
        for (at++; at < end && *at >= '0' && *at <= '9' && places > 0; at++, places /= 10)
            decimals += (*at - '0') * places;
    *quality = whole * 1000 + decimals;
    return value->length > 0 && at == end && *quality <= 1000 &&
           !(value->length == 1 && *value->bytes == '.');
}

static bool read_parameter(const char **at, struct range *range, bool *weighed)
{
    struct text name, value;
    if (!read_token(at, &name) || *(*at)++ != '=' || !read_value(at, &value))
        return false;
    if (*weighed)
        return true; /* an extension, which RFC 9110 has done away with */
    if (is(&name, "q")) {
        *weighed = true;
        return read_quality(&value, &range->quality);
    }
    range->parameters++;
    if (is(&name, "header") && is(&value, "present"))
        range->of_csv = true;
    else if (!is(&name, "charset") || !(is(&value, "utf-8") || is(&value, "utf8")))
        range->alien = true;
    return true;
}

static bool read_range(const char **at, struct range *range)
{
    bool weighed = false;
    *range = (struct range){.quality = 1000};
    if (!read_token(at, &range->type))
        return false;
    if (**at == '/') {
        ++*at;
        if (!read_token(at, &range->subtype))
            return false;
    } else if (is(&range->type, "*")) { /* Java's clients mean all types with it */
        range->subtype = range->type;
    } else {
        return false;
    }
    if (is(&range->type, "*") && !is(&range->subtype, "*"))
        return false;
    for (skip_space(at); **at == ';'; skip_space(at)) {
        ++*at;
        skip_space(at);
        if (**at != ';' && **at != ',' && **at != '\0' && !read_parameter(at, range, &weighed))
            return false;
    }
    return true;
}

/* ---- choosing ---- */

/* How specific the range is for the type; -1: it is not about it. */
static int match(const struct range *range, enum accept_type type)
{
    static const struct {
        const char *type, *subtype;
    } types[] = {[ACCEPT_JSON] = {"application", "json"},
                 [ACCEPT_CSV] = {"text", "csv"},
                 [ACCEPT_NDJSON] = {"application", "x-ndjson"}};
    if (range->alien || (range->of_csv && type != ACCEPT_CSV))
        return -1;
    if (is(&range->type, "*"))
        return 0;
    if (!is(&range->type, types[type].type))
        return -1;
    if (is(&range->subtype, "*"))
        return 1;
    return is(&range->subtype, types[type].subtype) ? 2 + range->parameters : -1;
}

/* What is said of each type. */
struct wishes {
    int specific[ACCEPT_TYPES], quality[ACCEPT_TYPES];
};

static bool read_wishes(struct wishes *wishes, const char *at)
{
    for (;;) {
        struct range range;
        at += strspn(at, " \t,"); /* a list may have empty places: section 5.6.1 */
        if (*at == '\0')
            return true;
        if (!read_range(&at, &range) || (*at != ',' && *at != '\0'))
            return false;
        for (int i = 0; i < ACCEPT_TYPES; i++) {
            int specific = match(&range, (enum accept_type)i);
            if (specific < 0 || specific < wishes->specific[i])
                continue;
            if (specific > wishes->specific[i] || range.quality > wishes->quality[i])
                wishes->quality[i] = range.quality;
            wishes->specific[i] = specific;
        }
    }
}

static void answer_malformed(struct request *request)
{
    struct faults faults;
    faults_init(&faults);
    faults_add_header(&faults, "Accept",
                      "must be a list of media ranges, like text/csv;q=0.5, application/json");
    faults_answer(&faults, request, PROBLEM_MALFORMED_HEADER, "A header is not as it must be.");
}

static void answer_none(struct request *request, int count)
{
    char detail[160];
    size_t length = (size_t)snprintf(detail, sizeof detail, "What is to be had here is");
    for (int i = 0; i < count; i++)
        length += (size_t)snprintf(detail + length, sizeof detail - length, "%s %.*s", i > 0 ? "," : "",
                                   (int)strcspn(accept_names[i], ";"), accept_names[i]);
    snprintf(detail + length, sizeof detail - length, ".");
    request_problem(request, PROBLEM_NOT_ACCEPTABLE, "", detail);
}

bool accept_choose(struct request *request, int count, enum accept_type *type)
{
    const char *header = gateway_param(request->call, "HTTP_ACCEPT");
    struct wishes wishes = {.specific = {-1, -1, -1}};
    int best = -1;
    *type = (enum accept_type)0;
    if (header[strspn(header, " \t,")] == '\0')
        return true;
    if (!read_wishes(&wishes, header)) {
        answer_malformed(request);
        return false;
    }
    for (int i = 0; i < count; i++)
        if (wishes.quality[i] > 0 && (best < 0 || wishes.quality[i] > wishes.quality[best]))
            best = i;
    if (best < 0) {
        answer_none(request, count);
        return false;
    }
    *type = (enum accept_type)best;
    return true;
}
