#include "intake.h"

#include "columns.h"
#include "json.h"
#include "route.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *const intake_names[INTAKE_TYPES] = {"application/json", "application/x-ndjson", "text/csv"};

struct reader {
    struct request *request;
    const struct resource *resource;
    const struct intake_rule *rule;
    const char *text; /* the body */
    size_t length;
    bool lone;
    struct rows rows;
    struct arena row; /* what lives as long as one row */
    struct form form; /* of one row */
    struct faults faults;
    struct columns columns; /* of a CSV */
};

/* ---- what it is ---- */

/* With or without parameters (RFC 9110 section 8.3.1). */
enum intake_type intake_type(const struct request *request)
{
    const char *said = gateway_param(request->call, "CONTENT_TYPE");
    size_t length = strcspn(said, "; \t");
    int type = INTAKE_JSON;
    while (type < INTAKE_TYPES &&
           (strlen(intake_names[type]) != length || strncasecmp(said, intake_names[type], length) != 0))
        type++;
    return (enum intake_type)type;
}

bool intake_is_lone(const struct request *request)
{
    size_t length;
    const char *text = gateway_body(request->call, &length);
    return intake_type(request) == INTAKE_JSON && text[strspn(text, " \t\r\n")] != '[';
}

void intake_refuse_type(struct request *request, bool change)
{
    if (change)
        request_problem(request, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
                        "Accept: application/json\r\nAccept-Patch: application/json\r\n",
                        "The body must be a JSON array, and Content-Type must be application/json.");
    else
        request_problem(request, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
                        "Accept: application/json, application/x-ndjson, text/csv\r\n",
                        "Content-Type must be application/json, application/x-ndjson or text/csv.");
}

/* ---- rows ---- */

/* Whether there may be one more; if not, the request has been answered. */
static bool begin_row(struct reader *reader)
{
    char detail[64];
    if (reader->rows.count < ROWS_MOST)
        return true;
    snprintf(detail, sizeof detail, "The body has more than %d rows.", ROWS_MOST);
    request_problem(reader->request, PROBLEM_BODY_TOO_LARGE, "", detail);
    return false;
}

static void end_row(struct reader *reader)
{
    rows_add(&reader->rows, &reader->form);
    arena_free(&reader->row);
}

/* A row that came as JSON; `value` NULL: a null. */
static void take_value(struct reader *reader, struct json_object *value)
{
    const struct intake_rule *rule = reader->rule;
    enum form_key key = reader->lone ? rule->lone_key : rule->change ? FORM_KEY_NEEDED : FORM_KEY_ALLOWED;
    int row = reader->lone ? 0 : reader->rows.count + 1;
    memset(&reader->form, 0, sizeof reader->form);
    if (json_object_is_type(value, json_type_object))
        form_check(&reader->form, reader->resource, value, !rule->change, key, row, &reader->row,
                   &reader->faults);
    else
        faults_add_field(&reader->faults, row, NULL,
                         reader->lone ? "must be a JSON object, or an array of them"
                                      : "must be a JSON object");
    json_object_put(value);
    end_row(reader);
}

static bool refuse_json(struct reader *reader, const struct json_fault *fault)
{
    if (errno == ENOMEM)
        request_failed(reader->request, DATABASE_FULL);
    else
        request_problem(reader->request, PROBLEM_MALFORMED_JSON, "", fault->detail);
    return false;
}

/* The bytes from `begin` to `end` are a row. */
static bool read_object(struct reader *reader, size_t begin, size_t end)
{
    struct json_fault fault;
    struct json_object *value = json_read_part(reader->text, begin, end, &fault);
    if (value == NULL && fault.detail[0] != '\0')
        return refuse_json(reader, &fault);
    take_value(reader, value);
    return true;
}

static bool read_array(struct reader *reader)
{
    struct json_elements elements = {.text = reader->text, .length = reader->length};
    struct json_fault fault;
    struct json_object *value;
    int result;
    while ((result = json_read_next(&elements, &value, &fault)) == 1) {
        if (!begin_row(reader)) {
            json_object_put(value);
            return false;
        }
        take_value(reader, value);
    }
    return result == 0 || refuse_json(reader, &fault);
}

static bool read_json(struct reader *reader)
{
    if (!intake_is_lone(reader->request))
        return read_array(reader);
    reader->lone = true;
    if (!reader->rule->change)
        return read_object(reader, 0, reader->length);
    struct json_fault fault;
    struct json_object *value = json_read(reader->text, reader->length, &fault);
    if (value == NULL && fault.detail[0] != '\0')
        return refuse_json(reader, &fault);
    json_object_put(value);
    faults_add_field(&reader->faults, 0, NULL, "must be a JSON array");
    return true;
}

static bool read_lines(struct reader *reader)
{
    const char *text = reader->text, *end = text + reader->length;
    for (const char *line = text, *next; line < end; line = next + 1) {
        next = memchr(line, '\n', (size_t)(end - line));
        if (next == NULL)
            next = end;
        if (line + strspn(line, " \t\r") >= next)
            continue;
        if (!begin_row(reader) || !read_object(reader, (size_t)(line - text), (size_t)(next - text)))
            return false;
    }
    return true;
}

/* ---- CSV ---- */

