/* How many processors this process may use: a container's CPU limit is no affinity, so both are looked at. */

#include "config.h"

#include <limits.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

/* The first line of a file; false where there is none. */
static bool read_line(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool good = fgets(line, size, file) != NULL;
    fclose(file);
    if (good)
        line[strcspn(line, "\n")] = '\0';
    return good;
}

/* Version 2 has "quota period" or "max period" in one file, version 1 (quota -1: none) a file for each. */
static int read_quota(const char *directory)
{
    char path[PATH_MAX + 32], line[64];
    long long quota = 0, period = 0;
    snprintf(path, sizeof path, "%s/cpu.max", directory);
    if (read_line(path, line, sizeof line)) {
        if (sscanf(line, "%lld %lld", &quota, &period) != 2)
            return 0;
    } else {
        snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", directory);
        if (!read_line(path, line, sizeof line) || sscanf(line, "%lld", &quota) != 1)
            return 0;
        snprintf(path, sizeof path, "%s/cpu.cfs_period_us", directory);
        if (!read_line(path, line, sizeof line) || sscanf(line, "%lld", &period) != 1)
            return 0;
    }
    if (quota <= 0 || period <= 0)
        return 0;
    long long processors = quota / period + (quota % period != 0);
    return processors > INT_MAX ? INT_MAX : (int)processors;
}

static int smaller(int a, int b)
{
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

/*
 * The smallest quota from the group `group` up to the top, as each level limits those below it. In a
 * container the group's own path is often not there, because its directory is what is mounted at `mount`:
 * then only that one answers.
 */
static int walk_groups(const char *mount, const char *group)
{
    char path[PATH_MAX];
    size_t top = strlen(mount);
    int least = 0;
    if (snprintf(path, sizeof path, "%s%s", mount, group) >= (int)sizeof path)
        path[top] = '\0';
    for (;;) {
        least = smaller(least, read_quota(path));
        char *slash = strrchr(path, '/');
        if (slash == NULL || (size_t)(slash - path) < top)
            return least;
        *slash = '\0';
    }
}

/* A line of /proc/self/cgroup is "0::/path" in version 2, "4:cpu,cpuacct:/path" in version 1. */
static const char *group_of(char *line, bool *version2)
{
    char *controllers = strchr(line, ':');
    char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    if (path == NULL)
        return NULL;
    *path++ = '\0';
    path[strcspn(path, "\n")] = '\0';
    controllers++;
    *version2 = *controllers == '\0';
    if (*version2)
        return path;
    for (char *rest, *name = strtok_r(controllers, ",", &rest); name != NULL;
         name = strtok_r(NULL, ",", &rest))
        if (strcmp(name, "cpu") == 0)
            return path;
    return NULL;
}

int config_quota(const char *root)
{
    char path[PATH_MAX], line[PATH_MAX];
    int least = 0;
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL) {
        bool version2;
        const char *group = group_of(line, &version2);
        if (group == NULL)
            continue;
        snprintf(path, sizeof path, "%s/sys/fs/cgroup%s", root, version2 ? "" : "/cpu");
        least = smaller(least, walk_groups(path, group));
    }
    fclose(file);
    return least;
}

int config_processors(void)
{
    cpu_set_t set;
    int processors = 0;
    /* The call fails on machines with more processors than the set holds. */
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        processors = CPU_COUNT(&set);
    else
        processors = (int)sysconf(_SC_NPROCESSORS_ONLN);
    processors = smaller(processors > 0 ? processors : 1, config_quota(""));
    return processors;
}
