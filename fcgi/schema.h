#ifndef PURSER_SCHEMA_H
#define PURSER_SCHEMA_H

/*
 * The SQL files of schema/ as they were when this program was built: the build writes the arrays
 * (schema/embed).
 */

#include <stdbool.h>
#include <stddef.h>

struct schema_migration {
    int version;          /* the number the file's name begins with: 1, 2, 3 … without a gap */
    const char *name;     /* the file's name, "0001_passengers.sql" */
    const char *checksum; /* SHA-256 of the file, 64 hex digits */
    const char *sql;      /* the file's text, NUL-terminated */
};

extern const struct schema_migration schema_migrations[];
extern const int schema_migration_count; /* also the version that this build expects */

/* What is run after the migrations each time: the rights of the workers' role (schema/grants.sql). */
extern const char schema_grants[];

/* One row: the version that the database is at, and the checksums of its migrations in order, joined. */
extern const char schema_query[];

/*
 * Hold what schema_query gave against this build. Returns false when they agree, else true with a sentence
 * for clients in `fault`.
 */
bool schema_fault(const char *version, const char *checksums, char *fault, size_t size);

#endif
