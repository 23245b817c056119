#include "gateway.h"

#include "unit.h"

#include "owner.h"

#include <sys/socket.h>

/* ---- requests ---- */

static void a_request_comes_with_params_and_body(void **state)
{
    (void)state;
    send_request(&peer, "a body");
    assert_hello(&peer);
    assert_int_equal(owner.begun, 1);
    assert_string_equal(owner.method, "POST");
    assert_string_equal(owner.nothing, "");
    assert_string_equal(owner.body, "a body");
    assert_int_equal(owner.body_length, 6);
    assert_false(owner.too_large);
}

static void a_request_may_come_byte_by_byte(void **state)
{
    (void)state;
    peer_request(&message, "POST", "/", "text/plain", "a body", 6);
    for (size_t at = 0; at < message.length; at++) {
        assert_int_equal(owner.begun, 0);
        peer_send(&peer, message.bytes + at, 1);
        turn_once(loop);
    }
    assert_hello(&peer);
    assert_string_equal(owner.body, "a body");
}

static void a_request_may_be_cut_anywhere(void **state)
{
    (void)state;
    peer_request(&message, "POST", "/", "text/plain", "a body", 6);
    for (size_t cut = 1; cut < message.length; cut++) {
        peer_send(&peer, message.bytes, cut);
        turn_once(loop);
        peer_send(&peer, message.bytes + cut, message.length - cut);
        assert_hello(&peer);
    }
    assert_int_equal(owner.begun, message.length - 1);
}

static void a_kept_connection_takes_request_after_request(void **state)
{
    char body[] = "body 0";
    (void)state;
    for (; body[5] < '9'; body[5]++) {
        send_request(&peer, body);
        assert_hello(&peer);
        assert_string_equal(owner.body, body);
    }
    assert_false(is_closed(&peer));
}

static void a_connection_that_is_not_to_be_kept_is_closed(void **state)
{
    (void)state;
    peer_begin(&message, 1, false);
    peer_stream(&message, PEER_PARAMS, 1, NULL, 0);
    peer_stream(&message, PEER_STDIN, 1, NULL, 0);
    peer_send(&peer, message.bytes, message.length);
    assert_true(turn_until(loop, is_closed, &peer));
    assert_hello(&peer);
}

static void a_peer_that_has_no_more_to_say_is_answered(void **state)
{
    (void)state;
    send_request(&peer, "a body");
    shutdown(peer.fd, SHUT_WR);
    assert_true(turn_until(loop, is_closed, &peer));
    assert_hello(&peer);
}

static void peers_do_not_hold_each_other_up(void **state)
{
    struct peer others[20];
    (void)state;
    peer_request(&message, "POST", "/", "text/plain", "a body", 6);
    for (size_t i = 0; i < COUNT(others); i++) {
        peer_connect(&others[i], path);
        peer_send(&others[i], message.bytes, 7 * i + 1);
    }
    assert_serving();
    buffer_clear(&message);
    peer_request(&message, "POST", "/", "text/plain", "a body", 6);
    for (size_t i = COUNT(others); i-- > 0;) {
        peer_send(&others[i], message.bytes + 7 * i + 1, message.length - 7 * i - 1);
        assert_hello(&others[i]);
        peer_close(&others[i]);
    }
}

static void padding_everywhere_is_no_matter(void **state)
{
    struct buffer params;
    (void)state;
    buffer_init(&params);
    peer_pair(&params, "REQUEST_METHOD", "POST");
    peer_record(&message, PEER_BEGIN, 1, "\0\1\1\0\0\0\0", 8, 255);
    peer_record(&message, PEER_PARAMS, 1, params.bytes, params.length, 1);
    peer_record(&message, PEER_PARAMS, 1, NULL, 0, 7);
    peer_record(&message, PEER_STDIN, 1, "a body", 6, 8);
    peer_record(&message, PEER_STDIN, 1, NULL, 0, 255);
    peer_send(&peer, message.bytes, message.length);
    assert_hello(&peer);
    assert_string_equal(owner.method, "POST");
    assert_string_equal(owner.body, "a body");
    send_request(&peer, "another");
    assert_hello(&peer);
    buffer_free(&params);
}

