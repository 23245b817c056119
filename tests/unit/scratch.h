#ifndef PURSER_TESTS_SCRATCH_H
#define PURSER_TESTS_SCRATCH_H

/* A directory for each test, and an empty environment: TEST(name) in the list of tests. */

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch[64]; /* a directory of the running test's own */

static inline int start_in_scratch(void **state)
{
    (void)state;
    strcpy(scratch, "/tmp/purser-test-config-XXXXXX");
    clearenv();
    return mkdtemp(scratch) == NULL;
}

/* `path` below the scratch directory, whose parents are made on the way, holding `text`. */
static inline const char *write_file(const char *path, const char *text)
{
    static char full[200];
    snprintf(full, sizeof full, "%s/%s", scratch, path);
    for (char *slash = strchr(full + strlen(scratch) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return full;
}

static inline int stop_in_scratch(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "PATH=/bin:/usr/bin; rm -rf %s", scratch);
    return system(command);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_in_scratch, stop_in_scratch)

#endif
