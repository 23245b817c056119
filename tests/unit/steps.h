#ifndef PURSER_TESTS_STEPS_H
#define PURSER_TESTS_STEPS_H

/*
 * A request of every kind to a captive worker, what it does to the tables, and whether an answer is a right
 * one though something failed meanwhile. Include it after captive.h.
 */

#define JSON   "application/json"
#define PERSON "00000000-0000-7000-8000-000000000001"
#define ADA    "00000000-0000-7000-8000-0000000000a1"
#define NEW    "00000000-0000-7000-8000-0000000000f1"
#define KEY    "HTTP_IDEMPOTENCY_KEY", "once"
#define PASSENGER                                                                                            \
    "{\"survived\":true,\"passengerClass\":1,\"name\":\"New\",\"sex\":\"female\",\"age\":30.5,"              \
    "\"siblingsOrSpousesAboard\":0,\"parentsOrChildrenAboard\":1,\"fare\":7.25}"
#define ROW(name) "{\"name\":\"" name "\",\"age\":30,\"email\":\"" name "@x.org\"}"

#define ASK(method, uri, status, ...)               {method, uri, NULL, NULL, status, {__VA_ARGS__}, false}
#define SEND(method, uri, type, body, status, ...)  {method, uri, type, body, status, {__VA_ARGS__}, false}
#define AGAIN(method, uri, type, body, status, ...) {method, uri, type, body, status, {__VA_ARGS__}, true}

static const struct step {
    const char *method, *uri, *type, *body;
    int status;
    const char *params[6];
    bool again; /* it was done before */
} steps[] = {
    ASK("GET", "/passengerlist", 200, NULL),
    ASK("GET", "/getpassenger/" PERSON, 200, NULL),
    SEND("POST", "/postpassenger", JSON, PASSENGER, 200, NULL),
    SEND("PUT", "/putpassenger/" PERSON, JSON, PASSENGER, 200, NULL),
    ASK("DELETE", "/deletepassenger/" PERSON, 200, NULL),
    ASK("GET", "/employees/get", 200, NULL),
    ASK("GET", "/employees/get/ada@x.org", 200, NULL),
    SEND("POST", "/employees/add", JSON, ROW("new"), 201, NULL),
    SEND("POST", "/employees/add", JSON, ROW("ada"), 409, NULL),
    SEND("PATCH", "/employees/update/ada@x.org", JSON, "{\"age\":40}", 200, NULL),
    ASK("DELETE", "/employees/delete/ada@x.org", 204, NULL),
    ASK("GET", "/v1/passengers?limit=3&order=-age,name&sex=eq.male&q=person", 200, "HTTP_PREFER",
        "count=exact"),
    ASK("GET", "/v1/passengers?fields=name,fare&fare=gte.7", 200, "HTTP_ACCEPT", "text/csv"),
    ASK("GET", "/v1/employees", 200, "HTTP_ACCEPT", "application/x-ndjson"),
    ASK("GET", "/v1/passengers/stats?by=sex", 200, NULL),
    ASK("GET", "/v1/employees/" ADA, 200, NULL),
    ASK("GET", "/v1/employees/" ADA, 304, "HTTP_IF_NONE_MATCH", "*"),
    ASK("GET", "/v1/employees/" NEW, 404, NULL),
    SEND("POST", "/v1/employees", JSON, ROW("new"), 201, KEY),
    AGAIN("POST", "/v1/employees", JSON, ROW("new"), 201, KEY),
    SEND("POST", "/v1/employees", JSON, "[" ROW("new") "," ROW("newer") "]", 201, KEY),
    SEND("POST", "/v1/employees", "text/csv", "name,age,email\nNew,1,new@x.org\nAda,2,ada@x.org\n", 200,
         "HTTP_PREFER", "resolution=merge-duplicates"),
    SEND("POST", "/v1/employees", "application/x-ndjson", ROW("new") "\n" ROW("ada") "\n", 200, "HTTP_PREFER",
         "resolution=ignore-duplicates"),
    SEND("PATCH", "/v1/employees", JSON, "[{\"id\":\"" ADA "\",\"age\":41}]", 200, NULL),
    SEND("PUT", "/v1/employees/" NEW, JSON, ROW("new"), 201, "HTTP_IF_NONE_MATCH", "*"),
    SEND("PATCH", "/v1/employees/" ADA, "application/merge-patch+json", "{\"age\":42}", 200, NULL),
    ASK("DELETE", "/v1/employees/" ADA, 412, "HTTP_IF_MATCH", "\"7\""),
    ASK("DELETE", "/v1/employees/" ADA, 204, NULL),
    SEND("POST", "/v1/employees", JSON, "{\"name\":[1],\"age\":1.5,\"email\":true,\"no\":{}}", 422, NULL),
    SEND("POST", "/v1/employees", JSON, "{\"name\":", 400, NULL),
    SEND("POST", "/v1/employees", JSON, NULL, 422, NULL), /* with a body that is longer than the feed */
    SEND("POST", "/employees/get", JSON, "{}", 405, NULL),
    ASK("OPTIONS", "/v1/employees", 204, NULL),
    ASK("GET", "/nowhere", 404, NULL),
    ASK("GET", "/problems/not-found", 200, NULL),
    ASK("GET", "/readyz", 200, NULL),
};

/* What a step does to the tables when all is well, and what it answers then. */
static struct expected {
    char before[2000], after[2000];
    struct buffer body;
} expected[COUNT(steps)];

