"""Requests that never end: the connection is closed in the end, without an answer, and nobody else waits."""

import contextlib
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import wait

pytestmark = pytest.mark.usefixtures("no_worker_ends")

TIMEOUT_S = 10  # nginx.conf: for all headers, or between two pieces of a body
PATIENCE_S = 3 * TIMEOUT_S
PAUSE_S = 0.5

POST = b"POST /v1/employees?slow HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

# What is sent at once, and what then comes byte by byte, for as long as the connection is there.
REQUESTS = {
    "no end of the first line": (b"GET /hello?slow", b""),
    "no end of the headers": (b"GET /hello?slow HTTP/1.1\r\nHost: x\r\n", b""),
    "headers byte by byte": (b"GET /hello?slow HTTP/1.1\r\nHost: x\r\nX: ", b"a"),
    "a header after the other": (b"GET /hello?slow HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n"),
    "no body": (POST + b"Content-Length: 2\r\n\r\n", b""),
    "half a body": (POST + b"Content-Length: 2\r\n\r\n{", b""),
    "no last chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", b""),
    "half a size of a chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\n2", b""),
    "no end of the trailers": (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: ", b""),
}  # fmt: skip


def speak(port, first, more):
    """What the service answered until it closed the connection, and how long that took."""
    began = time.monotonic()
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PAUSE_S) as connection:
        connection.sendall(first)
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            while time.monotonic() - began < PATIENCE_S:
                connection.sendall(more)
                with contextlib.suppress(socket.timeout):
                    piece = connection.recv(65536)
                    received += piece
                    if not piece:
                        break
    return received, time.monotonic() - began


@pytest.fixture(scope="module")
def endings(stack):
    """All of them at the same time; others are answered meanwhile."""
    with ThreadPoolExecutor(len(REQUESTS)) as pool:
        running = {name: pool.submit(speak, stack.port, *request) for name, request in REQUESTS.items()}
        served = 0
        while not all(future.done() for future in running.values()):
            assert stack.http("GET", "/hello").status == 201
            served += 1
        assert served > 10
        return {name: future.result() for name, future in running.items()}


@pytest.mark.parametrize("name", REQUESTS)
def test_is_closed_without_an_answer(endings, name):
    received, seconds = endings[name]
    assert received == b""
    assert TIMEOUT_S - PAUSE_S < seconds < PATIENCE_S


def test_the_log_says_that_they_timed_out(stack, endings):
    """As far as they had said what they want."""
    def lines():
        told = [line for line in stack.log() if line["program"] == "nginx" and line["status"] == 408]
        return [line["path"] for line in told if "slow" in line["path"]]

    known = [name for name, (first, _) in REQUESTS.items() if b"\r\n" in first]
    wait.until(lambda: len(lines()) >= len(known), "the log")
    assert Counter(lines()) == {"/hello?slow": 3, "/v1/employees?slow": 5}
