/*
 * CSV: what is read, written and read again is the same. Then as the body of requests: the rows that are
 * taken from it are taken from any other way to write them, too.
 */

#include "again.h"
#include "check.h"
#include "csv.h"
#include "json.h"

#include <errno.h>
#include <string.h>

#define TITLE "title\r\n" /* stands first, so that a byte order mark in a field is one */

/* One field as it is to be read again. */
static void write_field(const struct csv_field *field, bool first, struct buffer *out)
{
    buffer_string(out, first ? "" : ",");
    if (field->length > 0 || field->quoted)
        csv_write(out, field->text, field->length);
}

static void check_record(const struct csv *csv)
{
    size_t wrong;
    CHECK(csv->count >= 1 && csv->count <= CSV_FIELDS && csv->line >= 1);
    for (int i = 0; i < csv->count; i++) {
        CHECK(json_utf8_valid(csv->fields[i].text, csv->fields[i].length, &wrong));
        CHECK(csv->fields[i].text[csv->fields[i].length] == '\0');
    }
}

/* Write all records of a file; returns how many there were, and whether the file ended well. */
static int copy_records(const char *text, size_t length, bool *good, struct buffer *out)
{
    FILE *file = fmemopen((void *)(uintptr_t)text, length, "r");
    struct csv csv;
    int count = 0, result;
    CHECK(file != NULL);
    csv_init(&csv, file);
    while ((result = csv_read(&csv)) == 1) {
        check_record(&csv);
        for (int i = 0; i < csv.count; i++)
            write_field(&csv.fields[i], i == 0, out);
        buffer_string(out, "\r\n");
        count++;
    }
    CHECK(result == 0 || (errno == 0 && csv.fault[0] != '\0' && csv.line >= 1));
    *good = result == 0;
    csv_free(&csv);
    fclose(file);
    return count;
}

static bool check_copy(const char *text, size_t length)
{
    struct buffer first = {0}, second = {0};
    bool good, again;
    buffer_string(&first, TITLE);
    int count = copy_records(text, length, &good, &first);
    CHECK(copy_records(first.bytes, first.length, &again, &second) == count + 1 && again);
    CHECK(first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0);
    buffer_free(&first);
    buffer_free(&second);
    return good;
}

static void check_body(const char *uri, const char *text, size_t length, bool good)
{
    struct again again;
    const struct database_query *query =
        inside_ask(&(struct inside_request){"POST", uri, "text/csv", text, length, NULL});
    CHECK(good || query == NULL);
    if (query != NULL && again_take(&again, query))
        again_check(&again);
    else
        inside_answer();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    const char *text = (const char *)input;
    inside_open(NULL);
    if (size > CSV_RECORD_BYTES / 2) /* written again a record may be twice as long */
        return 0;
    bool good = check_copy(text, size);
    check_body("/v1/passengers", text, size, good);
    check_body("/v1/employees", text, size, good);
    return 0;
}
