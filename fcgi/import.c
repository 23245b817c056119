#include "import.h"

#include "columns.h"
#include "copy.h"
#include "csv.h"
#include "session.h"
#include "uuid.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FAULTS_SHOWN  20
#define JUMPS         4096 /* places where lines and rows drift apart that are remembered */
#define ROWS_PER_LOOK 1024 /* rows between two looks at the clock */

/* From row `row` on, a row's line is its number plus `ahead`: the header, blank lines, long records. */
struct jump {
    unsigned long row, ahead;
};

struct import {
    const struct resource *resource;
    const char *label; /* the file, as messages call it */
    bool if_empty;     /* only into a table without rows */
    bool left_alone;   /* there were some */
    struct csv csv;
    struct copy copy;
    struct arena header;      /* what lives as long as the import */
    struct arena row;         /* what lives as long as one row */
    struct columns columns;   /* of the file */
    char *titles[CSV_FIELDS]; /* the column's name in the file */
    bool keyed;               /* the file has the key */
    unsigned long rows, faults;
    struct jump jumps[JUMPS];
    int jump_count;
    uint64_t unix_ms;     /* when the import began, for the keys that are made here */
    double began, showed; /* monotonic seconds */
    bool drawing;         /* a progress line stands on the terminal, to be drawn over */
};

static double now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Other output must not start behind the progress line. */
static void leave_progress(struct import *import)
{
    if (import->drawing)
        fputc('\n', stderr);
    import->drawing = false;
}

static void show_progress(struct import *import)
{
    double time = now(CLOCK_MONOTONIC);
    if (time - import->showed < 1.0)
        return;
    import->showed = time;
    import->drawing = isatty(STDERR_FILENO) == 1;
    fprintf(stderr, "%s%lu rows, %.0f rows/s%s", import->drawing ? "\r" : "", import->rows,
            (double)import->rows / (time - import->began), import->drawing ? "  " : "\n");
}

/* One fault of the file, at `line` (0: of the file as a whole). */
__attribute__((format(printf, 3, 4))) static void fault(struct import *import, unsigned long line,
                                                        const char *format, ...)
{
    va_list arguments;
    if (import->faults++ >= FAULTS_SHOWN)
        return;
    leave_progress(import);
    if (line > 0)
        fprintf(stderr, "%s:%lu: ", import->label, line);
    else
        fprintf(stderr, "%s: ", import->label);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/* The header. */

static void callback_column(void *cookie, enum columns_fault what, const char *title)
{
    struct import *import = cookie;
    unsigned long line = import->csv.line;
    if (what == COLUMNS_UNKNOWN)
        fault(import, line, "there is no column \"%s\" in %s", title, import->resource->name);
    else
        fault(import, line, "the column \"%s\" is %s", title,
              what == COLUMNS_TWICE ? "there twice" : "missing");
}

/* Which column is which field. All that is wrong with the header counts as faults. */
static void read_header(struct import *import)
{
    const struct resource *resource = import->resource;
    struct csv *csv = &import->csv;
    int result = csv_read(csv);
    if (result < 0)
        fault(import, csv->line, "%s", csv->fault);
    else if (result == 0)
        fault(import, 0, "it is empty: the first row must name the columns");
    if (result <= 0)
        return;
    for (int i = 0; i < csv->count; i++) {
        import->titles[i] = arena_copy(&import->header, csv->fields[i].text, csv->fields[i].length);
        if (import->titles[i] == NULL)
            fault(import, 0, "memory ran out");
    }
    columns_read(&import->columns, resource, csv, callback_column, import);
    import->keyed = columns_have(&import->columns, resource->key);
}

/* The rows. */

/* A line for each row would be memory for each row; most files need one jump, for their header. */
static void note_line(struct import *import)
{
    unsigned long ahead = import->csv.line - import->rows;
    if (import->jump_count < JUMPS &&
        (import->jump_count == 0 || import->jumps[import->jump_count - 1].ahead != ahead))
        import->jumps[import->jump_count++] = (struct jump){import->rows, ahead};
}

/* The line of row `row`, or 0 when there were more jumps than are remembered. */
static unsigned long line_of(const struct import *import, unsigned long row)
{
    unsigned long line = 0;
    for (int i = 0; i < import->jump_count && import->jumps[i].row <= row; i++)
        line = row + import->jumps[i].ahead;
    return import->jump_count < JUMPS ? line : 0;
}

static bool make_key(struct import *import, struct field_value *value)
{
    uint8_t entropy[16];
    char *text = arena_alloc(&import->row, UUID_SIZE);
    if (text == NULL || uuid_entropy(entropy) != 0)
        return false;
    uuid_v7_counted(text, import->unix_ms, (uint32_t)import->rows, entropy);
    *value = (struct field_value){text, UUID_SIZE - 1};
    return true;
}

/* Check one value, or make it if it is ours to make and not given. Returns NULL, or what it must be. */
static const char *read_value(struct import *import, int column, struct field_value *value)
{
    const struct field *field = &import->resource->fields[import->columns.fields[column]];
    const struct csv_field *text = &import->csv.fields[column];
    bool empty = text->length == 0 && !text->quoted;
    if (empty && import->columns.fields[column] == import->resource->key)
        return make_key(import, value) ? NULL : "can't be made: memory or entropy ran out";
    if (empty && field->access != FIELD_NULLABLE)
        return "must not be empty";
    return field_from_csv(field, text->text, text->length, text->quoted, &import->row, value);
}

/* One row: all its values are checked, and it is sent while nothing in the file was wrong yet. */
static void read_row(struct import *import)
{
    struct field_value values[CSV_FIELDS], key;
    unsigned long line = import->csv.line;
    import->rows++;
    note_line(import);
    if (import->csv.count != import->columns.count) {
        fault(import, line, "the row has %d %s, but the header has %d", import->csv.count,
              import->csv.count == 1 ? "value" : "values", import->columns.count);
        return;
    }
    for (int i = 0; i < import->columns.count; i++) {
        const char *sentence = read_value(import, i, &values[i]);
        if (sentence != NULL)
            fault(import, line, "column \"%s\": %s", import->titles[i], sentence);
    }
    if (!import->keyed && !make_key(import, &key))
        fault(import, line, "no key can be made: memory or entropy ran out");
    if (import->faults > 0)
        return;
    if (!import->keyed)
        copy_value(&import->copy, &key);
    for (int i = 0; i < import->columns.count; i++)
        copy_value(&import->copy, &values[i]);
    copy_end_row(&import->copy);
}

static void read_rows(struct import *import)
{
    int result;
    while ((result = csv_read(&import->csv)) == 1 && !import->copy.lost) {
        read_row(import);
        arena_free(&import->row);
        if (import->rows % ROWS_PER_LOOK == 0)
            show_progress(import);
    }
    if (result < 0)
        fault(import, import->csv.line, "%s; the rest was not read", import->csv.fault);
    leave_progress(import);
}

/* The database. */

/* The row's number in a context like "COPY employees, line 3, column age", in any language; 0: none is told.
 */
static unsigned long row_of(const PGresult *result)
{
    const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);
    const char *copy = context != NULL ? strstr(context, "COPY ") : NULL;
    const char *comma = copy != NULL ? strchr(copy, ',') : NULL;
    if (comma == NULL)
        return 0;
    comma += strcspn(comma, "0123456789\n");
    return strtoul(comma, NULL, 10);
}

