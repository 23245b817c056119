"""One line of JSON for each request, with what it takes to find it again."""

from datetime import datetime

import pytest
from harness.samples import NOBODY, passenger
from harness.web import send_raw


def line_of(stack, answer):
    """nginx's log line of the request that was answered so."""
    wanted = answer.headers["x-request-id"]
    return stack.await_line(lambda line: line.get("request_id") == wanted and line["program"] == "nginx")


@pytest.mark.parametrize("method, path, body", [
    ("GET", "/hello", None), ("POST", "/postpassenger", passenger()), ("GET", f"/getpassenger/{NOBODY}", None), ("HEAD", "/zero", None),
    ("DELETE", "/employees/delete/a%22b+c@bar.com", None), ("PATCH", "/nowhere?x=%22", None), ("OPTIONS", "/hello", None),
])  # fmt: skip
def test_line_of_a_request(stack, http, method, path, body):
    answer = http(method, path, body)
    line = line_of(stack, answer)
    assert (line["method"], line["path"], line["status"]) == (method, path, answer.status)
    assert 0 <= line["duration_s"] < 30
    assert line["bytes"] > 0
    assert datetime.fromisoformat(line["ts"].replace("Z", "+00:00")).utcoffset().total_seconds() == 0
    assert line["level"] == "info" and line["msg"]


@pytest.mark.parametrize("data, method, status", [
    (b"TRACE /hello HTTP/1.1\r\nHost: x\r\n\r\n", "TRACE", 405),
    (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", None, 414),
    (b"GET /hello HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20000 + b"\r\n\r\n", "GET", 431),
    (b"POST /postpassenger HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", "POST", 413),
    (b"\x16\x03\x01 \"}{\r\n\r\n", None, 400),
])  # fmt: skip
def test_line_of_a_request_that_nginx_refuses(stack, data, method, status):
    line = line_of(stack, send_raw(stack.port, data))
    assert line["status"] == status
    assert method is None or line["method"] == method


def test_a_client_can_not_forge_a_line(stack):
    """What it sends is escaped."""
    path = '/x","level":"error","program":"purser","forged":"\\'
    answer = send_raw(stack.port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    line = line_of(stack, answer)
    assert line["path"] == path and "forged" not in line


def test_every_line_is_json_with_the_same_keys(stack, http):
    line_of(stack, http("GET", "/hello"))
    lines = stack.log()
    assert {line["program"] for line in lines} >= {"nginx", "purser"}
    for line in lines:
        assert {"ts", "level", "program", "msg"} <= set(line), line
