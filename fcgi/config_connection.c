/* Where the database is. libpq reads what is put together here; nothing in this file calls it. */

#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_BYTES 8192 /* in a secret's file, at most */

/* A variable's value, or NULL: an empty one counts as not set, as templates often leave them. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? value : NULL;
}

static char *read_file(const char *name, const char *path, struct arena *arena,
                       char fault[CONFIG_FAULT_BYTES])
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        snprintf(fault, CONFIG_FAULT_BYTES, "%s: %.120s: %s", name, path, strerror(errno));
        return NULL;
    }
    char *text = arena_alloc(arena, SECRET_BYTES + 1);
    size_t length = text != NULL ? fread(text, 1, SECRET_BYTES + 1, file) : 0;
    const char *wrong = NULL;
    if (text == NULL)
        wrong = "memory ran out";
    else if (ferror(file))
        wrong = strerror(errno);
    else if (length > SECRET_BYTES)
        wrong = "is too long for a secret";
    fclose(file);

    if (wrong == NULL) {
        if (length > 0 && text[length - 1] == '\n')
            length--;
        text[length] = '\0';
        if (length == 0 || strlen(text) != length)
            wrong = length == 0 ? "is empty" : "is not text";
    }
    if (wrong == NULL)
        return text;
    snprintf(fault, CONFIG_FAULT_BYTES, "%s: %.120s: %s", name, path, wrong);
    return NULL;
}

/*
 * A secret from the variable `name` or from the file that `name`_FILE names, afresh. `*value` is NULL where
 * neither is set. Returns 0, or -1 with a sentence.
 */
static int read_secret(const char *name, struct arena *arena, const char **value,
                       char fault[CONFIG_FAULT_BYTES])
{
    char file_name[40];
    snprintf(file_name, sizeof file_name, "%s_FILE", name);
    const char *path = variable(file_name);
    *value = variable(name);
    if (path == NULL)
        return 0;
    if (*value != NULL) {
        snprintf(fault, CONFIG_FAULT_BYTES, "%s and %s are both set: only one of them may be", name,
                 file_name);
        return -1;
    }
    *value = read_file(file_name, path, arena, fault);
    return *value != NULL ? 0 : -1;
}

/* Append a pair; the arrays are large enough for all that config_connection puts there, and end with NULL. */
static void add(struct config_connection *connection, const char *keyword, const char *value)
{
    int i = 0;
    while (connection->keywords[i] != NULL)
        i++;
    connection->keywords[i] = keyword;
    connection->values[i] = value;
}

static bool is_uri(const char *url)
{
    return strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0;
}

/*
 * Whether `url` names several hosts. Only what libpq would read as a list of them may count as one, but a
 * password with a comma in it does no harm: asking a single host whether it takes writes is what a service
 * that writes wants.
 */
static bool names_several(const char *url)
{
    if (is_uri(url)) {
        const char *hosts = strstr(url, "://") + 3;
        if (memchr(hosts, ',', strcspn(hosts, "/?")) != NULL)
            return true;
    }
    for (const char *at = strstr(url, "host"); at != NULL; at = strstr(at + 4, "host")) {
        size_t length = strcspn(at, "& ");
        for (size_t i = 0; i < length; i++)
            if (at[i] == ',' || strncasecmp(at + i, "%2c", 3) == 0)
                return true;
    }
    return false;
}

/*
 * DB_URL, "host", "host:port" or a comma-separated list of these, as libpq's `host` and `port`, two lists of
 * equal length. A colon counts as the port's only where it is the last one outside of brackets: "::1" is a
 * host.
 */
