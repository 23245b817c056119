// wrap: malloc calloc realloc
/* GET of a collection: pages, and the stream of all rows. */

#include "page.h"

#include "employees.h"
#include "inject.h"
#include "log.h"
#include "passengers.h"
#include "postgres.h"
#include "selection.h"
#include "service.h"
#include "unit.h"

#include "ask.h"

#include <json-c/json.h>

INJECT_MEMORY

#define ROWS 9000 /* with their long names more than a socket takes, and several pages */

static struct loop *loop;
static struct database *database;
static struct service service;
static const struct route_table *const tables[] = {&passengers_routes, &employees_routes, NULL};
static const char *const as_csv[] = {"HTTP_ACCEPT", "text/csv", NULL};
static const char *const as_lines[] = {"HTTP_ACCEPT", "application/x-ndjson", NULL};
static const char *const counted[] = {"HTTP_PREFER", "count=exact", NULL};
static const char *const estimated[] = {"HTTP_PREFER", "count=estimated", NULL};

static int start(void **state)
{
    static const struct database_statement *statements[] = {NULL, NULL};
    log_set_level(LOG_LEVEL_ERROR + 1);
    if (postgres_open(state) != 0)
        return -1;
    assert_int_equal(resource_prepare(&passengers_resource), 0);
    assert_int_equal(resource_prepare(&employees_resource), 0);
    statements[0] = resource_statement(&passengers_resource, RESOURCE_GET);
    struct database_options options = {
        .readers = 1, .searchers = 1, .writers = 1, .deadline_ms = 4000, .statements = statements};
    loop = loop_create();
    database = database_create(loop, &options);
    service_open(&service, loop, database, tables);
    return turn_until(loop, ask_serving, database) ? 0 : -1;
}

static int stop(void **state)
{
    service_close(&service);
    database_free(database);
    resource_release(&passengers_resource);
    resource_release(&employees_resource);
    loop_free(loop);
    return postgres_close(state);
}

static void fill(int rows)
{
    postgres_sql("TRUNCATE passengers");
    postgres_sql(
        "INSERT INTO passengers SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, NULL, 1,"
        " rpad('Person', 150, 'x'), NULL, CASE WHEN n %% 3 = 0 THEN NULL ELSE n %% 50 END, 0, 0, n"
        " FROM generate_series(1, %d) AS n",
        rows);
    postgres_sql("ANALYZE passengers");
}

static struct peer_answer ask(const char *const *params, const char *method, const char *uri)
{
    service.params = params;
    struct peer_answer answer = service_ask(&service, method, uri, NULL, NULL);
    service.params = NULL;
    return answer;
}

static struct json_object *ask_json(const char *const *params, const char *uri)
{
    struct peer_answer answer = ask(params, "GET", uri);
    if (answer.status != 200)
        fail_msg("%s: %d %s", uri, answer.status, answer.body.bytes);
    assert_true(service_has_header(&answer, "Vary: Accept, Prefer"));
    assert_true(service_has_header(&answer, "Cache-Control: no-cache"));
    assert_true(service_has_header(&answer, "Content-Type: application/json"));
    struct json_object *page = json_tokener_parse(answer.body.bytes);
    assert_non_null(page);
    peer_free_answer(&answer);
    return page;
}

static int fare_of(struct json_object *page, size_t i)
{
    struct json_object *items = json_object_object_get(page, "items");
    return json_object_get_int(json_object_object_get(json_object_array_get_idx(items, i), "fare"));
}

static size_t length_of(struct json_object *page)
{
    return json_object_array_length(json_object_object_get(page, "items"));
}

/* ---- pages ---- */

static void pages_lead_to_one_another(void **state)
{
    char uri[300] = "/v1/passengers?limit=50";
    int seen = 0, pages = 0;
    (void)state;
    fill(220);
    for (bool more = true; more; pages++) {
        struct json_object *page = ask_json(NULL, uri);
        for (size_t i = 0; i < length_of(page); i++)
            assert_int_equal(fare_of(page, i), ++seen);
        const char *next = json_object_get_string(json_object_object_get(page, "next"));
        more = next != NULL;
        if (more)
            snprintf(uri, sizeof uri, "%s", next);
        json_object_put(page);
    }
    assert_int_equal(seen, 220);
    assert_int_equal(pages, 5);
}

static void a_full_last_page_has_no_next(void **state)
{
    static const char *const uris[] = {"/v1/passengers", "/v1/passengers?limit=50",
                                       "/v1/passengers?limit=51"};
    (void)state;
    fill(50);
    for (size_t i = 0; i < COUNT(uris); i++) {
        struct json_object *page = ask_json(NULL, uris[i]);
        assert_int_equal(length_of(page), 50);
        assert_null(json_object_object_get(page, "next"));
        assert_true(json_object_object_get_ex(page, "next", NULL));
        json_object_put(page);
    }
}

