"""Bodies on the wire: type, length, chunks, limit."""

import http.client
import json
import socket

import pytest
from harness.samples import NOBODY, employee, passenger
from harness.stack import Stack
from harness.web import assert_json, assert_problem, fetch, send_raw

GOOD = json.dumps(passenger()).encode()
MEBIBYTE = 1 << 20


@pytest.mark.parametrize("content_type", [
    "application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8", "APPLICATION/JSON",
    'application/json; charset="utf-8"',
])  # fmt: skip
def test_json_by_name(http, content_type):
    assert_json(http("POST", "/postpassenger", GOOD, {"Content-Type": content_type}), 200)


@pytest.mark.parametrize("content_type", [
    "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx", "json",
    "application/xml", "text/json5", "application", "", "application/json5; charset=utf-8",
])  # fmt: skip
@pytest.mark.parametrize("method, path", [
    ("POST", "/postpassenger"), ("PUT", f"/putpassenger/{NOBODY}"), ("POST", "/employees/add"),
    ("PATCH", "/employees/update/foo@bar.com"),
])  # fmt: skip
def test_another_type(http, method, path, content_type):
    assert_problem(http(method, path, GOOD, {"Content-Type": content_type}), 415, "unsupported-media-type")


def test_type_is_not_asked_of_requests_without_a_body(http):
    assert http("GET", "/hello", headers={"Content-Type": "text/plain"}).status == 201
    assert_problem(http("DELETE", f"/deletepassenger/{NOBODY}", headers={"Content-Type": "text/plain"}), 404, "no-such-row")


def test_chunked(http):
    """In chunks of every size, of one byte too."""
    for size in (1, 2, 10, 50, len(GOOD)):
        chunks = (GOOD[at : at + size] for at in range(0, len(GOOD), size))
        assert_json(http("POST", "/postpassenger", chunks), 200)


def test_chunked_with_extensions_and_trailers(stack):
    wire = b"%x;name=value\r\n%s\r\n0\r\nTrailer: x\r\n\r\n" % (len(GOOD), GOOD)
    head = b"POST /postpassenger HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert_json(send_raw(stack.port, head + wire), 200)


@pytest.mark.parametrize("chunk", [b"zz\r\nabc\r\n0\r\n\r\n", b"-1\r\nabc\r\n0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"f" * 20 + b"\r\nabc"])
def test_bad_chunks(stack, chunk):
    head = b"POST /postpassenger HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = send_raw(stack.port, head + chunk)
    assert_problem(answer, answer.status, {400: "malformed-request", 413: "body-too-large"}[answer.status])


def padded(size):
    return GOOD + b" " * (size - len(GOOD))


def test_a_body_of_the_limit(http):
    assert_json(http("POST", "/postpassenger", padded(MEBIBYTE)), 200)


@pytest.mark.parametrize("size", [MEBIBYTE + 1, 3 * MEBIBYTE])
def test_a_body_over_the_limit(http, size):
    assert_problem(http("POST", "/postpassenger", padded(size)), 413, "body-too-large")


def test_a_chunked_body_of_the_limit(http):
    body = padded(MEBIBYTE)
    assert_json(http("POST", "/postpassenger", iter([body[: 1 << 19], body[1 << 19 :]])), 200)


def test_a_chunked_body_over_the_limit(stack):
    body = padded(MEBIBYTE + 1)
    head = b"POST /postpassenger HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = send_raw(stack.port, head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    assert_problem(answer, 413, "body-too-large")


def test_over_the_limit_it_is_refused_before_it_is_sent(stack):
    """By the length alone."""
    head = b"POST /postpassenger HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999999999\r\n\r\n"
    assert_problem(send_raw(stack.port, head), 413, "body-too-large")


def test_expect_continue(stack):
    head = b"POST /postpassenger HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    with socket.create_connection(("127.0.0.1", stack.port), timeout=10) as connection:
        connection.sendall(head % len(GOOD))
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(GOOD)
        assert connection.recv(10000).startswith(b"HTTP/1.1 200")


def test_no_body(http):
    for method, path in [("POST", "/postpassenger"), ("POST", "/employees/add"), ("PATCH", "/employees/update/foo@bar.com")]:
        assert_problem(http(method, path, b"", {"Content-Type": "application/json"}), 400, "malformed-json")


def test_bodies_larger_than_nginx_keeps_in_memory(http):
    for size in (8 << 10, 16 << 10, 64 << 10, (64 << 10) + 1, 200_000):
        assert_json(http("POST", "/employees/add", json.dumps(employee()).encode().ljust(size)), 201)


def test_many_bodies_on_one_connection(stack):
    """Kept alive, with refusals in between."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=10)
    for number in range(30):
        body = [GOOD, b"{", padded(100_000)][number % 3]
        connection.request("POST", "/postpassenger", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        assert response.status == [200, 400, 200][number % 3]
    connection.close()


def test_limit_is_a_setting_that_nginx_and_workers_share(cluster):
    fresh = cluster.copy_template()
    with Stack(fresh.url, PURSER_MAX_BODY_BYTES=2000) as small:
        assert_json(fetch(small.port, "POST", "/postpassenger", padded(2000)), 200)
        assert_problem(fetch(small.port, "POST", "/postpassenger", padded(2001)), 413, "body-too-large")
        assert_problem(fetch(small.port, "POST", "/postpassenger", iter([padded(2001)])), 413, "body-too-large")
    fresh.drop()
