#include "config.h"

#include "log.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The list of settings: reading, the check for unknown ones and `purser config` all follow it. */

enum kind { KIND_INT, KIND_UINT64, KIND_LEVEL, KIND_DIRECTORY, KIND_NETWORKS };

struct setting {
    const char *name;
    enum kind kind;
    size_t offset; /* of the member in struct config */
    uint64_t fallback, minimum, maximum;
    const char *text; /* the default of a KIND_DIRECTORY or KIND_NETWORKS */
};

#define PROCESSES_MAXIMUM 256
#define OURS(member)      offsetof(struct config, member)

static const struct setting settings[] = {
    /* name, kind, member, default, minimum, maximum; that of processes is the least (default_of) */
    {"PURSER_WORKERS", KIND_INT, OURS(workers), 1, 1, PROCESSES_MAXIMUM, NULL},
    {"PURSER_NGINX_PROCESSES", KIND_INT, OURS(nginx_processes), 1, 1, PROCESSES_MAXIMUM, NULL},
    {"PURSER_PORT", KIND_INT, OURS(port), 8080, 1, 65535, NULL},
    {"PURSER_TLS_PORT", KIND_INT, OURS(tls_port), 0, 0, 65535, NULL},
    {"PURSER_TLS_DIR", KIND_DIRECTORY, OURS(tls_dir), 0, 0, 0, "/run/secrets/purser/tls"},
    {"PURSER_RATE_LIMIT", KIND_INT, OURS(rate_limit), 0, 0, 1000000, NULL},
    {"PURSER_TRUSTED_PROXIES", KIND_NETWORKS, OURS(trusted_proxies), 0, 0, 0, ""},
    {"PURSER_MAX_BODY_BYTES", KIND_UINT64, OURS(max_body_bytes), 1048576, 1024, 67108864, NULL},
    {"PURSER_MAX_BULK_BYTES", KIND_UINT64, OURS(max_bulk_bytes), 16777216, 1024, 67108864, NULL},
    {"PURSER_MAX_WAITING", KIND_INT, OURS(max_waiting), 1024, 1, 1000000, NULL},
    {"PURSER_DEADLINE_MS", KIND_UINT64, OURS(deadline_ms), 10000, 100, 600000, NULL},
    {"PURSER_DRAIN_MS", KIND_UINT64, OURS(drain_ms), 15000, 100, 600000, NULL},
    {"PURSER_DB_READERS", KIND_INT, OURS(readers), 1, 1, 64, NULL},
    {"PURSER_DB_SEARCHERS", KIND_INT, OURS(searchers), 1, 1, 64, NULL},
    {"PURSER_DB_WRITERS", KIND_INT, OURS(writers), 3, 1, 64, NULL},
    {"PURSER_LOG_LEVEL", KIND_LEVEL, OURS(log_level), LOG_LEVEL_INFO, LOG_LEVEL_DEBUG, LOG_LEVEL_ERROR, NULL},
};

#define SETTINGS (sizeof settings / sizeof settings[0])

static uint64_t default_of(const struct setting *setting)
{
    if (setting->offset != OURS(workers) && setting->offset != OURS(nginx_processes))
        return setting->fallback;
    uint64_t processors = (uint64_t)config_processors();
    if (processors < setting->fallback)
        return setting->fallback;
    return processors > setting->maximum ? setting->maximum : processors;
}

static void store(struct config *config, const struct setting *setting, uint64_t value)
{
    char *member = (char *)config + setting->offset;
    if (setting->kind == KIND_UINT64)
        *(uint64_t *)(void *)member = value;
    else
        *(int *)(void *)member = (int)value;
}

static uint64_t load(const struct config *config, const struct setting *setting)
{
    const char *member = (const char *)config + setting->offset;
    if (setting->kind == KIND_UINT64)
        return *(const uint64_t *)(const void *)member;
    return (uint64_t)*(const int *)(const void *)member;
}

