/* Where the next page begins, and its address. */

#include "selection.h"

#include "cursor.h"
#include "hash.h"

#include <string.h>

/* ---- what a cursor is bound to ---- */

/* Every number has eight bytes, so that nothing runs together. */
static uint64_t add_number(uint64_t digest, uint64_t number)
{
    for (int i = 0; i < 8; i++, number >>= 8)
        digest = hash_bytes(digest, &(unsigned char){number & 0xff}, 1);
    return digest;
}

static uint64_t digest_filter(const struct selection *selection, const struct selection_filter *filter)
{
    uint64_t digest = hash_text(HASH_BEGIN, selection->resource->fields[filter->field].key);
    digest = add_number(digest, (uint64_t)filter->operator);
    digest = add_number(digest, (uint64_t)filter->count);
    for (int i = 0; i < filter->count; i++)
        digest = hash_text(digest, filter->values[i]);
    return digest;
}

uint64_t selection_digest(const struct selection *selection)
{
    uint64_t digest = hash_text(HASH_BEGIN, selection->resource->name), filters = 0;
    for (int i = 0; i < selection->order_count; i++) {
        digest = hash_text(digest, selection->resource->fields[selection->order[i].field].key);
        digest = add_number(digest, selection->order[i].descending);
    }
    for (int i = 0; i < selection->filter_count; i++) /* a sum: in any order */
        filters += digest_filter(selection, &selection->filters[i]);
    digest = add_number(digest, (uint64_t)selection->filter_count);
    digest = add_number(digest, filters);
    for (int i = 0; i < selection->word_count; i++)
        digest = hash_text(digest, selection->words[i]);
    return digest;
}

/* ---- the place, and the address ---- */

const char *const *selection_after(const struct selection *selection, const struct database_result *result,
                                   int row, struct arena *arena)
{
    const struct resource *resource = selection->resource;
    struct database_value columns[RESOURCE_FIELDS];
    const char **values = arena_alloc(arena, (size_t)selection->order_count * sizeof *values);
    struct buffer text;
    buffer_init(&text);
    database_row(result, row, columns, resource->field_count);
    for (int i = 0; values != NULL && i < selection->order_count; i++) {
        int field = selection->order[i].field;
        values[i] = NULL;
        if (columns[field].length < 0)
            continue;
        buffer_clear(&text);
        field_write_text(&resource->fields[field], columns[field].bytes, columns[field].length, FIELD_RFC3339,
                         &text);
        values[i] = text.failed ? NULL : arena_copy(arena, text.bytes, text.length);
        if (values[i] == NULL)
            values = NULL;
    }
    buffer_free(&text);
    return values;
}

void selection_address(const struct selection *selection, const struct request *request,
                       const char *const *after, struct buffer *out)
{
    const char *mark = "?";
    for (int i = 0; i < request->uri.count && i < URI_SEGMENTS; i++) {
        buffer_string(out, "/");
        uri_encode(out, request->uri.segments[i]);
    }
    for (int i = 0; i < selection->parameter_count; i++) {
        if (strcmp(selection->parameters[i].name, "cursor") == 0)
            continue;
        buffer_string(out, mark);
        uri_encode_parameter(out, selection->parameters[i].name);
        buffer_string(out, "=");
        uri_encode_parameter(out, selection->parameters[i].value);
        mark = "&";
    }
    if (after == NULL)
        return;
    buffer_format(out, "%scursor=", mark);
    cursor_write(out, selection_digest(selection), after, selection->order_count);
}