static void a_body_over_the_limit_is_said_but_not_kept(void **state)
{
    static char body[100 * BODY_LIMIT];
    static const size_t lengths[] = {BODY_LIMIT, BODY_LIMIT + 1, sizeof body - 1};
    (void)state;
    memset(body, 'b', sizeof body);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        buffer_clear(&message);
        peer_request(&message, "PUT", "/", "text/plain", body, lengths[i]);
        peer_send(&peer, message.bytes, message.length);
        assert_hello(&peer);
        assert_int_equal(owner.too_large, i > 0);
        assert_int_equal(owner.body_length, i == 0 ? BODY_LIMIT : 0);
        assert_string_equal(owner.method, "PUT");
    }
    send_request(&peer, "small");
    assert_hello(&peer);
    assert_string_equal(owner.body, "small");
}

/* ---- peers that don't play by the rules, or leave ---- */

static void nonsense_closes_the_connection(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", 18},
        {"\1\11\0\0\0\0\0\0", 8},                  /* FCGI_GET_VALUES */
        {"\1\5\0\1\0\0\0\0", 8},                   /* STDIN first */
        {"\1\1\0\1\0\10\0\0\0\2\1\0\0\0\0\0", 16}, /* an authorizer */
        {"\0\0\0\0\0\0\0\0", 8},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        peer_send(&peer, cases[i].bytes, cases[i].length);
        assert_true(turn_until(loop, is_closed, &peer));
        peer_close(&peer);
        peer_connect(&peer, path);
    }
    assert_int_equal(owner.begun, 0);
    assert_serving();
}

static void a_second_request_before_the_answer_closes_the_connection(void **state)
{
    (void)state;
    peer_request(&message, "GET", "/", NULL, NULL, 0);
    peer_request(&message, "GET", "/", NULL, NULL, 0);
    peer_send(&peer, message.bytes, message.length);
    assert_true(turn_until(loop, is_closed, &peer));
    assert_int_equal(owner.begun, 0);
    assert_serving();
}

static bool is_begun(void *cookie)
{
    (void)cookie;
    return owner.call != NULL;
}

static bool is_gone(void *cookie)
{
    (void)cookie;
    return owner.gone > 0;
}

static void the_owner_is_told_when_the_peer_leaves(void **state)
{
    (void)state;
    owner.hold = true;
    send_request(&peer, "a body");
    assert_true(turn_until(loop, is_begun, NULL));
    peer_close(&peer);
    assert_true(turn_until(loop, is_gone, NULL));
    owner.hold = false;
    assert_serving();
    assert_int_equal(owner.gone, 1);
}

static void the_owner_is_told_when_the_peer_talks_out_of_turn(void **state)
{
    (void)state;
    owner.hold = true;
    send_request(&peer, "a body");
    assert_true(turn_until(loop, is_begun, NULL));
    send_request(&peer, "another");
    assert_true(turn_until(loop, is_gone, NULL));
    assert_true(turn_until(loop, is_closed, &peer));
}

static void a_peer_may_leave_at_any_byte(void **state)
{
    (void)state;
    peer_request(&message, "POST", "/", "text/plain", "a body", 6);
    for (size_t length = 0; length <= message.length; length++) {
        peer_send(&peer, message.bytes, length);
        if (length % 2 == 0)
            turn_once(loop);
        peer_close(&peer);
        turn_once(loop);
        peer_connect(&peer, path);
    }
    assert_serving();
    assert_true(owner.begun <= 2);
    assert_null(owner.call);
}

static void a_broken_answer_is_seen(void **state)
{
    (void)state;
    owner.hold = true;
    send_request(&peer, "a body");
    assert_true(turn_until(loop, is_begun, NULL));
    assert_int_equal(gateway_write(owner.call, HELLO, strlen(HELLO)), strlen(HELLO));
    gateway_break(owner.call);
    owner.call = NULL;
    assert_true(turn_until(loop, is_closed, &peer));
    assert_false(peer_answered(&peer));
    owner.hold = false;
    assert_serving();
}

/* ---- long answers ---- */

static void assert_long_answer(void)
{
    struct peer_answer answer = peer_take_answer(&peer);
    assert_int_equal(answer.body.length, owner.length - 15);
    assert_memory_equal(answer.body.bytes, owner.answer + 15, owner.length - 15);
    peer_free_answer(&answer);
}

static bool read_slowly(void *cookie)
{
    (void)cookie;
    peer_receive(&peer, 20000);
    return peer.closed || peer_answered(&peer);
}

