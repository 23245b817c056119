#include "route.h"

#include "json.h"
#include "version.h"

#include <stdio.h>
#include <string.h>

static const char *const method_names[] = {
    [METHOD_GET] = "GET",     [METHOD_HEAD] = "HEAD",     [METHOD_POST] = "POST",      [METHOD_PUT] = "PUT",
    [METHOD_PATCH] = "PATCH", [METHOD_DELETE] = "DELETE", [METHOD_OPTIONS] = "OPTIONS"};

/* Whether `path` of a route is that of the request; if so, `*argument` is what its '*' stands for. */
static bool matches(const char *path, const struct uri *uri, const char **argument)
{
    for (int i = 0; i < uri->count; i++) {
        if (*path != '/' || i == URI_SEGMENTS)
            return false;
        path++;
        size_t length = strcspn(path, "/");
        if (length == 1 && *path == '*' && uri->segments[i][0] != '\0')
            *argument = uri->segments[i];
        else if (strncmp(path, uri->segments[i], length) != 0 || uri->segments[i][length] != '\0')
            return false;
        path += length;
    }
    return *path == '\0' || (uri->count == 0 && strcmp(path, "/") == 0);
}

/* What may be done at the request's path, as the value of Allow. Empty when there is nothing at it. */
static void list_methods(const struct request *request, char *allow, size_t size)
{
    const char *argument;
    size_t length = 0;
    allow[0] = '\0';
    for (const struct route_table *const *table = request->server->routes; *table != NULL; table++) {
        for (int i = 0; i < (*table)->count; i++) {
            const struct route *route = &(*table)->routes[i];
            if (!matches(route->path, &request->uri, &argument))
                continue;
            length += (size_t)snprintf(allow + length, size - length, "%s%s, ", method_names[route->method],
                                       route->method == METHOD_GET ? ", HEAD" : "");
        }
    }
    if (length > 0)
        snprintf(allow + length, size - length, "OPTIONS");
}

static void answer_without_route(struct request *request)
{
    char allow[80], header[100];
    list_methods(request, allow, sizeof allow);
    snprintf(header, sizeof header, "Allow: %s\r\n", allow);
    if (allow[0] == '\0')
        request_problem(request, PROBLEM_NOT_FOUND, "", "There is nothing at this path.");
    else if (request->method == METHOD_OPTIONS)
        request_answer(request, 204, header, NULL, NULL, 0);
    else
        request_problem(request, PROBLEM_METHOD_NOT_ALLOWED, header,
                        "The path exists, but not for this method.");
}

static void handle(struct request *request, const struct route *route)
{
    const struct request_server *server = request->server;
    request->route = route;
    request->headers = route->headers;
    if (!request_too_large(request, route->bulk ? server->max_bulk_bytes : server->max_body_bytes))
        route->handle(request);
}

void route_handle(struct request *request)
{
    for (const struct route_table *const *table = request->server->routes; *table != NULL; table++) {
        for (int i = 0; i < (*table)->count; i++) {
            const struct route *route = &(*table)->routes[i];
            if (route->method == request->method && matches(route->path, &request->uri, &request->argument)) {
                handle(request, route);
                return;
            }
        }
    }
    answer_without_route(request);
}

void route_index(struct request *request)
{
    struct buffer body;
    buffer_init(&body);
    buffer_format(&body, "{\"service\":\"purser\",\"version\":\"%s\",\"routes\":[", version_number);
    const char *comma = "";
    for (const struct route_table *const *table = request->server->routes; *table != NULL; table++) {
        for (int i = 0; i < (*table)->count; i++) {
            const struct route *route = &(*table)->routes[i];
            buffer_format(&body, "%s{\"method\":\"%s\",\"path\":\"%s\"}", comma, method_names[route->method],
                          route->path);
            comma = ",";
        }
    }
    buffer_string(&body, "]}");
    request_answer_json(request, 200, "", &body);
    buffer_free(&body);
}

void route_problem(struct request *request)
{
    enum problem problem = problem_named(request->argument);
    if (problem == PROBLEM_COUNT) {
        request_problem(request, PROBLEM_NOT_FOUND, "", "There is no problem type of that name.");
        return;
    }
    const struct problem_kind *kind = &problem_kinds[problem];
    struct buffer body;
    buffer_init(&body);
    buffer_format(&body,
                  "{\"type\":\"/problems/%s\",\"title\":\"%s\",\"status\":%d,\"description\":", kind->slug,
                  kind->title, kind->status);
    json_write_string(&body, kind->description, strlen(kind->description));
    buffer_string(&body, "}");
    request_answer_json(request, 200, "", &body);
    buffer_free(&body);
}