/* A whole number in decimal digits alone: no sign, space or unit, which strtoull(3) would pass over. */
static bool read_number(const char *text, uint64_t *value)
{
    if (*text == '\0' || strspn(text, "0123456789") != strlen(text))
        return false;
    errno = 0;
    *value = strtoull(text, NULL, 10);
    return errno == 0;
}

static int read_setting(const struct setting *setting, const char *text, uint64_t *value,
                        char fault[CONFIG_FAULT_BYTES])
{
    if (setting->kind == KIND_LEVEL) {
        int level = log_level_named(text);
        *value = (uint64_t)level;
        if (level >= 0)
            return 0;
        snprintf(fault, CONFIG_FAULT_BYTES, "%s is \"%.60s\": it must be debug, info, warn or error",
                 setting->name, text);
        return -1;
    }
    if (read_number(text, value) && *value >= setting->minimum && *value <= setting->maximum)
        return 0;
    snprintf(fault, CONFIG_FAULT_BYTES, "%s is \"%.60s\": it must be a whole number from %ju to %ju",
             setting->name, text, (uintmax_t)setting->minimum, (uintmax_t)setting->maximum);
    return -1;
}

static bool is_directory(const char *text)
{
    static const char allowed[] = "/._-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    return *text == '/' && strspn(text, allowed) == strlen(text);
}

static bool is_text(const struct setting *setting)
{
    return setting->kind == KIND_DIRECTORY || setting->kind == KIND_NETWORKS;
}

static const char *load_text(const struct config *config, const struct setting *setting)
{
    return *(const char *const *)(const void *)((const char *)config + setting->offset);
}

/* A text goes into nginx's configuration as it is: no character that means something there. */
static int read_text(const struct setting *setting, const char *text, struct config *config,
                     char fault[CONFIG_FAULT_BYTES])
{
    if (text == NULL)
        text = setting->text;
    *(const char **)(void *)((char *)config + setting->offset) = text;
    bool directory = setting->kind == KIND_DIRECTORY;
    if (directory ? is_directory(text) : config_networks(text))
        return 0;
    snprintf(fault, CONFIG_FAULT_BYTES, "%s is \"%.60s\": it must be %s", setting->name, text,
             directory ? "an absolute path of letters, digits, \".\", \"_\" and \"-\""
                       : "addresses or networks like 10.0.0.0/8, separated by commas");
    return -1;
}

static const struct setting *find_setting(const char *name, size_t length)
{
    for (size_t i = 0; i < SETTINGS; i++)
        if (strlen(settings[i].name) == length && memcmp(settings[i].name, name, length) == 0)
            return &settings[i];
    return NULL;
}

/* A misspelt setting would otherwise be silently without effect. */
static int refuse_unknown(char fault[CONFIG_FAULT_BYTES])
{
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        size_t length = strcspn(*entry, "=");
        if (strncmp(*entry, "PURSER_", 7) != 0 || find_setting(*entry, length) != NULL)
            continue;
        int used = snprintf(fault, CONFIG_FAULT_BYTES,
                            "%.*s is not a setting; these are:", length < 60 ? (int)length : 60, *entry);
        for (size_t i = 0; i < SETTINGS && used < CONFIG_FAULT_BYTES; i++)
            used += snprintf(fault + used, CONFIG_FAULT_BYTES - (size_t)used, " %s", settings[i].name);
        return -1;
    }
    return 0;
}

static int read_one(const struct setting *setting, struct config *config, char fault[CONFIG_FAULT_BYTES])
{
    const char *text = getenv(setting->name);
    uint64_t value;
    if (is_text(setting))
        return read_text(setting, text, config, fault);
    if (text == NULL)
        value = default_of(setting);
    else if (read_setting(setting, text, &value, fault) != 0)
        return -1;
    store(config, setting, value);
    return 0;
}

int config_port(int *port, char fault[CONFIG_FAULT_BYTES])
{
    struct config config = {0};
    if (read_one(find_setting("PURSER_PORT", strlen("PURSER_PORT")), &config, fault) != 0)
        return -1;
    *port = config.port;
    return 0;
}

