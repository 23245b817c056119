#include "form.h"

#include "json.h"
#include "route.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <strings.h>

static const char not_as_they_must_be[] = "Fields of the body are not as they must be.";

/* ---- the check ---- */

/* One check of one object. */
struct check {
    struct form *form;
    const struct resource *resource;
    struct json_object *object;
    bool whole;
    enum form_key key;
    int row;
    struct arena *arena;
    struct faults *faults;
};

static void add(const struct check *check, const char *key, const char *detail)
{
    if (detail == field_out_of_memory)
        check->faults->errors.failed = true;
    else if (detail != NULL)
        faults_add_field(check->faults, check->row, key, detail);
}

/* Whether the field may be sent. */
static bool is_open(const struct check *check, int index)
{
    return check->resource->fields[index].access != FIELD_READ_ONLY ||
           (index == check->resource->key && check->key != FORM_KEY_REFUSED);
}

static void check_field(const struct check *check, int index)
{
    const struct field *field = &check->resource->fields[index];
    bool is_key = index == check->resource->key;
    struct form *form = check->form;
    struct json_object *value;
    if (!is_open(check, index))
        return;
    form->sent[index] = json_object_object_get_ex(check->object, field->key, &value);
    if (form->sent[index])
        add(check, field->key,
            is_key && value == NULL ? "must be a UUID"
                                    : field_from_json(field, value, check->arena, &form->values[index]));
    else if (is_key ? check->key == FORM_KEY_NEEDED : check->whole)
        add(check, field->key, "is missing");
}

/* What is in the object, and may not be. */
static void check_key(const struct check *check, const char *key)
{
    const struct resource *resource = check->resource;
    for (int i = 0; i < resource->field_count; i++) {
        if (strcmp(resource->fields[i].key, key) != 0)
            continue;
        if (!is_open(check, i))
            add(check, key, "is made by the service");
        return;
    }
    add(check, key, "is not a known field");
}

void form_check(struct form *form, const struct resource *resource, struct json_object *object, bool whole,
                enum form_key key, int row, struct arena *arena, struct faults *faults)
{
    struct check check = {form, resource, object, whole, key, row, arena, faults};
    int before = faults->count;
    bool any = false;
    memset(form, 0, sizeof *form);
    for (int i = 0; i < resource->field_count; i++) {
        check_field(&check, i);
        any = any || (form->sent[i] && i != resource->key);
    }
    json_object_object_foreach(object, name, value)
    {
        (void)value;
        check_key(&check, name);
    }
    if (!whole && !any && faults->count == before)
        add(&check, NULL, "must have at least one field to change");
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
    form_check(form, resource, body, whole, FORM_KEY_REFUSED, 0, &request->arena, &faults);
    json_object_put(body);
    return !faults_answer(&faults, request, PROBLEM_INVALID_FIELDS, not_as_they_must_be);
}
