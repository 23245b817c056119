// wrap: malloc calloc realloc PQconnectdbParams PQpingParams PQexec PQexecParams PQputCopyData PQputCopyEnd PQgetResult
/* The commands that run once: whatever fails, the database has all of their work or none, and they say which.
 */

#include "import.h"
#include "migrate.h"
#include "passengers.h"

#include "inject.h"
#include "postgres.h"
#include "unit.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <unistd.h>

INJECT_MEMORY
INJECT_POINTER(PGconn *, PQconnectdbParams,
               (const char *const *keywords, const char *const *values, int expand),
               (keywords, values, expand))
INJECT(PGPing, PQpingParams, (const char *const *keywords, const char *const *values, int expand),
       (keywords, values, expand), PQPING_NO_ATTEMPT)
INJECT_POINTER(PGresult *, PQexec, (PGconn * session, const char *sql), (session, sql))
INJECT_POINTER(PGresult *, PQexecParams,
               (PGconn * session, const char *sql, int count, const Oid *types, const char *const *values,
                const int *lengths, const int *formats, int format),
               (session, sql, count, types, values, lengths, formats, format))
INJECT_INT(int, PQputCopyData, (PGconn * session, const char *bytes, int length), (session, bytes, length))
INJECT_INT(int, PQputCopyEnd, (PGconn * session, const char *reason), (session, reason))
INJECT_POINTER(PGresult *, PQgetResult, (PGconn * session), (session))

static const char *const calls[] = {"malloc",     "calloc",       "realloc",       "PQconnectdbParams",
                                    "PQexec",     "PQexecParams", "PQputCopyData", "PQputCopyEnd",
                                    "PQgetResult"};

static char path[64];

static int open_all(void **state)
{
    snprintf(path, sizeof path, "/tmp/purser-import-%d.csv", (int)getpid());
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return -1;
    fputs("Survived,Pclass,Name,Sex,Age,Siblings_Spouses_Aboard,Parents_Children_Aboard,Fare\n", file);
    for (int i = 0; i < 50; i++)
        fprintf(file, "1,%d,\"Person, number %d\",male,,0,0,7.25\n", i % 3 + 1, i);
    return fclose(file) == 0 ? postgres_open(state) : -1;
}

static int close_all(void **state)
{
    unlink(path);
    return postgres_close(state);
}

static void assert_whole_or_not_there(bool if_empty)
{
    for (size_t i = 0; i < COUNT(calls); i++)
        for (int n = 1;; n++) {
            postgres_sql("TRUNCATE passengers");
            inject_at(calls[i], n, ENOMEM);
            int code = import_run(&passengers_resource, path, if_empty);
            int failures = inject_off();
            long rows = postgres_number("SELECT count(*) FROM passengers");
            if (rows != (code == 0 ? 50 : 0))
                fail_msg("%s failed at call %d: exit code %d, %ld rows", calls[i], n, code, rows);
            if (failures == 0) {
                assert_int_equal(code, 0);
                break;
            }
        }
}

static void an_import_is_whole_or_not_there(void **state)
{
    (void)state;
    assert_whole_or_not_there(false);
}

static void an_import_into_an_empty_table_is_too(void **state)
{
    (void)state;
    assert_whole_or_not_there(true);
}

static void a_migration_that_fails_is_made_up_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(calls); i++)
        for (int n = 1;; n++) {
            postgres_sql("DROP TABLE IF EXISTS passengers, employees, ledger, purser_migrations");
            inject_at(calls[i], n, ENOMEM);
            int code = migrate_run();
            int failures = inject_off();
            if (code == 0) /* then it has done all there is */
                assert_int_equal(postgres_number("SELECT count(*) FROM purser_migrations"), 4);
            assert_int_equal(migrate_run(), 0);
            assert_int_equal(postgres_number("SELECT count(*) FROM purser_migrations"), 4);
            assert_int_equal(postgres_number("SELECT count(*) FROM passengers, employees, ledger"), 0);
            if (failures == 0) {
                assert_int_equal(code, 0);
                break;
            }
        }
}

static void a_connection_cut_in_the_middle_leaves_nothing(void **state)
{
    (void)state;
    postgres_sql("TRUNCATE passengers");
    postgres_sql("CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS"
                 " $$BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END$$");
    postgres_sql("CREATE TRIGGER cut BEFORE INSERT ON passengers FOR EACH ROW EXECUTE FUNCTION cut()");
    assert_int_equal(import_run(&passengers_resource, path, false), 1);
    postgres_sql("DROP TRIGGER cut ON passengers");
    assert_int_equal(postgres_number("SELECT count(*) FROM passengers"), 0);
    assert_int_equal(import_run(&passengers_resource, path, false), 0);
    assert_int_equal(postgres_number("SELECT count(*) FROM passengers"), 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_import_is_whole_or_not_there),
        cmocka_unit_test(an_import_into_an_empty_table_is_too),
        cmocka_unit_test(a_connection_cut_in_the_middle_leaves_nothing),
        cmocka_unit_test(a_migration_that_fails_is_made_up_for),
    };
    return cmocka_run_group_tests_name("commands", tests, open_all, close_all);
}
