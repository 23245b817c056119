"""A worker dies while it sends a list."""

import json
import os
import signal
import socket
from collections import Counter

from harness import wait

from ..fault import fault
from ..load import MIX

LISTS = [  # path, Accept, HTTP; exports are not to be had in HTTP/1.0
    ("/passengerlist", "*/*", "1.1"), ("/employees/get", "*/*", "1.1"), ("/passengerlist", "*/*", "1.0"),
    ("/employees/get", "*/*", "1.0"), ("/v1/passengers", "text/csv", "1.1"),
    ("/v1/employees", "application/x-ndjson", "1.1"),
]  # fmt: skip
EMPLOYEES = """
    INSERT INTO employees (id, name, age, email, created_at, updated_at)
    SELECT gen_random_uuid(), 'Person ' || n, n % 100, 'person' || n || '@listed.example', now(), now()
    FROM generate_series(1, {count}) AS n"""


class Reader:
    """Asks for a list, and takes it only when it is told to."""

    def __init__(self, port, path, accept, version):
        self.path, self.accept, self.version = path, accept, version
        self.socket = socket.socket()
        self.socket.settimeout(wait.PATIENCE_S)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(f"GET {path} HTTP/{version}\r\nHost: x\r\nAccept: {accept}\r\n\r\n".encode())
        self.received = b""

    def begin(self):
        """The answer has begun, and is a good one."""
        while b"\r\n\r\n" not in self.received:
            self.received += self.socket.recv(1000)
        assert self.received.startswith(b"HTTP/1.1 200 "), self.received
        self.head, _, self.received = self.received.partition(b"\r\n\r\n")

    def finish(self):
        """Take all that there is, until the connection is closed; how it ended."""
        pieces = [self.received]
        try:
            while pieces[-1] or len(pieces) == 1:
                pieces.append(self.socket.recv(1 << 16))
            end = "closed"
        except ConnectionResetError:
            end = "reset"
        self.socket.close()
        self.received = b"".join(pieces)
        return end

    def looks_whole(self):
        """What a client can tell: the last chunk, or the end of the JSON."""
        if self.version == "1.1":
            assert b"Transfer-Encoding: chunked" in self.head, self.head
            return self.received.endswith(b"\r\n0\r\n\r\n")
        try:
            json.loads(self.received)
            return True
        except ValueError:
            return False


@fault("a worker killed in the middle of streamed lists",
       full={"rows": 60_000, "times": 10}, short={"rows": 25_000, "times": 1})
def worker_killed_in_lists(scene, rows, times):
    """Each breaks off visibly. (There is one worker, so that it is the one which sends them.)"""
    ends = Counter()
    with scene.load(mix={**MIX, "list_all": 0}, PURSER_WORKERS=1) as load:
        scene.database.fill_passengers(rows)
        scene.database.sql(EMPLOYEES.format(count=rows))
        for _ in range(times):
            readers = [Reader(scene.stack.port, *words) for words in LISTS]
            for reader in readers:
                reader.begin()
            (worker,) = scene.stack.workers()
            os.kill(worker, signal.SIGKILL)
            for reader in readers:
                end = reader.finish()
                ends[end] += 1
                assert not reader.looks_whole(), f"{reader.path} looks whole after {len(reader.received)} bytes"
            load.await_more()
        for table in ("passengers", "employees"):
            scene.database.sql(f"DELETE FROM {table} WHERE name LIKE 'Person %'")
    counts = ", ".join(f"{count} {end}" for end, count in ends.items())
    scene.seen(f"{counts}, all without the last chunk or the end of the JSON")
