// wrap: realloc
#include "csv.h"

#include "inject.h"
#include "unit.h"

#include <stdio.h>
#include <sys/types.h>

INJECT_POINTER(void *, realloc, (void *old, size_t size), (old, size))

/* A file that holds `length` bytes. */
static FILE *file_of(const char *text, size_t length)
{
    FILE *file = tmpfile();

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    rewind(file);
    return file;
}

/*
 * Everything that is in a text, in a form that is easy to compare: each record as line:[field][field], quoted
 * fields in
 * "", and what csv_read said last.
 */
static const char *spell(const char *text, size_t length)
{
    static char out[4096];
    FILE *file = file_of(text, length);
    size_t used = 0;
    struct csv csv;
    int result;

    csv_init(&csv, file);
    while ((result = csv_read(&csv)) == 1) {
        assert_string_equal(csv.fault, "");
        used += (size_t)snprintf(out + used, sizeof(out) - used, "%lu:", csv.line);
        for (int i = 0; i < csv.count; i++) {
            const struct csv_field *field = &csv.fields[i];

            assert_int_equal(strlen(field->text), field->length);
            used += (size_t)snprintf(out + used, sizeof(out) - used, field->quoted ? "[\"%s\"]" : "[%s]",
                                     field->text);
        }
        used += (size_t)snprintf(out + used, sizeof(out) - used, " ");
    }
    if (result == 0) {
        snprintf(out + used, sizeof(out) - used, "end");
        assert_int_equal(csv_read(&csv), 0); /* and it stays at the end */
    } else {
        assert_int_equal(errno, 0);
        snprintf(out + used, sizeof(out) - used, "%lu! %s", csv.line, csv.fault);
    }
    csv_free(&csv);
    fclose(file);
    return out;
}

static const struct {
    const char *text, *spelt;
} cases[] = {
    /* what there is */
    {"", "end"},
    {"\n\n\r\n\n", "end"},
    {"a", "1:[a] end"},
    {"a\n", "1:[a] end"},
    {"a,b,c\n1,2,3\n", "1:[a][b][c] 2:[1][2][3] end"},
    {"a,b\r\n1,2\r\n", "1:[a][b] 2:[1][2] end"},
    {"a,b\r\n1,2", "1:[a][b] 2:[1][2] end"},
    {",", "1:[][] end"},
    {"a,\n,b\n", "1:[a][] 2:[][b] end"},
    {",,\n", "1:[][][] end"},
    {" a , b \n", "1:[ a ][ b ] end"},
    {"\n\na\n\n\nb\n", "3:[a] 6:[b] end"},
    {"\"\"", "1:[\"\"] end"},
    {"\"\"\n", "1:[\"\"] end"},
    {"\"a\",\"\",\n", "1:[\"a\"][\"\"][] end"},
    {"\"a,b\",c\n", "1:[\"a,b\"][c] end"},
    {"\"a\"\"b\"\n", "1:[\"a\"b\"] end"},
    {"\"\"\"\"\n", "1:[\"\"\"] end"},
    {"\"\"\"a\"\"\"\r\n", "1:[\"\"a\"\"] end"},
    {"\"a\nb\"\nc\n", "1:[\"a\nb\"] 3:[c] end"},
    {"\"a\r\nb\r\"\r\nc\r\n", "1:[\"a\r\nb\r\"] 3:[c] end"},
    {"x\n\"a\n\n\n\",2\ny", "1:[x] 2:[\"a\n\n\n\"][2] 6:[y] end"},
    {"a\tb;c'd\n", "1:[a\tb;c'd] end"},
    {"\xc3\xa9,\"\xf0\x9f\x98\x80\"\n", "1:[\xc3\xa9][\"\xf0\x9f\x98\x80\"] end"},

    /* a byte order mark is no text at the file's start, and text elsewhere */
    {"\xef\xbb\xbf", "end"},
    {"\xef\xbb\xbf\na", "2:[a] end"},
    {"\xef\xbb\xbf"
     "a,b\n",
     "1:[a][b] end"},
    {"\xef\xbb\xbf\"a\",b\n", "1:[\"a\"][b] end"},
    {"\xef\xbb\xbf\xef\xbb\xbf", "1:[\xef\xbb\xbf] end"},
    {"a\n\xef\xbb\xbf\n", "1:[a] 2:[\xef\xbb\xbf] end"},
    {"\xef\xbc\xa1\n", "1:[\xef\xbc\xa1] end"},
    {",\xef\xbb\xbf", "1:[][\xef\xbb\xbf] end"},

    /* what is refused */
    {"a\n\"b\n", "1:[a] 2! the quote that begins field 1 is never closed"},
    {"a,\"b\nc\n", "1! the quote that begins field 2 is never closed"},
    {"\"a\nb\",\"c\n\nd", "2! the quote that begins field 2 is never closed"},
    {"\"", "1! the quote that begins field 1 is never closed"},
    {"\"a\" ,b\n", "1! there is text behind the closing quote of field 1"},
    {"x\na,\"b\"c\n", "1:[x] 2! there is text behind the closing quote of field 2"},
    {"\"a\n\"x", "1! there is text behind the closing quote of field 1"},
    {"a\"b\n", "1! field 1 has a quote inside and does not begin with one"},
    {"a, \"b\"\n", "1! field 2 has a quote inside and does not begin with one"},
    {"a\rb\n", "1! a carriage return stands alone in field 1"},
    {"a,b\r", "1! a carriage return stands alone in field 2"},
    {"\"a\"\rb\n", "1! a carriage return stands alone in field 1"},
    {"a\r\r\n", "1! a carriage return stands alone in field 1"},
    {"a,\xff\n", "1! field 2 is not valid UTF-8"},
    {"a\n\"\xc3\"\n", "1:[a] 2! field 1 is not valid UTF-8"},
    {"\xef\xbb,a\n", "1! field 1 is not valid UTF-8"},
};

