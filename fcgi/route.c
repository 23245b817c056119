#include "route.h"

#include "faults.h"
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

/*
 * The path of a route that is the request's, or NULL; `*argument` is what its '*' stands for. One that names
 * the request's path wholly goes before one with a '*'.
 */
static const char *find_path(const struct request *request, const char **argument)
{
    const char *found = NULL;
    for (const struct route_table *const *table = request->server->routes; *table != NULL; table++) {
        for (int i = 0; i < (*table)->count; i++) {
            const struct route *route = &(*table)->routes[i];
            const char *segment = NULL;
            if (!matches(route->path, &request->uri, &segment) || (found != NULL && segment != NULL))
                continue;
            found = route->path;
            *argument = segment;
            if (segment == NULL)
                return found;
        }
    }
    return found;
}

/* What may be done at a path: the value of Allow, and more header lines of the answer to OPTIONS, or "". */
struct options {
    char allow[80];
    const char *headers;
    const char *always; /* the lines of every answer at the path, or NULL */
};

static void list_options(const struct request *request, const char *path, struct options *options)
{
    size_t length = 0;
    *options = (struct options){.headers = ""};
    for (const struct route_table *const *table = request->server->routes; *table != NULL; table++) {
        for (int i = 0; i < (*table)->count; i++) {
            const struct route *route = &(*table)->routes[i];
            if (strcmp(route->path, path) != 0)
                continue;
            length +=
                (size_t)snprintf(options->allow + length, sizeof options->allow - length, "%s%s, ",
                                 method_names[route->method], route->method == METHOD_GET ? ", HEAD" : "");
            options->headers = route->options != NULL ? route->options : options->headers;
            options->always = route->headers;
        }
    }
    snprintf(options->allow + length, sizeof options->allow - length, "OPTIONS");
}

static void answer_without_route(struct request *request, const char *path)
{
    struct options options;
    char header[300];
    if (!request_body_fits(request, request->server->max_body_bytes))
        return;
    if (path == NULL) {
        request_problem(request, PROBLEM_NOT_FOUND, "", "There is nothing at this path.");
        return;
    }
    list_options(request, path, &options);
    request->headers = options.always;
    bool asked = request->method == METHOD_OPTIONS;
    snprintf(header, sizeof header, "Allow: %s\r\n%s", options.allow, asked ? options.headers : "");
    if (asked)
        request_answer(request, 204, header, NULL, NULL, 0);
    else
        request_problem(request, PROBLEM_METHOD_NOT_ALLOWED, header,
                        "The path exists, but not for this method.");
}

/* Whether there are parameters on a route that knows none; then the request has been answered. */
static bool has_parameters(struct request *request)
{
    struct uri_parameter parameters[URI_PARAMETERS];
    struct faults faults;
    faults_init(&faults);
    int count = uri_parameters(parameters, request->uri.query, &request->arena);
    faults.errors.failed = count < 0;
    if (count > URI_PARAMETERS)
        faults_add_parameter(&faults, "", "there are more than 64 parameters, where there may be none");
    for (int i = 0; i < count && i < URI_PARAMETERS; i++)
        faults_add_parameter(&faults, parameters[i].name, "is not a parameter here; there are none");
    return faults_answer(&faults, request, PROBLEM_INVALID_PARAMETERS, "There are no parameters here.");
}

static void handle(struct request *request, const struct route *route)
{
    const struct request_server *server = request->server;
    request->route = route;
    request->headers = route->headers;
    if (route->v1 && !route->query && has_parameters(request))
        return;
    if (request_body_fits(request, route->bulk ? server->max_bulk_bytes : server->max_body_bytes))
        route->handle(request);
}

void route_handle(struct request *request)
{
    const char *path = find_path(request, &request->argument);
    for (const struct route_table *const *table = request->server->routes; path != NULL && *table != NULL;
         table++) {
        for (int i = 0; i < (*table)->count; i++) {
            const struct route *route = &(*table)->routes[i];
            if (route->method == request->method && strcmp(route->path, path) == 0) {
                handle(request, route);
                return;
            }
        }
    }
    answer_without_route(request, path);
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
