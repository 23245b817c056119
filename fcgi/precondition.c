#include "precondition.h"

#include "faults.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The length of an opaque-tag (RFC 9110 section 8.8.3) with its quotes; 0: it isn't one. */
static size_t opaque_length(const char *at)
{
    size_t length = 1;
    if (at[0] != '"')
        return 0;
    while (at[length] != '"') {
        unsigned char each = (unsigned char)at[length];
        if (each <= ' ' || each == 0x7f)
            return 0;
        length++;
    }
    return length + 1;
}

/* Tags are compared byte by byte, so "07" is not "7". */
static bool is_version(const char *digits, size_t length)
{
    static const char greatest[] = "9223372036854775807";
    size_t most = sizeof greatest - 1;
    if (length == 0 || digits[0] == '0' || strspn(digits, "0123456789") < length)
        return false;
    return length < most || (length == most && strncmp(digits, greatest, most) <= 0);
}

/*
 * Read a list of tags (RFC 9110 section 5.6.1: elements may be empty) and write those that can be ours to
 * `versions`, which has room for two bytes more than the header has: "W/" and the quotes make up for the
 * commas. Returns false when it isn't one.
 */
static bool read_tags(const char *at, bool strong, char *versions)
{
    size_t length = 0;
    versions[length++] = '{';
    for (;;) {
        at += strspn(at, " \t,");
        if (*at == '\0')
            break;
        bool weak = at[0] == 'W' && at[1] == '/';
        at += weak ? 2 : 0;
        size_t tag = opaque_length(at);
        if (tag == 0)
            return false;
        if (!(weak && strong) && is_version(at + 1, tag - 2)) {
            if (length > 1)
                versions[length++] = ',';
            memcpy(versions + length, at + 1, tag - 2);
            length += tag - 2;
        }
        at += tag;
        at += strspn(at, " \t");
        if (*at != ',' && *at != '\0')
            return false;
    }
    memcpy(versions + length, "}", 2);
    return true;
}

static bool is_star(const char *header)
{
    size_t blanks = strspn(header, " \t");
    return header[blanks] == '*' && header[blanks + 1 + strspn(header + blanks + 1, " \t")] == '\0';
}

/* Versions that a header lists, in the arena; NULL: it is not there, or "*", or not as it must be, or memory
 * ran out. */
static const char *read_list(struct request *request, const char *header, bool strong, const char *name,
                             struct faults *faults)
{
    if (header[0] == '\0' || is_star(header))
        return NULL;
    char *versions = arena_alloc(&request->arena, strlen(header) + 3);
    if (versions == NULL)
        faults->errors.failed = true;
    else if (!read_tags(header, strong, versions))
        faults_add_header(faults, name, "must be * or a list of entity tags, such as \"1\", each in quotes");
    return versions;
}

bool precondition_read(struct precondition *precondition, struct request *request)
{
    const char *match = gateway_param(request->call, "HTTP_IF_MATCH");
    const char *none_match = gateway_param(request->call, "HTTP_IF_NONE_MATCH");
    struct faults faults;
    faults_init(&faults);
    *precondition =
        (struct precondition){.match_any = is_star(match),
                              .none_any = is_star(none_match),
                              .match = read_list(request, match, true, "If-Match", &faults),
                              .none_match = read_list(request, none_match, false, "If-None-Match", &faults)};
    return !faults_answer(&faults, request, PROBLEM_MALFORMED_HEADER,
                          "A header with a precondition is not as it must be.");
}

/* Whether "{1,2}" has the version; NULL has none. */
static bool has_version(const char *list, int64_t version)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRId64, version);
    for (; list != NULL && *list != '}'; list += strcspn(list, ",}")) {
        list++;
        if (strcspn(list, ",}") == (size_t)length && strncmp(list, digits, (size_t)length) == 0)
            return true;
    }
    return false;
}

bool precondition_failed(const struct precondition *precondition, int64_t version)
{
    return precondition->match != NULL && !has_version(precondition->match, version);
}

bool precondition_not_modified(const struct precondition *precondition, int64_t version)
{
    return precondition->none_any || has_version(precondition->none_match, version);
}

void precondition_write_tag(int64_t version, struct buffer *headers)
{
    buffer_format(headers, "ETag: \"%" PRId64 "\"\r\n", version);
}