int config_read(struct config *config, char fault[CONFIG_FAULT_BYTES])
{
    if (refuse_unknown(fault) != 0)
        return -1;
    for (size_t i = 0; i < SETTINGS; i++)
        if (read_one(&settings[i], config, fault) != 0)
            return -1;
    if (config->tls_port == config->port) {
        snprintf(fault, CONFIG_FAULT_BYTES, "PURSER_TLS_PORT is %d, and so is PURSER_PORT: they must differ",
                 config->port);
        return -1;
    }

    struct arena arena;
    struct config_connection connection;
    arena_init(&arena);
    int result = config_connection(&connection, &arena, fault);
    arena_free(&arena);
    return result;
}

/* `purser config`. */

/* What libpq reads from the environment by itself. */
// clang-format off
static const char *const libpq_variables[] = {
    "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGPASSWORD_FILE",
    "PGPASSFILE", "PGSERVICE", "PGSERVICEFILE", "PGOPTIONS", "PGAPPNAME", "PGCHANNELBINDING",
    "PGREQUIREAUTH", "PGREQUIREPEER", "PGSSLMODE", "PGSSLNEGOTIATION", "PGSSLCERT", "PGSSLKEY",
    "PGSSLCERTMODE", "PGSSLROOTCERT", "PGSSLCRL", "PGSSLCRLDIR", "PGSSLSNI", "PGSSLMINPROTOCOLVERSION",
    "PGSSLMAXPROTOCOLVERSION", "PGSSLCOMPRESSION", "PGGSSENCMODE", "PGGSSDELEGATION", "PGGSSLIB",
    "PGKRBSRVNAME", "PGMINPROTOCOLVERSION", "PGMAXPROTOCOLVERSION", "PGCONNECT_TIMEOUT",
    "PGTARGETSESSIONATTRS", "PGLOADBALANCEHOSTS", "PGDATESTYLE", "PGTZ", "PGGEQO", NULL,
};
// clang-format on
static const char *const part_variables[] = {"DB_USERNAME", "DB_PASSWORD", "DB_PASSWORD_FILE",
                                             "DB_URL",      "DB_NAME",     NULL};
static const char *const url_variables[] = {"DATABASE_URL", "DATABASE_URL_FILE", NULL};

#define SPACES " \t\n\v\f\r" /* isspace(3), as libpq asks it */

struct printer {
    FILE *out;
    const char *wanted; /* the one setting that is asked for, or NULL */
    int printed;
};

/* Line breaks would make one value look like two. */
static void print_text(FILE *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        putc((unsigned char)text[i] < ' ' ? '?' : text[i], out);
}

/* Whether the value of a keyword of a connection string is a secret. libpq decodes %-escapes in keywords,
 * too. */
static bool is_secret(const char *keyword, size_t length)
{
    static const char *const endings[] = {"password", "secret", "scram_client_key", "scram_server_key"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t end = strlen(endings[i]);
        if (length >= end && memcmp(keyword + length - end, endings[i], end) == 0)
            return true;
    }
    return memchr(keyword, '%', length) != NULL;
}

static void print_value(FILE *out, const char *value, size_t length, bool secret)
{
    if (secret)
        fputs("***", out);
    else
        print_text(out, value, length);
}

/* Too much is masked where an @ or a ? may be meant as part of a password. */
static void print_uri(FILE *out, const char *uri)
{
    const char *begin = strstr(uri, "://") + 3, *path = begin + strcspn(begin, "/");
    const char *query = path + strcspn(path, "?"); /* before the path libpq lets a ? be part of a name */
    const char *colon = memchr(begin, ':', (size_t)(query - begin));
    const char *at = colon != NULL ? strrchr(colon, '@') : NULL;
    if (at != NULL) {
        print_text(out, uri, (size_t)(colon + 1 - uri));
        fputs("***", out);
        if (at > query)
            return;
        uri = at;
    }
    size_t length = strcspn(uri, "?");
    print_text(out, uri, length);
    for (uri += length; *uri != '\0'; uri += length) { /* at a '?' or '&' */
        size_t keyword = strcspn(uri + 1, "=&") + 1;
        length = strcspn(uri + 1, "&") + 1;
        print_text(out, uri, keyword);
        if (keyword == length)
            continue;
        putc('=', out);
        print_value(out, uri + keyword + 1, length - keyword - 1, is_secret(uri + 1, keyword - 1));
    }
}