static int split_hosts(const char *url, struct arena *arena, const char **hosts, const char **ports)
{
    size_t size = strlen(url) + 1;
    char *host = arena_alloc(arena, size);
    char *port = arena_alloc(arena, size);
    if (host == NULL || port == NULL)
        return -1;
    *hosts = host;
    *ports = port;
    for (;;) {
        size_t length = strcspn(url, ",");
        const char *end = url + length;
        const char *colon = memchr(url, ':', length);
        const char *bracket = *url == '[' ? memchr(url, ']', length) : NULL;
        if (bracket != NULL)
            colon = bracket + 1 < end && bracket[1] == ':' ? bracket + 1 : NULL;
        else if (*url == '/' || (colon != NULL && memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL))
            colon = NULL;

        const char *from = bracket != NULL ? url + 1 : url;
        const char *to = bracket != NULL ? bracket : colon != NULL ? colon : end;
        memcpy(host, from, (size_t)(to - from));
        host += to - from;
        if (colon != NULL) {
            memcpy(port, colon + 1, (size_t)(end - colon - 1));
            port += end - colon - 1;
        }
        if (*end == '\0')
            break;
        *host++ = *port++ = ',';
        url = end + 1;
    }
    *host = *port = '\0';
    return 0;
}

/* The employee app's variables. */
static int connect_by_parts(struct config_connection *connection, struct arena *arena,
                            char fault[CONFIG_FAULT_BYTES])
{
    static const char *const needed[] = {"DB_USERNAME", "DB_URL", "DB_NAME"};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (variable(needed[i]) == NULL) {
            snprintf(fault, CONFIG_FAULT_BYTES, "%s is missing: DB_USERNAME, DB_URL and DB_NAME go together",
                     needed[i]);
            return -1;
        }
    const char *url = variable("DB_URL");
    const char *database = variable("DB_NAME");
    const char *password, *hosts, *ports;
    if (strstr(url, "://") != NULL) {
        snprintf(fault, CONFIG_FAULT_BYTES,
                 "DB_URL must be a host or host:port; a whole URI belongs in DATABASE_URL");
        return -1;
    }
    /* libpq would take such a name for a whole connection string. */
    if (strchr(database, '=') != NULL || is_uri(database)) {
        snprintf(fault, CONFIG_FAULT_BYTES, "DB_NAME must be the name of a database, without = in it");
        return -1;
    }
    if (read_secret("DB_PASSWORD", arena, &password, fault) != 0)
        return -1;
    if (split_hosts(url, arena, &hosts, &ports) != 0) {
        snprintf(fault, CONFIG_FAULT_BYTES, "memory ran out");
        return -1;
    }
    add(connection, "host", hosts);
    add(connection, "port", ports);
    add(connection, "user", variable("DB_USERNAME"));
    if (password != NULL)
        add(connection, "password", password);
    add(connection, "dbname", database);
    return 0;
}

static bool by_parts(void)
{
    return variable("DB_USERNAME") != NULL || variable("DB_PASSWORD") != NULL ||
           variable("DB_PASSWORD_FILE") != NULL || variable("DB_URL") != NULL || variable("DB_NAME") != NULL;
}

int config_connection(struct config_connection *connection, struct arena *arena,
                      char fault[CONFIG_FAULT_BYTES])
{
    const char *url, *password;
    memset(connection, 0, sizeof *connection);
    if (read_secret("DATABASE_URL", arena, &url, fault) != 0 ||
        read_secret("PGPASSWORD", arena, &password, fault) != 0)
        return -1;
    if (url != NULL && !is_uri(url) && strchr(url, '=') == NULL) {
        snprintf(fault, CONFIG_FAULT_BYTES,
                 "DATABASE_URL is neither a postgresql:// URI nor a list of key=value");
        return -1;
    }

    /* libpq lets a later keyword win over an earlier one: what stands before the URL is overruled by the URL.
     */
    bool parts = url == NULL && by_parts();
    const char *hosts = variable(parts ? "DB_URL" : "PGHOST");
    bool several = (url != NULL && names_several(url)) || (hosts != NULL && strchr(hosts, ',') != NULL);
    add(connection, "fallback_application_name", "purser");
    if (password != NULL)
        add(connection, "password", password);
    if (several && variable("PGTARGETSESSIONATTRS") == NULL)
        add(connection, "target_session_attrs", "read-write");
    if (url != NULL)
        add(connection, "dbname", url);
    else if (parts && connect_by_parts(connection, arena, fault) != 0)
        return -1;
    add(connection, "client_encoding", "UTF8");
    return 0;
}
