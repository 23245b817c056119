#include "record.h"

/* ---- requests that are as they should be ---- */

static void a_whole_request_is_told_apart(void **state)
{
    struct records records;
    (void)state;
    write_request(&message, 0);
    assert_int_equal(walk_message(&records, 100), RECORDS_WHOLE);
    assert_int_equal(records.walked, message.length);
    assert_int_equal(records.params_end, message.length - 8 * 3 - 7);
    assert_int_equal(records.body_bytes, 7);
    assert_int_equal(records.request_id, ID);
    assert_true(records.keep);
    assert_false(records.too_large);
    assert_false(records.padded);
    assert_null(records.fault);
}

static void a_connection_that_is_not_to_be_kept_says_so(void **state)
{
    struct records records;
    (void)state;
    peer_begin(&message, 1, false);
    assert_int_equal(walk_message(&records, 0), RECORDS_MORE);
    assert_true(records.begun);
    assert_false(records.keep);
}

static void bytes_may_come_one_at_a_time(void **state)
{
    struct records records;
    (void)state;
    write_request(&message, 3);
    records_init(&records, 100);
    for (size_t length = 0; length < message.length; length++)
        assert_int_equal(walk(&records, message.bytes, length), RECORDS_MORE);
    assert_int_equal(walk(&records, message.bytes, message.length), RECORDS_WHOLE);
    assert_int_equal(records.walked, message.length);
}

static void a_request_may_be_cut_in_two_anywhere(void **state)
{
    struct records records;
    (void)state;
    write_request(&message, 5);
    for (size_t cut = 0; cut < message.length; cut++) {
        records_init(&records, 100);
        assert_int_equal(walk(&records, message.bytes, cut), RECORDS_MORE);
        assert_true(records.walked <= cut);
        assert_int_equal(walk(&records, message.bytes, message.length), RECORDS_WHOLE);
    }
}

static void params_may_be_cut_into_records_anywhere(void **state)
{
    struct records records;
    struct buffer pairs;
    (void)state;
    write_pairs(&pairs);
    for (size_t cut = 1; cut < pairs.length; cut++) {
        buffer_clear(&message);
        peer_begin(&message, 1, true);
        peer_record(&message, PEER_PARAMS, 1, pairs.bytes, cut, 0);
        peer_record(&message, PEER_PARAMS, 1, pairs.bytes + cut, pairs.length - cut, 0);
        peer_record(&message, PEER_PARAMS, 1, NULL, 0, 0);
        peer_record(&message, PEER_STDIN, 1, NULL, 0, 0);
        assert_int_equal(walk_message(&records, 0), RECORDS_WHOLE);
        assert_int_equal(records.params_bytes, pairs.length);
    }
    buffer_free(&pairs);
}

static void a_request_without_params_is_whole(void **state)
{
    struct records records;
    (void)state;
    peer_begin(&message, 1, true);
    peer_stream(&message, PEER_PARAMS, 1, NULL, 0);
    peer_stream(&message, PEER_STDIN, 1, NULL, 0);
    assert_int_equal(walk_message(&records, 0), RECORDS_WHOLE);
}

static void what_follows_a_request_is_left_alone(void **state)
{
    struct records records;
    (void)state;
    write_request(&message, 0);
    size_t length = message.length;
    write_request(&message, 0);
    assert_int_equal(walk_message(&records, 100), RECORDS_WHOLE);
    assert_int_equal(records.walked, length);
}

/* ---- requests that are not ---- */

static void write_up_to(int place)
{
    buffer_clear(&message);
    if (place >= AFTER_BEGIN)
        peer_begin(&message, 1, true);
    if (place >= AFTER_PARAMS)
        peer_stream(&message, PEER_PARAMS, 1, "\1\1ab", 4);
}

