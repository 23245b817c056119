// wrap: config_processors
/*
 * The environment: each line of the input is NAME=value. Settings are taken, or refused with a sentence; what
 * is printed of them is taken again, and is the same; and the word that stands for a password in the corpus
 * is in no sentence, nor in what is printed, wherever libpq would read it as one.
 */

#include "check.h"
#include "config.h"
#include "json.h"

#include <libpq-fe.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SECRET "hunter2secret"

/* To look them up takes longer than all the rest. */
int __wrap_config_processors(void);
int __wrap_config_processors(void)
{
    return 2;
}

/* ---- the environment ---- */

/* A file that holds `text`, and its path. */
static int write_file(const char *text, char path[40])
{
    int fd = memfd_create("secret", MFD_CLOEXEC);
    size_t length = strlen(text);
    CHECK(fd >= 0 && write(fd, text, length) == (ssize_t)length);
    snprintf(path, 40, "/proc/self/fd/%d", fd);
    return fd;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* Of a line "X_FILE=text" the variable names a file that holds the text; any other path could be anything. */
static void set_variable(const char *name, const char *value, int *file)
{
    char path[40];
    if (*name == '\0')
        return;
    if (ends_with(name, "_FILE")) {
        if (*file >= 0)
            close(*file);
        *file = write_file(value, path);
        value = path;
    }
    CHECK(setenv(name, value, 1) == 0);
}

/* Returns the file that a variable names, or -1. */
static int set_environment(const uint8_t *input, size_t size)
{
    char *text = strndup((const char *)input, size), *rest = text, *line;
    int file = -1;
    CHECK(text != NULL);
    clearenv();
    while ((line = strsep(&rest, "\n")) != NULL) {
        const char *name = strsep(&line, "=");
        if (line != NULL)
            set_variable(name, line, &file);
    }
    free(text);
    return file;
}

/* ---- the secret ---- */

static bool is_secret(const char *keyword)
{
    return strcmp(keyword, "password") == 0 || strcmp(keyword, "sslpassword") == 0;
}

/* Whether the connection string has the word as a password, and nowhere else. */
static bool url_has_secret(const char *url)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    bool secret = false, elsewhere = false;
    for (PQconninfoOption *each = options; each != NULL && each->keyword != NULL; each++) {
        if (each->val == NULL || strstr(each->val, SECRET) == NULL)
            continue;
        secret = secret || is_secret(each->keyword);
        elsewhere = elsewhere || !is_secret(each->keyword);
    }
    PQconninfoFree(options);
    return secret && !elsewhere;
}

/* Whether the word is nothing but a secret in the environment. */
static bool has_secret(void)
{
    static const char *const secrets[] = {"DB_PASSWORD=", "PGPASSWORD="};
    bool secret = false;
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        if (strstr(*entry, SECRET) == NULL)
            continue;
        bool url = strncmp(*entry, "DATABASE_URL=", 13) == 0;
        if (!(url && url_has_secret(*entry + 13)) && strncmp(*entry, secrets[0], 12) != 0 &&
            strncmp(*entry, secrets[1], 11) != 0)
            return false;
        secret = true;
    }
    return secret;
}

/* ---- what must hold ---- */

static void check_fault(const char *fault, bool secret)
{
    size_t length = strnlen(fault, CONFIG_FAULT_BYTES);
    CHECK(length > 0 && length < CONFIG_FAULT_BYTES);
    CHECK(!secret || strstr(fault, SECRET) == NULL);
}

static int count_commas(const char *text)
{
    int count = 0;
    for (; *text != '\0'; text++)
        count += *text == ',';
    return count;
}

static const char *value_of(const struct config_connection *connection, const char *keyword)
{
    for (int i = 0; connection->keywords[i] != NULL; i++)
        if (strcmp(connection->keywords[i], keyword) == 0)
            return connection->values[i];
    return NULL;
}

/* The arrays end, have what they must have, and a port for each host. */
static void check_connection(bool good, bool secret)
{
    struct config_connection connection;
    struct arena arena;
    char fault[CONFIG_FAULT_BYTES] = "";
    int count = 0;
    arena_init(&arena);
    if (config_connection(&connection, &arena, fault) == 0) {
        while (connection.keywords[count] != NULL)
            CHECK(count < CONFIG_CONNECTION_MAX - 1 && connection.values[count++] != NULL);
        CHECK(value_of(&connection, "client_encoding") != NULL);
        const char *host = value_of(&connection, "host"), *port = value_of(&connection, "port");
        CHECK(host == NULL || (port != NULL && count_commas(host) == count_commas(port)));
    } else {
        CHECK(!good);
        check_fault(fault, secret);
    }
    arena_free(&arena);
}

static char *print(const struct config *config)
{
    char fault[CONFIG_FAULT_BYTES] = "", *text;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    CHECK(out != NULL && config_print(config, NULL, out, fault) == 0);
    CHECK(fclose(out) == 0 && strlen(text) == length);
    return text;
}

/* What is printed of our own settings is taken, and printed again as it was. */
static void check_print(const struct config *config, bool secret)
{
    char fault[CONFIG_FAULT_BYTES], *text = print(config), *copy = strdup(text), *rest = copy, *line;
    struct config again;
    CHECK(!secret || strstr(text, SECRET) == NULL);
    while ((line = strsep(&rest, "\n")) != NULL) {
        const char *name = strsep(&line, "=");
        CHECK(line != NULL || *name == '\0');
        for (const char *c = line; c != NULL && *c != '\0'; c++)
            CHECK((unsigned char)*c >= ' ');
        if (strncmp(name, "PURSER_", 7) == 0)
            CHECK(setenv(name, line, 1) == 0);
    }
    CHECK(config_read(&again, fault) == 0);
    char *second = print(&again);
    CHECK(strcmp(text, second) == 0);
    free(second);
    free(copy);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    struct config config;
    char fault[CONFIG_FAULT_BYTES] = "";
    int port, file = set_environment(input, size);
    bool secret = has_secret(), good = config_read(&config, fault) == 0;
    check_connection(good, secret);
    if (good) {
        CHECK(config_port(&port, fault) == 0 && port == config.port);
        check_print(&config, secret);
    } else {
        check_fault(fault, secret);
    }
    if (file >= 0)
        close(file);
    return 0;
}
