// wrap: database_send
#include "inside.h"

#include "check.h"
#include "employees.h"
#include "health.h"
#include "jobs.h"
#include "json.h"
#include "log.h"
#include "passengers.h"

#include <json-c/json.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TURNS        1000 /* enough for any answer */
#define ANSWER_BYTES 1024 /* a guess */

gateway_begin *inside_begin = request_begin;

static struct {
    struct loop *loop;
    struct gateway *gateway;
    struct request_server server;
    const struct route_table *routes[8];
    struct sockaddr_un address;
    socklen_t address_length;
    struct peer peer;
    struct database_query *query; /* that has not been answered */
    bool queried;                 /* the request that was asked last came to one */
    bool head;                    /* it was a HEAD */
    struct peer_answer answer;
    struct buffer message;
} inside = {.peer.fd = -1};

/* ---- the database that is never there ---- */

int __wrap_database_send(struct database *database, struct database_query *query);
int __wrap_database_send(struct database *database, struct database_query *query)
{
    CHECK(database == inside.server.database);
    CHECK(inside.query == NULL);
    inside.query = query;
    inside.queried = true;
    return 0;
}

static void answer_query(void)
{
    struct database_query *query = inside.query;
    inside.query = NULL;
    if (query != NULL)
        query->done(query->cookie, &(struct database_result){.outcome = DATABASE_AWAY});
}

const struct request *inside_asked(const struct database_query *query)
{
    return query->cookie;
}

/* ---- beginning ---- */

static void begin(void *cookie, struct gateway_call *call)
{
    inside.queried = false;
    inside.head = strcmp(gateway_param(call, "REQUEST_METHOD"), "HEAD") == 0;
    inside_begin(cookie, call);
}

/* A socket that has no name in the file system: there is nothing to be left behind. */
static int listen_somewhere(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inside.address = (struct sockaddr_un){.sun_family = AF_UNIX};
    inside.address_length = sizeof inside.address;
    CHECK(fd >= 0);
    CHECK(bind(fd, (struct sockaddr *)&inside.address, sizeof(sa_family_t)) == 0 && listen(fd, 16) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&inside.address, &inside.address_length) == 0);
    return fd;
}

void inside_open(const struct route_table *const *more)
{
    static const struct database_statement *const none[] = {NULL};
    int count = 0;
    if (inside.loop != NULL)
        return;
    log_set_level(LOG_LEVEL_ERROR + 1);
    CHECK(resource_prepare(&passengers_resource) == 0 && resource_prepare(&employees_resource) == 0);
    inside.routes[count++] = &health_routes;
    inside.routes[count++] = &passengers_routes;
    inside.routes[count++] = &employees_routes;
    for (; more != NULL && *more != NULL; more++)
        inside.routes[count++] = *more;
    inside.loop = loop_create();
    CHECK(inside.loop != NULL);
    /* It has no connections, so it tries to reach nobody. */
    inside.server = (struct request_server){
        .loop = inside.loop,
        .database = database_create(inside.loop, &(struct database_options){.statements = none}),
        .routes = inside.routes,
        .handle = route_handle,
        .max_body_bytes = INSIDE_BODY_BYTES,
        .max_bulk_bytes = INSIDE_BODY_BYTES,
        .deadline_ms = 10000,
        .max_waiting = 1}; /* a place that is not given back shows at the next input */
    CHECK(inside.server.database != NULL);
    inside.gateway =
        gateway_create(inside.loop, listen_somewhere(), INSIDE_BODY_BYTES, begin, &inside.server);
    CHECK(inside.gateway != NULL);
    signal(SIGPIPE, SIG_IGN); /* libfcgi has handlers of its own for these */
    signal(SIGUSR1, SIG_DFL);
}

/* ---- a connection ---- */