static void records_out_of_order_are_refused(void **state)
{
    static const struct {
        int place, type, id;
        const char *fault;
    } cases[] = {
        {AT_START, PEER_PARAMS, 1, "a record before BEGIN_REQUEST"},
        {AT_START, PEER_STDIN, 1, "a record before BEGIN_REQUEST"},
        {AT_START, PEER_ABORT, 1, "a record before BEGIN_REQUEST"},
        {AT_START, 0, 1, "a record before BEGIN_REQUEST"},
        {AT_START, 9, 0, "a management record"},
        {AFTER_BEGIN, 9, 0, "a management record"},
        {AFTER_PARAMS, 9, 0, "a management record"},
        {AFTER_BEGIN, PEER_BEGIN, 1, "a record that is not PARAMS before the end of PARAMS"},
        {AFTER_BEGIN, PEER_STDIN, 1, "a record that is not PARAMS before the end of PARAMS"},
        {AFTER_BEGIN, PEER_ABORT, 1, "a record that is not PARAMS before the end of PARAMS"},
        {AFTER_BEGIN, 255, 1, "a record that is not PARAMS before the end of PARAMS"},
        {AFTER_BEGIN, PEER_PARAMS, 2, "a record of another request"},
        {AFTER_PARAMS, PEER_PARAMS, 1, "a record that is not STDIN after PARAMS"},
        {AFTER_PARAMS, PEER_ABORT, 1, "a record that is not STDIN after PARAMS"},
        {AFTER_PARAMS, 8, 1, "a record that is not STDIN after PARAMS"},
        {AFTER_PARAMS, PEER_STDIN, 256, "a record of another request"},
    };
    struct records records;
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        write_up_to(cases[i].place);
        peer_record(&message, cases[i].type, cases[i].id, "12345678", 8, 0);
        assert_int_equal(walk_message(&records, 100), RECORDS_BAD);
        assert_string_equal(records.fault, cases[i].fault);
    }
}

static void other_versions_are_refused_by_the_header_alone(void **state)
{
    struct records records;
    (void)state;
    for (int place = AT_START; place <= AFTER_PARAMS; place++) {
        for (int version = 0; version < 256; version += version == 0 ? 2 : 1) {
            write_up_to(place);
            buffer_append(&message,
                          (uint8_t[]){(uint8_t)version, (uint8_t[]){1, 4, 5}[place], 0, 1, 0xff, 0xff, 0, 0},
                          8);
            assert_int_equal(walk_message(&records, 100), RECORDS_BAD);
            assert_string_equal(records.fault, "a version other than 1");
        }
    }
}

static void a_management_record_is_refused_by_its_header_alone(void **state)
{
    struct records records;
    (void)state;
    buffer_append(&message, "\1\11\0\0\377\377\0\0", 8);
    assert_int_equal(walk_message(&records, 100), RECORDS_BAD);
    assert_string_equal(records.fault, "a management record");
}

static void a_begin_is_eight_bytes_for_a_responder(void **state)
{
    struct records records;
    (void)state;
    for (size_t length = 0; length < 20; length++) {
        buffer_clear(&message);
        peer_record(&message, PEER_BEGIN, 1, "\0\1\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", length, 0);
        assert_int_equal(walk_message(&records, 0), length == 8 ? RECORDS_MORE : RECORDS_BAD);
        if (length != 8)
            assert_string_equal(records.fault, "a BEGIN_REQUEST of a wrong length");
    }
    for (int role = 0; role < 4; role++) {
        buffer_clear(&message);
        peer_record(&message, PEER_BEGIN, 1, (uint8_t[8]){(uint8_t)(role == 3), (uint8_t)role}, 8, 0);
        assert_int_equal(walk_message(&records, 0), role == 1 ? RECORDS_MORE : RECORDS_BAD);
    }
    assert_string_equal(records.fault, "a role other than RESPONDER");
}

static void pairs_must_fill_their_records(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        bool good;
    } cases[] = {
        {"\1\1ab", 4, true},
        {"\1\0a", 3, true},
        {"\1", 1, false},                                /* no value's length */
        {"\200\0\0", 3, false},                          /* a cut length */
        {"\1\200\0\0", 4, false},                        /* the same of a value */
        {"\0\1a", 3, false},                             /* no name */
        {"\2\0a", 3, false},                             /* a name that is longer than what there is */
        {"\1\2ab", 4, false},                            /* a value that is */
        {"\1\1a", 3, false},                             /* the same by one */
        {"\1\1ab\1", 5, false},                          /* something behind the last pair */
        {"\1\377\377\377\377a", 6, false},               /* the longest there is */
        {"\377\377\377\377\377\377\377\377a", 9, false}, /* so that the sum would not fit 32 bits */
        {"\200\0\0\1\200\0\0\1ab", 10, true},            /* short, but written as long ones */
        {"\1\1\0b", 4, false},                           /* a NUL in the name */
        {"\1\2ab\0", 5, false},                          /* in the value */
        {"\3\1a=bc", 6, false},                          /* libfcgi keeps them as name=value */
        {"\1\1a=", 4, true},
    };
    struct records records;
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        write_up_to(AFTER_BEGIN);
        peer_stream(&message, PEER_PARAMS, 1, cases[i].bytes, cases[i].length);
        enum records_verdict verdict = walk_message(&records, 0);
        if (verdict != (cases[i].good ? RECORDS_MORE : RECORDS_BAD))
            fail_msg("case %zu: %d", i, (int)verdict);
        if (!cases[i].good)
            assert_string_equal(records.fault, "PARAMS that are not a list of pairs");
    }
}

