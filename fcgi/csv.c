#include "csv.h"

#include "json.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* What a field ended with, or why there is none. */
enum ending { END_FIELD, END_RECORD, END_FAULT };

/* One record on its way in. Its fields stand in csv->text one behind the other, each with a NUL. */
struct record {
    struct csv *csv;
    size_t read; /* bytes of it, as they are in the file */
    char *begin; /* of the field that is being read */
    char *to;    /* where its next byte goes */
    bool first;  /* the file begins with this record */
    bool at_end; /* the file ended */
};

void csv_init(struct csv *csv, FILE *file)
{
    *csv = (struct csv){.file = file, .next = 1};
    buffer_init(&csv->text);
}

void csv_free(struct csv *csv)
{
    buffer_free(&csv->text);
}

/* Note what is wrong with the file's contents. */
__attribute__((format(printf, 2, 3))) static enum ending refuse(struct csv *csv, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(csv->fault, sizeof(csv->fault), format, arguments);
    va_end(arguments);
    errno = 0;
    return END_FAULT;
}

/* Note that the system does not let us read; `error` is an errno. */
static enum ending give_up(struct csv *csv, int error)
{
    snprintf(csv->fault, sizeof(csv->fault), "the file can't be read: %s", strerror(error));
    errno = error;
    return END_FAULT;
}

/* The next byte of the record into `*c`, or EOF. Returns false when there is none for a bad reason. */
static bool next_byte(struct record *record, int *c)
{
    struct csv *csv = record->csv;

    *c = getc_unlocked(csv->file);
    if (*c == EOF) {
        record->at_end = true;
        if (ferror(csv->file))
            give_up(csv, errno != 0 ? errno : EIO);
        return !ferror(csv->file);
    }
    if (*c == '\n')
        csv->next++;
    if (++record->read > CSV_RECORD_BYTES)
        refuse(csv, "the record is longer than %d bytes", CSV_RECORD_BYTES);
    else if (*c == '\0')
        refuse(csv, "field %d holds a NUL byte", csv->count + 1);
    else
        return true;
    return false;
}

/* Add a byte to the field. A byte order mark at the file's start is no text. */
static void keep(struct record *record, int c)
{
    *record->to++ = (char)c;
    if (record->first && record->read == 3 && record->to - record->begin == 3 &&
        memcmp(record->begin, BYTE_ORDER_MARK, 3) == 0)
        record->to = record->begin;
}

/* After a field, from the byte `c` that is not part of it: what ends here? */
static enum ending end_at(struct record *record, int c)
{
    if (c == '\r') {
        if (!next_byte(record, &c))
            return END_FAULT;
        if (c != '\n')
            return refuse(record->csv, "a carriage return stands alone in field %d", record->csv->count + 1);
    }
    return c == ',' ? END_FIELD : END_RECORD;
}

/* The rest of a field whose opening quote was read. */
static enum ending read_quoted(struct record *record)
{
    struct csv *csv = record->csv;
    unsigned long line = csv->next;
    int c;

    for (;;) {
        if (!next_byte(record, &c))
            return END_FAULT;
        if (c == EOF) {
            csv->line = line;
            return refuse(csv, "the quote that begins field %d is never closed", csv->count + 1);
        }
        if (c == '"') {
            if (!next_byte(record, &c))
                return END_FAULT;
            if (c != '"')
                break;
        }
        keep(record, c);
    }
    if (c != ',' && c != '\n' && c != '\r' && c != EOF)
        return refuse(csv, "there is text behind the closing quote of field %d", csv->count + 1);
    return end_at(record, c);
}

static enum ending read_field(struct record *record, bool *quoted)
{
    struct csv *csv = record->csv;
    int c;

    *quoted = false;
    for (;;) {
        if (!next_byte(record, &c))
            return END_FAULT;
        if (c == ',' || c == '\n' || c == '\r' || c == EOF)
            return end_at(record, c);
        if (c == '"' && record->to == record->begin) {
            *quoted = true;
            return read_quoted(record);
        }
        if (c == '"')
            return refuse(csv, "field %d has a quote inside and does not begin with one", csv->count + 1);
        keep(record, c);
    }
}

/* Read the fields up to the record's end. */
static enum ending read_record(struct record *record)
{
    struct csv *csv = record->csv;
    enum ending ending;

    do {
        struct csv_field *field = &csv->fields[csv->count];
        size_t wrong;

        record->begin = record->to;
        if (csv->count == CSV_FIELDS)
            return refuse(csv, "there are more than %d fields", CSV_FIELDS);
        ending = read_field(record, &field->quoted);
        if (ending == END_FAULT)
            return END_FAULT;
        field->text = record->begin;
        field->length = (size_t)(record->to - record->begin);
        if (!json_utf8_valid(field->text, field->length, &wrong))
            return refuse(csv, "field %d is not valid UTF-8", csv->count + 1);
        *record->to++ = '\0';
        csv->count++;
    } while (ending == END_FIELD);
    return ending;
}

static bool is_blank(const struct csv *csv)
{
    return csv->count == 1 && csv->fields[0].length == 0 && !csv->fields[0].quoted;
}

int csv_read(struct csv *csv)
{
    struct record record;

    errno = 0;
    do {
        record = (struct record){.csv = csv, .first = csv->line == 0};
        csv->line = csv->next;
        csv->count = 0;
        csv->fault[0] = '\0';
        buffer_clear(&csv->text);
        record.to = buffer_reserve(&csv->text,
                                   CSV_RECORD_BYTES + 1); /* a NUL takes the place of what ended its field */
        if (record.to == NULL) {
            give_up(csv, ENOMEM);
            return -1;
        }
        if (read_record(&record) == END_FAULT)
            return -1;
    } while (is_blank(csv) && !record.at_end);
    return is_blank(csv) ? 0 : 1;
}
