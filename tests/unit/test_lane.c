// wrap: clock_gettime
#include "lane.h"

#include "log.h"
#include "postgres.h"
#include "repeats.h"
#include "schema.h"
#include "unit.h"

#include "turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* The clock can be put forward. */
static time_t forward_s;

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = __real_clock_gettime(clock, now);
    now->tv_sec += forward_s;
    return result;
}

static const struct lane_statement settings = {
    .name = "settings",
    .sql = "SELECT concat_ws(' ', current_setting('statement_timeout'),"
           " current_setting('idle_in_transaction_session_timeout'))"};
static const struct lane_statement name_of = {.name = "name_of",
                                              .sql = "SELECT name FROM employees WHERE age = $1"};
static const struct lane_statement *const statements[] = {&settings, &name_of, NULL};

static struct loop *loop;
static struct lane *lane;
static char story[200]; /* r ready, + or - a result, | a Sync, v down */
static char value[200];

static void callback_ready(void *cookie)
{
    assert_ptr_equal(cookie, &lane);
    strcat(story, "r");
}

static void callback_result(void *cookie, void *tag, PGresult *result)
{
    assert_ptr_equal(cookie, &lane);
    assert_string_equal(tag, "tag");
    strcat(story, PQresultStatus(result) == PGRES_TUPLES_OK ? "+" : "-");
    if (PQntuples(result) > 0)
        snprintf(value, sizeof value, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
}

static void callback_synced(void *cookie, const PGresult *error)
{
    assert_ptr_equal(cookie, &lane);
    assert_null(error);
    strcat(story, "|");
}

static void callback_down(void *cookie)
{
    assert_ptr_equal(cookie, &lane);
    strcat(story, "v");
}

static const struct lane_handler handler = {
    .ready = callback_ready, .result = callback_result, .synced = callback_synced, .down = callback_down};

static int open_cluster(void **state)
{
    log_set_level(LOG_LEVEL_ERROR + 1);
    return postgres_open(state);
}

static int start(void **state)
{
    struct lane_options options = {.statements = statements, .statement_timeout_ms = 1234};
    (void)state;
    postgres_sql("ROLLBACK"); /* of a test that failed */
    story[0] = value[0] = '\0';
    forward_s = 0;
    loop = loop_create();
    lane = lane_create(loop, &options, &handler, &lane);
    return lane != NULL ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    lane_free(lane);
    loop_free(loop);
    return 0;
}

static bool is_ready(void *cookie)
{
    (void)cookie;
    return lane_ready(lane);
}

static bool has_fault(void *cookie)
{
    return !lane_ready(lane) && strcmp(lane_fault(lane), cookie) == 0;
}

static void wait_for_fault(const char *fault)
{
    if (!turn_until(loop, has_fault, (void *)(uintptr_t)fault))
        fail_msg("not \"%s\" but \"%s\"", fault, lane_fault(lane));
}

static void wait_until_ready(void)
{
    assert_true(turn_until(loop, is_ready, NULL));
    assert_null(lane_fault(lane));
}

static bool has_synced(void *cookie)
{
    (void)cookie;
    return strchr(story, '|') != NULL;
}

static bool is_down_and_up(void *cookie)
{
    (void)cookie;
    return strcmp(story, "vr") == 0;
}

/* ---- becoming ready ---- */

static void a_lane_becomes_ready_by_itself(void **state)
{
    (void)state;
    assert_false(lane_ready(lane));
    assert_string_equal(lane_fault(lane), "The database has not been reached yet.");
    wait_until_ready();
    assert_string_equal(story, "r");
}

static void its_session_is_set_up(void **state)
{
    (void)state;
    wait_until_ready();
    lane_execute(lane, &settings, NULL, 0, "tag");
    lane_sync(lane);
    assert_true(turn_until(loop, has_synced, NULL));
    assert_string_equal(story, "r+|");
    assert_string_equal(value, "1234ms 1234ms");
}

static void nothing_can_be_sent_before(void **state)
{
    (void)state;
    lane_execute(lane, &settings, NULL, 0, "tag");
    lane_sync(lane);
    wait_until_ready();
    assert_string_equal(story, "r");
}

/* ---- databases that are not as they should be ---- */

static void a_database_without_the_schema_is_told(void **state)
{
    (void)state;
    postgres_sql("ALTER TABLE purser_migrations RENAME TO away");
    wait_for_fault("The database has no schema of this service.");
    assert_string_equal(story, "");
    postgres_sql("ALTER TABLE away RENAME TO purser_migrations");
    wait_until_ready();
}

static void another_version_is_told(void **state)
{
    char fault[160];
    (void)state;
    postgres_sql("INSERT INTO purser_migrations VALUES (%d, 'next', 'x')", schema_migration_count + 1);
    snprintf(fault, sizeof fault, "The database's schema is at version %d, this build expects version %d.",
             schema_migration_count + 1, schema_migration_count);
    wait_for_fault(fault);
    postgres_sql("CREATE TABLE kept AS TABLE purser_migrations");
    postgres_sql("TRUNCATE purser_migrations");
    snprintf(fault, sizeof fault, "The database's schema is at version 0, this build expects version %d.",
             schema_migration_count);
    wait_for_fault(fault);
    postgres_sql("INSERT INTO purser_migrations SELECT * FROM kept WHERE version <= %d; DROP TABLE kept",
                 schema_migration_count);
    wait_until_ready();
    assert_string_equal(story, "r");
}

static void another_text_of_a_migration_is_told(void **state)
{
    (void)state;
    postgres_sql("UPDATE purser_migrations SET checksum = reverse(checksum) WHERE version = 2");
    wait_for_fault("Migration 2 of the database's schema is not the one that this build has.");
    postgres_sql("UPDATE purser_migrations SET checksum = reverse(checksum) WHERE version = 2");
    wait_until_ready();
}

static void statements_that_do_not_fit_are_told(void **state)
{
    (void)state;
    postgres_sql("ALTER TABLE employees RENAME TO away");
    wait_for_fault("The database does not accept this build's statements.");
    postgres_sql("ALTER TABLE away RENAME TO employees");
    wait_until_ready();
    assert_string_equal(story, "r");
}

static void a_connection_lost_while_the_schema_is_looked_at_is_no_missing_schema(void **state)
{
    (void)state;
    postgres_sql("BEGIN; LOCK TABLE purser_migrations");
    wait_for_fault("The database connection is being set up.");
    for (int i = 0; i < 20; i++)
        turn_once(loop);
    postgres_terminate();
    wait_for_fault("The database can't be reached.");
    postgres_sql("COMMIT");
    wait_until_ready();
}

/* ---- databases that are away ---- */

static void a_lane_that_falls_gets_up_again(void **state)
{
    (void)state;
    wait_until_ready();
    postgres_terminate();
    wait_for_fault("The database can't be reached.");
    wait_until_ready();
    assert_string_equal(story, "rvr");
}

static void a_lane_can_be_given_up(void **state)
{
    (void)state;
    wait_until_ready();
    lane_execute(lane, &settings, NULL, 0, "tag");
    lane_sync(lane);
    lane_drop(lane, "for the test");
    wait_for_fault("The database can't be reached.");
    wait_until_ready();
    assert_string_equal(story, "rvr");
}

static void a_server_that_is_away_is_waited_for(void **state)
{
    (void)state;
    postgres_stop();
    wait_for_fault("The database can't be reached.");
    assert_string_equal(story, "");
    postgres_start();
    wait_until_ready();
}

static void a_server_that_is_silent_while_it_is_set_up_is_given_up(void **state)
{
    (void)state;
    postgres_sql("BEGIN; LOCK TABLE purser_migrations");
    wait_for_fault("The database connection is being set up.");
    turn_once(loop);
    forward_s = 6;
    wait_for_fault("The database can't be reached.");
    postgres_sql("COMMIT");
    wait_until_ready();
}

/* ---- several hosts ---- */

static char mute[] =
    "/tmp/purser-mute-XXXXXX"; /* a directory with a socket that takes connections, no more */
static char kept_url[300];
static int listener;

static int start_with_a_mute_host(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(mute + sizeof mute - 7, "XXXXXX");
    if (mkdtemp(mute) == NULL)
        return -1;
    snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.5432", mute);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 100) != 0)
        return -1;
    snprintf(kept_url, sizeof kept_url, "%s", getenv("DATABASE_URL"));
    return start(state);
}

static int stop_with_a_mute_host(void **state)
{
    char path[100];
    setenv("DATABASE_URL", kept_url, 1);
    close(listener);
    snprintf(path, sizeof path, "%s/.s.PGSQL.5432", mute);
    unlink(path);
    rmdir(mute);
    return stop(state);
}

static void use_hosts(const char *first, const char *second)
{
    char hosts[400];
    snprintf(hosts, sizeof hosts, "postgresql://postgres@/purser?host=%s,%s", first, second);
    setenv("DATABASE_URL", hosts, 1);
}

static void a_silent_host_leaves_the_next_one_its_turn(void **state)
{
    (void)state;
    use_hosts(mute, postgres_directory());
    wait_until_ready();
}

/* How often the mute host was tried since the last time. */
static int count_knocks(void)
{
    int knocks = 0;
    for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; knocks++)
        close(fd);
    return knocks;
}

