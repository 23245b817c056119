#include "form.h"

#include "faults.h"
#include "json.h"
#include "route.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <strings.h>

static const char not_as_they_must_be[] = "Fields of the body are not as they must be.";

/* ---- the check ---- */

static void check_field(struct form *form, int index, const struct field *field, struct json_object *body,
                        bool whole, struct arena *arena, struct faults *faults)
{
    struct json_object *value;
    if (field->access == FIELD_READ_ONLY)
        return;
    form->sent[index] = json_object_object_get_ex(body, field->key, &value);
    if (!form->sent[index]) {
        if (whole)
            faults_add_field(faults, 0, field->key, "is missing");
        return;
    }
    const char *fault = field_from_json(field, value, arena, &form->values[index]);
    if (fault == field_out_of_memory)
        faults->errors.failed = true;
    else if (fault != NULL)
        faults_add_field(faults, 0, field->key, fault);
}

static bool is_read_only(const struct resource *resource, const char *key)
{
    for (int i = 0; i < resource->field_count; i++)
        if (strcmp(resource->fields[i].key, key) == 0)
            return resource->fields[i].access == FIELD_READ_ONLY;
    return false;
}

static void check_object(struct form *form, struct request *request, const struct resource *resource,
                         bool whole, struct json_object *body, struct faults *faults)
{
    bool any = false;
    for (int i = 0; i < resource->field_count; i++) {
        check_field(form, i, &resource->fields[i], body, whole, &request->arena, faults);
        any = any || form->sent[i];
    }
    json_object_object_foreach(body, key, value)
    {
        (void)value;
        if (resource_writable(resource, key) == NULL)
            faults_add_field(faults, 0, key,
                             is_read_only(resource, key) ? "is made by the service" : "is not a known field");
    }
    if (!whole && !any && faults->count == 0)
        faults_add_field(faults, 0, NULL, "must have at least one field to change");
}

/* Whether a Content-Type is `name`, with or without parameters (RFC 9110 section 8.3.1). */
static bool is_type(const char *type, const char *name)
{
    size_t length = strlen(name);
    return strncasecmp(type, name, length) == 0 &&
           (type[length] == '\0' || strchr("; \t", type[length]) != NULL);
}

/* A change under /v1 is a merge patch (RFC 7396), under its own name or JSON's. Returns false when the body
 * is of another type, after answering. */
static bool check_type(struct request *request)
{
    const char *type = gateway_param(request->call, "CONTENT_TYPE");
    bool merges = request->method == METHOD_PATCH && request->route->v1;
    if (is_type(type, "application/json") || (merges && is_type(type, "application/merge-patch+json")))
        return true;
    if (merges)
        request_problem(
            request, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
            "Accept: " FORM_PATCHES "\r\nAccept-Patch: " FORM_PATCHES "\r\n",
            "The body must be JSON, and Content-Type application/merge-patch+json or application/json.");
    else
        request_problem(request, PROBLEM_UNSUPPORTED_MEDIA_TYPE, "Accept: application/json\r\n",
                        "The body must be JSON, and Content-Type must be application/json.");
    return false;
}

static struct json_object *read_body(struct request *request)
{
    struct json_fault fault;
    size_t length;
    const char *text = gateway_body(request->call, &length);
    if (!check_type(request))
        return NULL;
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
    struct faults faults;
    faults_init(&faults);
    faults_add_field(&faults, 0, NULL, "must be a JSON object");
    faults_answer(&faults, request, PROBLEM_INVALID_FIELDS, not_as_they_must_be);
    return NULL;
}

bool form_read(struct form *form, struct request *request, const struct resource *resource, bool whole)
{
    struct json_object *body = read_body(request);
    if (body == NULL)
        return false;
    struct faults faults;
    faults_init(&faults);
    memset(form, 0, sizeof *form);
    check_object(form, request, resource, whole, body, &faults);
    json_object_put(body);
    return !faults_answer(&faults, request, PROBLEM_INVALID_FIELDS, not_as_they_must_be);
}