static void text_is_read_as_rfc_4180_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(spell(cases[i].text, strlen(cases[i].text)), cases[i].spelt);
}

static void nul_bytes_are_refused(void **state)
{
    (void)state;
    assert_string_equal(spell("a,b\0c\n", 6), "1! field 2 holds a NUL byte");
    assert_string_equal(spell("\"a\0\"\n", 5), "1! field 1 holds a NUL byte");
    assert_string_equal(spell("a\r\0", 3), "1! field 1 holds a NUL byte");
    assert_string_equal(spell("\"a\"\0", 4), "1! field 1 holds a NUL byte");
}

static void record_has_64_fields_at_most(void **state)
{
    char text[2 * CSV_FIELDS + 2];

    (void)state;
    for (int i = 0; i < CSV_FIELDS; i++)
        memcpy(text + 2 * i, "x,", 3);
    text[2 * CSV_FIELDS - 1] = '\n';
    assert_null(strstr(spell(text, 2 * CSV_FIELDS), "!"));
    memcpy(text + 2 * CSV_FIELDS - 1, ",x\n", 3);
    assert_string_equal(spell(text, 2 * CSV_FIELDS + 2), "1! there are more than 64 fields");
}

/* A record of `length` bytes, its newline among them, between two others: what does csv_read say? */
static int read_long(size_t length, char filler)
{
    char *text = malloc(length + 4);
    struct csv csv;
    FILE *file;
    int result;

    memcpy(text, "a\n", 2);
    memset(text + 2, filler, length - 1);
    memcpy(text + 2 + length - 1, "\nb\n", 3);
    file = file_of(text, length + 4);
    free(text);
    csv_init(&csv, file);
    assert_int_equal(csv_read(&csv), 1);
    result = csv_read(&csv);
    assert_int_equal(csv.line, 2);
    if (result == 1) {
        assert_int_equal(csv_read(&csv), 1);
        assert_int_equal(csv.line, 3);
    } else {
        assert_int_equal(errno, 0);
        assert_string_equal(csv.fault, "the record is longer than 65536 bytes");
    }
    csv_free(&csv);
    fclose(file);
    return result;
}

