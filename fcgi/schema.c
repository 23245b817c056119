#include "schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char schema_query[] =
    "SELECT coalesce(max(version), 0), coalesce(string_agg(checksum, '' ORDER BY version), '')"
    " FROM purser_migrations";

bool schema_fault(const char *version, const char *checksums, char *fault, size_t size)
{
    int found = atoi(version);
    if (found != schema_migration_count) {
        snprintf(fault, size, "The database's schema is at version %d, this build expects version %d.", found,
                 schema_migration_count);
        return true;
    }
    for (int i = 0; i < schema_migration_count; i++) {
        const char *checksum = schema_migrations[i].checksum;
        if (strncmp(checksums, checksum, strlen(checksum)) != 0) {
            snprintf(fault, size, "Migration %d of the database's schema is not the one that this build has.",
                     i + 1);
            return true;
        }
        checksums += strlen(checksum);
    }
    return false;
}