static void link_has_the_first_page_and_the_next(void **state)
{
    (void)state;
    fill(3);
    struct peer_answer answer = ask(as_csv, "GET", "/v1/passengers?order=-fare&limit=2");
    const char *link = strstr(answer.headers.bytes, "\r\nLink: ");
    assert_non_null(link);
    assert_non_null(strstr(link, "Link: </v1/passengers?order=-fare&limit=2>; rel=\"first\", "
                                 "</v1/passengers?order=-fare&limit=2&cursor="));
    assert_non_null(strstr(link, ">; rel=\"next\"\r\n"));
    peer_free_answer(&answer);
    answer = ask(as_csv, "GET", "/v1/passengers?limit=3");
    assert_true(service_has_header(&answer, "Link: </v1/passengers?limit=3>; rel=\"first\""));
    peer_free_answer(&answer);
}

static void addresses_that_nginx_has_no_room_for_are_refused(void **state)
{
    struct buffer uri;
    (void)state;
    fill(2);
    buffer_init(&uri);
    buffer_string(&uri, "/v1/passengers?limit=1&name=neq.");
    for (int i = 0; i < 2000; i++)
        buffer_string(&uri, "\xc3\xa4"); /* six bytes where it is encoded */
    buffer_append(&uri, "", 1);
    struct peer_answer answer = ask(NULL, "GET", uri.bytes);
    assert_int_equal(answer.status, 414);
    assert_memory_equal(answer.headers.bytes, "Status: 414 URI Too Long\r\n", 26);
    assert_non_null(strstr(answer.body.bytes, "/problems/uri-too-long"));
    peer_free_answer(&answer);
    buffer_free(&uri);
}

static void assert_total(const char *const *prefer, const char *uri, int total, const char *applied)
{
    service.params = prefer;
    struct peer_answer answer = service_ask(&service, "GET", uri, NULL, NULL);
    struct json_object *page = json_tokener_parse(answer.body.bytes), *said = NULL;
    assert_true(json_object_object_get_ex(page, "total", &said));
    assert_int_equal(json_object_get_int(said), total);
    assert_true(service_has_header(&answer, applied));
    json_object_put(page);
    peer_free_answer(&answer);
    service.params = NULL;
}

static void the_total_is_counted_when_it_is_asked_for(void **state)
{
    (void)state;
    fill(120);
    assert_total(counted, "/v1/passengers?limit=7", 120, "Preference-Applied: count=exact");
    assert_total(counted, "/v1/passengers?limit=7&fare=lte.30", 30, "Preference-Applied: count=exact");
    assert_total(counted, "/v1/passengers?fare=gt.1000", 0, "Preference-Applied: count=exact");
    assert_total(estimated, "/v1/passengers", 120, "Preference-Applied: count=estimated");
    struct json_object *page = ask_json(NULL, "/v1/passengers");
    assert_false(json_object_object_get_ex(page, "total", NULL));
    json_object_put(page);
}

/* It has no place for one. */
static void csv_has_no_total(void **state)
{
    static const char *const lenient[] = {"HTTP_ACCEPT", "text/csv", "HTTP_PREFER", "count=exact", NULL};
    static const char *const strict[] = {"HTTP_ACCEPT", "text/csv", "HTTP_PREFER",
                                         "count=exact, handling=strict", NULL};
    (void)state;
    struct peer_answer answer = ask(lenient, "GET", "/v1/passengers?limit=7");
    assert_int_equal(answer.status, 200);
    assert_null(strstr(answer.headers.bytes, "Preference-Applied"));
    peer_free_answer(&answer);
    answer = ask(strict, "GET", "/v1/passengers?limit=7");
    assert_int_equal(answer.status, 400);
    assert_non_null(strstr(answer.body.bytes, "{\"header\":\"Prefer\",\"detail\":\"has count,"));
    peer_free_answer(&answer);
}

static void head_is_get_without_the_body(void **state)
{
    static const char *const *const types[] = {NULL, as_csv, as_lines, counted};
    static const char *const uris[] = {"/v1/passengers?limit=10", "/v1/passengers"};
    (void)state;
    fill(ROWS);
    for (size_t i = 0; i < COUNT(types); i++)
        for (size_t j = 0; j < COUNT(uris); j++) {
            struct peer_answer get = ask(types[i], "GET", uris[j]), head = ask(types[i], "HEAD", uris[j]);
            assert_string_equal(head.headers.bytes, get.headers.bytes);
            assert_int_equal(head.status, 200);
            assert_true(get.body.length > 0);
            assert_int_equal(head.body.length, 0);
            peer_free_answer(&get);
            peer_free_answer(&head);
        }
}

