"""Requests that nginx refuses by itself: its errors look like the workers'."""

import socket
from pathlib import Path

import pytest
from harness.samples import passenger
from harness.web import assert_json, assert_problem, send_raw


def request(line, *headers):
    return "\r\n".join([line, *headers, "", ""]).encode("latin-1")


BAD = {
    "no version": b"GET\r\n\r\n",
    "no method": b"/hello HTTP/1.1\r\nHost: x\r\n\r\n",
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "method in lower case": request("get /hello HTTP/1.1", "Host: x"),
    "no slash": request("GET hello HTTP/1.1", "Host: x"),
    "blank in the path": request("GET /he llo HTTP/1.1", "Host: x"),
    "no host": request("GET /hello HTTP/1.1"),
    "two hosts": request("GET /hello HTTP/1.1", "Host: a", "Host: b"),
    "bad host": request("GET /hello HTTP/1.1", "Host: a/b"),
    "length that is no number": request("POST /postpassenger HTTP/1.1", "Host: x", "Content-Length: x"),
    "negative length": request("POST /postpassenger HTTP/1.1", "Host: x", "Content-Length: -1"),
    "two lengths": request("POST /postpassenger HTTP/1.1", "Host: x", "Content-Length: 1", "Content-Length: 2"),
    "length and chunks": request("POST /postpassenger HTTP/1.1", "Host: x", "Content-Length: 1", "Transfer-Encoding: chunked"),
    "chunks in HTTP/1.0": request("POST /postpassenger HTTP/1.0", "Host: x", "Transfer-Encoding: chunked"),
    "bad escape": request("GET /hello%zz HTTP/1.1", "Host: x"),
    "escaped NUL": request("GET /hello%00 HTTP/1.1", "Host: x"),
    "above the root": request("GET /../etc/passwd HTTP/1.1", "Host: x"),
    "above the root, escaped": request("GET /%2e%2e/etc/passwd HTTP/1.1", "Host: x"),
}


@pytest.mark.parametrize("name", BAD)
def test_malformed_request(stack, name):
    assert_problem(send_raw(stack.port, BAD[name]), 400, "malformed-request")


def test_unknown_transfer_encoding(stack):
    answer = send_raw(stack.port, request("POST /postpassenger HTTP/1.1", "Host: x", "Transfer-Encoding: gzip"))
    assert_problem(answer, 501, "not-implemented")


def test_unknown_version(stack):
    answer = send_raw(stack.port, request("GET /hello HTTP/3.7", "Host: x"))
    assert_problem(answer, 505, "version-not-supported")


def test_long_path(stack):
    assert_problem(send_raw(stack.port, request(f"GET /{'a' * 20000} HTTP/1.1", "Host: x")), 414, "uri-too-long")


def test_long_query(stack):
    assert_problem(send_raw(stack.port, request(f"GET /hello?{'a' * 20000} HTTP/1.1", "Host: x")), 414, "uri-too-long")


def test_path_below_the_limit(stack):
    assert_problem(send_raw(stack.port, request(f"GET /{'a' * 7000} HTTP/1.1", "Host: x")), 404, "not-found")


def test_long_header(stack):
    answer = send_raw(stack.port, request("GET /hello HTTP/1.1", "Host: x", f"X-Long: {'a' * 20000}"))
    assert_problem(answer, 431, "headers-too-large")


def test_many_headers(stack):
    headers = [f"X-{number}: {'a' * 1000}" for number in range(60)]
    assert_problem(send_raw(stack.port, request("GET /hello HTTP/1.1", "Host: x", *headers)), 431, "headers-too-large")


def test_headers_below_the_limit(stack):
    headers = [f"X-{number}: {'a' * 200}" for number in range(60)]
    assert send_raw(stack.port, request("GET /hello HTTP/1.1", "Host: x", *headers)).status == 201


def test_headers_of_a_client_do_not_get_through(stack):
    """Neither a proxy's nor one that names a parameter."""
    headers = ["Proxy: http://evil", "REQUEST_METHOD: DELETE", "Request-Id: x", "X-Request-Id: mine", "Content_Length: 5"]
    answer = send_raw(stack.port, request("GET /hello HTTP/1.1", "Host: x", *headers))
    assert_json(answer, 201)
    assert answer.headers["x-request-id"] != "mine"