/* The column's title is in the sentence too: it may be none of a field. */
static void add_column(struct reader *reader, const char *title, const char *fault)
{
    struct buffer detail;
    buffer_init(&detail);
    buffer_format(&detail, "the column \"%s\" %s", title, fault);
    buffer_append(&detail, "", 1);
    if (detail.failed)
        reader->faults.errors.failed = true;
    else
        faults_add_field(&reader->faults, 0, title, detail.bytes);
    buffer_free(&detail);
}

static void callback_column(void *cookie, enum columns_fault fault, const char *title)
{
    static const char *const sentences[] = {[COLUMNS_UNKNOWN] = "is not a known field",
                                            [COLUMNS_TWICE] = "is there twice",
                                            [COLUMNS_MISSING] = "is missing"};
    add_column(cookie, title, sentences[fault]);
}

static bool refuse_csv(struct reader *reader, const struct csv *csv)
{
    char detail[160];
    if (errno != 0) {
        request_failed(reader->request, DATABASE_FULL);
        return false;
    }
    snprintf(detail, sizeof detail, "Line %lu: %s.", csv->line, csv->fault);
    request_problem(reader->request, PROBLEM_MALFORMED_CSV, "", detail);
    return false;
}

static bool read_header(struct reader *reader, struct csv *csv)
{
    const struct resource *resource = reader->resource;
    int result = csv_read(csv);
    if (result < 0)
        return refuse_csv(reader, csv);
    if (result == 0) {
        request_problem(reader->request, PROBLEM_MALFORMED_CSV, "",
                        "The body is empty: its first line must name the fields.");
        return false;
    }
    columns_read(&reader->columns, resource, csv, callback_column, reader);
    for (int i = 0; i < reader->columns.count; i++) {
        int field = reader->columns.fields[i];
        if (field >= 0 && field != resource->key && resource->fields[field].access == FIELD_READ_ONLY)
            add_column(reader, resource->fields[field].key, "is made by the service");
    }
    return !faults_answer(&reader->faults, reader->request, PROBLEM_MALFORMED_CSV,
                          "The first line does not name the fields as it must.");
}

static void take_field(struct reader *reader, const struct csv_field *text, int index)
{
    const struct field *field = &reader->resource->fields[index];
    const char *fault = field_from_csv(field, text->text, text->length, text->quoted, &reader->row,
                                       &reader->form.values[index]);
    if (fault == field_out_of_memory)
        reader->faults.errors.failed = true;
    else if (fault != NULL)
        faults_add_field(&reader->faults, reader->rows.count + 1, field->key, fault);
    reader->form.sent[index] = true;
}

/* A row has as many fields as the header (RFC 4180 section 2); of one that hasn't nobody knows which. */
static void take_record(struct reader *reader, const struct csv *csv)
{
    char detail[80];
    memset(&reader->form, 0, sizeof reader->form);
    if (csv->count == reader->columns.count) {
        for (int i = 0; i < csv->count; i++)
            take_field(reader, &csv->fields[i], reader->columns.fields[i]);
    } else {
        snprintf(detail, sizeof detail, "has %d %s, but the header has %d", csv->count,
                 csv->count == 1 ? "field" : "fields", reader->columns.count);
        faults_add_field(&reader->faults, reader->rows.count + 1, NULL, detail);
    }
    end_row(reader);
}

static bool read_records(struct reader *reader, struct csv *csv)
{
    int result;
    if (!read_header(reader, csv))
        return false;
    while ((result = csv_read(csv)) == 1) {
        if (!begin_row(reader))
            return false;
        take_record(reader, csv);
    }
    return result == 0 || refuse_csv(reader, csv);
}

static bool read_csv(struct reader *reader)
{
    struct csv csv;
    FILE *file = fmemopen((void *)(uintptr_t)reader->text, reader->length, "r");
    if (file == NULL) {
        request_failed(reader->request, DATABASE_FULL);
        return false;
    }
    csv_init(&csv, file);
    bool good = read_records(reader, &csv);
    csv_free(&csv);
    fclose(file);
    return good;
}

/* ---- the body ---- */

static bool read_body(struct reader *reader, enum intake_type type)
{
    bool good = type == INTAKE_JSON     ? read_json(reader)
                : type == INTAKE_NDJSON ? read_lines(reader)
                                        : read_csv(reader);
    if (!good)
        return false;
    rows_check(&reader->rows, &reader->faults);
    return !faults_answer(&reader->faults, reader->request, PROBLEM_INVALID_FIELDS,
                          "Fields of the body are not as they must be.");
}

bool intake_read(struct intake *intake, struct request *request, const struct intake_rule *rule)
{
    enum intake_type type = intake_type(request);
    if (type == INTAKE_TYPES || (rule->change && type != INTAKE_JSON)) {
        intake_refuse_type(request, rule->change);
        return false;
    }
    struct reader reader = {.request = request, .resource = request->route->resource, .rule = rule};
    reader.text = gateway_body(request->call, &reader.length);
    arena_init(&reader.row);
    faults_init(&reader.faults);
    rows_init(&reader.rows, reader.resource, &request->arena, request->row_id, rule->repeats);
    bool good = read_body(&reader, type);
    if (good) { /* else the request, and what it had in its arena, is gone */
        *intake = (struct intake){.count = reader.rows.count, .lone = reader.lone};
        gateway_drop_body(request->call);
        good = rows_finish(&reader.rows, &intake->arrays);
        if (!good)
            request_failed(request, DATABASE_FULL);
    }
    arena_free(&reader.row);
    faults_free(&reader.faults);
    rows_free(&reader.rows);
    return good;
}
