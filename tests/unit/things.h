#ifndef PURSER_TESTS_THINGS_H
#define PURSER_TESTS_THINGS_H

/* A table of things, statements of every kind on it, and a crowd of queries that run them. Include it after
 * unit.h. */

#include "ask.h"
#include "log.h"
#include "postgres.h"

static const struct database_statement echo = {.text = {.name = "echo", .sql = "SELECT $1::text, $2::text"},
                                               .kind = DATABASE_READ};
static const struct database_statement divide = {.text = {.name = "divide", .sql = "SELECT 10 / $1::int"},
                                                 .kind = DATABASE_READ};
static const struct database_statement wait_for = {
    .text = {.name = "wait_for", .sql = "SELECT pg_sleep($1::float8)::text"}, .kind = DATABASE_READ};
static const struct database_statement backend = {
    .text = {.name = "backend", .sql = "SELECT pg_backend_pid(), now()"}, .kind = DATABASE_READ};
/* By id; the answer has the key behind the row. */
static const struct database_statement look_up = {
    .text = {.name = "look_up",
             .sql = "SELECT name, count, wanted.id::text"
                    " FROM unnest($1::int[]) AS wanted (id) JOIN things ON things.id = wanted.id"},
    .kind = DATABASE_LOOKUP,
    .key = 2};
static const struct database_statement insert = {
    .text = {.name = "insert",
             .sql = "INSERT INTO things (id, name, sender) SELECT i, n, txid_current()"
                    " FROM unnest($1::int[], $2::text[]) AS sent (i, n)"
                    " ON CONFLICT (id) DO UPDATE SET id = EXCLUDED.id RETURNING id, name, sender"},
    .kind = DATABASE_INSERT,
    .row = 2};
static const struct database_statement renamed = {
    .text = {.name = "renamed", .sql = "SELECT id, name, txid_current() FROM things WHERE id = $1"},
    .kind = DATABASE_WRITE};
static const struct database_statement rename_thing = {
    .text = {.name = "rename_thing", .sql = "UPDATE things SET name = $2 WHERE id = $1"},
    .kind = DATABASE_WRITE,
    .then = &renamed,
    .then_count = 1,
    .row = 1};
static const struct database_statement count_up = {
    .text = {.name = "count_up", .sql = "UPDATE things SET count = count + 1 WHERE id = $1 RETURNING count"},
    .kind = DATABASE_WRITE,
    .row = 1};
static const struct database_statement readers_patience = {
    .text = {.name = "readers_patience", .sql = "SELECT current_setting('lock_timeout')"},
    .kind = DATABASE_READ};
static const struct database_statement writers_patience = {
    .text = {.name = "writers_patience", .sql = "SELECT current_setting('lock_timeout')"},
    .kind = DATABASE_WRITE};
static const struct database_statement late_check = {
    .text = {.name = "late_check", .sql = "INSERT INTO late (id) SELECT unnest($1::int[]) RETURNING id"},
    .kind = DATABASE_INSERT};

static const struct database_statement *const statements[] = {
    &echo,         &divide,   &wait_for,         &backend,          &look_up,    &insert,
    &rename_thing, &count_up, &readers_patience, &writers_patience, &late_check, NULL};

#define PATIENCE_MS 4000

static struct loop *loop;
static struct database *database;
static struct ask asks[200];

/* ---- setting up ---- */

static inline int open_cluster(void **state)
{
    log_set_level(LOG_LEVEL_ERROR + 1);
    if (postgres_open(state) != 0)
        return -1;
    postgres_sql(
        "CREATE TABLE things (id int PRIMARY KEY, name text UNIQUE, sender bigint, count int DEFAULT 0,"
        " CONSTRAINT things_name_check CHECK (name <> 'bad'))");
    postgres_sql("CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
    return 0;
}

/* The database serves when it has a reader and a writer; here all connections are waited for. The last
 * statement that one prepares is late_check; its answer is read within a turn of the loop. */
static inline bool all_are_ready(void *cookie)
{
    static int turns;
    int count = *(const int *)cookie;
    if (!ask_serving(database) ||
        postgres_number(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'purser' AND state = 'idle'"
            " AND query LIKE 'INSERT INTO late%%'") < count)
        turns = 0;
    return turns++ > 2;
}

/* Writers wait `lock_ms` for a lock, then for their next turn; 0: for as long as it takes. */
static inline void create_with(int readers, int writers, uint64_t lock_ms)
{
    struct database_options options = {.readers = readers,
                                       .writers = writers,
                                       .deadline_ms = PATIENCE_MS,
                                       .lock_timeout_ms = lock_ms,
                                       .statements = statements};
    loop = loop_create();
    assert_non_null(loop);
    database = database_create(loop, &options);
}

static inline void create(int readers, int writers)
{
    create_with(readers, writers, 0);
}

static inline void prepare(void)
{
    memset(asks, 0, sizeof asks);
    postgres_sql("ROLLBACK"); /* of a test that failed */
    postgres_sql("TRUNCATE things, late");
}

static inline int start(void **state)
{
    (void)state;
    prepare();
    create(1, 2);
    return turn_until(loop, all_are_ready, &(int){3}) ? 0 : -1;
}

/* What was under way when the connections were closed is carried out all the same: let it end with this test.
 */
static inline int stop(void **state)
{
    (void)state;
    database_free(database);
    loop_free(loop);
    while (postgres_number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'purser'") > 0)
        ;
    return 0;
}

/* ---- asking ---- */

static char texts[COUNT(asks)][40];

/* Send number `i` with one or two values (NULL: none). */
static inline int send_with(int i, const struct database_statement *statement, const char *first,
                            const char *second, uint64_t milliseconds)
{
    asks[i].columns = statement == &echo ? 2 : statement == &insert || statement == &rename_thing ? 3 : 1;
    asks[i].values[0] = first;
    asks[i].values[1] = second;
    int count = first == NULL ? 0 : second == NULL ? 1 : 2;
    return ask_send(&asks[i], loop, database, statement, count, milliseconds);
}

/* When memory runs out it is sent once more: it runs out once. */
static inline void send_one(int i, const struct database_statement *statement, const char *first,
                            const char *second)
{
    if (send_with(i, statement, first, second, PATIENCE_MS) != 0)
        assert_int_equal(send_with(i, statement, first, second, PATIENCE_MS), 0);
}

/* A thing whose id and name are made of `i`. */
static inline void send_insert(int i, int id)
{
    snprintf(texts[i], sizeof texts[i], "%d%cthing %d", id, '\0', id);
    send_one(i, &insert, texts[i], texts[i] + strlen(texts[i]) + 1);
}

static inline bool first_are_answered(void *cookie)
{
    for (int i = 0; i < *(int *)cookie; i++)
        if (asks[i].answers == 0)
            return false;
    return true;
}

/* And let what may come twice come. */
static inline void wait_for_answers(int count)
{
    assert_true(turn_until(loop, first_are_answered, &count));
    turn_once(loop);
    for (int i = 0; i < count; i++)
        assert_int_equal(asks[i].answers, 1);
}

static inline bool waits_in_server(void *cookie)
{
    postgres_sql("SELECT pg_stat_clear_snapshot()"); /* a transaction sees the same activity all the time */
    return postgres_number(
               "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%%%s%%' AND state = 'active'"
               " AND pid <> pg_backend_pid() AND wait_event_type IN ('Lock', 'Timeout')",
               (const char *)cookie) > 0;
}

#define QUERY_OF(what) ((void *)(uintptr_t)(what))

#endif