static void a_slow_reader_gets_every_byte(void **state)
{
    (void)state;
    make_long_answer();
    for (int round = 0; round < 3; round++) {
        owner.rooms = 0;
        send_request(&peer, "");
        assert_true(turn_until(loop, read_slowly, NULL));
        assert_long_answer();
        assert_true(owner.rooms >= 2);
    }
}

static void a_full_socket_takes_less_and_asks_no_one(void **state)
{
    (void)state;
    make_long_answer();
    send_request(&peer, "");
    assert_true(turn_until(loop, is_begun, NULL));
    turn_once(loop);
    turn_once(loop);
    assert_true(owner.taken > 0 && owner.taken < owner.length);
    size_t taken = owner.taken;
    for (int i = 0; i < 5; i++)
        turn_once(loop);
    assert_int_equal(owner.taken, taken); /* nobody reads */
    assert_int_equal(owner.rooms, 0);
    wait_for(&peer);
    assert_long_answer();
}

static void a_reader_that_leaves_in_the_middle_is_gone(void **state)
{
    (void)state;
    make_long_answer();
    send_request(&peer, "");
    assert_true(turn_until(loop, is_begun, NULL));
    peer_receive(&peer, 5000);
    peer_close(&peer);
    assert_true(turn_until(loop, is_gone, NULL));
    owner.answer = HELLO;
    owner.length = strlen(HELLO);
    assert_serving();
}

/* ---- the end ---- */

static void set_true(void *cookie)
{
    *(bool *)cookie = true;
}

static void draining_without_connections_is_told_from_the_loop(void **state)
{
    bool drained = false;
    (void)state;
    turn_once(loop);
    peer_close(&peer);
    turn_once(loop);
    gateway_drain(gateway, set_true, &drained);
    assert_false(drained);
    assert_true(turn_until(loop, turn_is_set, &drained));
}

static void draining_serves_the_connections_that_there_are(void **state)
{
    bool drained = false;
    struct peer late;
    (void)state;
    send_request(&peer, "a body");
    assert_hello(&peer);
    gateway_drain(gateway, set_true, &drained);
    peer_connect(&late, path);
    send_request(&late, "too late");
    send_request(&peer, "in time");
    assert_hello(&peer);
    assert_string_equal(owner.body, "in time");
    for (int i = 0; i < 5; i++)
        turn_once(loop);
    assert_false(drained);
    assert_int_equal(owner.begun, 2);
    peer_close(&peer);
    assert_true(turn_until(loop, turn_is_set, &drained));
    peer_close(&late);
}

static void freeing_closes_what_is_open(void **state)
{
    struct peer half;
    (void)state;
    owner.hold = true;
    peer_connect(&half, path);
    peer_send(&half, "\1\1", 2);
    send_request(&peer, "a body");
    assert_true(turn_until(loop, is_begun, NULL));
    turn_once(loop);
    gateway_free(gateway);
    gateway = NULL;
    gateway_free(NULL);
    assert_true(is_closed(&peer));
    assert_true(is_closed(&half));
    assert_int_equal(owner.gone, 1);
    peer_close(&half);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_request_comes_with_params_and_body),
        EACH(a_request_may_come_byte_by_byte),
        EACH(a_request_may_be_cut_anywhere),
        EACH(a_kept_connection_takes_request_after_request),
        EACH(a_connection_that_is_not_to_be_kept_is_closed),
        EACH(a_peer_that_has_no_more_to_say_is_answered),
        EACH(peers_do_not_hold_each_other_up),
        EACH(padding_everywhere_is_no_matter),
        EACH(a_body_over_the_limit_is_said_but_not_kept),
        EACH(nonsense_closes_the_connection),
        EACH(a_second_request_before_the_answer_closes_the_connection),
        EACH(the_owner_is_told_when_the_peer_leaves),
        EACH(the_owner_is_told_when_the_peer_talks_out_of_turn),
        EACH(a_peer_may_leave_at_any_byte),
        EACH(a_broken_answer_is_seen),
        EACH(a_slow_reader_gets_every_byte),
        EACH(a_full_socket_takes_less_and_asks_no_one),
        EACH(a_reader_that_leaves_in_the_middle_is_gone),
        EACH(draining_without_connections_is_told_from_the_loop),
        EACH(draining_serves_the_connections_that_there_are),
        EACH(freeing_closes_what_is_open),
    };
    return cmocka_run_group_tests_name("gateway", tests, NULL, NULL);
}
