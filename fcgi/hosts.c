#include "hosts.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <string.h>

enum { HOST, HOSTADDR, PORT, SERVICE, LISTS };
static const char *const names[LISTS] = {"host", "hostaddr", "port", "service"};

/*
 * What TCP is told, before the settings, which overrule it. What was sent and is not acknowledged for 5 s
 * means that the peer is gone: there is time then for another one before a request's deadline. An idle
 * connection's peer is looked after, too, by the kernel: no worker wakes up for that.
 */
static const char *const tcp[][2] = {{"tcp_user_timeout", "5000"},
                                     {"keepalives_idle", "10"},
                                     {"keepalives_interval", "5"},
                                     {"keepalives_count", "2"}};
#define TCP (sizeof tcp / sizeof tcp[0])

static void put_tcp_first(struct config_connection *connection)
{
    size_t kept = CONFIG_CONNECTION_MAX - TCP;
    memmove(connection->keywords + TCP, connection->keywords, kept * sizeof connection->keywords[0]);
    memmove(connection->values + TCP, connection->values, kept * sizeof connection->values[0]);
    for (size_t i = 0; i < TCP; i++) {
        connection->keywords[i] = tcp[i][0];
        connection->values[i] = tcp[i][1];
    }
}

/* ---- the lists, as libpq will see them ---- */

/*
 * A value overrules the one before it; an empty one counts as none, as it does for libpq. Returns false when
 * memory ran out.
 */
static bool take_value(const char *lists[LISTS], struct arena *arena, const char *name, const char *value)
{
    for (int i = 0; i < LISTS; i++)
        if (strcmp(names[i], name) == 0 && value != NULL && *value != '\0')
            return (lists[i] = arena_copy(arena, value, strlen(value))) != NULL;
    return true;
}

/* `options` are freed; NULL: memory ran out, or libpq will complain about the text. */
static bool take_options(const char *lists[LISTS], struct arena *arena, PQconninfoOption *options)
{
    bool taken = options != NULL;
    for (const PQconninfoOption *each = options; taken && each != NULL && each->keyword != NULL; each++)
        taken = take_value(lists, arena, each->keyword, each->val);
    PQconninfoFree(options);
    return taken;
}

/* A whole connection string; else it is just the database's name. */
static bool is_string(const char *dbname)
{
    return strchr(dbname, '=') != NULL || strstr(dbname, "://") != NULL;
}

static bool find_lists(const char *lists[LISTS], struct arena *arena,
                       const struct config_connection *connection)
{
    /* the PG* variables, and the service that they name */
    bool taken = take_options(lists, arena, PQconndefaults());
    lists[SERVICE] = NULL;
    for (int i = 0; taken && connection->keywords[i] != NULL; i++)
        if (strcmp(connection->keywords[i], "dbname") == 0 && is_string(connection->values[i]))
            taken = take_options(lists, arena, PQconninfoParse(connection->values[i], NULL));
        else
            taken = take_value(lists, arena, connection->keywords[i], connection->values[i]);
    return taken;
}

/* ---- their order ---- */

static int count(const char *list)
{
    int commas = 0;
    for (; list != NULL && *list != '\0'; list++)
        commas += *list == ',';
    return commas + 1;
}

/* "a,b,c" with item 1 first, counted from 0: "b,c,a". NULL when memory ran out. */
static const char *begin_with(struct arena *arena, const char *list, unsigned first)
{
    size_t length = strlen(list);
    const char *from = list;
    for (; first > 0; first--)
        from = strchr(from, ',') + 1;
    char *turned = arena_alloc(arena, length + 1);
    if (turned == NULL)
        return NULL;
    size_t tail = strlen(from);
    memcpy(turned, from, tail);
    turned[tail] = ',';
    memcpy(turned + tail + 1, list, (size_t)(from - 1 - list));
    turned[length] = '\0';
    return turned;
}

/* Lists of as many items as there are hosts go together; a single port is every host's. */
static void turn_lists(struct config_connection *connection, struct arena *arena, const char *lists[LISTS],
                       int hosts, unsigned first)
{
    const char *turned[LISTS] = {0};
    int end = 0;
    while (connection->keywords[end] != NULL)
        end++;
    for (int i = HOST; i <= PORT; i++) {
        if (lists[i] == NULL || count(lists[i]) != hosts)
            continue;
        turned[i] = begin_with(arena, lists[i], first);
        if (turned[i] == NULL)
            return;
    }
    for (int i = HOST; i <= PORT && end < CONFIG_CONNECTION_MAX - 1; i++)
        if (turned[i] != NULL) {
            connection->keywords[end] = names[i];
            connection->values[end++] = turned[i];
        }
}

int hosts_prepare(struct config_connection *connection, struct arena *arena, unsigned turn)
{
    const char *lists[LISTS] = {0};
    bool found = find_lists(lists, arena, connection);
    put_tcp_first(connection);
    if (!found || lists[SERVICE] != NULL) /* a service's hosts are in a file that libpq alone reads */
        return 1;
    int hosts = count(lists[HOSTADDR] != NULL ? lists[HOSTADDR] : lists[HOST]);
    if (turn % (unsigned)hosts != 0)
        turn_lists(connection, arena, lists, hosts, turn % (unsigned)hosts);
    return hosts;
}
