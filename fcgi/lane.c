#include "lane.h"

#include "arena.h"
#include "config.h"
#include "hosts.h"
#include "log.h"
#include "repeats.h"
#include "schema.h"
#include "uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_FIRST_MS 20
#define RETRY_MOST_MS  500 /* so that the service is back within a second of its database */

/*
 * For one attempt. Where there are other hosts, the next one's turn comes soon; when all have had theirs in
 * vain, each gets more time: it may just be busy.
 */
#define CONNECT_MS       5000
#define CONNECT_FIRST_MS 1000

#define SET_UP_MS 5000

#define OLDEST_SERVER 140000

enum state { AWAY, CHECKING, PREPARING, READY };

struct lane {
    struct loop *loop;
    struct lane_options options;
    const struct lane_handler *handler;
    void *cookie;
    struct pipeline *pipeline;
    enum state state;
    struct loop_timer retry;
    uint64_t retry_ms;
    struct loop_timer patience; /* with the set-up */
    unsigned turn;              /* which host is tried first */
    unsigned failures;          /* attempts in vain since it was ready */
    struct repeats repeats;     /* what lane_query was asked */
    void *refused;    /* the tag of a query whose SQL was refused: the result behind that says nothing new */
    char fault[160];  /* for clients; "" when ready */
    char logged[512]; /* what was logged last about not being ready, so that it is said once */
};

/* ---- not ready, and why ---- */

static void note_fault(struct lane *lane, const char *fault, const char *reason)
{
    snprintf(lane->fault, sizeof lane->fault, "%s", fault);
    if (strcmp(lane->logged, reason) == 0)
        return;
    snprintf(lane->logged, sizeof lane->logged, "%s", reason);
    log_line(LOG_LEVEL_WARN, fault, "reason", reason, LOG_END);
}

static uint64_t connect_time(const struct lane *lane, unsigned hosts)
{
    uint64_t time = CONNECT_FIRST_MS;
    for (unsigned rounds = lane->failures / hosts; rounds > 0 && time < CONNECT_MS; rounds--)
        time *= 2;
    return hosts == 1 || time > CONNECT_MS ? CONNECT_MS : time;
}

static void callback_retry(void *cookie)
{
    struct lane *lane = cookie;
    struct arena arena;
    struct config_connection connection;
    char fault[CONFIG_FAULT_BYTES];
    arena_init(&arena);
    if (config_connection(&connection, &arena, fault) == 0) {
        int hosts = hosts_prepare(&connection, &arena, lane->turn);
        pipeline_connect(lane->pipeline, connection.keywords, connection.values,
                         connect_time(lane, (unsigned)hosts));
    } else {
        note_fault(lane, "The database can't be reached.", fault);
        loop_timer_set(lane->loop, &lane->retry, RETRY_MOST_MS);
    }
    arena_free(&arena);
}

/* Back off with jitter: many workers lose one database at the same moment. */
static void retry_later(struct lane *lane)
{
    uint8_t random[16] = {0};
    uuid_entropy(random);
    uint64_t wait = lane->retry_ms / 2 + (uint64_t)random[0] * lane->retry_ms / 512;
    loop_timer_set(lane->loop, &lane->retry, wait);
    lane->retry_ms = lane->retry_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : lane->retry_ms * 2;
}

static void callback_down(void *cookie, const char *reason)
{
    struct lane *lane = cookie;
    bool was_ready = lane->state == READY;
    bool unfit = (lane->state == CHECKING || lane->state == PREPARING) && lane->fault[0] != '\0';
    lane->state = AWAY;
    if (!was_ready) {
        lane->turn++;
        lane->failures++;
    }
    loop_timer_clear(lane->loop, &lane->patience);
    lane->refused = NULL;
    repeats_clear(&lane->repeats);
    if (!unfit)
        note_fault(lane, "The database can't be reached.", reason);
    retry_later(lane);
    if (was_ready)
        lane->handler->down(lane->cookie);
}

/* ---- getting ready ---- */

static void refuse_schema(struct lane *lane, const char *fault)
{
    note_fault(lane, fault, fault);
    pipeline_drop(lane->pipeline, "the schema does not fit");
}

