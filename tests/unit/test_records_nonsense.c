#include "record.h"

static uint32_t random_state = 20250520;

static uint32_t draw(uint32_t below)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % below;
}

/* What "whole" promises, looked at a second time with other eyes. */
static void assert_whole(const uint8_t *bytes, const struct records *records)
{
    static const int expected[] = {PEER_BEGIN, PEER_PARAMS, PEER_STDIN};
    int place = AT_START;
    for (size_t at = 0; at < records->walked;) {
        const uint8_t *header = bytes + at;
        size_t content = (size_t)(header[4] << 8 | header[5]);
        assert_int_equal(header[0], 1);
        assert_int_equal(header[2] << 8 | header[3], records->request_id);
        assert_int_not_equal(records->request_id, 0);
        assert_int_equal(header[1], expected[place]);
        if (place == AT_START || (place == AFTER_BEGIN && content == 0))
            place++;
        at += 8 + content + header[6];
        if (place == AFTER_PARAMS && content == 0 && header[1] == PEER_STDIN)
            assert_int_equal(at, records->walked);
    }
    assert_int_equal(place, AFTER_PARAMS);
}

static void mutate(uint8_t *bytes, size_t *length)
{
    size_t at = draw((uint32_t)*length);
    switch (draw(4)) {
    case 0:
        bytes[at] = (uint8_t)draw(256);
        break;
    case 1:
        bytes[at] ^= (uint8_t)(1 << draw(8));
        break;
    case 2:
        memmove(bytes + at, bytes + at + 1, *length - at - 1);
        *length -= *length > 1;
        break;
    default:
        *length = at + 1;
        break;
    }
}

static void no_mutation_of_a_request_is_taken_for_what_it_is_not(void **state)
{
    uint8_t bytes[4096];
    struct records records;
    int whole = 0;
    (void)state;
    write_request(&message, 2);
    for (int round = 0; round < 50000; round++) {
        size_t length = message.length;
        memcpy(bytes, message.bytes, length);
        for (uint32_t changes = 1 + draw(4); changes > 0; changes--)
            mutate(bytes, &length);
        records_init(&records, 5);
        if (walk(&records, bytes, length) != RECORDS_WHOLE)
            continue;
        whole++;
        assert_whole(bytes, &records);
        records_strip(&records, bytes);
        assert_whole(bytes, &records);
    }
    assert_true(whole > 100); /* or the test looks at nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_mutation_of_a_request_is_taken_for_what_it_is_not, start, stop),
    };
    return cmocka_run_group_tests_name("records: nonsense", tests, NULL, NULL);
}