/* ---- the stream ---- */

/* CSV of all rows whose fares (the last field) are first, first + step, … */
static bool is_whole(const struct peer_answer *answer, int rows, int first, int step)
{
    const char *at = answer->body.bytes, *end = at + answer->body.length, *line;
    if (strncmp(at, "uuid,", 5) != 0 || (at = strstr(at, "\r\n")) == NULL)
        return false;
    at += 2;
    for (int i = 0; i < rows; i++, at = line + 2) {
        line = memmem(at, (size_t)(end - at), "\r\n", 2); /* strstr takes long where a sanitizer looks on */
        if (line == NULL || line - at < 36 ||
            atoi((const char *)memrchr(at, ',', (size_t)(line - at)) + 1) != first + i * step)
            return false;
    }
    return at == end;
}

static void all_rows_are_streamed_however_many_there_are(void **state)
{
    static const int lengths[] = {
        0, 1, RESOURCE_FIRST_ROWS - 1, RESOURCE_FIRST_ROWS, RESOURCE_FIRST_ROWS + 1, 2999, 3000, 3001, ROWS};
    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        fill(lengths[i]);
        struct peer_answer answer = ask(as_csv, "GET", "/v1/passengers");
        assert_true(service_has_header(&answer, "Content-Type: text/csv; charset=utf-8; header=present"));
        assert_true(service_has_header(&answer, "Vary: Accept, Prefer"));
        assert_true(is_whole(&answer, lengths[i], 1, 1));
        peer_free_answer(&answer);
        answer = ask(as_csv, "GET", "/v1/passengers?order=-fare");
        assert_true(is_whole(&answer, lengths[i], lengths[i], -1));
        peer_free_answer(&answer);
    }
}

static void a_stream_may_begin_at_a_cursor(void **state)
{
    char uri[300];
    (void)state;
    fill(ROWS);
    struct json_object *page = ask_json(NULL, "/v1/passengers?limit=100");
    const char *cursor = strstr(json_object_get_string(json_object_object_get(page, "next")), "cursor=");
    snprintf(uri, sizeof uri, "/v1/passengers?%s", cursor);
    struct peer_answer answer = ask(as_csv, "GET", uri);
    assert_true(is_whole(&answer, ROWS - 100, 101, 1));
    peer_free_answer(&answer);
    json_object_put(page);
}

static void a_stream_in_an_order_without_an_index_is_refused(void **state)
{
    static const char *const uris[] = {"/v1/passengers?order=sex", "/v1/passengers?order=-survived,age",
                                       "/v1/employees?order=updated_at"};
    (void)state;
    fill(10);
    for (size_t i = 0; i < COUNT(uris); i++) {
        struct peer_answer answer = ask(as_csv, "GET", uris[i]);
        assert_int_equal(answer.status, 400);
        assert_non_null(strstr(answer.body.bytes, "/problems/invalid-parameters"));
        assert_non_null(
            strstr(answer.body.bytes,
                   i == 2 ? "{\"parameter\":\"order\",\"detail\":\"must, without a limit, begin with "
                            "one of age, created_at, email, id, name\"}"
                          : "one of uuid, name, age, fare\"}"));
        peer_free_answer(&answer);
        char limited[100];
        snprintf(limited, sizeof limited, "%s&limit=5", uris[i]);
        answer = ask(as_csv, "GET", limited);
        assert_int_equal(answer.status, 200);
        peer_free_answer(&answer);
    }
}

/* A few bytes at a time, so that the stream has to wait for the client over and over. */
static bool reads_slowly(void *cookie)
{
    (void)cookie;
    peer_receive(&service.peer, 3000);
    return service.peer.closed || peer_answered(&service.peer);
}

static void a_slow_reader_gets_all(void **state)
{
    (void)state;
    fill(ROWS);
    service.params = as_csv;
    service_send(&service, "GET", "/v1/passengers", NULL, NULL);
    service.params = NULL;
    assert_true(turn_until(loop, reads_slowly, NULL));
    struct peer_answer answer = service_answer(&service);
    assert_true(is_whole(&answer, ROWS, 1, 1));
    peer_free_answer(&answer);
}

static void a_cut_database_does_not_show_in_a_stream(void **state)
{
    (void)state;
    fill(ROWS);
    for (int turns = 0; turns < 8; turns++) {
        service.params = as_csv;
        service_send(&service, "GET", "/v1/passengers", NULL, NULL);
        service.params = NULL;
        for (int i = 0; i < turns; i++)
            turn_once(loop);
        postgres_terminate();
        service_wait(&service);
        struct peer_answer answer = service_answer(&service);
        assert_true(is_whole(&answer, ROWS, 1, 1));
        peer_free_answer(&answer);
    }
}