static void the_host_that_was_good_is_tried_first_again(void **state)
{
    (void)state;
    use_hosts(mute, postgres_directory());
    wait_until_ready();
    assert_int_equal(count_knocks(), 1);
    story[0] = '\0';
    postgres_terminate();
    assert_true(turn_until(loop, is_down_and_up, NULL));
    assert_int_equal(count_knocks(), 0);
}

static void a_host_that_is_passed_over_is_tried_last(void **state)
{
    (void)state;
    wait_until_ready();
    use_hosts(postgres_directory(), mute);
    lane_pass_over(lane, "PostgreSQL is silent");
    wait_for_fault("The database can't be reached.");
    forward_s = 2; /* the mute one is tried, and its time is over */
    wait_until_ready();
}

/* ---- settings ---- */

static void settings_that_can_not_be_read_are_waited_for(void **state)
{
    char url[200];
    (void)state;
    snprintf(url, sizeof url, "%s", getenv("DATABASE_URL"));
    setenv("DATABASE_URL_FILE", "/tmp/purser-unit-nothing", 1);
    unsetenv("DATABASE_URL");
    wait_for_fault("The database can't be reached.");
    unsetenv("DATABASE_URL_FILE");
    setenv("DATABASE_URL", url, 1);
    wait_until_ready();
}

