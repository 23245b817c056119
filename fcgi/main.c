/* Picks the command. */

#include "config.h"
#include "employees.h"
#include "import.h"
#include "log.h"
#include "migrate.h"
#include "passengers.h"
#include "probe.h"
#include "serve.h"
#include "version.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define EXIT_USAGE 2

static int print_usage(FILE *out, int code)
{
    fputs(
        "usage: purser [COMMAND]\n"
        "\n"
        "  serve                       be a worker: FastCGI on the listening socket that is descriptor 0 "
        "(the default)\n"
        "  migrate                     bring the database's schema to the version of this build\n"
        "  import [--if-empty] passengers|employees FILE.csv\n"
        "                              add the rows of a CSV file, all or none; - is standard input; with\n"
        "                              --if-empty, leave a table alone that has rows already\n"
        "  config [NAME]               print the settings in force, secrets masked; or one setting's value\n"
        "  probe [PATH]                ask the service on this machine's PURSER_PORT for PATH (/readyz); 0 "
        "when "
        "all is well\n"
        "  version                     print the version\n"
        "\n"
        "Settings come from the environment; `purser config` lists them.\n",
        out);
    return code;
}

static const struct resource *find_resource(const char *name)
{
    static const struct resource *const resources[] = {&passengers_resource, &employees_resource};
    for (size_t i = 0; i < sizeof resources / sizeof *resources; i++)
        if (strcmp(resources[i]->name, name) == 0)
            return resources[i];
    return NULL;
}

static int run_import(int count, char **arguments)
{
    bool if_empty = count > 0 && strcmp(arguments[0], "--if-empty") == 0;
    arguments += if_empty;
    const struct resource *resource = count - if_empty == 2 ? find_resource(arguments[0]) : NULL;
    if (resource == NULL)
        return print_usage(stderr, EXIT_USAGE);
    return import_run(resource, arguments[1], if_empty);
}

static int run_config(const struct config *config, int count, char **arguments)
{
    char fault[CONFIG_FAULT_BYTES];
    if (count > 1)
        return print_usage(stderr, EXIT_USAGE);
    if (config_print(config, count == 1 ? arguments[0] : NULL, stdout, fault) == 0)
        return fflush(stdout) == 0 ? 0 : 1;
    fprintf(stderr, "purser: %s\n", fault);
    return EXIT_USAGE;
}

static int run_probe(int count, char **arguments)
{
    const char *path = count == 1 ? arguments[0] : "/readyz";
    char fault[CONFIG_FAULT_BYTES];
    int port;
    if (count > 1 || !probe_path(path))
        return print_usage(stderr, EXIT_USAGE);
    if (config_port(&port, fault) == 0)
        return probe_run(port, path);
    fprintf(stderr, "purser: %s\n", fault);
    return EXIT_USAGE;
}

int main(int count, char **arguments)
{
    const char *command = count > 1 ? arguments[1] : "serve";
    struct config config;
    char fault[CONFIG_FAULT_BYTES];
    if (strcmp(command, "version") == 0 || strcmp(command, "--version") == 0)
        return printf("purser %s (%s)\n", version_number, version_revision) < 0;
    if (strcmp(command, "help") == 0 || strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0)
        return print_usage(stdout, 0);
    if (strcmp(command, "probe") == 0)
        return run_probe(count - 2, arguments + 2);
    if (config_read(&config, fault) != 0) {
        fprintf(stderr, "purser: %s\n", fault);
        return EXIT_USAGE;
    }
    log_set_level((enum log_level)config.log_level);
    if (strcmp(command, "serve") == 0 && count <= 2)
        return serve_run(&config);
    if (strcmp(command, "migrate") == 0 && count == 2)
        return migrate_run();
    if (strcmp(command, "import") == 0)
        return run_import(count - 2, arguments + 2);
    if (strcmp(command, "config") == 0)
        return run_config(&config, count - 2, arguments + 2);
    return print_usage(stderr, EXIT_USAGE);
}
