#include "selection.h"

#include "cursor.h"
#include "unit.h"

#include "tell.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_keep_the_other_parameters),
        cmocka_unit_test(values_of_a_cursor_are_checked),
        cmocka_unit_test(a_cursor_is_for_its_selection_alone),
    };
    return cmocka_run_group_tests_name("places of selections", tests, start, stop);
}
