#include "selection.h"

#include "unit.h"

#include "paging.h"

/* ---- hostile values ---- */

static void write_query(struct buffer *out, const char *before, const char *value, const char *behind)
{
    buffer_clear(out);
    buffer_string(out, before);
    uri_encode_parameter(out, value);
    buffer_string(out, behind);
    buffer_append(out, "", 1);
}

static void any_text_is_only_ever_a_value(void **state)
{
    struct buffer query;
    (void)state;
    buffer_init(&query);
    for (size_t i = 0; i < COUNT(names); i++) {
        char where[200];
        snprintf(where, sizeof where, "name = $h$%s$h$", names[i]);
        write_query(&query, "/passengers?limit=2&name=eq.", names[i], "");
        const char *expected = expected_rows("passengers", "uuid", where, "uuid");
        assert_string_equal(all_pages(query.bytes), expected);
        if (strchr(names[i], '*') == NULL) {
            write_query(&query, "/passengers?limit=2&name=like.", names[i], "");
            assert_string_equal(all_pages(query.bytes), expected_rows("passengers", "uuid", where, "uuid"));
        }
        /* In a list, quoted. */
        struct buffer quoted;
        buffer_init(&quoted);
        buffer_string(&quoted, "in.(\"");
        for (const char *at = names[i]; *at != '\0'; at++) {
            buffer_string(&quoted, *at == '"' || *at == '\\' ? "\\" : "");
            buffer_append(&quoted, at, 1);
        }
        buffer_append(&quoted, "\")", 3);
        write_query(&query, "/passengers?limit=2&name=", quoted.bytes, "");
        assert_string_equal(all_pages(query.bytes), expected_rows("passengers", "uuid", where, "uuid"));
        buffer_free(&quoted);
    }
    buffer_free(&query);
    assert_int_equal(postgres_number("SELECT count(*) FROM passengers"), ROWS);
}

static void words_stand_for_themselves(void **state)
{
    static const struct {
        const char *q, *where;
    } cases[] = {
        {"50%25", "name = '50%'"},         {"%25", "name = '50%'"},
        {"_", "name = 'under_score'"},     {"%5C", "name = E'back\\\\slash'"},
        {"*", "name = 'star*'"},           {"'", "name IN ('O''Hara', '''); DROP TABLE passengers; --')"},
        {"%22", "name = 'a\"b'"},          {"\u00e9l\u00c9", "name LIKE '\u00c9l\u00e9%'"},
        {"TAB+line", "name LIKE '%tab%'"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char address[100];
        snprintf(address, sizeof address, "/passengers?limit=3&q=%s", cases[i].q);
        const char *rows = all_pages(address);
        /* A format would read its percent signs. */
        char where[200];
        snprintf(where, sizeof where, "%s", cases[i].where);
        const char *expected = expected_rows("passengers", "uuid", where, "uuid");
        if (strcmp(rows, expected) != 0 || rows[0] == '\0')
            fail_msg("%s: %s, not %s", address, rows, expected);
    }
}

static void what_is_checked_is_read_by_the_database(void **state)
{
    static const char *const addresses[] = {
        "/employees?created_at=0001-01-01T00:00:00%2B15:59",
        "/employees?created_at=9999-12-31T23:59:59.999999-15:59",
        "/employees?created_at=2024-02-29+23:59:60.000000%2B00",
        "/employees?created_at=2000-02-29t12:00:00.1z",
        "/employees?created_at=in.(2025-05-20T22:22:46.243212Z,2025-05-20+22:22:46)",
        "/passengers?age=4.9e-324",
        "/passengers?age=1.7976931348623157e308",
        "/passengers?age=-0",
        "/passengers?age=00000000000000000000000000000000000000000000000000000001.5E%2B000001",
        "/passengers?passengerClass=-9223372036854775808",
        "/passengers?passengerClass=-000000000000000000000000000000009",
        "/passengers?uuid=FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "/passengers?uuid=00000000-0000-0000-0000-000000000000",
        "/passengers?name=like.*****",
        "/passengers?name=ilike.",
        "/employees?email=ilike.*%5C*",
        "/employees?email=gt.%F4%8F%BF%BF",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(addresses); i++)
        all_pages(addresses[i]);
}

/* ---- counts ---- */

static void assert_value(const char *address, const char *expected)
{
    struct peer_answer answer = service_ask(&service, "GET", address, NULL, NULL);
    if (answer.status != 200 || strstr(answer.body.bytes, expected) == NULL)
        fail_msg("%s: %d %s", address, answer.status, answer.body.bytes);
    peer_free_answer(&answer);
}

static void counts_are_of_what_matches(void **state)
{
    char expected[20];
    (void)state;
    assert_value("/passengers/count", "60");
    assert_value("/passengers/count?sex=male&limit=1&order=age", "24");
    assert_value("/passengers/count?q=drop", "4");
    assert_value("/passengers/count?name=nobody", "0");
    assert_value("/passengers/estimate", "rows=60 ");
    snprintf(expected, sizeof expected, "rows=%d ", 24);
    assert_value("/passengers/estimate?sex=eq.male", expected); /* the value was known to the planner */
    assert_value("/passengers/estimate?sex=is.null", "rows=12 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_text_is_only_ever_a_value),
        cmocka_unit_test(words_stand_for_themselves),
        cmocka_unit_test(what_is_checked_is_read_by_the_database),
        cmocka_unit_test(counts_are_of_what_matches),
    };
    return cmocka_run_group_tests_name("values of selections", tests, start, stop);
}
