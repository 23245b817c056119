"""HTTP as a client speaks it, and what every answer and every error must have."""

import http.client
import io
import json
import re
import socket

from . import wait

PROBLEM_KEYS = ["type", "title", "status", "detail", "instance"]
# Nothing of the inside may be in an answer.
INSIDE = re.compile(r"\b(SELECT|INSERT|UPDATE|WHERE|relation|constraint|SQLSTATE|libpq|psql|postgres\w*|purser_\w+)\b|_check\b|_pkey\b")


class Answer:
    """Status, headers (names in lower case) and body."""

    def __init__(self, status, headers, body):
        self.status = status
        self.body = body
        self.headers = {}
        for name, value in headers:
            assert name.lower() not in self.headers, f"{name} is there twice"
            self.headers[name.lower()] = value

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def type(self):
        return self.headers.get("content-type")

    def __repr__(self):
        return f"<Answer {self.status} {self.headers} {self.body[:500]!r}>"


def fetch(port, method, target, body=None, headers=None, timeout=wait.PATIENCE_S):
    """One request on a connection of its own. A dictionary or list as the body is sent as JSON.

    An iterable of bytes is sent chunked. A Content-Type is added to any body, unless `headers` has one.
    """
    headers = dict(headers or {})
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
    elif isinstance(body, str):
        body = body.encode()
    if body is not None and "Content-Type" not in headers:
        headers["Content-Type"] = "application/json"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, target, body, headers, encode_chunked=not isinstance(body, (bytes, type(None))))
        return read(connection.getresponse())
    finally:
        connection.close()


def read(response):
    """The Answer in an http.client response."""
    return Answer(response.status, response.getheaders(), response.read())


def send_raw(port, data, method="GET", timeout=wait.PATIENCE_S):
    """Send any bytes and read one answer; `method` says whether it has a body."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        try:
            connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was sent: the answer is there
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        return read(response)


class _Received(io.BytesIO):
    """Bytes that http.client may read one answer after the other from."""

    def makefile(self, *_):
        return self

    def close(self):
        """Not after the first one."""


def exchange(port, data, timeout=wait.PATIENCE_S):
    """Send any bytes and read until the service closes the connection: all answers to them, in their order."""
    received = _Received()
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        try:
            connection.sendall(data)
            while piece := connection.recv(1 << 16):
                received.write(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was read: what was answered is there
    received.seek(0)
    answers = []
    while received.tell() < len(received.getbuffer()):
        response = http.client.HTTPResponse(received)
        response.begin()
        answers.append(read(response))
    return answers


def assert_json(answer, status):
    """A good answer with a JSON body; returns what is in it."""
    assert answer.status == status, answer
    assert answer.type == "application/json", answer
    assert_request_id(answer)
    return answer.json


def assert_request_id(answer):
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"]), answer


def assert_problem(answer, status, slug, pointers=None):
    """An error as RFC 9457 has it; `pointers` are the faults in the body, in any order. Returns the members."""
    assert answer.status == status, answer
    assert answer.type == "application/problem+json", answer
    assert_request_id(answer)
    problem = answer.json
    assert list(problem)[:5] == PROBLEM_KEYS and set(problem) <= {*PROBLEM_KEYS, "errors", "more"}, problem
    assert problem["type"] == f"/problems/{slug}", problem
    assert problem["status"] == status
    assert problem["instance"] == answer.headers["x-request-id"]
    for said in (problem["title"], problem["detail"]):
        assert isinstance(said, str) and said
    assert not INSIDE.search(answer.body.decode()), problem
    if pointers is not None:
        assert sorted(error["pointer"] for error in problem["errors"]) == sorted(pointers), problem
    for error in problem.get("errors", []):
        kinds = (["pointer", "detail"], ["row", "pointer", "detail"], ["parameter", "detail"], ["header", "detail"])
        assert list(error) in kinds and error["detail"], problem
    return problem
