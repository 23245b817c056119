// wrap: getrandom
#include "uuid.h"

#include "inject.h"
#include "unit.h"

#include <stdio.h>
#include <sys/types.h>

static ssize_t most_at_once; /* getrandom gives no more than that; 0: as the kernel does */

ssize_t __real_getrandom(void *to, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *to, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *to, size_t size, unsigned flags)
{
    if (inject_fails("getrandom"))
        return -1;
    if (most_at_once > 0 && size > (size_t)most_at_once)
        size = (size_t)most_at_once;
    return __real_getrandom(to, size, flags);
}

static const uint8_t ones[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t zeros[16] = {0};

static void parse_takes_both_cases_and_gives_lower(void **state)
{
    char out[UUID_SIZE];

    (void)state;
    assert_true(uuid_parse(out, "0190A6C8-7e1f-7ABC-9def-0123456789aF and more", 36));
    assert_string_equal(out, "0190a6c8-7e1f-7abc-9def-0123456789af");
}

static void parse_refuses_anything_else_and_writes_nothing(void **state)
{
    static const char *const bad[] = {
        "",
        "0190a6c8-7e1f-7abc-9def-0123456789a",
        "0190a6c8-7e1f-7abc-9def-0123456789aff",
        "0190a6c87e1f7abc9def0123456789af",
        "{190a6c8-7e1f-7abc-9def-0123456789a}",
        "0190a6c8-7e1f-7abc-9def-0123456789ag",
        "0190a6c8-7e1f-7abc-9def-0123456789a\xc3",
        "0190a6c8_7e1f-7abc-9def-0123456789af",
        "0190a6c87-e1f-7abc-9def-0123456789af",
        "0190a6c8-7e1f7-abc-9def-0123456789af",
        "0190a6c8-7e1f-7abc-9def-0123456789a ",
        " 190a6c8-7e1f-7abc-9def-0123456789af",
        "0190a6c8-7e1f-7abc-9def--123456789af",
        "0190a6c8-7e1f-7abc-9def-01234567:9af",
        "0190a6c8-7e1f-7abc-9def-01234567@9af",
        "0190a6c8-7e1f-7abc-9def-01234567`9af",
    };
    char out[UUID_SIZE] = "untouched";

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (uuid_parse(out, bad[i], strlen(bad[i])))
            fail_msg("accepted: %s", bad[i]);
        assert_string_equal(out, "untouched");
    }
    assert_false(uuid_parse(out, "0190a6c8-7e1f-7abc-9def-\0123456789af", 36));
}

static void v7_has_time_version_and_variant(void **state)
{
    static const struct {
        uint64_t ms;
        const uint8_t *entropy;
        const char *expected;
    } cases[] = {
        {0, zeros, "00000000-0000-7000-8000-000000000000"},
        {0, ones, "00000000-0000-7fff-bfff-ffffffffffff"},
        {0xffffffffffffu, zeros, "ffffffff-ffff-7000-8000-000000000000"},
        {0x017f22e279b0u, zeros, "017f22e2-79b0-7000-8000-000000000000"}, /* RFC 9562, appendix A.6 */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[UUID_SIZE];

        uuid_v7(out, cases[i].ms, cases[i].entropy);
        assert_string_equal(out, cases[i].expected);
    }
}

