/*
 * Cursors: the first line of the input is a collection with its parameters, the rest a cursor for it: as it
 * is; and as the bytes of one that is bound to these parameters, which nobody but the service should be able
 * to make. What is taken for a cursor is encoded as it came, and leads to itself.
 */

#include "check.h"
#include "cursor.h"
#include "employees.h"
#include "inside.h"
#include "passengers.h"
#include "selection.h"

#include <ctype.h>
#include <string.h>

static struct {
    uint64_t digest;
    int count;             /* of the order's columns */
    struct buffer address; /* of the page that the cursor leads to */
} seen;

/* What stands in the cursor can be had as SQL, too. */
static void check_sql(const struct selection *selection, struct arena *arena)
{
    struct selection_sql sql;
    int given = 0;
    CHECK(selection_page_sql(selection, selection->after, 50, arena, &sql) == 0);
    for (int i = 0; i < selection->order_count; i++)
        given += selection->after[i] != NULL;
    CHECK(sql.count >= given);
    selection_sql_free(&sql);
}

static void look(struct request *request)
{
    struct selection *selection = arena_alloc(&request->arena, sizeof *selection);
    CHECK(selection != NULL);
    if (!selection_read(selection, request, SELECTION_PAGE))
        return;
    if (selection->after != NULL)
        check_sql(selection, &request->arena);
    seen.digest = selection_digest(selection);
    seen.count = selection->order_count;
    buffer_clear(&seen.address);
    selection_address(selection, request, selection->after, &seen.address);
    buffer_append(&seen.address, "", 1);
    request_answer(request, 200, "", "text/plain", "", 0);
}

static const struct route routes[] = {
    {METHOD_GET, "/look/passengers", look, &passengers_resource, .v1 = true, .query = true},
    {METHOD_GET, "/look/employees", look, &employees_resource, .v1 = true, .query = true},
};
static const struct route_table table = {routes, sizeof routes / sizeof *routes};
static const struct route_table *const tables[] = {&table, NULL};

static int ask(const char *uri)
{
    CHECK(inside_ask(&(struct inside_request){.method = "GET", .uri = uri}) == NULL);
    int status = inside_answer()->status;
    CHECK(status == 200 || status == 400 || status == 404);
    return status;
}

/* Ask for the page behind `cursor`, and again for the one whose address came of it. */
static void ask_with(const char *uri, const char *cursor)
{
    struct buffer text = {0};
    buffer_format(&text, "%s%ccursor=", uri, strchr(uri, '?') != NULL ? '&' : '?');
    uri_encode_parameter(&text, cursor);
    buffer_append(&text, "", 1);
    if (ask(text.bytes) == 200) {
        char *address = strdup(seen.address.bytes);
        CHECK(ask(address) == 200 && strcmp(seen.address.bytes, address) == 0);
        free(address);
    }
    buffer_free(&text);
}

/* base64url, by the book. */
static void encode(const struct buffer *bytes, struct buffer *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned bits = 0, group = 0;
    for (size_t i = 0; i < bytes->length; i++) {
        group = group << 8 | (unsigned char)bytes->bytes[i];
        for (bits += 8; bits >= 6; bits -= 6)
            buffer_append(out, &digits[group >> (bits - 6) & 63], 1);
    }
    if (bits > 0)
        buffer_append(out, &digits[group << (6 - bits) & 63], 1);
    buffer_append(out, "", 1);
}

/* What is read is written as it was. */
static void check_cursor(const char *text, uint64_t digest, int count)
{
    const char *values[CURSOR_VALUES];
    struct buffer again = {0};
    struct arena arena;
    arena_init(&arena);
    int result = cursor_read(text, digest, values, count, &arena);
    CHECK(result == count || result == -1);
    CHECK(cursor_read(text, digest ^ 1, values, count, &arena) == -1);
    if (result == count && cursor_read(text, digest, values, count, &arena) == count) {
        cursor_write(&again, digest, values, count);
        buffer_append(&again, "", 1);
        CHECK(strcmp(again.bytes, text) == 0);
    }
    buffer_free(&again);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    const uint8_t *end = memchr(input, '\n', size);
    struct buffer uri = {0}, bytes = {0}, cursor = {0};
    if (end == NULL)
        return 0;
    inside_open(tables);
    buffer_string(&uri, "/look/");
    for (const uint8_t *at = input; at < end; at++)
        buffer_append(&uri, isgraph(*at) ? (const char *)at : "", isgraph(*at) ? 1 : 0);
    buffer_append(&uri, "", 1);
    if (strstr(uri.bytes, "cursor") == NULL && ask(uri.bytes) == 200) {
        for (int i = 56; i >= 0; i -= 8)
            buffer_append(&bytes, &(char){(char)(seen.digest >> i)}, 1);
        buffer_append(&bytes, end + 1, size - (size_t)(end + 1 - input));
        encode(&bytes, &cursor);
        check_cursor(cursor.bytes, seen.digest, seen.count);
        buffer_append(&bytes, "", 1);
        check_cursor(bytes.bytes + 8, seen.digest, seen.count);
        ask_with(uri.bytes, bytes.bytes + 8);
        ask_with(uri.bytes, cursor.bytes);
    }
    buffer_free(&uri);
    buffer_free(&bytes);
    buffer_free(&cursor);
    return 0;
}