/* More than a socket takes at once. */
static void fill(void)
{
    postgres_sql("TRUNCATE passengers, employees, ledger");
    postgres_sql(
        "INSERT INTO passengers (uuid, survived, passenger_class, name, sex, age,"
        " siblings_or_spouses_aboard, parents_or_children_aboard, fare)"
        " SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, i %% 2 = 0, i %% 3 + 1,"
        " concat('Person ', i, repeat(' of many', 15)), CASE WHEN i %% 2 = 0 THEN 'male' ELSE 'female' END, "
        "i %% 80, 0, 0, i %% 30"
        " FROM generate_series(1, 3300) AS i; ANALYZE passengers");
}

static void reset(void)
{
    postgres_sql(
        "BEGIN; DELETE FROM ledger; DELETE FROM employees;"
        " DELETE FROM passengers WHERE uuid > '0000000f-0000-7000-8000-000000000000' OR uuid = '" PERSON "';"
        " INSERT INTO passengers (uuid, survived, passenger_class, name, sex, age,"
        " siblings_or_spouses_aboard, parents_or_children_aboard, fare)"
        " VALUES ('" PERSON "', false, 2, 'Person 1', 'female', 1, 0, 0, 1);"
        " INSERT INTO employees (id, name, age, email, created_at, updated_at) VALUES"
        " ('" ADA "', 'Ada', 36, 'ada@x.org', '2025-01-01', '2025-01-01'),"
        " ('00000000-0000-7000-8000-0000000000b1', 'Bob', 37, 'bob@x.org', '2025-01-01', '2025-01-01');"
        " COMMIT");
}

/* All that a step can have changed. */
static const char *tables(void)
{
    return postgres_sql(
        "SELECT concat_ws('; ', (SELECT string_agg(concat_ws(' ', id, name, age, email, least(version, 9)), "
        "', ' ORDER BY id)"
        " FROM employees), (SELECT string_agg(concat_ws(' ', uuid, name, age, fare, least(version, 9)), ', ' "
        "ORDER BY uuid)"
        " FROM passengers WHERE uuid > '0000000f-0000-7000-8000-000000000000' OR uuid = '" PERSON "'),"
        " (SELECT count(*) FROM ledger))");
}

static struct peer peer = {.fd = -1}; /* a connection that is kept, as nginx does it */

static void send_step(const struct step *step)
{
    static char large[96 * 1024];
    struct buffer message;
    const char *body = step->body;
    if (step->type != NULL && body == NULL) {
        int length = snprintf(large, sizeof large, "{\"name\":\"%*s\"}", (int)sizeof large - 20, "");
        assert_in_range(length, 70000, sizeof large - 1);
        body = large;
    }
    buffer_init(&message);
    peer_request_with(&message, step->method, step->uri, step->type, body, body != NULL ? strlen(body) : 0,
                      step->params);
    peer_send(&peer, message.bytes, message.length);
    buffer_free(&message);
}

/* The times in an answer are those of the moment. */
static void forget_times(struct buffer *body)
{
    for (char *at = body->bytes; at != NULL && (at = strstr(at, "_at\":\"")) != NULL;)
        for (at += 6; *at != '\0' && *at != '"'; at++)
            *at = '#';
}

static struct peer_answer do_step(const struct step *step)
{
    send_step(step);
    struct peer_answer answer = captive_take_answer(&peer);
    forget_times(&answer.body);
    return answer;
}

static bool changes(const struct step *step)
{
    return strcmp(step->method, "GET") != 0;
}

/* A connection, and the tables as they are before a step. */
static void prepare_step(const struct step *step)
{
    if (peer.fd >= 0)
        peer_receive(&peer, 1);
    if (peer.fd < 0 || peer.closed) {
        peer_close(&peer);
        peer_connect(&peer, captive.path);
        assert_true(captive_settle());
    }
    if (changes(step))
        reset();
    if (step->again) {
        struct peer_answer answer = do_step(step);
        assert_int_equal(answer.status, step->status);
        peer_free_answer(&answer);
        assert_true(captive_settle());
    }
}

/* What it is to be: nothing fails yet. */
static void look_at_step(size_t i)
{
    const struct step *step = &steps[i];
    reset();
    prepare_step(step);
    snprintf(expected[i].before, sizeof expected[i].before, "%s", tables());
    struct peer_answer answer = do_step(step);
    if (answer.status != step->status)
        fail_msg("%s %s: %d %s", step->method, step->uri, answer.status, answer.body.bytes);
    assert_true(captive_settle());
    buffer_free(&expected[i].body);
    expected[i].body = answer.body;
    answer.body = (struct buffer){0};
    peer_free_answer(&answer);
    snprintf(expected[i].after, sizeof expected[i].after, "%s", tables());
}

/* What is wrong with the answer to a step one of whose calls failed, or NULL. */
static const char *judge(size_t i, const struct peer_answer *answer)
{
    static char wrong[800];
    const char *is = changes(&steps[i]) ? tables() : expected[i].after;
    bool done = strcmp(is, expected[i].after) == 0, undone = strcmp(is, expected[i].before) == 0;
    int status = answer->status;
    const char *body = answer->body.bytes != NULL ? answer->body.bytes : "";
    if (status == -1)
        return "there is no answer";
    bool nothing = status >= 500 && strstr(body, "nothing was changed") != NULL;
    if (status == steps[i].status ? done && answer->body.length == expected[i].body.length &&
                                        memcmp(body, expected[i].body.bytes, answer->body.length) == 0
                                  : (status == 0 || status >= 500) && (undone || (done && !nothing)))
        return NULL;
    snprintf(wrong, sizeof wrong, "%d %.150s, not %.150s; the tables: %.200s", status, body,
             expected[i].body.bytes, is);
    return wrong;
}

#endif
