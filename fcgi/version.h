#ifndef PURSER_VERSION_H
#define PURSER_VERSION_H

/* What this build is; the Makefile says it to version.c. */

extern const char version_number[];   /* the file VERSION: "0.1.0" */
extern const char version_revision[]; /* the commit, short; "unknown" where there is no git */

#endif