/* The length of a value: of all between quotes, or up to a space. */
static size_t value_length(const char *value)
{
    const char *stop = *value == '\'' ? "'" : SPACES, *end = value + (*value == '\'');
    while (*end != '\0' && strchr(stop, *end) == NULL)
        end += end[0] == '\\' && end[1] != '\0' ? 2 : 1;
    return (size_t)(end - value) + (*value == '\'' && *end == '\'');
}

/* keyword=value, with spaces around each of the three, as libpq takes it apart. Of what is no such list
 * nobody knows what is a secret. */
static void print_pairs(FILE *out, const char *pairs)
{
    for (;;) {
        const char *keyword = pairs + strspn(pairs, SPACES);
        size_t length = strcspn(keyword, "=" SPACES);
        const char *equals = keyword + length + strspn(keyword + length, SPACES);
        const char *value = *equals == '=' ? equals + 1 + strspn(equals + 1, SPACES) : equals;
        if (*keyword == '\0')
            return;
        if (*equals != '=') {
            fputs("***", out);
            return;
        }
        print_text(out, pairs, (size_t)(value - pairs));
        print_value(out, value, value_length(value), is_secret(keyword, length));
        pairs = value + value_length(value);
    }
}

/* A connection string without its secrets. */
static void print_url(FILE *out, const char *url)
{
    if (strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0)
        print_uri(out, url);
    else
        print_pairs(out, url);
}

/* Start the line of `name`; false when another setting is asked for. */
static bool begin(struct printer *printer, const char *name)
{
    if (printer->wanted != NULL && strcmp(printer->wanted, name) != 0)
        return false;
    if (printer->wanted == NULL)
        fprintf(printer->out, "%s=", name);
    printer->printed++;
    return true;
}

static void print_variables(struct printer *printer, const char *const *names)
{
    for (; *names != NULL; names++) {
        const char *value = getenv(*names);
        if (value == NULL || *value == '\0' || !begin(printer, *names))
            continue;
        if (strcmp(*names, "DATABASE_URL") == 0)
            print_url(printer->out, value);
        else if (strcmp(*names, "PGPASSWORD") == 0 || strcmp(*names, "DB_PASSWORD") == 0)
            fputs("***", printer->out);
        else
            print_text(printer->out, value, strlen(value));
        putc('\n', printer->out);
    }
}

static bool any_set(const char *const *names)
{
    for (; *names != NULL; names++) {
        const char *value = getenv(*names);
        if (value != NULL && *value != '\0')
            return true;
    }
    return false;
}

int config_print(const struct config *config, const char *name, FILE *out, char fault[CONFIG_FAULT_BYTES])
{
    struct printer printer = {.out = out, .wanted = name};
    for (size_t i = 0; i < SETTINGS; i++) {
        if (!begin(&printer, settings[i].name))
            continue;
        if (settings[i].kind == KIND_LEVEL)
            fprintf(out, "%s\n", log_level_name((enum log_level)load(config, &settings[i])));
        else if (is_text(&settings[i]))
            fprintf(out, "%s\n", load_text(config, &settings[i]));
        else
            fprintf(out, "%ju\n", (uintmax_t)load(config, &settings[i]));
    }
    /* Of the ways to name the database the first one counts; libpq's variables fill in what it leaves open.
     */
    print_variables(&printer, any_set(url_variables) ? url_variables : part_variables);
    print_variables(&printer, libpq_variables);

    if (name != NULL && printer.printed == 0) {
        snprintf(fault, CONFIG_FAULT_BYTES, "%.60s is not a setting, or has no value here", name);
        return -1;
    }
    if (fflush(out) != 0 || ferror(out)) {
        snprintf(fault, CONFIG_FAULT_BYTES, "the settings can't be written: %s", strerror(errno));
        return -1;
    }
    return 0;
}