static void counted_puts_every_bit_of_the_counter_behind_the_time(void **state)
{
    static const struct {
        uint32_t counter;
        const uint8_t *entropy;
        const char *expected;
    } cases[] = {
        {0, zeros, "00000000-0001-7000-8000-000000000000"},
        {0, ones, "00000000-0001-7000-8000-03ffffffffff"},
        {0xffffffffu, zeros, "00000000-0001-7fff-bfff-fc0000000000"},
        {0xffffffffu, ones, "00000000-0001-7fff-bfff-ffffffffffff"},
        {0x80000000u, zeros, "00000000-0001-7800-8000-000000000000"},
        {1, zeros, "00000000-0001-7000-8000-040000000000"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[UUID_SIZE];

        uuid_v7_counted(out, 1, cases[i].counter, cases[i].entropy);
        assert_string_equal(out, cases[i].expected);
    }
}

static void counted_sorts_by_the_counter_whatever_the_entropy(void **state)
{
    char before[UUID_SIZE] = "";

    (void)state;
    for (uint64_t counter = 0; counter <= UINT32_MAX; counter += 1 + counter / 64) {
        char out[UUID_SIZE];

        uuid_v7_counted(out, 1716243766123u, (uint32_t)counter, counter % 2 ? zeros : ones);
        assert_true(strcmp(before, out) < 0);
        memcpy(before, out, UUID_SIZE);
    }
}

static void of_request_is_the_same_for_the_same_request(void **state)
{
    char first[UUID_SIZE], second[UUID_SIZE], upper[UUID_SIZE];

    (void)state;
    assert_true(uuid_of_request(first, "1716243766.123", "00112233445566778899aabbccddeeff"));
    assert_true(uuid_of_request(second, "1716243766.123", "00112233445566778899aabbccddeeff"));
    assert_true(uuid_of_request(upper, "1716243766.123", "00112233445566778899AABBCCDDEEFF"));
    assert_string_equal(first, "018f9819-9b6b-7677-8899-aabbccddeeff");
    assert_string_equal(first, second);
    assert_string_equal(first, upper);
}

static void of_request_refuses_other_forms(void **state)
{
    static const struct {
        const char *msec, *id;
    } bad[] = {
        {NULL, "00112233445566778899aabbccddeeff"},
        {"1716243766.123", NULL},
        {"", "00112233445566778899aabbccddeeff"},
        {"1716243766", "00112233445566778899aabbccddeeff"},
        {"1716243766.12", "00112233445566778899aabbccddeeff"},
        {"1716243766.1234", "00112233445566778899aabbccddeeff"},
        {"1716243766.1.3", "00112233445566778899aabbccddeeff"},
        {".123", "00112233445566778899aabbccddeeff"},
        {"-1716243766.123", "00112233445566778899aabbccddeeff"},
        {"17162437 6.123", "00112233445566778899aabbccddeeff"},
        {"1716243766.12x", "00112233445566778899aabbccddeeff"},
        {"281474976710.656", "00112233445566778899aabbccddeeff"}, /* 2^48 ms */
        {"99999999999999999999999999.123", "00112233445566778899aabbccddeeff"},
        {"1716243766.123", ""},
        {"1716243766.123", "00112233445566778899aabbccddeef"},
        {"1716243766.123", "00112233445566778899aabbccddeeff0"},
        {"1716243766.123", "00112233445566778899aabbccddeefg"},
        {"1716243766.123", "x0112233445566778899aabbccddeeff"},
    };
    char out[UUID_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        if (uuid_of_request(out, bad[i].msec, bad[i].id))
            fail_msg("accepted: case %zu", i);
    assert_true(uuid_of_request(out, "281474976710.655", "00112233445566778899aabbccddeeff"));
}

static void entropy_differs_each_time(void **state)
{
    uint8_t first[16], second[16];

    (void)state;
    assert_int_equal(uuid_entropy(first), 0);
    assert_int_equal(uuid_entropy(second), 0);
    assert_memory_not_equal(first, second, 16);
}

static void entropy_survives_interruption_and_short_reads(void **state)
{
    uint8_t bytes[16];

    (void)state;
    most_at_once = 5;
    inject_at("getrandom", 2, EINTR);
    assert_int_equal(uuid_entropy(bytes), 0);
    assert_int_equal(inject.calls, 5);
    inject_off();
    most_at_once = 0;
}

static void entropy_reports_failure(void **state)
{
    uint8_t bytes[16];

    (void)state;
    inject_at("getrandom", 1, ENOSYS);
    assert_int_equal(uuid_entropy(bytes), -1);
    assert_int_equal(errno, ENOSYS);
    inject_off();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_takes_both_cases_and_gives_lower),
        cmocka_unit_test(parse_refuses_anything_else_and_writes_nothing),
        cmocka_unit_test(v7_has_time_version_and_variant),
        cmocka_unit_test(counted_puts_every_bit_of_the_counter_behind_the_time),
        cmocka_unit_test(counted_sorts_by_the_counter_whatever_the_entropy),
        cmocka_unit_test(of_request_is_the_same_for_the_same_request),
        cmocka_unit_test(of_request_refuses_other_forms),
        cmocka_unit_test(entropy_differs_each_time),
        cmocka_unit_test(entropy_survives_interruption_and_short_reads),
        cmocka_unit_test(entropy_reports_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