static bool nobody_is_at_work(void *cookie)
{
    static int quiet;
    (void)cookie;
    long active = postgres_number("SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
                                  " AND datname = 'purser' AND pid <> pg_backend_pid()");
    quiet = active == 0 ? quiet + 1 : 0;
    return quiet > 30;
}

/* The socket takes no more, and the next page is there: then the table goes. */
static void a_fault_in_the_middle_breaks_the_stream_off(void **state)
{
    (void)state;
    fill(ROWS);
    service.params = as_csv;
    service_send(&service, "GET", "/v1/passengers", NULL, NULL);
    service.params = NULL;
    while (service.peer.got.length == 0) { /* the first page has come */
        turn_once(loop);
        peer_receive(&service.peer, 1);
    }
    assert_true(turn_until(loop, nobody_is_at_work, NULL));
    postgres_sql("ALTER TABLE passengers RENAME TO elsewhere");
    service_wait(&service);
    postgres_sql("ALTER TABLE elsewhere RENAME TO passengers");
    struct peer_answer answer = service_answer(&service);
    assert_int_equal(answer.status, 0);
    assert_true(service.peer.closed);
    peer_free_answer(&answer);
    answer = ask(as_csv, "GET", "/v1/passengers");
    assert_true(is_whole(&answer, ROWS, 1, 1));
    peer_free_answer(&answer);
}

static void a_client_that_leaves_takes_its_stream_along(void **state)
{
    (void)state;
    fill(ROWS);
    for (int turns = 0; turns < 12; turns++) {
        service.params = as_csv;
        service_send(&service, "GET", "/v1/passengers", NULL, NULL);
        service.params = NULL;
        for (int i = 0; i < turns; i++)
            turn_once(loop);
        peer_close(&service.peer);
        turn_once(loop);
    }
    struct peer_answer answer = ask(as_csv, "GET", "/v1/passengers");
    assert_true(is_whole(&answer, ROWS, 1, 1));
    peer_free_answer(&answer);
}

/* ---- without memory ---- */

/* All of it, or another status, or a connection that was closed: never a part that looks like the whole. */
static int ask_without_memory(const char *const *params, const char *uri, int n, int rows)
{
    request_free_spare(&service.server);
    service.params = params;
    service_send(&service, "GET", uri, NULL, NULL);
    service.params = NULL;
    inject_at(NULL, n, ENOMEM);
    service_wait(&service);
    int failures = inject_off();
    struct peer_answer answer = service_answer(&service);
    if (answer.status == 200 && rows > 0 && !is_whole(&answer, rows, 1, 1))
        fail_msg("without memory for call %d: a part of the rows", n);
    if (answer.status == 200 && rows == 0)
        assert_string_equal(answer.body.bytes + answer.body.length - 2, "5}"); /* the total */
    assert_true(answer.status == 200 || answer.status == 503 || answer.status == 0);
    peer_free_answer(&answer);
    return failures;
}

static void a_page_without_memory_is_whole_or_none(void **state)
{
    (void)state;
    fill(5);
    for (int n = 1;
         ask_without_memory(counted, "/v1/passengers?limit=2&order=name&name=like.P*&q=per", n, 0) > 0; n++)
        ;
}

static void a_stream_without_memory_is_whole_or_broken_off(void **state)
{
    (void)state;
    fill(ROWS);
    for (int n = 1; ask_without_memory(as_csv, "/v1/passengers?order=fare", n, ROWS) > 0; n++)
        ;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_lead_to_one_another),
        cmocka_unit_test(a_full_last_page_has_no_next),
        cmocka_unit_test(link_has_the_first_page_and_the_next),
        cmocka_unit_test(addresses_that_nginx_has_no_room_for_are_refused),
        cmocka_unit_test(the_total_is_counted_when_it_is_asked_for),
        cmocka_unit_test(csv_has_no_total),
        cmocka_unit_test(head_is_get_without_the_body),
        cmocka_unit_test(all_rows_are_streamed_however_many_there_are),
        cmocka_unit_test(a_stream_may_begin_at_a_cursor),
        cmocka_unit_test(a_stream_in_an_order_without_an_index_is_refused),
        cmocka_unit_test(a_slow_reader_gets_all),
        cmocka_unit_test(a_cut_database_does_not_show_in_a_stream),
        cmocka_unit_test(a_fault_in_the_middle_breaks_the_stream_off),
        cmocka_unit_test(a_client_that_leaves_takes_its_stream_along),
        cmocka_unit_test(a_page_without_memory_is_whole_or_none),
        cmocka_unit_test(a_stream_without_memory_is_whole_or_broken_off),
    };
    return cmocka_run_group_tests_name("page", tests, start, stop);
}
