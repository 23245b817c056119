#include "prefer.h"

#include "log.h"
#include "service.h"
#include "unit.h"

/* A route that says what it has read: "return count resolution strict|" and Preference-Applied. */
static void tell(struct request *request)
{
    static const int known[] = {
        ['a'] = PREFER_RETURN | PREFER_COUNT | PREFER_RESOLUTION, ['r'] = PREFER_RETURN};
    struct prefer prefer;
    struct buffer text;
    int here = known[(unsigned char)request->argument[0]];
    if (!prefer_read(&prefer, request, here))
        return;
    buffer_init(&text);
    buffer_format(&text, "%d %d %d %d|", prefer.returns, prefer.count, prefer.resolution, prefer.strict);
    prefer_applied(&prefer, here, &text);
    request_answer(request, 200, "", "text/plain", text.bytes, text.length);
    buffer_free(&text);
}

static const struct route route_list[] = {{METHOD_GET, "/*", tell, .status = 200}};
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

static struct peer_answer ask(const char *path, const char *header)
{
    const char *params[] = {"HTTP_PREFER", header, NULL};
    service.params = params;
    struct peer_answer answer = service_ask(&service, "GET", path, NULL, NULL);
    service.params = NULL;
    return answer;
}

static void assert_told(const char *path, const char *header, const char *expected)
{
    struct peer_answer answer = ask(path, header);
    if (answer.status != 200 || strcmp(answer.body.bytes, expected) != 0)
        fail_msg("%s: %d %s", header, answer.status, answer.body.bytes);
    peer_free_answer(&answer);
}

static void assert_malformed(const char *path, const char *header, const char *errors)
{
    struct peer_answer answer = ask(path, header);
    if (answer.status != 400 || strstr(answer.body.bytes, "\"/problems/malformed-header\"") == NULL ||
        strstr(answer.body.bytes, errors) == NULL)
        fail_msg("%s: %d %s", header, answer.status, answer.body.bytes);
    peer_free_answer(&answer);
}

static void each_preference_is_read(void **state)
{
    (void)state;
    assert_told("/all", "return=minimal", "1 0 0 0|Preference-Applied: return=minimal\r\n");
    assert_told("/all", "return=representation", "2 0 0 0|Preference-Applied: return=representation\r\n");
    assert_told("/all", "count=exact", "0 1 0 0|Preference-Applied: count=exact\r\n");
    assert_told("/all", "count=estimated", "0 2 0 0|Preference-Applied: count=estimated\r\n");
    assert_told("/all", "resolution=merge-duplicates",
                "0 0 1 0|Preference-Applied: resolution=merge-duplicates\r\n");
    assert_told("/all", "resolution=ignore-duplicates",
                "0 0 2 0|Preference-Applied: resolution=ignore-duplicates\r\n");
    assert_told("/all", "handling=strict", "0 0 0 1|");
    assert_told("/all", "", "0 0 0 0|");
}

static void a_list_is_read_whatever_its_blanks_case_and_quotes(void **state)
{
    static const char *const headers[] = {
        "return=minimal,count=exact",
        "  RETURN = minimal ,\tCount\t=\"exact\" ",
        ",, return=\"min\\imal\" ,, count=exact,",
        "return=minimal; a; b=c ;d = \"x,;\\\"\"; , count=exact;",
        "wait=10, respond-async, return=minimal, count=exact, x=\"\"",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(headers); i++)
        assert_told("/all", headers[i], "1 1 0 0|Preference-Applied: return=minimal, count=exact\r\n");
}

static void the_first_of_a_repeated_preference_counts(void **state)
{
    (void)state;
    assert_told("/all", "return=minimal, return=representation",
                "1 0 0 0|Preference-Applied: return=minimal\r\n");
    assert_told("/all", "return=all, Return=minimal", "0 0 0 0|");
    assert_told("/all", "handling=lenient, handling=strict, wait=1", "0 0 0 0|");
    assert_told("/all", "handling=strict, return=minimal, return=all",
                "1 0 0 1|Preference-Applied: return=minimal\r\n");
}

static void what_is_not_known_is_let_be(void **state)
{
    static const char *const headers[] = {"return",
                                          "return=Minimal",
                                          "return=\"\"",
                                          "returns=minimal",
                                          "retur=minimal",
                                          "return=minimal-ish",
                                          "count=none",
                                          "handling=careful, wait=1",
                                          "return=minimalminimalminimalminimalminimalminimalminimal"};
    (void)state;
    for (size_t i = 0; i < COUNT(headers); i++)
        assert_told("/all", headers[i], "0 0 0 0|");
    assert_told("/return", "count=exact, resolution=merge-duplicates", "0 0 0 0|");
}

static void who_is_strict_is_told_of_all_that_is_not_known(void **state)
{
    (void)state;
    assert_malformed("/return", "wait=10, count=exact, return=all, handling=strict",
                     "\"errors\":[{\"header\":\"Prefer\",\"detail\":\"has wait, which is not known here, and "
                     "handling=strict\"},{\"header\":\"Prefer\",\"detail\":\"has count, which is not known "
                     "here, and handling=strict\"},{\"header\":\"Prefer\",\"detail\":\"has return, which is "
                     "not of a value that is known here, and handling=strict\"}]");
    assert_malformed("/return", "handling=strict, return", "has return, which");
    assert_malformed(
        "/all", "handling=strict, aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg",
        "has aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff, which");
}

static void what_is_no_list_of_preferences_is_malformed(void **state)
{
    static const char *const headers[] = {"=minimal",
                                          "return=",
                                          "return=minimal count=exact",
                                          "return=\"minimal",
                                          "return=\"minimal\\",
                                          "return==minimal",
                                          "return=minimal; =x",
                                          "return=minimal; a=",
                                          "\"return\"=minimal",
                                          "return=minimal; a b",
                                          "r\xc3\xa9turn",
                                          "return=minimal; \"x\"",
                                          "return=\"a\"b",
                                          "(return)",
                                          "return=minimal, ="};
    (void)state;
    for (size_t i = 0; i < COUNT(headers); i++)
        assert_malformed("/all", headers[i],
                         "\"errors\":[{\"header\":\"Prefer\",\"detail\":\"must be a list of preferences");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_preference_is_read),
        cmocka_unit_test(a_list_is_read_whatever_its_blanks_case_and_quotes),
        cmocka_unit_test(the_first_of_a_repeated_preference_counts),
        cmocka_unit_test(what_is_not_known_is_let_be),
        cmocka_unit_test(who_is_strict_is_told_of_all_that_is_not_known),
        cmocka_unit_test(what_is_no_list_of_preferences_is_malformed),
    };
    return cmocka_run_group_tests_name("prefer", tests, start, stop);
}
