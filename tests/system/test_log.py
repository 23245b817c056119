"""One line of JSON for each request, with what it takes to find it again."""

from datetime import datetime

import pytest
from harness.samples import NOBODY, passenger
from harness.web import send_raw


def raw(text):
    """A call that sends these bytes."""
    return lambda stack: send_raw(stack.port, text)


def call(method, path, body=None):
    """A call that sends a request."""
    return lambda stack: stack.http(method, path, body)


FORGED = '/x","level":"error","program":"purser","forged":"\\'

# What is sent, and method, path and status in the log; None: whatever nginx could make of it.
REQUESTS = {
    "get": (call("GET", "/hello"), "GET", "/hello", 201),
    "post": (call("POST", "/postpassenger", passenger()), "POST", "/postpassenger", 200),
    "not found": (call("GET", f"/getpassenger/{NOBODY}"), "GET", f"/getpassenger/{NOBODY}", 404),
    "head": (call("HEAD", "/zero"), "HEAD", "/zero", 201),
    "escapes": (call("DELETE", "/employees/delete/a%22b+c@bar.com"), "DELETE", "/employees/delete/a%22b+c@bar.com", None),
    "query": (call("PATCH", "/nowhere?x=%22"), "PATCH", "/nowhere?x=%22", 404),
    "options": (call("OPTIONS", "/hello"), "OPTIONS", "/hello", 204),
    "trace": (raw(b"TRACE /hello HTTP/1.1\r\nHost: x\r\n\r\n"), "TRACE", "/hello", 405),
    "long path": (raw(b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"), None, None, 414),
    "long header": (raw(b"GET /hello HTTP/1.1\r\nX: " + b"a" * 20000 + b"\r\n\r\n"), "GET", "/hello", 431),
    "large body": (raw(b"POST /zero HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"), "POST", "/zero", 413),
    "no HTTP": (raw(b"\x16\x03\x01 \"}{\r\n\r\n"), None, None, 400),
    "forged line": (raw(f"GET {FORGED} HTTP/1.1\r\nHost: x\r\n\r\n".encode()), "GET", FORGED, 404),
}


@pytest.fixture(scope="module")
def lines(stack):
    """nginx's line of each of the REQUESTS, all sent before the first is looked for: nginx writes once a second."""
    answers = {name: send(stack) for name, (send, *_) in REQUESTS.items()}
    return {name: line_of(stack, answer) for name, answer in answers.items()}


def line_of(stack, answer):
    """nginx's log line of the request that was answered so."""
    wanted = answer.headers["x-request-id"]
    return stack.await_line(lambda line: line.get("request_id") == wanted and line["program"] == "nginx")


@pytest.mark.parametrize("name", REQUESTS)
def test_line_of_a_request(lines, name):
    _, method, path, status = REQUESTS[name]
    line = lines[name]
    assert method in (None, line["method"])
    assert path in (None, line["path"])
    assert status in (None, line["status"])
    assert 0 <= line["duration_s"] < 30
    assert line["bytes"] > 0
    assert datetime.fromisoformat(line["ts"].replace("Z", "+00:00")).utcoffset().total_seconds() == 0
    assert line["level"] == "info" and line["msg"]


def test_a_client_can_not_forge_a_line(lines):
    """What it sends is escaped."""
    assert "forged" not in lines["forged line"]


def test_every_line_is_json_with_the_same_keys(stack, lines):
    lines = stack.log()
    assert {line["program"] for line in lines} >= {"nginx", "purser"}
    for line in lines:
        assert {"ts", "level", "program", "msg"} <= set(line), line
