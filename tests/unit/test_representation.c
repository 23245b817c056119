// wrap: malloc realloc
/* Rows as JSON, NDJSON and CSV: a result is made by hand, in PostgreSQL's binary form. */

#include "representation.h"

#include "employees.h"
#include "inject.h"
#include "jobs.h"
#include "passengers.h"
#include "unit.h"

#include <libpq-fe.h>

INJECT_POINTER(void *, malloc, (size_t size), (size))
INJECT_POINTER(void *, realloc, (void *old, size_t size), (old, size))

#define KEY "0123456789abcdef" /* 30313233-3435-3637-3839-616263646566 */

static struct database_result result;

static int start(void **state)
{
    (void)state;
    assert_int_equal(resource_prepare(&passengers_resource), 0);
    return resource_prepare(&employees_resource);
}

static int stop(void **state)
{
    (void)state;
    resource_release(&passengers_resource);
    resource_release(&employees_resource);
    return 0;
}

/* A result without rows, of `columns` columns. */
static void new_result(int columns)
{
    PGresAttDesc descriptions[RESOURCE_FIELDS] = {0};
    for (int i = 0; i < columns; i++)
        descriptions[i].name = "column";
    PGresult *rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    assert_true(PQsetResultAttrs(rows, columns, descriptions));
    result = (struct database_result){.outcome = DATABASE_OK, .rows = rows};
}

static void free_result(void)
{
    PQclear((PGresult *)result.rows);
}

/* Length -1: NULL. */
static void put(int row, int column, const char *bytes, int length)
{
    assert_true(PQsetvalue((PGresult *)result.rows, row, column, (char *)bytes, length));
    result.count = row + 1;
}

static void put_passenger(int row, const char *name)
{
    put(row, 0, KEY, 16);
    put(row, 1, row % 2 == 0 ? "\1" : "\0", 1);
    put(row, 2, "\0\3", 2);
    put(row, 3, name, (int)strlen(name));
    put(row, 4, "female", 6);
    put(row, 5, "\x40\x36\0\0\0\0\0\0", 8); /* 22 */
    put(row, 6, "\0\1", 2);
    put(row, 7, "\0\0", 2);
    put(row, 8, NULL, -1);
}

/* All fields, or those that are given, ended by -1. */
static struct selection select_fields(const struct resource *resource, const int *fields)
{
    struct selection selection = {.resource = resource};
    if (fields == NULL)
        for (int i = 0; i < resource->field_count; i++)
            selection.fields[selection.field_count++] = i;
    for (; fields != NULL && *fields >= 0; fields++)
        selection.fields[selection.field_count++] = *fields;
    return selection;
}

static void assert_rows(const struct selection *selection, enum accept_type type, const char *expected)
{
    struct buffer out;
    buffer_init(&out);
    representation_begin(selection, type, &out);
    for (int row = 0; row < result.count; row++)
        representation_row(selection, type, &result, row, row == 0, &out);
    buffer_append(&out, "", 1);
    assert_string_equal(out.bytes, expected);
    buffer_free(&out);
}

#define UUID "30313233-3435-3637-3839-616263646566"
#define NAMES                                                                                                \
    "uuid,survived,passengerClass,name,sex,age,siblingsOrSpousesAboard,parentsOrChildrenAboard,fare\r\n"
#define OBJECT(SURVIVED, NAME)                                                                               \
    "{\"uuid\":\"" UUID "\",\"survived\":" SURVIVED ",\"passengerClass\":3,\"name\":\"" NAME                 \
    "\",\"sex\":\"female\",\"age\":22,\"siblingsOrSpousesAboard\":1,\"parentsOrChildrenAboard\":0,"          \
    "\"fare\":null}"

static void rows_are_the_same_in_every_type(void **state)
{
    (void)state;
    new_result(9);
    put_passenger(0, "Ada");
    put_passenger(1, "Zo\xc3\xab \"Z\", II");
    struct selection all = select_fields(&passengers_resource, NULL);
    assert_rows(&all, ACCEPT_JSON,
                "{\"items\":[" OBJECT("true", "Ada") "," OBJECT("false", "Zo\xc3\xab \\\"Z\\\", II"));
    assert_rows(&all, ACCEPT_NDJSON,
                OBJECT("true", "Ada") "\n" OBJECT("false", "Zo\xc3\xab \\\"Z\\\", II") "\n");
    assert_rows(&all, ACCEPT_CSV,
                NAMES UUID ",true,3,Ada,female,22,1,0,\r\n" UUID
                           ",false,3,\"Zo\xc3\xab \"\"Z\"\", II\",female,22,1,0,\r\n");
    free_result();
}