/* ---- limits ---- */

/* One name and a value that make `length` bytes of PARAMS, in records of 32 KiB. */
static void write_params(size_t length)
{
    struct buffer pairs;
    char *value = calloc(1, length);
    assert_non_null(value);
    memset(value, 'v', length - 6); /* 1 + 4 for the lengths, 1 for the name */
    buffer_init(&pairs);
    peer_pair(&pairs, "N", value);
    assert_int_equal(pairs.length, length);
    write_up_to(AFTER_BEGIN);
    peer_stream(&message, PEER_PARAMS, 1, pairs.bytes, pairs.length);
    buffer_free(&pairs);
    free(value);
}

static void params_may_have_64_kib(void **state)
{
    struct records records;
    (void)state;
    write_params(RECORDS_PARAMS_BYTES);
    assert_int_equal(walk_message(&records, 0), RECORDS_MORE);
    assert_int_equal(records.params_end, message.length);
    write_params(RECORDS_PARAMS_BYTES + 1);
    assert_int_equal(walk_message(&records, 0), RECORDS_BAD);
    assert_string_equal(records.fault, "too many PARAMS");
}

/* A body of as many records of this size as there may be, and one more. */
static void assert_framing_ends(size_t content, uint8_t padding)
{
    struct records records;
    size_t framing = 4 * 8 + (size_t)padding; /* BEGIN, PARAMS, its end, the first STDIN */
    records_init(&records, 1 << 30);
    write_up_to(AFTER_PARAMS);
    for (; framing <= RECORDS_FRAMING_BYTES; framing += 8 + (size_t)padding)
        peer_record(&message, PEER_STDIN, 1, "xx", content, padding);
    assert_int_equal(walk(&records, message.bytes, message.length), RECORDS_MORE);
    peer_record(&message, PEER_STDIN, 1, "xx", content, padding);
    assert_int_equal(walk(&records, message.bytes, message.length), RECORDS_BAD);
    assert_string_equal(records.fault, "too much padding, or too many records");
}

static void padding_and_headers_may_not_fill_memory(void **state)
{
    (void)state;
    assert_framing_ends(1, 255);
    assert_framing_ends(1, 0);
    assert_framing_ends(2, 7);
}

static void the_framing_of_a_body_that_is_thrown_away_does_not_count(void **state)
{
    struct records records;
    (void)state;
    records_init(&records, 10);
    write_up_to(AFTER_PARAMS);
    for (int i = 0; i < 40000; i++)
        peer_record(&message, PEER_STDIN, 1, "x", 1, 0);
    peer_record(&message, PEER_STDIN, 1, NULL, 0, 0);
    assert_int_equal(walk(&records, message.bytes, message.length), RECORDS_WHOLE);
    assert_true(records.too_large);
}

static void a_body_may_be_as_large_as_the_limit(void **state)
{
    struct records records;
    (void)state;
    write_up_to(AFTER_PARAMS);
    peer_stream(&message, PEER_STDIN, 1, "0123456789", 10);
    assert_int_equal(walk_message(&records, 10), RECORDS_WHOLE);
    assert_false(records.too_large);
    assert_int_equal(walk_message(&records, 9), RECORDS_WHOLE);
    assert_true(records.too_large);
}

