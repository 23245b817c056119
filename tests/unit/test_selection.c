// wrap: malloc calloc realloc
#include "selection.h"

#include "cursor.h"
#include "employees.h"
#include "inject.h"
#include "log.h"
#include "passengers.h"
#include "service.h"
#include "unit.h"

#include <json-c/json.h>

INJECT_MEMORY

#define KEY "0196f0c2-4bd7-7a52-9a3e-5d1a3c2b1f00"

static struct service service;
static struct loop *loop;

/* ---- a service that tells what it was asked ---- */

static void write_values(struct buffer *out, const char *const *values, int count)
{
    for (int i = 0; i < count; i++)
        buffer_format(out, "%s%s", i > 0 ? "|" : " ", values[i] != NULL ? values[i] : "(null)");
}

/* "sex eq male; q %a%; order age- uuid-; fields name; by sex; limit 5; after 30|…", what there is of it. */
static void tell_kind(struct request *request, enum selection_kind kind)
{
    static const char *const operators[] = {"eq",   "neq",   "gt", "gte",     "lt",         "lte",
                                            "like", "ilike", "in", "is_null", "is_not_null"};
    static struct selection selection;
    struct buffer out;
    if (!selection_read(&selection, request, kind))
        return;
    const struct field *fields = selection.resource->fields;
    buffer_init(&out);
    for (int i = 0; i < selection.filter_count; i++) {
        buffer_format(&out, "%s %s", fields[selection.filters[i].field].key,
                      operators[selection.filters[i].operator]);
        write_values(&out, selection.filters[i].values, selection.filters[i].count);
        buffer_string(&out, "; ");
    }
    if (selection.word_count > 0) {
        buffer_string(&out, "q");
        write_values(&out, selection.words, selection.word_count);
        buffer_string(&out, "; ");
    }
    buffer_string(&out, "order");
    for (int i = 0; i < selection.order_count; i++)
        buffer_format(&out, " %s%s", fields[selection.order[i].field].key,
                      selection.order[i].descending ? "-" : "");
    if (selection.field_count < selection.resource->field_count)
        buffer_string(&out, "; fields");
    for (int i = 0; i < selection.field_count && selection.field_count < selection.resource->field_count; i++)
        buffer_format(&out, " %s", fields[selection.fields[i]].key);
    for (int i = 0; i < selection.by_count; i++)
        buffer_format(&out, "%s %s", i == 0 ? "; by" : "", fields[selection.by[i]].key);
    if (selection.limit > 0)
        buffer_format(&out, "; limit %d", selection.limit);
    if (selection.after != NULL) {
        buffer_string(&out, "; after");
        write_values(&out, selection.after, selection.order_count);
    }
    if (out.failed)
        request_failed(request, DATABASE_FULL);
    else
        request_answer(request, 200, "", "text/plain", out.bytes, out.length);
    buffer_free(&out);
}

static void tell(struct request *request)
{
    tell_kind(request, SELECTION_PAGE);
}

static void tell_stats(struct request *request)
{
    tell_kind(request, SELECTION_STATS);
}

/* The addresses of the first page and of one behind a row. */
static void tell_address(struct request *request)
{
    struct selection *selection = arena_alloc(&request->arena, sizeof *selection);
    const char *const after[] = {"30", KEY};
    struct buffer out;
    if (selection == NULL)
        request_failed(request, DATABASE_FULL);
    if (selection == NULL || !selection_read(selection, request, SELECTION_PAGE))
        return;
    buffer_init(&out);
    selection_address(selection, request, NULL, &out);
    buffer_string(&out, " ");
    selection_address(selection, request, selection->order_count == 2 ? after : after + 1, &out);
    if (out.failed)
        request_failed(request, DATABASE_FULL);
    else
        request_answer(request, 200, "", "text/plain", out.bytes, out.length);
    buffer_free(&out);
}

