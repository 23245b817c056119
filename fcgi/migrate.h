#ifndef PURSER_MIGRATE_H
#define PURSER_MIGRATE_H

/*
 * `purser migrate`: bring the database's tables to what this build expects (schema.h). Each migration is
 * applied in a transaction of its own, together with the record of it in purser_migrations; then the workers'
 * rights are granted. An advisory lock makes several at once harmless: the first one works, the others find
 * nothing to do.
 *
 * Refused: a server older than 14, a database that is not in UTF8, a recorded migration that this build does
 * not know or has with another text, and records with a gap. A database that does not answer yet is waited
 * for, 30 s.
 *
 * Returns the exit code: 0 when the database is as this build expects it, else 1. What was applied goes to
 * standard output, a line each, or "nothing to do"; what went wrong goes to standard error as a sentence.
 */
int migrate_run(void);

#endif
