#include "faults.h"

#include "json.h"

void faults_init(struct faults *faults)
{
    *faults = (struct faults){0};
    buffer_init(&faults->errors);
}

void faults_free(struct faults *faults)
{
    buffer_free(&faults->errors);
}

/* A JSON Pointer to a member: ~ and / are escaped in it, then the whole as a JSON string. NULL: all of it. */
static void write_pointer(struct buffer *out, const char *key)
{
    struct buffer pointer;
    buffer_init(&pointer);
    buffer_string(&pointer, key != NULL ? "/" : "");
    for (; key != NULL && *key != '\0'; key++) {
        if (*key == '~' || *key == '/')
            buffer_string(&pointer, *key == '~' ? "~0" : "~1");
        else
            buffer_append(&pointer, key, 1);
    }
    json_write_string(out, pointer.bytes, pointer.length);
    out->failed = out->failed || pointer.failed;
    buffer_free(&pointer);
}

/* Whether there is room for one more in the list; if so, what stands before it. */
static bool begin(struct faults *faults)
{
    if (faults->count++ >= FAULTS_LISTED)
        return false;
    buffer_string(&faults->errors, faults->count == 1 ? ",\"errors\":[{" : ",{");
    return true;
}

static void end(struct faults *faults, const char *detail)
{
    buffer_string(&faults->errors, ",\"detail\":");
    json_write_string(&faults->errors, detail, strlen(detail));
    buffer_string(&faults->errors, "}");
}

void faults_add_field(struct faults *faults, int row, const char *key, const char *detail)
{
    if (!begin(faults))
        return;
    if (row > 0)
        buffer_format(&faults->errors, "\"row\":%d,", row);
    buffer_string(&faults->errors, "\"pointer\":");
    write_pointer(&faults->errors, key);
    end(faults, detail);
}

static void add_named(struct faults *faults, const char *kind, const char *name, const char *detail)
{
    if (!begin(faults))
        return;
    buffer_format(&faults->errors, "\"%s\":", kind);
    json_write_string(&faults->errors, name, strlen(name));
    end(faults, detail);
}

void faults_add_parameter(struct faults *faults, const char *name, const char *detail)
{
    add_named(faults, "parameter", name, detail);
}

void faults_add_header(struct faults *faults, const char *name, const char *detail)
{
    add_named(faults, "header", name, detail);
}

bool faults_answer(struct faults *faults, struct request *request, enum problem problem, const char *detail)
{
    bool any = faults->count > 0 || faults->errors.failed;
    if (faults->count > 0)
        buffer_string(&faults->errors, "]");
    if (faults->count > FAULTS_LISTED)
        buffer_format(&faults->errors, ",\"more\":%d", faults->count - FAULTS_LISTED);
    if (faults->errors.failed)
        request_failed(request, DATABASE_FULL);
    else if (any)
        request_problem_with(request, problem, "", detail, &faults->errors);
    faults_free(faults);
    return any;
}