static const struct route routes[] = {
    {METHOD_GET, "/v1/passengers", tell, &passengers_resource, .v1 = true, .query = true},
    {METHOD_GET, "/v1/passengers/stats", tell_stats, &passengers_resource, .v1 = true, .query = true},
    {METHOD_GET, "/v1/passengers/address", tell_address, &passengers_resource, .v1 = true, .query = true},
    {METHOD_GET, "/v1/employees", tell, &employees_resource, .v1 = true, .query = true},
};
static const struct route_table table = {routes, COUNT(routes)};
static const struct route_table *const tables[] = {&table, NULL};

static int start(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR + 1);
    loop = loop_create();
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

static struct peer_answer ask_for(const char *what)
{
    char address[7000];
    snprintf(address, sizeof address, "/v1/%s", what);
    return service_ask(&service, "GET", address, NULL, NULL);
}

static void assert_told(const char *what, const char *expected)
{
    struct peer_answer answer = ask_for(what);
    if (answer.status != 200 || strcmp(answer.body.bytes, expected) != 0)
        fail_msg("%s: %d %s", what, answer.status, answer.body.bytes);
    peer_free_answer(&answer);
}

/* The faults as "parameter detail\n" each. */
static void assert_faults(const char *what, const char *expected)
{
    struct peer_answer answer = ask_for(what);
    char faults[8000] = "";
    size_t length = 0;
    if (answer.status != 400)
        fail_msg("%s: %d %s", what, answer.status, answer.body.bytes);
    struct json_object *problem = json_tokener_parse(answer.body.bytes), *errors;
    assert_string_equal(json_object_get_string(json_object_object_get(problem, "type")),
                        "/problems/invalid-parameters");
    errors = json_object_object_get(problem, "errors");
    for (size_t i = 0; i < json_object_array_length(errors); i++) {
        struct json_object *each = json_object_array_get_idx(errors, i);
        length += (size_t)snprintf(faults + length, sizeof faults - length, "%s %s\n",
                                   json_object_get_string(json_object_object_get(each, "parameter")),
                                   json_object_get_string(json_object_object_get(each, "detail")));
    }
    if (strcmp(faults, expected) != 0)
        fail_msg("%s:\n%s", what, faults);
    json_object_put(problem);
    peer_free_answer(&answer);
}

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
#define NO_CURSOR                                                                                            \
    "cursor is not a cursor of these rows in this order; it goes with the filters, q and order of the page " \
    "that it came with\n"

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

/* ---- cursors and addresses ---- */

static void write_address(char *to, size_t size, const char *what)
{
    struct peer_answer answer = ask_for(what);
    assert_int_equal(answer.status, 200);
    assert_true((size_t)snprintf(to, size, "%s", answer.body.bytes) < size);
    peer_free_answer(&answer);
}

