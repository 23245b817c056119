"""A table of a million rows: what one /passengerlist costs the worker that streams it, and the requests beside it.

The load beside the list is paced, not as fast as it can: a few connections that each pause between requests, so that
the figures tell how long a request waits and not who gets the processor.
"""

import contextlib
import http.client
import threading
import time

import memory
from load import Refused, median
from settings import LIST_CLIENTS, REPEATS, SECONDS_PER_RUN

CONNECTIONS = 8
PACE_MS = 20  # each connection pauses 10 ms on the average: some 700 requests per second together


class Reader(threading.Thread):
    """A client that takes in the whole list again and again, and counts its rows."""

    def __init__(self, port, expected):
        super().__init__(daemon=True)
        self.port = port
        self.expected = expected
        self.enough = threading.Event()
        self.begun = threading.Event()
        self.passes_s = []
        self.fault = None

    def read_once(self):
        start = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", "/passengerlist")
            answer = connection.getresponse()
            if answer.status != 200:
                raise Refused(f"the list was answered with {answer.status}")
            rows, tail = 0, b""
            while piece := answer.read1(1 << 18):
                self.begun.set()
                piece = tail + piece
                rows += piece.count(b'"uuid":')
                tail = piece[-6:]  # too short for a whole key, so that none is counted twice
                if self.enough.is_set():
                    return
        if rows != self.expected:
            raise Refused(f"the list has {rows} rows, not {self.expected}")
        self.passes_s.append(time.monotonic() - start)

    def run(self):
        try:
            while not self.enough.is_set():
                self.read_once()
        except (Refused, OSError, http.client.HTTPException) as error:
            self.fault = error
            self.begun.set()

    def finish(self):
        self.enough.set()
        self.join()
        if self.fault:
            raise Refused(f"the list broke off: {self.fault}")


def workers(roots):
    return [pid for root in roots for pid in memory.tree(root) if memory.command(pid) == "purser"]


def beside_lists(wrk, port, expected):
    readers = [Reader(port, expected) for _ in range(LIST_CLIENTS)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.begun.wait(30)
    figures = wrk.run(port, "get", SECONDS_PER_RUN, connections=CONNECTIONS, pace_ms=PACE_MS)
    for reader in readers:
        reader.finish()
    return figures


def measure(stack, wrk, count):
    """On the table as it is, of `count` rows. The list is read whole once, alone, before anything is timed."""
    wrk.ask_for(range(1, count + 1, max(1, count // 10_000)))
    pids = workers(stack.roots())
    for pid in pids:
        memory.forget_peak(pid)
    alone, beside = [], []
    first = Reader(stack.port, count)
    try:
        first.read_once()
        for _ in range(REPEATS):
            alone.append(wrk.run(stack.port, "get", SECONDS_PER_RUN, connections=CONNECTIONS, pace_ms=PACE_MS))
            beside.append(beside_lists(wrk, stack.port, count))
    except (OSError, http.client.HTTPException) as error:
        raise Refused(f"the list broke off: {error}") from error
    if sorted(pids) != sorted(workers(stack.roots())):
        raise Refused("a worker ended on the way")
    alone_ms, beside_ms = (median([figures.p99_ms for figures in runs]) for runs in (alone, beside))
    return {
        "rows": count, "list_clients": LIST_CLIENTS, "list_s": first.passes_s[0],
        "load": f"{CONNECTIONS} connections, pauses of 0 to {PACE_MS} ms",
        "rps": median([figures.rps for figures in alone]),
        "p99_alone_ms": alone_ms, "p99_beside_ms": beside_ms, "p99_ratio": beside_ms / alone_ms,
        "workers": len(pids), "worker_peak_bytes": max(memory.peak(pid) for pid in pids),
    }
