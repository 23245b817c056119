// wrap: malloc calloc realloc
#include "selection.h"

#include "inject.h"
#include "unit.h"

#include "paging.h"

INJECT_MEMORY

static void check_order(const struct resource *resource, const char *order, const char *sql,
                        const char *filter, const char *where, int limit)
{
    char address[300];
    snprintf(address, sizeof address, "/%s?limit=%d&order=%s%s", resource->name, limit, order, filter);
    const char *rows = all_pages(address);
    const char *expected = expected_rows(resource->name, resource->fields[resource->key].column, where, sql);
    if (strcmp(rows, expected) != 0)
        fail_msg("%s:\n%s\n%s", address, rows, expected);
}

static const char *order_sql(const struct field *field, bool descending)
{
    static char texts[4][80];
    static int next;
    next = (next + 1) % 4;
    snprintf(texts[next], sizeof texts[next], field->type == FIELD_EMAIL ? "lower(%s)%s" : "%s%s",
             field->column, descending ? " DESC NULLS FIRST" : " ASC NULLS LAST");
    return texts[next];
}

/* ---- paging ---- */

static void pages_in_the_order_of_any_column_have_each_row_once(void **state)
{
    static const struct resource *const resources[] = {PASSENGERS, EMPLOYEES};
    static const int limits[] = {1, 2, 7, ROWS};
    (void)state;
    for (size_t which = 0; which < COUNT(resources); which++)
        for (int i = 0; i < resources[which]->field_count; i++)
            for (size_t limit = 0; limit < COUNT(limits); limit++)
                for (int descending = 0; descending < 2; descending++) {
                    const struct field *fields = resources[which]->fields;
                    char order[80], sql[200];
                    snprintf(order, sizeof order, "%s%s", descending ? "-" : "", fields[i].key);
                    snprintf(sql, sizeof sql, "%s, %s", order_sql(&fields[i], descending),
                             order_sql(&fields[resources[which]->key], descending));
                    check_order(resources[which], order, sql, "", "true", limits[limit]);
                }
}

static void pages_in_the_order_of_two_columns_have_each_row_once(void **state)
{
    const struct field *fields = passengers_resource.fields;
    (void)state;
    for (int i = 0; i < passengers_resource.field_count; i++)
        for (int j = 0; j < passengers_resource.field_count; j++)
            for (int way = 0; way < 4 && i != j; way++) {
                char order[100], sql[300];
                snprintf(order, sizeof order, "%s%s,%s%s", way & 1 ? "-" : "", fields[i].key,
                         way & 2 ? "-" : "", fields[j].key);
                snprintf(sql, sizeof sql, "%s, %s, %s", order_sql(&fields[i], way & 1),
                         order_sql(&fields[j], way & 2), order_sql(&fields[0], way & 2));
                check_order(PASSENGERS, order, sql, "", "true", 7);
            }
}

static void an_order_of_all_columns_goes_on_too(void **state)
{
    (void)state;
    check_order(PASSENGERS,
                "-survived,sex,-age,fare,parentsOrChildrenAboard,-siblingsOrSpousesAboard,name,"
                "-passengerClass,-uuid",
                "survived DESC, sex, age DESC, fare, siblings_or_spouses_aboard DESC, name,"
                " passenger_class DESC, uuid DESC",
                "", "true", 3);
}

static void filtered_pages_have_what_matches(void **state)
{
    static const struct {
        const char *filter, *where;
    } cases[] = {
        {"&sex=male", "sex = 'male'"},
        {"&sex=neq.male", "sex <> 'male'"},
        {"&sex=is.null", "sex IS NULL"},
        {"&sex=is.not_null&survived=true", "sex IS NOT NULL AND survived"},
        {"&sex=gt.female", "sex > 'female'"},
        {"&survived=in.(true,false)", "survived IS NOT NULL"},
        {"&age=gte.22.5", "age >= 22.5"},
        {"&age=lt.22.5", "age < 22.5"},
        {"&age=149.99999999999997", "age > 149"},
        {"&fare=0", "fare = 0"},
        {"&fare=lte.1e300", "fare <= 1e300"},
        {"&passengerClass=in.(1,3)", "passenger_class IN (1, 3)"},
        {"&passengerClass=lt.9223372036854775807", "true"},
        {"&passengerClass=gt.32768", "false"},
        {"&uuid=gt.0196f0c2-4bd7-7a52-9a3e-000000000400", "uuid > '0196f0c2-4bd7-7a52-9a3e-000000000400'"},
        {"&name=like.ada*", "name LIKE 'ada%'"},
        {"&name=ilike.ada*", "name ILIKE 'ada%'"},
        {"&name=like.*a*a*", "name LIKE '%a%a%'"},
        {"&name=gte.a&name=lt.b", "name >= 'a' AND name < 'b'"},
        {"&q=ADA", "name ILIKE '%ada%'"},
        {"&q=love+ada", "name = 'Ada Love'"},
        {"&q=nobody", "false"},
    };
    static const char *const orders[][2] = {{"uuid", "uuid"},
                                            {"-age", "age DESC, uuid DESC"},
                                            {"survived,-fare", "survived, fare DESC, uuid DESC"}};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t j = 0; j < COUNT(orders); j++)
            check_order(PASSENGERS, orders[j][0], orders[j][1], cases[i].filter, cases[i].where, 5);
    check_order(EMPLOYEES, "email", "lower(email)", "&email=like.ADA1*", "lower(email) LIKE 'ada1%'", 2);
    check_order(EMPLOYEES, "email", "lower(email)", "&email=in.(ADA1@example.org,aDa2@example.org)",
                "lower(email) IN ('ada1@example.org', 'ada2@example.org')", 1);
    check_order(EMPLOYEES, "id", "id", "&created_at=2025-05-21T00:22:46.576545%2B02:00",
                "created_at = '2025-05-20 22:22:46.576545Z'", 2);
    check_order(EMPLOYEES, "id", "id", "&updated_at=lt.2000-01-01T00:00:00Z", "true", 2);
}