static void callback_patience(void *cookie)
{
    struct lane *lane = cookie;
    pipeline_drop(lane->pipeline, "PostgreSQL is silent");
}

static void callback_up(void *cookie)
{
    struct lane *lane = cookie;
    char sql[480];
    lane->state = CHECKING;
    lane->fault[0] = '\0';
    loop_timer_set(lane->loop, &lane->patience, SET_UP_MS);
    if (pipeline_server_version(lane->pipeline) < OLDEST_SERVER) {
        refuse_schema(lane, "The database server is older than PostgreSQL 14.");
        return;
    }
    snprintf(sql, sizeof sql,
             /* Prepared statements find rows by their index whatever the values: planning each time would
              * cost more than the work. What isn't prepared is planned for its values. */
             "SELECT set_config('plan_cache_mode', 'force_%s_plan', false),"
             " set_config('statement_timeout', '%llu', false),"
             " set_config('lock_timeout', '%llu', false),"
             " set_config('idle_in_transaction_session_timeout', '%llu', false)",
             lane->options.custom_plans ? "custom" : "generic",
             (unsigned long long)lane->options.statement_timeout_ms,
             (unsigned long long)lane->options.lock_timeout_ms,
             (unsigned long long)lane->options.statement_timeout_ms);
    pipeline_query(lane->pipeline, sql, NULL, 0, false, NULL);
    pipeline_query(lane->pipeline, schema_query, NULL, 0, false, lane);
    pipeline_sync(lane->pipeline);
}

static void prepare_statements(struct lane *lane)
{
    lane->state = PREPARING;
    for (const struct lane_statement *const *each = lane->options.statements; *each != NULL; each++)
        pipeline_prepare(lane->pipeline, (*each)->name, (*each)->sql, NULL);
    pipeline_sync(lane->pipeline);
}

/* What a failed statement of the set-up means. Class 42: a name that isn't there, or a right that is missing.
 */
static const char *describe_failure(const struct lane *lane, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (state == NULL || strncmp(state, "42", 2) != 0)
        return "The database can't be reached.";
    return lane->state == CHECKING ? "The database has no schema of this service."
                                   : "The database does not accept this build's statements.";
}

/* A result of the set-up: an error, a word of success, or the state of the schema. */
static void take_setup_result(struct lane *lane, PGresult *result, bool of_schema)
{
    ExecStatusType status = PQresultStatus(result);
    char fault[160];
    if (lane->fault[0] != '\0') {
        /* what follows the first fault says nothing new */
    } else if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        note_fault(lane, describe_failure(lane, result), PQresultErrorMessage(result));
        pipeline_drop(lane->pipeline, "the set-up failed");
    } else if (of_schema &&
               schema_fault(PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1), fault, sizeof fault)) {
        refuse_schema(lane, fault);
    }
    PQclear(result);
}

/* The result of preparing, or giving back, a query's SQL. That it was refused is the query's own result. */
static void take_repeat_result(struct lane *lane, struct repeat *repeat, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    void *tag = repeat != NULL ? repeat->tag : NULL;
    if (repeat != NULL && status != PGRES_COMMAND_OK)
        repeats_forget(repeat);
    if (tag == NULL || status == PGRES_COMMAND_OK || status == PGRES_PIPELINE_ABORTED) {
        PQclear(result);
        return;
    }
    lane->refused = tag;
    lane->handler->result(lane->cookie, tag, result);
}

static void take_result(struct lane *lane, void *tag, PGresult *result)
{
    if (tag == lane) {
        take_repeat_result(lane, NULL, result);
    } else if (tag != NULL && repeats_has(&lane->repeats, tag)) {
        take_repeat_result(lane, tag, result);
    } else if (tag != NULL && tag == lane->refused && PQresultStatus(result) == PGRES_PIPELINE_ABORTED) {
        lane->refused = NULL;
        PQclear(result);
    } else {
        lane->handler->result(lane->cookie, tag, result);
    }
}

static void callback_result(void *cookie, void *tag, PGresult *result)
{
    struct lane *lane = cookie;
    if (lane->state == READY)
        take_result(lane, tag, result);
    else
        take_setup_result(lane, result,
                          tag != NULL); /* of all that is sent, only the schema's query has a tag */
}

