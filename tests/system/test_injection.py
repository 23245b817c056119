"""Line breaks, quotes and NUL in every place that a client fills: no header and no line of the log is made of them."""

import json
import re
import socket
from urllib.parse import quote

import pytest
from harness import wait
from harness.samples import NOBODY, employee, passenger
from harness.web import assert_problem, exchange

pytestmark = pytest.mark.usefixtures("no_worker_ends")

LAST = b"GET /zero?last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
BREAKS = ["\r\n", "\n", "\r", "\r\n\r\n", "\u2028", "\x85", "\x0b", "\0"]
PLANTED = ["X-Evil: 1", "Set-Cookie: evil=1", "Content-Length: 0", 'HTTP/1.1 200 OK',
           '{"level":"error","msg":"forged"}']
TEXTS = [f"a{line_break}{planted}" for line_break in BREAKS for planted in PLANTED]
DOORS = [  # of what a client writes, these come back in a header: Location, Link, Preference-Applied
    "/hello/{}", "/hello?x={}", f"/getpassenger/{NOBODY}{{}}", "/getpassenger/{}", "/employees/get/{}",
    "/employees/get/{}@example.org", "/v1/passengers?name=neq.{}&limit=1", "/v1/passengers?q={}",
    "/v1/passengers?order={}", "/v1/passengers?cursor={}", "/v1/passengers?{}=1", "/v1/passengers/stats?by={}",
    "/v1/employees?email=neq.{}&limit=1", "/v1/employees/{}", "/docs/{}", "/problems/{}", "/{}", "/openapi.yaml?{}",
]  # fmt: skip


@pytest.fixture(autouse=True)
def some_rows(http):
    """Two on each table, so that a page has a next one."""
    for _ in range(2):
        assert http("POST", "/postpassenger", passenger()).status == 200
        assert http("POST", "/employees/add", employee()).status == 201


def assert_nothing_planted(answer):
    """Nothing that was sent is a header of its own, and the body is as long as it says."""
    assert not {"x-evil", "set-cookie", "http/1.1 200 ok"} & set(answer.headers), answer
    assert not any("\r" in value or "\n" in value for value in answer.headers.values())
    assert answer.headers.get("content-length", "1") != "0" or not answer.body


@pytest.mark.parametrize("door", DOORS)
def test_encoded_in_an_address(stack, door):
    """Each on a connection with a request behind it: two answers, not three."""
    for text in TEXTS:
        target = door.format(quote(text, safe=""))
        answers = exchange(stack.port, f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode() + LAST)
        assert len(answers) == (1 if "%00" in target.partition("?")[0] else 2), (target, answers)
        assert answers[0].status < 500
        for answer in answers:
            assert_nothing_planted(answer)


@pytest.mark.parametrize("door", DOORS)
def test_raw_in_an_address(stack, door):
    """The line ends where it breaks: what is in front is a request of HTTP/0.9, to which a body alone is the answer. CR
    alone, or another control character, is refused.
    """
    for text in ("\r\nX-Evil: 1\r\nY: ", "\nX-Evil: 1\nY: ", "\r\n\r\nGET /hello HTTP/1.1\r\nX: "):
        received = talk(stack.port, f"GET {door.format(text)} HTTP/1.1\r\nHost: x\r\n\r\n".encode() + LAST)
        assert received and not re.search(rb"HTTP/1\.1 \d{3} ", received)
    for text in ("\rX-Evil: 1", "\0X-Evil: 1", "\x0bX-Evil: 1"):
        (answer,) = exchange(stack.port, f"GET {door.format(text)} HTTP/1.1\r\nHost: x\r\n\r\n".encode() + LAST)
        assert_problem(answer, 400, "malformed-request")
        assert_nothing_planted(answer)


def talk(port, data):
    """Everything that comes back, until the connection is closed."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=wait.PATIENCE_S) as connection:
        try:
            connection.sendall(data)
            while piece := connection.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
    return received


def test_http_0_9(stack):
    """A body without a header, and nothing behind it is read."""
    assert talk(stack.port, b"GET /hello\r\n" + LAST) == b'{"message":"ok"}'


HEADERS = ["Prefer", "If-Match", "If-None-Match", "Accept", "Idempotency-Key", "Content-Type", "X-Request-Id", "Host",
           "User-Agent", "Referer",
           "X-Forwarded-For"]  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
def test_in_a_header(stack, header):
    """A line break ends the header: what follows is another one, of the request. Escapes are no line breaks."""
    body = json.dumps(employee(age=-1)).encode()
    for text in ["return=minimal, %0d%0aX-Evil: 1", "\\r\\nX-Evil: 1", '"a\\", "level":"error"',
                 "\xe5\x98\x8a\xe5\x98\x8dX-Evil: 1", "\x85X-Evil: 1",
                 "a\r\nX-Evil: 1", "count=exact\nX-Evil: 1", "a\rX-Evil: 1", "a\0X-Evil: 1", "a\r\n X-Evil: 1"]:
        lines = [f"{header}: {text}", *(["Host: x"] if header != "Host" else []),
                 *(["Content-Type: application/json"] if header != "Content-Type" else []),
                 f"Content-Length: {len(body)}", "", ""]
        answers = exchange(stack.port, "\r\n".join(["POST /v1/employees HTTP/1.1",
                                                    *lines]).encode("latin-1") + body + LAST)
        assert answers[0].status in (400, 415, 422), (text, answers)  # the header, its type, or the age
        for answer in answers:
            assert_nothing_planted(answer)


@pytest.mark.parametrize("text", [text for text in TEXTS if "\0" not in text], ids=ascii)
def test_in_a_body(http, text):
    """A name may be anything; what comes back in a header, an e-mail, may not."""
    answer = http("POST", "/v1/employees", employee(name=text))
    assert answer.json["name"] == text
    assert_nothing_planted(answer)
    for path in ("/employees/add", "/v1/employees"):
        refused = http("POST", path, employee(email=f"a{text}@example.org"))
        assert refused.status == 422
        assert_nothing_planted(refused)


def test_every_line_of_the_log_is_one_object_with_the_keys_that_it_has(stack):
    """All that the tests above have sent is in it. A request has one line of nginx, and nobody else writes of it."""
    answers = {}
    for text in TEXTS:
        target = f"/logged?{quote(text, safe='')}"
        answers[stack.http("GET", target, headers={"User-Agent": quote(text)}).headers["x-request-id"]] = target

    def lines():
        return {line["request_id"]: line["path"] for line in stack.log() if line.get("path", "").startswith("/logged?")}

    wait.until(lambda: len(lines()) >= len(answers), "the log")
    assert lines() == answers
    whole = stack.output.read_bytes().rpartition(b"\n")[0].decode()  # UTF-8, all of it
    for line in whole.split("\n"):
        said = json.loads(line)
        assert said["program"] in ("nginx", "purser", "supervisord") and said["msg"] != "forged"
        assert said["program"] != "nginx" or said["level"] == "info"
    assert "X-Evil: 1" not in stack.errors.read_text()