static void a_lane_can_be_freed_at_any_time(void **state)
{
    for (int turns = 0; turns < 12; turns++) {
        for (int i = 0; i < turns; i++)
            turn_once(loop);
        stop(state);
        start(state);
    }
    lane_free(NULL);
}

/* ---- SQL that isn't prepared until it comes again ---- */

/* Ask, and wait for what comes of it: one result, and the Sync. */
static void ask(const char *sql, const char *parameter, const char *expected_story)
{
    const char *const values[] = {parameter};
    story[0] = value[0] = '\0';
    lane_query(lane, sql, values, parameter != NULL, "tag");
    lane_sync(lane);
    assert_true(turn_until(loop, has_synced, NULL));
    if (strcmp(story, expected_story) != 0)
        fail_msg("%s: %s", sql, story);
}

static long count_prepared(void)
{
    ask("SELECT count(*)::text FROM pg_prepared_statements WHERE name LIKE 'again%'", NULL, "+|");
    return strtol(value, NULL, 10);
}

static void sql_that_comes_again_is_prepared(void **state)
{
    (void)state;
    wait_until_ready();
    ask("SELECT $1::text || '!'", "a", "+|");
    assert_int_equal(count_prepared(), 0);
    for (int i = 0; i < 3; i++) {
        ask("SELECT $1::text || '!'", i == 1 ? "b" : "c", "+|");
        assert_string_equal(value, i == 1 ? "b!" : "c!");
        assert_int_equal(count_prepared(), 2); /* with the question itself */
    }
}