void inside_connect(struct peer *peer)
{
    *peer = (struct peer){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    CHECK(peer->fd >= 0);
    CHECK(connect(peer->fd, (struct sockaddr *)&inside.address, inside.address_length) == 0);
    CHECK(buffer_reserve(&peer->got, ANSWER_BYTES) != NULL); /* peer_answered wants a place to look at */
}

static void stop_turn(void *cookie)
{
    loop_stop(cookie);
}

static void turn(void)
{
    struct loop_timer now = {.due = stop_turn, .cookie = inside.loop};
    loop_timer_set(inside.loop, &now, 0);
    CHECK(loop_run(inside.loop) == 0);
}

void inside_turn(void)
{
    turn();
    answer_query();
}

/* ---- what every answer is ---- */

static void check_head(const struct peer_answer *answer)
{
    for (const char *line = answer->headers.bytes; *line != '\0';) {
        size_t length = strcspn(line, "\r\n"), name = strcspn(line, ":\r\n");
        CHECK(name > 0 && name + 1 < length && line[name + 1] == ' ');
        CHECK(line[length] == '\r' && line[length + 1] == '\n');
        for (size_t i = 0; i < length; i++)
            CHECK(line[i] >= ' ' && line[i] <= '~');
        line += length + 2;
    }
    CHECK(strstr(answer->headers.bytes, "Unnamed") == NULL);
}

/* A header's value, ended by CR; or NULL. */
static const char *header(const struct peer_answer *answer, const char *name)
{
    const char *at = strstr(answer->headers.bytes, name);
    return at != NULL ? at + strlen(name) : NULL;
}

static void check_problem(const struct peer_answer *answer)
{
    struct json_fault fault;
    struct json_object *problem = json_read(answer->body.bytes, answer->body.length, &fault), *status;
    CHECK(json_object_is_type(problem, json_type_object));
    CHECK(json_object_object_get_ex(problem, "status", &status));
    CHECK(json_object_get_int(status) == answer->status);
    json_object_put(problem);
}

/* Never a mistake of the service, never a header that the client has written, never half a problem. */
static void check_answer(const struct peer_answer *answer, bool queried, bool head)
{
    static const char json[] = "\r\nContent-Type: application/problem+json\r\n";
    const char *length = header(answer, "\r\nContent-Length: ");
    size_t wrong;
    check_head(answer);
    CHECK(answer->status < 500 || answer->status == 505 || (answer->status == 503 && queried));
    CHECK(json_utf8_valid(answer->body.bytes, answer->body.length, &wrong));
    CHECK(head ? answer->body.length == 0
               : length == NULL || strtoull(length, NULL, 10) == answer->body.length);
    if (!head && answer->status >= 400)
        CHECK(strstr(answer->headers.bytes, json) != NULL);
    if (!head && strstr(answer->headers.bytes, json) != NULL)
        check_problem(answer);
}

struct peer_answer inside_take_answer(struct peer *peer)
{
    struct peer_answer answer = peer_take_answer(peer);
    check_answer(&answer, inside.queried, inside.head);
    return answer;
}

/* ---- asking ---- */

static bool is_over(void)
{
    peer_receive(&inside.peer, (size_t)-1);
    CHECK(!inside.peer.closed);
    return inside.query != NULL || peer_answered(&inside.peer);
}

static void wait_for_it(void)
{
    int turns = 0;
    while (!is_over()) {
        CHECK(turns++ < TURNS);
        turn();
    }
}

const struct database_query *inside_ask(const struct inside_request *request)
{
    if (inside.peer.fd < 0)
        inside_connect(&inside.peer);
    buffer_clear(&inside.message);
    peer_request_with(&inside.message, request->method, request->uri, request->type, request->body,
                      request->length, request->params);
    peer_send(&inside.peer, inside.message.bytes, inside.message.length);
    wait_for_it();
    return inside.query;
}

const struct peer_answer *inside_answer(void)
{
    answer_query();
    wait_for_it();
    CHECK(inside.query == NULL);
    peer_free_answer(&inside.answer);
    inside.answer = inside_take_answer(&inside.peer);
    CHECK(!inside.queried || inside.answer.status == 503);
    return &inside.answer;
}