static void record_has_64_kib_at_most(void **state)
{
    (void)state;
    assert_int_equal(read_long(CSV_RECORD_BYTES, 'x'), 1);
    assert_int_equal(read_long(CSV_RECORD_BYTES + 1, 'x'), -1);
    assert_int_equal(read_long(CSV_RECORD_BYTES - 1, '"'), 1); /* an even number of quotes */
    assert_int_equal(read_long(CSV_RECORD_BYTES + 1, '"'), -1);
}

static void longest_record_fits_without_a_newline(void **state)
{
    char *text = malloc(CSV_RECORD_BYTES);
    struct csv csv;
    FILE *file;

    (void)state;
    memset(text, 'x', CSV_RECORD_BYTES);
    file = file_of(text, CSV_RECORD_BYTES);
    free(text);
    csv_init(&csv, file);
    assert_int_equal(csv_read(&csv), 1);
    assert_int_equal(csv.fields[0].length, CSV_RECORD_BYTES);
    assert_int_equal(csv_read(&csv), 0);
    csv_free(&csv);
    fclose(file);
}

static void memory_does_not_grow_with_the_file(void **state)
{
    struct csv csv;
    FILE *file = tmpfile();
    int records = 0;

    (void)state;
    for (int i = 0; i < 100000; i++)
        fputs("one,\"two\",three\n", file);
    rewind(file);
    inject_at("realloc", 0, 0);
    csv_init(&csv, file);
    while (csv_read(&csv) == 1)
        records++;
    assert_int_equal(records, 100000);
    assert_int_equal(inject.calls, 1);
    csv_free(&csv);
    fclose(file);
}

static void memory_that_runs_out_is_an_error_of_the_system(void **state)
{
    FILE *file = file_of("a\n", 2);
    struct csv csv;

    (void)state;
    csv_init(&csv, file);
    inject_at("realloc", 1, ENOMEM);
    assert_int_equal(csv_read(&csv), -1);
    assert_int_equal(errno, ENOMEM);
    assert_non_null(strstr(csv.fault, strerror(ENOMEM)));
    inject_off();
    csv_free(&csv);
    fclose(file);
}

static void file_that_cannot_be_read_is_an_error_of_the_system(void **state)
{
    FILE *file = fopen("/", "r"); /* a directory opens, and does not read */
    struct csv csv;

    (void)state;
    assert_non_null(file);
    csv_init(&csv, file);
    assert_int_equal(csv_read(&csv), -1);
    assert_int_equal(errno, EISDIR);
    assert_non_null(strstr(csv.fault, "the file can't be read: "));
    csv_free(&csv);
    fclose(file);
}

/* A stream that gives some bytes and then fails, with or without saying why. */
static int stream_error;

static ssize_t read_then_fail(void *cookie, char *to, size_t size)
{
    const char **left = cookie;
    size_t length = strlen(*left);

    if (length == 0) {
        errno = stream_error;
        return -1;
    }
    assert_true(length <= size);
    memcpy(to, *left, length);
    *left += length;
    return (ssize_t)length;
}

static void read_error_in_a_record_is_no_end_of_the_file(void **state)
{
    static const char *const texts[] = {"a,b", "\"a", "\"a\"", "a\r", "\"a\"\r", ""};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        for (stream_error = 0; stream_error <= ESTALE; stream_error += ESTALE) {
            const char *left = texts[i];
            FILE *file = fopencookie(&left, "r", (cookie_io_functions_t){.read = read_then_fail});
            struct csv csv;

            csv_init(&csv, file);
            assert_int_equal(csv_read(&csv), -1);
            assert_int_equal(errno, stream_error != 0 ? ESTALE : EIO);
            assert_int_equal(csv.line, 1);
            csv_free(&csv);
            fclose(file);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_read_as_rfc_4180_says),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(record_has_64_fields_at_most),
        cmocka_unit_test(record_has_64_kib_at_most),
        cmocka_unit_test(longest_record_fits_without_a_newline),
        cmocka_unit_test(memory_does_not_grow_with_the_file),
        cmocka_unit_test(memory_that_runs_out_is_an_error_of_the_system),
        cmocka_unit_test(file_that_cannot_be_read_is_an_error_of_the_system),
        cmocka_unit_test(read_error_in_a_record_is_no_end_of_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