static void a_body_over_the_limit_can_be_cut_out_as_it_comes(void **state)
{
    struct records records;
    char piece[1000] = {0};
    (void)state;
    records_init(&records, 1500);
    write_up_to(AFTER_PARAMS);
    for (int i = 0; i < 100; i++) {
        peer_record(&message, PEER_STDIN, 1, piece, sizeof piece, 7);
        buffer_append(&message, "\1", 1); /* of the next record's header, which stays */
        assert_int_equal(walk(&records, message.bytes, message.length), RECORDS_MORE);
        message.length--;
        if (records.too_large)
            message.length = records.walked = records.params_end;
    }
    peer_record(&message, PEER_STDIN, 1, NULL, 0, 0);
    assert_int_equal(walk(&records, message.bytes, message.length), RECORDS_WHOLE);
    assert_true(records.too_large);
    assert_int_equal(records.body_bytes, 100 * sizeof piece);
}

/* ---- padding ---- */

static void padding_goes(void **state)
{
    struct records records;
    struct buffer plain;
    (void)state;
    buffer_init(&plain);
    write_request(&plain, 0);
    for (int padding = 0; padding < 256; padding += 51) {
        buffer_clear(&message);
        write_request(&message, (uint8_t)padding);
        assert_int_equal(walk_message(&records, 100), RECORDS_WHOLE);
        assert_int_equal(records.padded, padding > 0);
        records_strip(&records, (uint8_t *)message.bytes);
        assert_int_equal(records.walked, plain.length);
        assert_int_equal(records.params_end, plain.length - 8 * 3 - 7);
        assert_memory_equal(message.bytes, plain.bytes, plain.length);
    }
    buffer_free(&plain);
}

static void only_padding_that_libfcgi_stumbles_over_counts(void **state)
{
    static const struct {
        uint8_t begin, params, params_end, in;
        bool padded;
    } cases[] = {{0, 9, 0, 9, false}, {9, 0, 0, 0, true}, {0, 0, 9, 0, true}};
    struct records records;
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        buffer_clear(&message);
        peer_record(&message, PEER_BEGIN, 1, "\0\1\1\0\0\0\0", 8, cases[i].begin);
        peer_record(&message, PEER_PARAMS, 1, "\1\1ab", 4, cases[i].params);
        peer_record(&message, PEER_PARAMS, 1, NULL, 0, cases[i].params_end);
        peer_record(&message, PEER_STDIN, 1, NULL, 0, cases[i].in);
        assert_int_equal(walk_message(&records, 0), RECORDS_WHOLE);
        assert_int_equal(records.padded, cases[i].padded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_whole_request_is_told_apart, start, stop),
        cmocka_unit_test_setup_teardown(a_connection_that_is_not_to_be_kept_says_so, start, stop),
        cmocka_unit_test_setup_teardown(bytes_may_come_one_at_a_time, start, stop),
        cmocka_unit_test_setup_teardown(a_request_may_be_cut_in_two_anywhere, start, stop),
        cmocka_unit_test_setup_teardown(params_may_be_cut_into_records_anywhere, start, stop),
        cmocka_unit_test_setup_teardown(a_request_without_params_is_whole, start, stop),
        cmocka_unit_test_setup_teardown(what_follows_a_request_is_left_alone, start, stop),
        cmocka_unit_test_setup_teardown(records_out_of_order_are_refused, start, stop),
        cmocka_unit_test_setup_teardown(other_versions_are_refused_by_the_header_alone, start, stop),
        cmocka_unit_test_setup_teardown(a_management_record_is_refused_by_its_header_alone, start, stop),
        cmocka_unit_test_setup_teardown(a_begin_is_eight_bytes_for_a_responder, start, stop),
        cmocka_unit_test_setup_teardown(pairs_must_fill_their_records, start, stop),
        cmocka_unit_test_setup_teardown(params_may_have_64_kib, start, stop),
        cmocka_unit_test_setup_teardown(padding_and_headers_may_not_fill_memory, start, stop),
        cmocka_unit_test_setup_teardown(the_framing_of_a_body_that_is_thrown_away_does_not_count, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_body_may_be_as_large_as_the_limit, start, stop),
        cmocka_unit_test_setup_teardown(a_body_over_the_limit_can_be_cut_out_as_it_comes, start, stop),
        cmocka_unit_test_setup_teardown(padding_goes, start, stop),
        cmocka_unit_test_setup_teardown(only_padding_that_libfcgi_stumbles_over_counts, start, stop),
    };
    return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
