// wrap: malloc calloc realloc
#include "precondition.h"

#include "inject.h"
#include "log.h"
#include "service.h"
#include "unit.h"

#include <errno.h>

INJECT_MEMORY

/* A route that says what it has read, and what follows for a row of version 7. */
static void tell(struct request *request)
{
    struct precondition read;
    struct buffer text;
    if (!precondition_read(&read, request))
        return;
    buffer_init(&text);
    buffer_format(&text, "%s %s%s%s",
                  read.match_any       ? "*"
                  : read.match != NULL ? read.match
                                       : "-",
                  read.none_any             ? "*"
                  : read.none_match != NULL ? read.none_match
                                            : "-",
                  precondition_failed(&read, 7) ? " failed" : "",
                  precondition_not_modified(&read, 7) ? " not-modified" : "");
    if (text.failed)
        request_failed(request, DATABASE_FULL);
    else
        request_answer(request, 200, "", "text/plain", text.bytes, text.length);
    buffer_free(&text);
}

static const struct route route_list[] = {{METHOD_GET, "/", tell, .status = 200}};
static const struct route_table table = {route_list, COUNT(route_list)};
static const struct route_table *const tables[] = {&table, NULL};
static struct loop *loop;
static struct service service;

static int start(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR + 1);
    loop = loop_create();
    assert_non_null(loop);
    service_open(&service, loop, NULL, tables);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    service_close(&service);
    loop_free(loop);
    return 0;
}

static struct peer_answer ask(const char *match, const char *none_match)
{
    const char *params[] = {"HTTP_IF_MATCH", match, "HTTP_IF_NONE_MATCH", none_match, NULL};
    service.params = params;
    struct peer_answer answer = service_ask(&service, "GET", "/", NULL, NULL);
    service.params = NULL;
    return answer;
}

static void assert_told(const char *match, const char *none_match, const char *expected)
{
    struct peer_answer answer = ask(match, none_match);
    if (answer.status != 200 || strcmp(answer.body.bytes, expected) != 0)
        fail_msg("%s %s: %d %s", match, none_match, answer.status, answer.body.bytes);
    peer_free_answer(&answer);
}

static void without_headers_everything_goes(void **state)
{
    (void)state;
    assert_told("", "", "- -");
}

static void a_star_is_any_version(void **state)
{
    (void)state;
    assert_told("*", "", "* -");
    assert_told(" *\t", " * ", "* * not-modified");
}

static void tags_are_listed_whatever_the_blanks_between_them(void **state)
{
    static const char *const headers[] = {"\"6\",\"7\"", " \"6\" ,\t\"7\" ", ",,\"6\", ,\"7\",",
                                          "\"6\",\"a,b\",\"7\""};
    (void)state;
    for (size_t i = 0; i < COUNT(headers); i++) {
        assert_told(headers[i], "", "{6,7} -");
        assert_told("", headers[i], "- {6,7} not-modified");
    }
    assert_told("\"6\"", "\"6\"", "{6} {6} failed");
}

static void weak_tags_are_compared_where_a_copy_will_do(void **state)
{
    (void)state;
    assert_told("W/\"7\"", "W/\"7\"", "{} {7} failed not-modified");
    assert_told("W/\"7\", \"7\", W/\"8\"", "", "{7} -");
}

static void what_is_not_exactly_a_version_of_ours_is_in_no_list(void **state)
{
    static const char *const tags[] = {"\"\"",
                                       "\"07\"",
                                       "\"+7\"",
                                       "\"-7\"",
                                       "\"7.0\"",
                                       "\"0\"",
                                       "\"77\"",
                                       "\"x\"",
                                       "\"W/7\"",
                                       "\"'7\"",
                                       "\"{7}\"",
                                       "\"7,\\\"",
                                       "\"\xc3\xa9\"",
                                       "\"9223372036854775808\"",
                                       "\"70000000000000000000\""};
    (void)state;
    for (size_t i = 0; i < COUNT(tags); i++) {
        struct peer_answer answer = ask(tags[i], tags[i]);
        if (answer.status != 200 || strstr(answer.body.bytes, "failed") == NULL ||
            strstr(answer.body.bytes, "not-modified") != NULL)
            fail_msg("%s: %d %s", tags[i], answer.status, answer.body.bytes);
        peer_free_answer(&answer);
    }
    assert_told("\"07\",\"x\"", "", "{} - failed");
    assert_told("\"9223372036854775807\"", "", "{9223372036854775807} - failed");
    assert_told(",", "", "{} - failed");
}

static void what_is_no_tag_is_malformed_and_the_header_named(void **state)
{
    static const char *const bad[] = {"7",          "\"7",       "7\"",      "\"7\" \"8\"", "w/\"7\"",
                                      "W/7",        "W / \"7\"", "\"7\",8",  "*, \"7\"",    "\"7\", *",
                                      "**",         "\"a b\"",   "\"\x7f\"", "\"7\";",      "W/",
                                      "\"7\"\"8\"", "\"a\x01\"", "W/*",      "'7'"};
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct peer_answer answer = ask(bad[i], bad[i]);
        if (answer.status != 400 || strstr(answer.body.bytes, "\"/problems/malformed-header\"") == NULL ||
            strstr(answer.body.bytes, "{\"header\":\"If-Match\",\"detail\":\"must be * or a list") == NULL ||
            strstr(answer.body.bytes, "{\"header\":\"If-None-Match\",\"detail\"") == NULL)
            fail_msg("%s: %d %s", bad[i], answer.status, answer.body.bytes);
        peer_free_answer(&answer);
    }
}

static void a_tag_is_written_in_quotes(void **state)
{
    struct buffer headers;
    (void)state;
    buffer_init(&headers);
    precondition_write_tag(INT64_MAX, &headers);
    assert_buffer(&headers, "ETag: \"9223372036854775807\"\r\n");
    buffer_free(&headers);
}

static void no_precondition_is_passed_over_for_want_of_memory(void **state)
{
    int failed = 0;
    (void)state;
    for (int n = 1;; n++) {
        const char *params[] = {"HTTP_IF_MATCH", "\"6\"", "HTTP_IF_NONE_MATCH", "\"7\"", NULL};
        request_free_spare(&service.server);
        service.params = params;
        service_send(&service, "GET", "/", NULL, NULL);
        inject_at(NULL, n, ENOMEM);
        service_wait(&service);
        int failures = inject_off();
        struct peer_answer answer = service_answer(&service);
        if (answer.status == 200)
            assert_string_equal(answer.body.bytes, "{6} {7} failed not-modified");
        else
            assert_true(answer.status == 503 || answer.status == 0);
        peer_free_answer(&answer);
        if (failures == 0)
            break;
        failed++;
    }
    service.params = NULL;
    assert_true(failed > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_headers_everything_goes),
        cmocka_unit_test(a_star_is_any_version),
        cmocka_unit_test(tags_are_listed_whatever_the_blanks_between_them),
        cmocka_unit_test(weak_tags_are_compared_where_a_copy_will_do),
        cmocka_unit_test(what_is_not_exactly_a_version_of_ours_is_in_no_list),
        cmocka_unit_test(what_is_no_tag_is_malformed_and_the_header_named),
        cmocka_unit_test(a_tag_is_written_in_quotes),
        cmocka_unit_test(no_precondition_is_passed_over_for_want_of_memory),
    };
    return cmocka_run_group_tests_name("precondition", tests, start, stop);
}