static void only_so_many_are_kept(void **state)
{
    char sql[40];
    (void)state;
    wait_until_ready();
    for (int i = 0; i < 2 * REPEATS_KEPT; i++)
        for (int j = 0; j < 2; j++) {
            snprintf(sql, sizeof sql, "SELECT 'number %d'", i);
            ask(sql, NULL, "+|");
            snprintf(sql, sizeof sql, "number %d", i);
            assert_string_equal(value, sql);
        }
    count_prepared();
    assert_int_equal(count_prepared(), REPEATS_KEPT);
}

static void long_sql_is_not_kept(void **state)
{
    static char sql[REPEATS_SQL_BYTES + 20];
    (void)state;
    wait_until_ready();
    snprintf(sql, sizeof sql, "SELECT 'x'%*s", REPEATS_SQL_BYTES, "");
    for (int i = 0; i < 3; i++)
        ask(sql, NULL, "+|");
    assert_int_equal(count_prepared(), 0);
}

static void sql_that_is_refused_is_told_once_each_time(void **state)
{
    static const char *const refused[] = {"SELECT nothing FROM nowhere", "SELECT 1 / $1::int"};
    (void)state;
    wait_until_ready();
    for (size_t i = 0; i < COUNT(refused); i++)
        for (int j = 0; j < 4; j++)
            ask(refused[i], i == 1 ? "0" : NULL, "-|");
    ask("SELECT 'well'", NULL, "+|");
    assert_string_equal(value, "well");
}

static void another_connection_knows_of_none(void **state)
{
    (void)state;
    wait_until_ready();
    for (int i = 0; i < 3; i++)
        ask("SELECT $1::text", "before", "+|");
    postgres_terminate();
    story[0] = '\0';
    assert_true(turn_until(loop, is_down_and_up, NULL));
    for (int i = 0; i < 3; i++)
        ask("SELECT $1::text", "after", "+|");
    assert_string_equal(value, "after");
}

#define EACH(test)      cmocka_unit_test_setup_teardown(test, start, stop)
#define WITH_MUTE(test) cmocka_unit_test_setup_teardown(test, start_with_a_mute_host, stop_with_a_mute_host)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_lane_becomes_ready_by_itself),
        EACH(its_session_is_set_up),
        EACH(nothing_can_be_sent_before),
        EACH(a_database_without_the_schema_is_told),
        EACH(another_version_is_told),
        EACH(another_text_of_a_migration_is_told),
        EACH(statements_that_do_not_fit_are_told),
        EACH(a_connection_lost_while_the_schema_is_looked_at_is_no_missing_schema),
        EACH(a_lane_that_falls_gets_up_again),
        EACH(a_lane_can_be_given_up),
        EACH(a_server_that_is_away_is_waited_for),
        EACH(settings_that_can_not_be_read_are_waited_for),
        EACH(a_lane_can_be_freed_at_any_time),
        EACH(sql_that_comes_again_is_prepared),
        EACH(only_so_many_are_kept),
        EACH(long_sql_is_not_kept),
        EACH(sql_that_is_refused_is_told_once_each_time),
        EACH(another_connection_knows_of_none),
        EACH(a_server_that_is_silent_while_it_is_set_up_is_given_up),
        WITH_MUTE(a_silent_host_leaves_the_next_one_its_turn),
        WITH_MUTE(the_host_that_was_good_is_tried_first_again),
        WITH_MUTE(a_host_that_is_passed_over_is_tried_last),
    };
    return cmocka_run_group_tests_name("lane", tests, open_cluster, postgres_close);
}