@pytest.mark.parametrize("path", [
    "/./../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/....//etc/passwd", "/.git/config",
    "/..\\..\\etc\\passwd", "/%c0%ae%c0%ae/etc/passwd", "/hello/../../etc/passwd", "//etc/passwd", "/nginx.conf",
    "/getpassenger/../../../etc/passwd", "/employees/get/..%2f..%2fetc%2fpasswd", "/run/purser.sock", "/_problem/400",
    "/_problem/", "/state/nginx/nginx.conf",
])  # fmt: skip
def test_no_file_is_served(stack, path):
    answer = send_raw(stack.port, request(f"GET {path} HTTP/1.1", "Host: x"))
    assert answer.status in {400, 404}
    assert answer.type == "application/problem+json"
    assert b"root:" not in answer.body and b"fastcgi" not in answer.body


@pytest.mark.parametrize("path", [
    "/hello%0d%0aX-Evil:%201", "/hello?x=%0d%0aX-Evil:%201", "/getpassenger/%0d%0aX-Evil:%201",
    "/employees/get/a%0d%0aX-Evil:%201@bar.com",
])  # fmt: skip
def test_no_header_can_be_planted(stack, path):
    assert "x-evil" not in send_raw(stack.port, request(f"GET {path} HTTP/1.1", "Host: x")).headers


def test_http_1_0(stack):
    assert_json(send_raw(stack.port, b"GET /hello HTTP/1.0\r\n\r\n"), 201)


def test_absolute_address(stack):
    """As a proxy's client sends it."""
    answer = send_raw(stack.port, request("GET http://localhost/hello HTTP/1.1", "Host: localhost"))
    assert_json(answer, 201)


def test_encoded_path_is_the_same_path(stack):
    assert_json(send_raw(stack.port, request("GET /h%65llo HTTP/1.1", "Host: x")), 201)


@pytest.mark.parametrize("path, line", [
    ("/hello", b"HTTP/1.1 201 Created\r\n"), ("/readyz", b"HTTP/1.1 200 OK\r\n"), ("/nowhere", b"HTTP/1.1 404 Not Found\r\n"),
    ("/getpassenger/x", b"HTTP/1.1 400 Bad Request\r\n"),
])  # fmt: skip
def test_status_line(stack, path, line):
    """The blank behind the status code must be there (RFC 9112 section 4), and the reason helps a person."""
    with socket.create_connection(("127.0.0.1", stack.port), timeout=10) as connection:
        connection.sendall(request(f"GET {path} HTTP/1.1", "Host: x"))
        assert connection.recv(65536).startswith(line)


def test_pipelined_requests(stack):
    """Two in one write: two answers, in order."""
    two = request("GET /hello HTTP/1.1", "Host: x") + request("GET /zero HTTP/1.1", "Host: x", "Connection: close")
    with socket.create_connection(("127.0.0.1", stack.port), timeout=10) as connection:
        connection.sendall(two)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert received.index(b'{"message":"ok"}') < received.index(b'{"0":""}')


@pytest.mark.parametrize("method, path", [
    ("GET", "/hello"), ("GET", "/nowhere"), ("POST", "/v1/employees"), ("GET", "/%zz"), ("TRACE", "/hello"), ("OPTIONS", "/docs/"),
    ("GET", "/problems/conflict"), ("GET", "/" + "a" * 9000),
])  # fmt: skip
def test_security_headers(stack, method, path):
    """On good answers and errors alike, nginx's own included: nothing is guessed, shown in a frame or loaded from elsewhere."""
    answer = send_raw(stack.port, request(f"{method} {path} HTTP/1.1", "Host: x"), method)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["server"] == "nginx"


def test_request_ids_differ(http):
    ids = {http("GET", path).headers["x-request-id"] for path in ["/hello", "/nowhere"] * 20}
    assert len(ids) == 40


def test_version_6_of_ip_as_well(stack):
    """Where the kernel has it."""
    if not Path("/proc/net/if_inet6").exists():
        pytest.skip("there is no IPv6 here")
    with socket.create_connection(("::1", stack.port), timeout=10) as connection:
        connection.sendall(request("GET /hello HTTP/1.1", "Host: x"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 201 ")
