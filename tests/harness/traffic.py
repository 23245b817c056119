"""Clients that know of each request how much of an answer it got, for what must hold while the service goes away.

Every request creates a row with a name of its own. Its outcome is one of:
    good    the whole answer came, and says that the row is there
    none    not one byte of an answer came: the connection was refused, reset or closed
    broken  anything else: a part of an answer, or one that is no success
"""

import itertools
import json
import socket
import threading
import time
from collections import Counter

from . import wait
from .samples import passenger


class Gone(Exception):
    """Nobody listens any more."""


class Client(threading.Thread):
    """Sends one request after the other until nobody listens; `kept` on one connection, else each on its own."""

    def __init__(self, port, name, kept):
        super().__init__(daemon=True)
        self.port = port
        self.kept = kept
        self.names = (f"{name} {turn}" for turn in itertools.count())
        self.outcomes = {}  # by the row's name
        self.asking = ("", float("inf"))  # the last name, and since when
        self.connection = None

    def run(self):
        try:
            for name in self.names:
                self.asking = (name, time.monotonic())
                self.outcomes[name] = self.ask(name)
        except Gone:
            pass

    def ask(self, name):
        if self.connection is None:
            self.connect()
        answer = b""
        try:
            self.connection.sendall(self.request(name))
            while not is_whole(answer):
                piece = self.connection.recv(65536)
                if not piece:
                    break
                answer += piece
        except ConnectionError:
            pass
        if not self.kept or not is_whole(answer) or b"\r\nConnection: close\r\n" in answer:
            self.connection.close()
            self.connection = None
        return outcome(answer, name)

    def connect(self):
        try:
            self.connection = socket.create_connection(("127.0.0.1", self.port), timeout=wait.PATIENCE_S)
        except ConnectionRefusedError:
            raise Gone from None
        except ConnectionError:  # reset between the two halves of the handshake: it had sent nothing yet
            self.connect()

    def request(self, name):
        body = json.dumps(passenger(name=name)).encode()
        head = ["POST /postpassenger HTTP/1.1", "Host: x", "Content-Type: application/json",
                f"Content-Length: {len(body)}", "Connection: " + ("keep-alive" if self.kept else "close"), "", ""]
        return "\r\n".join(head).encode() + body


def is_whole(answer):
    """Whether it has all that its head promises: a length, or chunks to the last one."""
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return len(body) == int(line.split(b":")[1])
    return body.endswith(b"0\r\n\r\n")


def outcome(answer, name):
    if not answer:
        return "none"
    good = answer.startswith(b"HTTP/1.1 200 ") and is_whole(answer) and json.dumps(name).encode() in answer
    return "good" if good else f"broken: {answer[:500]!r}"


class Traffic:
    """`with Traffic(port) as traffic:` goes on until nobody listens on the port; the block must see to that."""

    def __init__(self, port, kept=16, once=8, prefix="Client"):
        self.clients = [Client(port, f"{prefix} {number}", number < kept) for number in range(kept + once)]

    def outcomes(self):
        return {name: said for client in self.clients for name, said in list(client.outcomes.items())}

    def await_more(self, count=300):
        """Return when so many more requests have ended."""
        goal = len(self.outcomes()) + count
        wait.until(lambda: len(self.outcomes()) >= goal, "the clients to be answered")

    def await_all_waiting(self, seconds=1.0):
        """Return when every client has waited so long for its answer; the names that they wait for."""
        def wait_long_enough():
            return all(time.monotonic() - since >= seconds for _, since in [client.asking for client in self.clients])

        wait.until(wait_long_enough, "every client to wait for an answer")
        return [client.asking[0] for client in self.clients]

    def __enter__(self):
        for client in self.clients:
            client.start()
        self.await_more()
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.join(wait.PATIENCE_S)
            assert not client.is_alive(), "a client still waits for its answer"

    def check(self, database):
        """Nothing is broken, each row that was acknowledged is there once, and no other one; returns the counts."""
        outcomes = self.outcomes()
        broken = {name: said for name, said in outcomes.items() if said.startswith("broken")}
        assert not broken, f"{len(broken)} of {len(outcomes)}: {dict(itertools.islice(broken.items(), 3))}"
        stored = Counter(database.lines("SELECT name FROM passengers"))
        good = Counter(name for name, said in outcomes.items() if said == "good")
        assert stored == good, f"lost {list(good - stored)[:3]}, unacknowledged {list(stored - good)[:3]}"
        return Counter(outcomes.values())