/* More rows match than are looked at beforehand: the other way to pick them. */
static void many_matching_rows_are_paged_too(void **state)
{
    (void)state;
    postgres_sql(
        "INSERT INTO passengers SELECT ('0196f0c2-4bd7-7a52-9a3f-' || lpad(to_hex(n), 12, '0'))::uuid,"
        " NULL, 1, 'Many', 'male', CASE n %% 3 WHEN 0 THEN NULL ELSE n %% 3 END, 0, 0, NULL"
        " FROM generate_series(1, 1100) AS n");
    for (int way = 0; way < 4; way++) {
        char address[200], sql[200];
        snprintf(address, sizeof address, "/passengers?limit=450&name=Many&order=%sage,%suuid",
                 way & 1 ? "-" : "", way & 2 ? "-" : "");
        snprintf(sql, sizeof sql, "age %s, uuid %s", way & 1 ? "DESC" : "", way & 2 ? "DESC" : "");
        char next[4000], rows[1100 * LETTER + 1] = "";
        strcpy(next, address);
        while (next[0] != '\0') {
            struct peer_answer answer = service_ask(&service, "GET", next, NULL, NULL);
            assert_int_equal(answer.status, 200);
            size_t length = strcspn(answer.body.bytes, " ");
            assert_true(strlen(rows) + length < sizeof rows);
            strncat(rows, answer.body.bytes, length);
            strcpy(next, answer.body.bytes + length + (answer.body.bytes[length] == ' '));
            peer_free_answer(&answer);
        }
        assert_string_equal(rows, expected_rows("passengers", "uuid", "name = 'Many'", sql));
    }
    postgres_sql("DELETE FROM passengers WHERE name = 'Many'");
    postgres_sql("VACUUM ANALYZE passengers");
}

/* ---- memory ---- */

static void without_memory_there_is_no_wrong_page(void **state)
{
    static const char first[] = "/passengers?limit=7&sex=male&q=a&order=-age,fare";
    char next[2000];
    (void)state;
    struct peer_answer answer = service_ask(&service, "GET", first, NULL, NULL);
    snprintf(next, sizeof next, "%s", strchr(answer.body.bytes, ' ') + 1);
    peer_free_answer(&answer);
    const char *const addresses[] = {first, next, "/passengers/count?sex=male",
                                     "/employees?limit=5&order=email"};
    for (size_t i = 0; i < COUNT(addresses); i++) {
        struct peer_answer whole = service_ask(&service, "GET", addresses[i], NULL, NULL);
        assert_int_equal(whole.status, 200);
        for (int n = 1; n < 500; n++) {
            service_send(&service, "GET", addresses[i], NULL, NULL);
            inject_at(NULL, n, ENOMEM);
            service_wait(&service);
            int failures = inject_off();
            answer = service_answer(&service);
            if (answer.status == 200)
                assert_string_equal(answer.body.bytes, whole.body.bytes);
            else
                assert_true(answer.status == 503 || answer.status == 0);
            peer_free_answer(&answer);
            assert_true(turn_until(loop, ask_serving, database));
            if (failures == 0)
                break;
            assert_true(n < 499);
        }
        peer_free_answer(&whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_in_the_order_of_any_column_have_each_row_once),
        cmocka_unit_test(pages_in_the_order_of_two_columns_have_each_row_once),
        cmocka_unit_test(an_order_of_all_columns_goes_on_too),
        cmocka_unit_test(filtered_pages_have_what_matches),
        cmocka_unit_test(many_matching_rows_are_paged_too),
        cmocka_unit_test(without_memory_there_is_no_wrong_page),
    };
    return cmocka_run_group_tests_name("pages of selections", tests, start, stop);
}
