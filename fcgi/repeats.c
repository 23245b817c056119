#include "repeats.h"

#include "hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct repeat *oldest(struct repeats *repeats)
{
    struct repeat *found = &repeats->kept[0];
    for (int i = 1; i < REPEATS_KEPT; i++)
        if (repeats->kept[i].used < found->used)
            found = &repeats->kept[i];
    return found;
}

static void keep(struct repeats *repeats, const char *sql, uint64_t sum, char dropped[REPEATS_NAME_BYTES])
{
    struct repeat *place = oldest(repeats);
    char *copy = strdup(sql);
    if (copy == NULL)
        return;
    memcpy(dropped, place->name, REPEATS_NAME_BYTES);
    free(place->sql);
    *place = (struct repeat){.sql = copy, .digest = sum, .used = repeats->count};
}

struct repeat *repeats_find(struct repeats *repeats, const char *sql, char dropped[REPEATS_NAME_BYTES])
{
    dropped[0] = '\0';
    if (strlen(sql) > REPEATS_SQL_BYTES)
        return NULL;
    uint64_t sum = hash_text(HASH_BEGIN, sql); /* texts are compared only where these are the same */
    repeats->count++;
    for (int i = 0; i < REPEATS_KEPT; i++) {
        struct repeat *each = &repeats->kept[i];
        if (each->sql == NULL || each->digest != sum || strcmp(each->sql, sql) != 0)
            continue;
        each->used = repeats->count;
        return each;
    }
    keep(repeats, sql, sum, dropped);
    return NULL;
}

void repeats_name(struct repeats *repeats, struct repeat *repeat)
{
    snprintf(repeat->name, sizeof repeat->name, "again_%llu", (unsigned long long)repeats->count);
}

bool repeats_has(const struct repeats *repeats, const void *place)
{
    for (int i = 0; i < REPEATS_KEPT; i++)
        if (place == &repeats->kept[i])
            return true;
    return false;
}

void repeats_forget(struct repeat *repeat)
{
    free(repeat->sql);
    *repeat = (struct repeat){0};
}

void repeats_clear(struct repeats *repeats)
{
    for (int i = 0; i < REPEATS_KEPT; i++)
        repeats_forget(&repeats->kept[i]);
}