static void addresses_keep_the_other_parameters(void **state)
{
    static const struct {
        const char *what, *first;
    } cases[] = {
        {"passengers/address", "/v1/passengers/address"},
        {"passengers/address?limit=5", "/v1/passengers/address?limit=5"},
        {"passengers/address?&&limit=%35&", "/v1/passengers/address?limit=5"},
        {"pa%73sengers/address?order=-age&q=a+%22b%3E&sex=in.(male)",
         "/v1/passengers/address?order=-age&q=a%20%22b%3E&sex=in.(male)"},
        {"passengers/address?age=gt.1&age=lt.5", "/v1/passengers/address?age=gt.1&age=lt.5"},
        {"passengers/address?q=\xc3\xa9", "/v1/passengers/address?q=%C3%A9"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char told[1000], again[1000];
        write_address(told, sizeof told, cases[i].what);
        char *next = strchr(told, ' ');
        assert_non_null(next);
        *next++ = '\0';
        assert_string_equal(told, cases[i].first);
        assert_int_equal(strncmp(next, told, strlen(told)), 0);
        const char *behind = next + strlen(told);
        assert_true(*behind == (strchr(told, '?') != NULL ? '&' : '?'));
        assert_int_equal(strncmp(behind + 1, "cursor=", 7), 0);
        /* The page behind has the same addresses: its own cursor is replaced. */
        write_address(again, sizeof again, next + strlen("/v1/"));
        assert_int_equal(strncmp(again, told, strlen(told)), 0);
        assert_string_equal(strchr(again, ' ') + 1, next);
    }
}

static struct selection made; /* by hand: passengers in the order of age */

static const char *make_cursor(const char *age, const char *key)
{
    static char text[500];
    const char *const values[] = {age, key};
    struct buffer out;
    made = (struct selection){.resource = &passengers_resource, .order = {{5, false}, {0, false}}};
    made.order_count = 2;
    buffer_init(&out);
    cursor_write(&out, selection_digest(&made), values, 2);
    snprintf(text, sizeof text, "passengers?order=age&cursor=%.*s", (int)out.length, out.bytes);
    buffer_free(&out);
    return text;
}

static void values_of_a_cursor_are_checked(void **state)
{
    static const struct {
        const char *age, *key;
    } bad[] = {{"x", KEY},   {"NaN", KEY}, {"1e999", KEY}, {"", KEY},       {"30; DROP", KEY},
               {"30", NULL}, {"30", ""},   {"30", "x"},    {"30", KEY "'"}, {NULL, "NULL"}};
    (void)state;
    assert_told(make_cursor("30", KEY), "order age uuid; after 30|" KEY);
    assert_told(make_cursor(NULL, KEY), "order age uuid; after (null)|" KEY);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_faults(make_cursor(bad[i].age, bad[i].key), NO_CURSOR);
}

static void a_cursor_is_for_its_selection_alone(void **state)
{
    static const char selection[] =
        "passengers/address?order=age&sex=male&fare=in.(1,2)&q=ada+love&limit=5&fields=name";
    static const char *const same[] = {
        "passengers?order=age&fare=in.(1,2)&sex=male&q=ada+love", /* filters in another order */
        "passengers?order=age,uuid&sex=eq.male&fare=in.(1.0,2)&q=+ada++love+&limit=7&fields=sex",
    };
    static const char *const others[] = {
        "passengers?order=-age&sex=male&fare=in.(1,2)&q=ada+love",
        "passengers?order=age,-uuid&sex=male&fare=in.(1,2)&q=ada+love",
        "passengers?order=fare&sex=male&fare=in.(1,2)&q=ada+love",
        "passengers?sex=male&fare=in.(1,2)&q=ada+love",
        "passengers?order=age&sex=female&fare=in.(1,2)&q=ada+love",
        "passengers?order=age&sex=neq.male&fare=in.(1,2)&q=ada+love",
        "passengers?order=age&fare=in.(1,2)&q=ada+love",
        "passengers?order=age&sex=male&sex=male&fare=in.(1,2)&q=ada+love",
        "passengers?order=age&sex=male&fare=in.(2,1)&q=ada+love",
        "passengers?order=age&sex=male&fare=1&fare=2&q=ada+love",
        "passengers?order=age&sex=male&age=in.(1,2)&q=ada+love",
        "passengers?order=age&sex=male&fare=in.(1,2)&q=adalove",
        "passengers?order=age&sex=male&fare=in.(1,2)&q=ada",
        "passengers?order=age&sex=male&fare=in.(1,2)",
        "employees?order=age",
    };
    char told[1000], what[1500];
    (void)state;
    write_address(told, sizeof told, selection);
    const char *cursor = strstr(told, "&cursor=");
    for (size_t i = 0; i < COUNT(same); i++) {
        snprintf(what, sizeof what, "%s%s", same[i], cursor);
        struct peer_answer answer = ask_for(what);
        if (answer.status != 200)
            fail_msg("%s: %s", what, answer.body.bytes);
        assert_non_null(strstr(answer.body.bytes, "after 30|" KEY));
        peer_free_answer(&answer);
    }
    for (size_t i = 0; i < COUNT(others); i++) {
        snprintf(what, sizeof what, "%s%s", others[i], cursor);
        assert_faults(what, NO_CURSOR);
    }
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
        cmocka_unit_test(addresses_keep_the_other_parameters),
        cmocka_unit_test(values_of_a_cursor_are_checked),
        cmocka_unit_test(a_cursor_is_for_its_selection_alone),
        cmocka_unit_test(orders_know_their_index),
        cmocka_unit_test(without_memory_there_is_no_wrong_answer),
    };
    return cmocka_run_group_tests_name("selection", tests, start, stop);
}