static void only_the_fields_that_were_asked_for_are_shown_in_their_order(void **state)
{
    (void)state;
    new_result(9);
    put_passenger(0, "Ada");
    put_passenger(1, "Bea");
    struct selection some = select_fields(&passengers_resource, (const int[]){8, 3, 0, -1});
    assert_rows(&some, ACCEPT_JSON,
                "{\"items\":[{\"fare\":null,\"name\":\"Ada\",\"uuid\":\"" UUID
                "\"},{\"fare\":null,\"name\":\"Bea\",\"uuid\":\"" UUID "\"}");
    assert_rows(&some, ACCEPT_NDJSON,
                "{\"fare\":null,\"name\":\"Ada\",\"uuid\":\"" UUID
                "\"}\n{\"fare\":null,\"name\":\"Bea\",\"uuid\":\"" UUID "\"}\n");
    assert_rows(&some, ACCEPT_CSV, "fare,name,uuid\r\n,Ada," UUID "\r\n,Bea," UUID "\r\n");
    free_result();
}

static void times_are_those_of_rfc_3339(void **state)
{
    (void)state;
    new_result(6);
    put(0, 1, "\0\0\0\0\0\0\0\7", 8);
    struct selection time = select_fields(&employees_resource, (const int[]){1, -1});
    assert_rows(&time, ACCEPT_JSON, "{\"items\":[{\"created_at\":\"2000-01-01T00:00:00.000007Z\"}");
    assert_rows(&time, ACCEPT_CSV, "created_at\r\n2000-01-01T00:00:00.000007Z\r\n");
    free_result();
}

static void csv_has_quotes_where_they_are_needed(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", "\"\""},
        {"plain", "plain"},
        {"plain, but", "\"plain, but\""},
        {"\"", "\"\"\"\""},
        {"a long text, with a comma in its eight bytes", "\"a long text, with a comma in its eight bytes\""},
        {"sixteen bytes or\n", "\"sixteen bytes or\n\""},
        {"eight by\rtes", "\"eight by\rtes\""},
        {"line\r\nline", "\"line\r\nline\""},
        {" before", "\" before\""},
        {"behind ", "\"behind \""},
        {" ", "\" \""},
        {"in side", "in side"},
        {"\xc3\xa4,\xe2\x82\xac", "\"\xc3\xa4,\xe2\x82\xac\""},
        {"\xc3\xa4\xc3\xac\xc2\xa2\xc2\x8c\xc2\x8d", "\xc3\xa4\xc3\xac\xc2\xa2\xc2\x8c\xc2\x8d"},
        {"NULL;'\t|", "NULL;'\t|"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char expected[100];
        new_result(9);
        put(0, 3, cases[i].text, (int)strlen(cases[i].text));
        struct selection name = select_fields(&passengers_resource, (const int[]){3, 8, -1});
        put(0, 8, NULL, -1);
        snprintf(expected, sizeof expected, "name,fare\r\n%s,\r\n", cases[i].expected);
        assert_rows(&name, ACCEPT_CSV, expected);
        free_result();
    }
}

static void no_rows_are_a_header_at_most(void **state)
{
    (void)state;
    new_result(9);
    struct selection all = select_fields(&passengers_resource, NULL);
    assert_rows(&all, ACCEPT_JSON, "{\"items\":[");
    assert_rows(&all, ACCEPT_NDJSON, "");
    assert_rows(&all, ACCEPT_CSV, NAMES);
    free_result();
}

static void memory_that_runs_out_leaves_a_failed_buffer(void **state)
{
    char text[3000];
    (void)state;
    memset(text, ',', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (enum accept_type type = 0; type < ACCEPT_TYPES; type++) {
        new_result(9);
        put_passenger(0, text);
        struct selection all = select_fields(&passengers_resource, NULL);
        for (int n = 1;; n++) {
            struct buffer out;
            buffer_init(&out);
            inject_at("realloc", n, ENOMEM);
            representation_begin(&all, type, &out);
            representation_row(&all, type, &result, 0, true, &out);
            int failures = inject_off();
            assert_int_equal(out.failed, failures > 0);
            buffer_free(&out);
            if (failures == 0) {
                assert_true(n > 2);
                break;
            }
        }
        free_result();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_same_in_every_type),
        cmocka_unit_test(only_the_fields_that_were_asked_for_are_shown_in_their_order),
        cmocka_unit_test(times_are_those_of_rfc_3339),
        cmocka_unit_test(csv_has_quotes_where_they_are_needed),
        cmocka_unit_test(no_rows_are_a_header_at_most),
        cmocka_unit_test(memory_that_runs_out_leaves_a_failed_buffer),
    };
    return cmocka_run_group_tests_name("representation", tests, start, stop);
}