/* Which one is there twice is in the detail: "Key (lower(email))=(a@example.org) already exists." */
static void explain_duplicate(struct import *import, const PGresult *result, unsigned long line)
{
    const struct resource *resource = import->resource;
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    const char *from = detail != NULL ? strstr(detail, ")=(") : NULL;
    const char *to = from != NULL ? strrchr(from, ')') : NULL;
    bool primary = constraint == NULL || strstr(constraint, "_pkey") != NULL;
    int field = primary ? resource->key : resource->lookup;
    const char *title = resource->fields[field].key;
    for (int i = 0; i < import->columns.count; i++)
        if (import->columns.fields[i] == field)
            title = import->titles[i];
    if (to == NULL || to < from + 3)
        fault(import, line, "column \"%s\": another row, in the file or in the database, has this value",
              title);
    else
        fault(import, line, "column \"%s\": another row, in the file or in the database, has %.*s", title,
              (int)(to - from - 3), from + 3);
}

static void explain(struct import *import, PGconn *session, const PGresult *result)
{
    char reason[SESSION_REASON];
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    unsigned long row = row_of(result);
    unsigned long line = line_of(import, row);
    session_reason(session, result, reason);
    if (state == NULL || strncmp(state, "57P", 3) == 0) /* the server told us that it goes, or it didn't */
        fprintf(stderr, "purser: the connection to the database was lost: %s\n", reason);
    else if (strcmp(state, "42P01") == 0 || strcmp(state, "42703") == 0)
        fputs("purser: the database does not have the tables of this purser: run `purser migrate` first\n",
              stderr);
    else if (strcmp(state, "23505") == 0)
        explain_duplicate(import, result, line);
    else if (line > 0)
        fault(import, line, "the database refuses the row: %s", reason);
    else
        fprintf(stderr, "purser: the database refuses the rows: %s\n", reason);
}

/* The COPY statement; its names are those of our own tables, none is a client's. */
static void write_statement(const struct import *import, struct buffer *sql)
{
    const struct resource *resource = import->resource;
    buffer_format(sql, "COPY %s (", resource->name);
    if (!import->keyed)
        buffer_format(sql, "%s, ", resource->fields[resource->key].column);
    for (int i = 0; i < import->columns.count; i++)
        buffer_format(sql, "%s%s", i > 0 ? ", " : "", resource->fields[import->columns.fields[i]].column);
    buffer_append(sql, ") FROM STDIN", sizeof ") FROM STDIN"); /* with its NUL */
}

