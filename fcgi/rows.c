#include "rows.h"

#include "array.h"
#include "sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A key, or an e-mail, that a row came with. */
struct name {
    const char *text;
    int row;
    int same; /* the first row with the same one, if that is another; or 0 */
};

enum { KEYS, EMAILS };

void rows_init(struct rows *rows, const struct resource *resource, struct arena *arena, const char *request,
               bool repeats)
{
    *rows = (struct rows){.resource = resource, .arena = arena, .request = request, .repeats = repeats};
}

void rows_free(struct rows *rows)
{
    buffer_free(&rows->keys);
    buffer_free(&rows->given);
    for (int i = 0; i < RESOURCE_FIELDS; i++) {
        buffer_free(&rows->sent[i]);
        buffer_free(&rows->values[i]);
    }
    buffer_free(&rows->names[KEYS]);
    buffer_free(&rows->names[EMAILS]);
}

static int field_of(const struct rows *rows, int which)
{
    return which == KEYS ? rows->resource->key : rows->resource->lookup;
}

/* Remember what must be there once. The text goes with its row, so there is a copy. */
static void note_names(struct rows *rows, const struct form *form)
{
    for (int which = KEYS; which <= EMAILS; which++) {
        int field = field_of(rows, which);
        const struct field_value *value = &form->values[field];
        if (value->bytes == NULL || (which == EMAILS && field == rows->resource->key))
            continue;
        struct name name = {arena_copy(rows->arena, value->bytes, (size_t)value->length), rows->count, 0};
        if (name.text == NULL)
            rows->keys.failed = true;
        else
            buffer_append(&rows->names[which], &name, sizeof name);
    }
}

void rows_add(struct rows *rows, const struct form *form)
{
    const struct resource *resource = rows->resource;
    const char *key = form->values[resource->key].bytes;
    bool first = rows->count == 0;
    char made[UUID_SIZE];
    uuid_of_row(made, rows->request, (uint32_t)rows->count++);
    array_append(&rows->keys, first, key != NULL ? key : made);
    array_append(&rows->given, first, key != NULL ? "t" : "f");
    for (int i = 0; i < resource->field_count; i++) {
        if (!sql_writable(&resource->fields[i]))
            continue;
        array_append(&rows->sent[i], first, form->sent[i] ? "t" : "f");
        array_append(&rows->values[i], first, form->values[i].bytes);
    }
    if (!rows->repeats)
        note_names(rows, form);
}

/* ---- what is there twice ---- */

/* By their texts, whatever the case; the same ones by their rows. */
static int compare_names(const void *one, const void *other)
{
    const struct name *left = one, *right = other;
    int order = strcasecmp(left->text, right->text);
    return order != 0 ? order : left->row - right->row;
}

static int compare_rows(const void *one, const void *other)
{
    return ((const struct name *)one)->row - ((const struct name *)other)->row;
}

/* Sorted by what they are, the same ones are side by side; sorted by row, they are told in the body's order.
 */
static void check_names(struct name *names, int count, const char *key, struct faults *faults)
{
    char detail[64];
    qsort(names, (size_t)count, sizeof *names, compare_names);
    for (int i = 1, first = 0; i < count; i++) {
        if (strcasecmp(names[i].text, names[first].text) == 0)
            names[i].same = names[first].row;
        else
            first = i;
    }
    qsort(names, (size_t)count, sizeof *names, compare_rows);
    for (int i = 0; i < count; i++) {
        if (names[i].same == 0)
            continue;
        snprintf(detail, sizeof detail, "is the same as in row %d", names[i].same);
        faults_add_field(faults, names[i].row, key, detail);
    }
}

void rows_check(const struct rows *rows, struct faults *faults)
{
    for (int which = KEYS; which <= EMAILS; which++) {
        const struct buffer *names = &rows->names[which];
        if (names->failed)
            faults->errors.failed = true;
        else if (names->length > 0)
            check_names((struct name *)(void *)names->bytes, (int)(names->length / sizeof(struct name)),
                        rows->resource->fields[field_of(rows, which)].key, faults);
    }
}

/* ---- the arrays ---- */

/* End the array, move it into the arena, and give its buffer back before the next one is moved. */
static const char *finish(struct rows *rows, struct buffer *array)
{
    array_end(array, rows->count == 0);
    const char *copy = array->failed ? NULL : arena_copy(rows->arena, array->bytes, array->length);
    buffer_free(array);
    return copy;
}

bool rows_finish(struct rows *rows, struct rows_arrays *arrays)
{
    *arrays = (struct rows_arrays){.keys = finish(rows, &rows->keys), .given = finish(rows, &rows->given)};
    bool good = arrays->keys != NULL && arrays->given != NULL;
    for (int i = 0; i < rows->resource->field_count; i++) {
        if (!sql_writable(&rows->resource->fields[i]))
            continue;
        arrays->sent[i] = finish(rows, &rows->sent[i]);
        arrays->values[i] = finish(rows, &rows->values[i]);
        good = good && arrays->sent[i] != NULL && arrays->values[i] != NULL;
    }
    rows_free(rows);
    return good;
}
