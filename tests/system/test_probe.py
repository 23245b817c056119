"""`purser probe`: what it makes of a service, and of peers that are none."""

import contextlib
import itertools
import socket
import subprocess
import threading
import time

import pytest
from harness.process import BINARY, environment, run
from harness.stack import free_port

pytestmark = pytest.mark.checkout

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + b"x" * 20
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"
LIMIT_S = 3


def probe(port, *words):
    done = run([BINARY, "probe", *words], check=False, env=environment(PURSER_PORT=port))
    return done.returncode, done.stdout, done.stderr


class Peer:
    """Sends `pieces` to whoever comes, one after the other in packets of their own, and closes unless `silent`."""

    def __init__(self, *pieces, silent=False, forever=()):
        self.pieces = itertools.chain(pieces, forever)
        self.silent = silent
        self.asked = b""
        self.ended = threading.Event()

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()
        return self

    def _serve(self):
        connection, _ = self.listener.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.asked = connection.recv(4096)
            with contextlib.suppress(ConnectionError):  # it has had enough
                for piece in self.pieces:
                    connection.sendall(piece)
            if self.silent:
                self.ended.wait(30)

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        self.listener.close()


def bytewise(data):
    return [data[at : at + 1] for at in range(len(data))]


def test_a_ready_service(stack):
    assert probe(stack.port) == (0, "", "")
    assert probe(stack.port, "/healthz") == (0, "", "")


def test_a_status_is_said_with_the_detail(stack):
    code, _, said = probe(stack.port, "/nowhere")
    assert (code, said) == (1, "purser: /nowhere has the status 404: There is nothing at this path.\n")


def test_an_answer_in_chunks(stack, database):
    """Longer than what is kept of it."""
    database.fill_passengers(300)
    assert probe(stack.port, "/passengerlist") == (0, "", "")


def test_what_is_asked():
    with Peer(GOOD) as peer:
        assert probe(peer.port, "/x")[0] == 0
    assert peer.asked == b"GET /x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n" % peer.port


@pytest.mark.parametrize("answer", [GOOD, CHUNKED, b"HTTP/1.0 204 No Content\r\n\r\n"])
def test_an_answer_byte_by_byte(answer):
    with Peer(*bytewise(answer)) as peer:
        assert probe(peer.port)[0] == 0


@pytest.mark.parametrize("answer", [GOOD, CHUNKED])
def test_an_answer_that_is_whole_needs_no_closing(answer):
    with Peer(answer, silent=True) as peer:
        assert probe(peer.port)[0] == 0


@pytest.mark.parametrize("answer", [b"", GOOD[:5], GOOD[:20], GOOD[:40], GOOD[:-1], CHUNKED[:-1], CHUNKED[:-12]])
def test_half_an_answer(answer):
    with Peer(answer) as peer:
        code, _, said = probe(peer.port)
    assert (code, said) == (1, f"purser: the answer to /readyz on port {peer.port} was cut off\n")


@pytest.mark.parametrize("answer", [b"220 mail\r\n\r\n", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 OK\r\n\r\n", b"\0" * 30000])
def test_no_http(answer):
    with Peer(answer) as peer:
        code, _, said = probe(peer.port)
    assert (code, said) == (1, f"purser: the answer to /readyz on port {peer.port} is no HTTP\n")


@pytest.mark.parametrize("status", [100, 199, 300, 404, 500, 999])
def test_only_2xx_is_good(status):
    with Peer(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status) as peer:
        code, _, said = probe(peer.port)
    assert (code, said) == (1, f"purser: /readyz has the status {status}\n")


def test_nothing_listens():
    port = free_port()
    assert probe(port) == (1, "", f"purser: nothing listens on port {port}\n")


@pytest.mark.parametrize("pieces", [[], [GOOD[:30]]])
def test_a_silent_peer(pieces):
    """The time limit is for all of it together."""
    with Peer(*pieces, silent=True) as peer:
        began = time.monotonic()
        code, _, said = probe(peer.port)
        assert LIMIT_S <= time.monotonic() - began < LIMIT_S + 2
    assert (code, said) == (1, f"purser: no whole answer to /readyz on port {peer.port} within 3000 ms\n")


def test_a_peer_that_never_stops_sending():
    with Peer(b"HTTP/1.1 200 OK\r\n\r\n", forever=itertools.repeat(b"x" * 4096)) as peer:
        began = time.monotonic()
        code, _, said = probe(peer.port)
        assert time.monotonic() - began < 2 * LIMIT_S
    assert (code, said) == (1, f"purser: no whole answer to /readyz on port {peer.port} within {LIMIT_S * 1000} ms\n")


@pytest.mark.parametrize("words", [["readyz"], ["/a b"], ["/a", "/b"], [""]])
def test_bad_usage(words):
    code, _, said = probe(8080, *words)
    assert code == 2 and said.startswith("usage: purser")


def test_a_wrong_port():
    code, _, said = probe("http")
    assert (code, said) == (2, 'purser: PURSER_PORT is "http": it must be a whole number from 1 to 65535\n')


def test_other_settings_have_no_say(stack):
    """A health check fails for the service's reasons only."""
    env = environment(PURSER_PORT=stack.port, PURSER_WORKERS="wrong", DATABASE_URL_FILE="/nowhere")
    assert subprocess.run([BINARY, "probe"], env=env, check=False).returncode == 0