/*
 * PostgreSQL plans by what it has counted in a table; after a load it would count again by itself, but
 * minutes later. The rows are there by now, so a failure is none of the import's; and who doesn't own the
 * table is let be without a word.
 */
static void count_again(const struct import *import, PGconn *session)
{
    struct buffer sql;
    buffer_init(&sql);
    buffer_format(&sql, "SET client_min_messages = error; ANALYZE %s", import->resource->name);
    buffer_append(&sql, "", 1);
    if (!sql.failed)
        PQclear(PQexec(session, sql.bytes));
    buffer_free(&sql);
}

/*
 * Let nobody else add rows in this transaction, and look whether there are any. The lock is the one
 * that stands in its own way, so that several imports at once come one after the other, and only the first
 * one finds the table empty; those who read go on. Returns 0, or -1 after a sentence.
 */
static int look_for_rows(struct import *import, PGconn *session)
{
    struct buffer sql;
    const char *table = import->resource->name;
    buffer_init(&sql);
    buffer_format(&sql, "LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE; SELECT FROM %s LIMIT 1", table, table);
    buffer_append(&sql, "", 1);
    PGresult *result = sql.failed ? NULL : PQexec(session, sql.bytes);
    buffer_free(&sql);
    bool good = PQresultStatus(result) == PGRES_TUPLES_OK;
    import->left_alone = good && PQntuples(result) > 0;
    if (!good)
        explain(import, session, result);
    PQclear(result);
    return good ? 0 : -1;
}

/*
 * All rows or none: by itself COPY would commit before its answer comes, and when that is lost nobody could
 * say whether it did. Returns 0, or -1 after sentences.
 */
static int copy_rows(struct import *import, PGconn *session)
{
    struct buffer sql;
    if (session_run(session, "SET timezone = 'UTC'; SET datestyle = ISO; SET lock_timeout = '30s'; BEGIN",
                    "the session can't be set up") != 0)
        return -1;
    if (import->if_empty && look_for_rows(import, session) != 0)
        return -1;
    if (import->left_alone)
        return 0;
    buffer_init(&sql);
    write_statement(import, &sql);
    if (sql.failed) {
        buffer_free(&sql);
        return -1;
    }
    PGresult *result = copy_start(&import->copy, session, sql.bytes);
    buffer_free(&sql);
    if (result == NULL) {
        read_rows(import);
        result = copy_finish(&import->copy, import->faults == 0);
    }
    bool good = import->faults == 0 && PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!good && import->faults == 0)
        explain(import, session, result);
    PQclear(result);
    if (good)
        good = session_run(session, "COMMIT", "the rows can't be committed") == 0;
    if (good)
        count_again(import, session);
    return good ? 0 : -1;
}

static void report(const struct import *import, bool good)
{
    if (import->left_alone) {
        printf("%s has rows already: they were left alone, and nothing was imported\n",
               import->resource->name);
        return;
    }
    if (good) {
        printf("imported %lu %s from %s in %.1f s\n", import->rows,
               import->rows == 1 ? import->resource->singular : import->resource->name, import->label,
               now(CLOCK_MONOTONIC) - import->began);
        return;
    }
    if (import->faults > FAULTS_SHOWN)
        fprintf(stderr, "and %lu more\n", import->faults - FAULTS_SHOWN);
    fputs("nothing was imported\n", stderr);
}

/* The file is looked into first: a wrong header needs no database to be told. */
static int import_file(struct import *import)
{
    read_header(import);
    if (import->faults > 0)
        return -1;
    PGconn *session = session_open(0);
    if (session == NULL)
        return -1;
    int result = copy_rows(import, session);
    PQfinish(session);
    return result;
}

int import_run(const struct resource *resource, const char *path, bool if_empty)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "re");
    if (file == NULL) {
        fprintf(stderr, "purser: %s: %s\n", path, strerror(errno));
        return EXIT_FAILURE;
    }
    struct import *import = calloc(1, sizeof *import);
    if (import == NULL) {
        fputs("purser: memory ran out\n", stderr);
        if (!standard)
            fclose(file);
        return EXIT_FAILURE;
    }
    import->resource = resource;
    import->if_empty = if_empty;
    import->label = standard ? "standard input" : path;
    import->unix_ms = (uint64_t)(now(CLOCK_REALTIME) * 1000.0);
    import->began = import->showed = now(CLOCK_MONOTONIC);
    arena_init(&import->header);
    arena_init(&import->row);
    csv_init(&import->csv, file);

    bool good = import_file(import) == 0;
    report(import, good);

    csv_free(&import->csv);
    arena_free(&import->row);
    arena_free(&import->header);
    free(import);
    if (!standard)
        fclose(file);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