static void callback_synced(void *cookie, const PGresult *error)
{
    struct lane *lane = cookie;
    if (lane->state == READY) {
        lane->handler->synced(lane->cookie, error);
    } else if (lane->fault[0] != '\0') {
        return; /* given up already */
    } else if (lane->state == CHECKING) {
        prepare_statements(lane);
    } else {
        lane->state = READY;
        lane->retry_ms = RETRY_FIRST_MS;
        lane->failures = 0;
        loop_timer_clear(lane->loop, &lane->patience);
        if (lane->logged[0] != '\0')
            log_line(LOG_LEVEL_INFO, "database connection ready", LOG_END);
        lane->logged[0] = '\0';
        lane->handler->ready(lane->cookie);
    }
}

/* ---- the interface ---- */

static const struct pipeline_handler pipeline_callbacks = {
    .up = callback_up, .result = callback_result, .synced = callback_synced, .down = callback_down};

struct lane *lane_create(struct loop *loop, const struct lane_options *options,
                         const struct lane_handler *handler, void *cookie)
{
    struct lane *lane = calloc(1, sizeof *lane);
    if (lane == NULL)
        return NULL;
    lane->loop = loop;
    lane->options = *options;
    lane->handler = handler;
    lane->cookie = cookie;
    lane->retry_ms = RETRY_FIRST_MS;
    lane->retry = (struct loop_timer){.due = callback_retry, .cookie = lane};
    lane->patience = (struct loop_timer){.due = callback_patience, .cookie = lane};
    snprintf(lane->fault, sizeof lane->fault, "The database has not been reached yet.");
    lane->pipeline = pipeline_create(loop, &pipeline_callbacks, lane);
    if (lane->pipeline == NULL) {
        free(lane);
        return NULL;
    }
    loop_timer_set(loop, &lane->retry, 0);
    return lane;
}

void lane_free(struct lane *lane)
{
    if (lane == NULL)
        return;
    loop_timer_clear(lane->loop, &lane->retry);
    loop_timer_clear(lane->loop, &lane->patience);
    pipeline_free(lane->pipeline);
    repeats_clear(&lane->repeats);
    free(lane);
}

bool lane_ready(const struct lane *lane)
{
    return lane->state == READY;
}

const char *lane_fault(const struct lane *lane)
{
    if (lane->state == READY)
        return NULL;
    return lane->fault[0] != '\0' ? lane->fault : "The database connection is being set up.";
}

int lane_process(const struct lane *lane)
{
    return pipeline_process(lane->pipeline);
}

bool lane_same_server(const struct lane *lane, const struct lane *other)
{
    return pipeline_same_server(lane->pipeline, other->pipeline);
}

void lane_execute(struct lane *lane, const struct lane_statement *statement, const char *const *values,
                  int count, void *tag)
{
    pipeline_execute(lane->pipeline, statement->name, values, count, statement->binary, tag);
}

void lane_query(struct lane *lane, const char *sql, const char *const *values, int count, void *tag)
{
    char dropped[REPEATS_NAME_BYTES], drop[REPEATS_NAME_BYTES + 16];
    struct repeat *repeat = repeats_find(&lane->repeats, sql, dropped);
    if (dropped[0] != '\0') {
        snprintf(drop, sizeof drop, "DEALLOCATE %s", dropped);
        pipeline_query(lane->pipeline, drop, NULL, 0, false, lane);
    }
    if (repeat == NULL) {
        pipeline_query(lane->pipeline, sql, values, count, true, tag);
        return;
    }
    if (repeat->name[0] == '\0') {
        repeats_name(&lane->repeats, repeat);
        repeat->tag = tag;
        pipeline_prepare(lane->pipeline, repeat->name, sql, repeat);
    }
    pipeline_execute(lane->pipeline, repeat->name, values, count, true, tag);
}

void lane_sync(struct lane *lane)
{
    pipeline_sync(lane->pipeline);
}

void lane_drop(struct lane *lane, const char *reason)
{
    pipeline_drop(lane->pipeline, reason);
}

void lane_pass_over(struct lane *lane, const char *reason)
{
    lane->turn++;
    lane_drop(lane, reason);
}
