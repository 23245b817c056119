// wrap: malloc calloc realloc
#include "selection.h"

#include "inject.h"
#include "unit.h"

#include "tell.h"

INJECT_MEMORY

/* ---- what is good ---- */

static void selections_are_read(void **state)
{
    static const struct {
        const char *what, *told;
    } cases[] = {
        {"passengers", "order uuid"},
        {"passengers?", "order uuid"},
        {"passengers?limit=1", "order uuid; limit 1"},
        {"passengers?limit=500", "order uuid; limit 500"},
        {"passengers?order=age", "order age uuid"},
        {"passengers?order=-age", "order age- uuid-"},
        {"passengers?order=-age,name", "order age- name uuid"},
        {"passengers?order=age,-name", "order age name- uuid-"},
        {"passengers?order=-uuid", "order uuid-"},
        {"passengers?order=sex,-uuid,name", "order sex uuid-"},
        {"employees?order=-created_at", "order created_at- id-"},
        {"passengers?fields=name,uuid", "order uuid; fields name uuid"},
        {"passengers?q=", "order uuid"},
        {"passengers?q=+++", "order uuid"},
        {"passengers?q=Ada", "q %Ada%; order uuid"},
        {"passengers?q=+ada%09love+", "q %ada%|%love%; order uuid"},
        {"passengers?q=50%25_%5C*", "q %50\\%\\_\\\\*%; order uuid"},
        {"passengers?sex=male", "sex eq male; order uuid"},
        {"passengers?sex=eq.male", "sex eq male; order uuid"},
        {"passengers?sex=neq.male&sex=is.not_null", "sex neq male; sex is_not_null; order uuid"},
        {"passengers?age=22.5", "age eq 22.5; order uuid"},
        {"passengers?age=gte.22.50&age=lt.3e1", "age gte 22.5; age lt 30; order uuid"},
        {"passengers?age=gt.-1e2&fare=lte.0", "age gt -100; fare lte 0; order uuid"},
        {"passengers?survived=true", "survived eq true; order uuid"},
        {"passengers?survived=in.(true,false)", "survived in true|false; order uuid"},
        {"passengers?survived=is.null", "survived is_null; order uuid"},
        {"passengers?passengerClass=0099", "passengerClass eq 99; order uuid"},
        {"passengers?passengerClass=in.(1,2)", "passengerClass in 1|2; order uuid"},
        {"passengers?passengerClass=-9223372036854775808",
         "passengerClass eq -9223372036854775808; order uuid"},
        {"passengers?uuid=0196F0C2-4BD7-7A52-9A3E-5D1A3C2B1F00", "uuid eq " KEY "; order uuid"},
        {"passengers?name=", "name eq ; order uuid"},
        {"passengers?name=eq.", "name eq ; order uuid"},
        {"passengers?name=Mr.+Owen", "name eq Mr. Owen; order uuid"},
        {"passengers?name=eq.eq.x", "name eq eq.x; order uuid"},
        {"passengers?name=EQ.x", "name eq EQ.x; order uuid"},
        {"passengers?name=like.*Mr_%25%5C*", "name like %Mr\\_\\%\\\\%; order uuid"},
        {"passengers?sex=ilike.f*", "sex ilike f%; order uuid"},
        {"passengers?name=in.(a)", "name in a; order uuid"},
        {"passengers?name=in.(a,%22b,%20(c)%22,%22d%5C%22%5C%5C%22,e%5C)",
         "name in a|b, (c)|d\"\\|e\\; order uuid"},
        {"passengers?name=in.(,a)", "name in |a; order uuid"},
        {"passengers?name=in.(%22%22)", "name in ; order uuid"},
        {"employees?email=Ada@Example.org", "email eq Ada@Example.org; order id"},
        {"employees?created_at=gte.2024-02-29T23:59:60Z", "created_at gte 2024-02-29 23:59:60Z; order id"},
        {"employees?created_at=2025-05-20+22:22:46.243212",
         "created_at eq 2025-05-20 22:22:46.243212Z; order id"},
        {"employees?created_at=lt.2025-05-20t22:22:46%2B02:00",
         "created_at lt 2025-05-20 22:22:46+02:00; order id"},
        {"passengers/stats", "order uuid"},
        {"passengers/stats?by=sex,survived&sex=male&q=a", "sex eq male; q %a%; order uuid; by sex survived"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_told(cases[i].what, cases[i].told);
}

/* ---- what is not ---- */

#define PASSENGER_COLUMNS                                                                                    \
    "uuid, survived, passengerClass, name, sex, age, siblingsOrSpousesAboard, parentsOrChildrenAboard, fare"
#define MUST_BE_LIST                                                                                         \
    "must be a list such as in.(1,2,3) or in.(\"a, b\",c): values with a comma, a quote or a parenthesis "   \
    "are quoted, a \\ stands before a quote or a \\ in them\n"
#define MUST_BE_TIME "must be a time of the years 0001 to 9999, such as 2025-05-20T22:22:46.243212Z\n"

static void faults_name_what_is_allowed(void **state)
{
    static const struct {
        const char *what, *faults;
    } cases[] = {
        {"passengers?x=1",
         "x is not a parameter; these are: cursor, fields, limit, order, q, " PASSENGER_COLUMNS "\n"},
        {"passengers?=1",
         " is not a parameter; these are: cursor, fields, limit, order, q, " PASSENGER_COLUMNS "\n"},
        {"passengers?by=sex",
         "by is not a parameter; these are: cursor, fields, limit, order, q, " PASSENGER_COLUMNS "\n"},
        {"passengers/stats?limit=1", "limit is not a parameter; these are: by, q, " PASSENGER_COLUMNS "\n"},
        {"employees?version=1",
         "version is not a parameter; these are: cursor, fields, limit, order, q, age, "
         "created_at, email, id, name, updated_at\n"},
        {"passengers?limit=0", "limit must be an integer from 1 to 500\n"},
        {"passengers?limit=501", "limit must be an integer from 1 to 500\n"},
        {"passengers?limit=", "limit must be an integer from 1 to 500\n"},
        {"passengers?limit=-1", "limit must be an integer from 1 to 500\n"},
        {"passengers?limit=1x", "limit must be an integer from 1 to 500\n"},
        {"passengers?limit=99999999999999999999", "limit must be an integer from 1 to 500\n"},
        {"passengers?limit=5&limit=5", "limit may be there only once\n"},
        {"passengers?q=a&q=b", "q may be there only once\n"},
        {"passengers?order=height", "order names \"height\"; these can be named: " PASSENGER_COLUMNS
                                    "; a - in front of one is for descending\n"},
        {"passengers?order=", "order must name columns, with commas between them; these can be "
                              "named: " PASSENGER_COLUMNS "; a - in front of one is for descending\n"},
        {"passengers?order=age,-age", "order names \"age\" twice\n"},
        {"passengers?order=age,uuid,age", "order names \"age\" twice\n"},
        {"passengers?order=--age", "order names \"-age\"; these can be named: " PASSENGER_COLUMNS
                                   "; a - in front of one is for descending\n"},
        {"passengers?fields=uuid,uuid", "fields names \"uuid\" twice\n"},
        {"passengers?fields=-uuid", "fields names \"-uuid\"; these can be named: " PASSENGER_COLUMNS "\n"},
        {"passengers?fields=uuid,", "fields must name columns, with commas between them; these can be "
                                    "named: " PASSENGER_COLUMNS "\n"},
        {"passengers/stats?by=age",
         "by names \"age\"; these can be named: survived, passengerClass, sex, siblingsOrSpousesAboard, "
         "parentsOrChildrenAboard\n"},
        {"passengers?sex=other", "sex must be \"male\" or \"female\"\n"},
        {"passengers?sex=in.(male,other)", "sex must be \"male\" or \"female\"\n"},
        {"passengers?survived=1", "survived must be true or false\n"},
        {"passengers?survived=gt.true",
         "survived is true or false, and has no order; there are eq, neq, in and is\n"},
        {"passengers?age=like.2*", "age has no like and ilike, which are for texts; there are eq, neq, gt, "
                                   "gte, lt, lte, in and is\n"},
        {"passengers?name=is.nothing", "name must be is.null or is.not_null\n"},
        {"passengers?uuid=5", "uuid must be a UUID\n"},
        {"passengers?name=in.", "name " MUST_BE_LIST},
        {"passengers?name=in.()", "name " MUST_BE_LIST},
        {"passengers?name=in.(", "name " MUST_BE_LIST},
        {"passengers?name=in.(a", "name " MUST_BE_LIST},
        {"passengers?name=in.(a,", "name " MUST_BE_LIST},
        {"passengers?name=in.(a)b", "name " MUST_BE_LIST},
        {"passengers?name=in.(a%22)", "name " MUST_BE_LIST},
        {"passengers?name=in.(%22a%22b)", "name " MUST_BE_LIST},
        {"passengers?name=in.(%22a)", "name " MUST_BE_LIST},
        {"passengers?name=in.(%22a%5C", "name " MUST_BE_LIST},
        {"passengers?name=in.((a))", "name " MUST_BE_LIST},
        {"passengers?name=%ff", "name is not UTF-8\n"},
        {"passengers?name=%0", "name has a % that two hexadecimal digits do not follow\n"},
        {"passengers?name=%00", "name has a %00\n"},
        {"passengers?cursor=x", NO_CURSOR},
        {"passengers?cursor=", NO_CURSOR},
        {"passengers?limit=0&order=x&cursor=x&y=1",
         "limit must be an integer from 1 to 500\norder names \"x\"; these can be named: " PASSENGER_COLUMNS
         "; a - in front of one is for descending\ny is not a parameter; these are: cursor, fields, limit, "
         "order, q, " PASSENGER_COLUMNS "\n"},
        {"passengers?cursor=x&limit=0", "limit must be an integer from 1 to 500\n" NO_CURSOR},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_faults(cases[i].what, cases[i].faults);
}

static void values_are_checked_by_their_type(void **state)
{
    static const struct {
        const char *what, *fault;
        const char *values[26];
    } cases[] = {
        {"passengers?passengerClass=",
         "passengerClass must be an integer of at most 64 bits\n",
         {"", "-", "x", "1.0", "1e2", "0x1", "%2B1", "1+", "9223372036854775808", "eq.", "gt.true"}},
        {"passengers?fare=",
         "fare must be a number that a double can hold, such as 22.5\n",
         {"", "-", ".5", "5.", "1e", "1e%2B", "NaN", "Infinity", "-inf", "1e309", "-1e309", "1e-400", "0x10",
          "1,5", "eq.", "1d"}},
        {"employees?created_at=",
         "created_at " MUST_BE_TIME,
         {"",
          "now",
          "infinity",
          "2025",
          "2025-05-20",
          "2025-02-29T00:00:00Z",
          "2025-02-31T00:00:00Z",
          "2025-04-31T00:00:00Z",
          "1900-02-29T00:00:00Z",
          "2025-13-01T00:00:00Z",
          "2025-00-01T00:00:00Z",
          "2025-01-00T00:00:00Z",
          "0000-01-01T00:00:00Z",
          "2025-05-20T24:00:00Z",
          "2025-05-20T22:60:00Z",
          "2025-05-20T22:00:61Z",
          "2025-05-20T23:59:60.5Z",
          "2025-05-20T22:22:46.Z",
          "2025-05-20T22:22:46.1234567Z",
          "2025-05-20T22:22:46+02:00",
          "2025-05-20T22:22:46-16:00",
          "2025-05-20T22:22:46-02:60",
          "2025-05-20T22:22:46ZZ",
          "2025-05-20T22:22:46+PST",
          "epoch"}},
        {"employees?created_at=in.", "created_at " MUST_BE_TIME, {"(2025-05-20T22:22:46Z,x)"}},
        {"passengers?uuid=", "uuid must be a UUID\n", {"", "eq.", KEY "0", "{" KEY "}"}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t j = 0; j < COUNT(cases[i].values) && cases[i].values[j] != NULL; j++) {
            char what[200];
            snprintf(what, sizeof what, "%s%s", cases[i].what, cases[i].values[j]);
            assert_faults(what, cases[i].fault);
        }
}

/* "name" so often, `between` each two. */
static const char *repeat(const char *before, const char *text, int times, const char *between,
                          const char *behind)
{
    static char all[7000];
    size_t length = (size_t)snprintf(all, sizeof all, "%s", before);
    for (int i = 0; i < times; i++)
        length += (size_t)snprintf(all + length, sizeof all - length, "%s%s", i > 0 ? between : "", text);
    snprintf(all + length, sizeof all - length, "%s", behind);
    return all;
}

static void each_limit_is_named(void **state)
{
    struct peer_answer answer;
    (void)state;
    answer = ask_for(repeat("passengers?", "age=gt.1", SELECTION_FILTERS, "&", ""));
    assert_int_equal(answer.status, 200);
    peer_free_answer(&answer);
    assert_faults(repeat("passengers?", "age=gt.1", SELECTION_FILTERS + 1, "&", ""),
                  "age is one filter too many; there may be at most 16\n");
    answer = ask_for(repeat("passengers?age=in.(", "5", SELECTION_LIST, ",", ")"));
    assert_int_equal(answer.status, 200);
    peer_free_answer(&answer);
    assert_faults(repeat("passengers?age=in.(", "5", SELECTION_LIST + 1, ",", ")"),
                  "age must be a list of at most 100 values\n");
    answer = ask_for(repeat("passengers?q=", "%C3%A9", SELECTION_Q_CHARACTERS, "", ""));
    assert_int_equal(answer.status, 200);
    peer_free_answer(&answer);
    assert_faults(repeat("passengers?q=", "a", SELECTION_Q_CHARACTERS + 1, "", ""),
                  "q must have at most 200 characters\n");
    answer = ask_for(repeat("passengers?q=", "a", SELECTION_Q_CHARACTERS / 2, "+", ""));
    assert_int_equal(answer.status, 200);
    peer_free_answer(&answer);
    answer = ask_for(repeat("passengers?", "q", URI_PARAMETERS + 1, "&", ""));
    assert_int_equal(answer.status, 400);
    assert_non_null(strstr(answer.body.bytes, "{\"parameter\":\"\",\"detail\":\"there are more than 64 "
                                              "parameters\"}"));
    peer_free_answer(&answer);
}

/* ---- the rest ---- */

static void orders_know_their_index(void **state)
{
    (void)state;
    for (int i = 0; i < passengers_resource.field_count; i++) {
        struct selection selection = {.resource = &passengers_resource, .order = {{i, true}}};
        assert_int_equal(selection_ordered_by_index(&selection), i == 0 || i == 3 || i == 5 || i == 8);
    }
}

static void without_memory_there_is_no_wrong_answer(void **state)
{
    static const char *const whats[] = {
        "passengers?sex=in.(male,female)&age=gt.5&name=like.a*&q=a+b&order=-age&fields=name,sex&limit=5",
        "passengers?x=1&order=y&limit=z&sex=other&name=in.(&uuid=5", "passengers/address?order=age&q=a"};
    (void)state;
    struct peer_answer answer = ask_for("passengers"); /* the connection is there */
    peer_free_answer(&answer);
    for (size_t i = 0; i < COUNT(whats); i++) {
        char address[200];
        snprintf(address, sizeof address, "/v1/%s", whats[i]);
        struct peer_answer whole = ask_for(whats[i]);
        for (int n = 1; n < 400; n++) {
            service_send(&service, "GET", address, NULL, NULL);
            inject_at(NULL, n, ENOMEM);
            service_wait(&service);
            int failures = inject_off();
            answer = service_answer(&service);
            if (answer.status == whole.status) {
                char *id = strstr(answer.body.bytes, "\"instance\""), *other;
                other = strstr(whole.body.bytes, "\"instance\"");
                size_t same = id != NULL ? (size_t)(id - answer.body.bytes) : strlen(answer.body.bytes);
                assert_int_equal(strncmp(answer.body.bytes, whole.body.bytes, same), 0);
                assert_int_equal(id == NULL, other == NULL);
            } else
                assert_true(answer.status == 503 || answer.status == 0);
            peer_free_answer(&answer);
            if (failures == 0)
                break;
            assert_true(n < 399);
        }
        peer_free_answer(&whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selections_are_read),
        cmocka_unit_test(faults_name_what_is_allowed),
        cmocka_unit_test(values_are_checked_by_their_type),
        cmocka_unit_test(each_limit_is_named),
        cmocka_unit_test(orders_know_their_index),
        cmocka_unit_test(without_memory_there_is_no_wrong_answer),
    };
    return cmocka_run_group_tests_name("selection", tests, start, stop);
}
