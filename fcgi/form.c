#include "form.h"

#include "json.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <strings.h>

/* ---- faults, as the members of the problem ---- */

/* A JSON Pointer (RFC 6901) to a member of the body: ~ and / are escaped in it, then the whole as a JSON
 * string. */
static void write_pointer(struct buffer *out, const char *key)
{
    struct buffer pointer;
    buffer_init(&pointer);
    buffer_append(&pointer, "/", 1);
    for (; *key != '\0'; key++) {
        if (*key == '~' || *key == '/')
            buffer_string(&pointer, *key == '~' ? "~0" : "~1");
        else
            buffer_append(&pointer, key, 1);
    }
    json_write_string(out, pointer.bytes, pointer.length);
    out->failed = out->failed || pointer.failed;
    buffer_free(&pointer);
}

static void add_fault(struct buffer *errors, const char *key, const char *detail)
{
    buffer_string(errors, errors->length == 0 ? ",\"errors\":[{\"pointer\":" : ",{\"pointer\":");
    if (key != NULL)
        write_pointer(errors, key);
    else
        buffer_string(errors, "\"\""); /* the whole body */
    buffer_string(errors, ",\"detail\":");
    json_write_string(errors, detail, strlen(detail));
    buffer_string(errors, "}");
}

static void answer_faults(struct request *request, struct buffer *errors)
{
    buffer_string(errors, "]");
    request_problem_with(request, PROBLEM_INVALID_FIELDS, "", "Fields of the body are not as they must be.",
                         errors);
}

/* ---- the check ---- */

static void check_field(struct form *form, int index, const struct field *field, struct json_object *body,
                        bool whole, struct arena *arena, struct buffer *errors)
{
    struct json_object *value;
    if (field->access == FIELD_READ_ONLY)
        return;
    form->sent[index] = json_object_object_get_ex(body, field->key, &value);
    if (!form->sent[index]) {
        if (whole)
            add_fault(errors, field->key, "is missing");
        return;
    }
    const char *fault = field_from_json(field, value, arena, &form->values[index]);
    if (fault == field_out_of_memory)
        errors->failed = true;
    else if (fault != NULL)
        add_fault(errors, field->key, fault);
}

static bool is_read_only(const struct resource *resource, const char *key)
{
    for (int i = 0; i < resource->field_count; i++)
        if (strcmp(resource->fields[i].key, key) == 0)
            return resource->fields[i].access == FIELD_READ_ONLY;
    return false;
}

static void check_object(struct form *form, struct request *request, const struct resource *resource,
                         bool whole, struct json_object *body, struct buffer *errors)
{
    bool any = false;
    for (int i = 0; i < resource->field_count; i++) {
        check_field(form, i, &resource->fields[i], body, whole, &request->arena, errors);
        any = any || form->sent[i];
    }
    json_object_object_foreach(body, key, value)
    {
        (void)value;
        if (resource_writable(resource, key) == NULL)
            add_fault(errors, key,
                      is_read_only(resource, key) ? "is made by the service" : "is not a known field");
    }
    if (!whole && !any && errors->length == 0)
        add_fault(errors, NULL, "must have at least one field to change");
}

/* application/json, with or without parameters (RFC 9110 section 8.3.1). */
static bool is_json(const char *type)
{
    static const char json[] = "application/json";
    size_t length = sizeof json - 1;
    return strncasecmp(type, json, length) == 0 &&
           (type[length] == '\0' || strchr("; \t", type[length]) != NULL);
}

static struct json_object *read_body(struct request *request)
{
    struct json_fault fault;
    size_t length;
    const char *text = gateway_body(request->call, &length);
    if (!is_json(gateway_param(request->call, "CONTENT_TYPE"))) {
        request_problem(request, PROBLEM_UNSUPPORTED_MEDIA_TYPE, "Accept: application/json\r\n",
                        "The body must be JSON, and Content-Type must be application/json.");
        return NULL;
    }
    struct json_object *body = json_read(text, length, &fault);
    if (body != NULL && json_object_is_type(body, json_type_object))
        return body;
    if (body == NULL && fault.detail[0] != '\0') {
        if (errno == ENOMEM)
            request_failed(request, DATABASE_FULL);
        else
            request_problem(request, PROBLEM_MALFORMED_JSON, "", fault.detail);
        return NULL;
    }
    json_object_put(body);
    struct buffer errors;
    buffer_init(&errors);
    add_fault(&errors, NULL, "must be a JSON object");
    answer_faults(request, &errors);
    buffer_free(&errors);
    return NULL;
}

bool form_read(struct form *form, struct request *request, const struct resource *resource, bool whole)
{
    struct json_object *body = read_body(request);
    if (body == NULL)
        return false;
    struct buffer errors;
    buffer_init(&errors);
    memset(form, 0, sizeof *form);
    check_object(form, request, resource, whole, body, &errors);
    json_object_put(body);
    bool good = errors.length == 0 && !errors.failed;
    if (errors.failed)
        request_failed(request, DATABASE_FULL);
    else if (!good)
        answer_faults(request, &errors);
    buffer_free(&errors);
    return good;
}
