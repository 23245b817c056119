"""Clients that are slow, or leave: nobody else notices, and nothing is kept of them."""

import json
import random
import socket
import struct
import threading
import time

from harness import wait
from harness.samples import passenger

from .. import footprint, wrk
from ..crowd import PATIENCE_S, get, need_descriptors
from ..fault import fault
from ..footprint import MIB
from .load import CALLS, ROWS, note

BODY = json.dumps(passenger(name="Slow")).encode()
POST = (b"POST /postpassenger HTTP/1.1\r\nHost: chaos\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(BODY))
LIST = get("/passengerlist")
EXPORT = get("/v1/passengers", "Accept: application/x-ndjson")
SLOW_BYTES = 0.75 * MIB  # of nginx and the workers, for four slow clients, one of each kind
SEGMENT = 1448  # bytes of a packet on an Ethernet
LINGER_NOT = struct.pack("ii", 1, 0)  # close() resets the connection


def connect(port, receives=None):
    """A connection as it would come from elsewhere: the kernel gives those on the loopback, with packets of 64 KiB,
    buffers of some MiB. One that `receives` few bytes has a small buffer for them.
    """
    connection = socket.socket()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
    if receives:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    connection.settimeout(PATIENCE_S)
    connection.connect(("127.0.0.1", port))
    return connection


class Slow(threading.Thread):
    """`count` clients of each kind, each of which sends or reads a byte in every turn. Who is shown out comes again."""

    def __init__(self, port, count, turn_s):
        super().__init__(daemon=True)
        self.port = port
        self.turn_s = turn_s
        self.turns = 0
        self.shown_out = 0
        self.ended = threading.Event()
        need_descriptors(4 * count)
        # What each sends at once, and what slowly; None: it reads slowly.
        plans = [(b"", get(CALLS[0][1])), (POST, BODY), (LIST, None), (EXPORT, None)]
        self.plans = [plan for plan in plans for _ in range(count)]
        self.clients = [self.begin(at_once) for at_once, _ in self.plans]
        self.sent = [0] * len(self.plans)

    def begin(self, at_once):
        connection = connect(self.port, receives=1024)
        connection.sendall(at_once)
        connection.setblocking(False)
        return connection

    def step(self, number):
        """One byte of one client."""
        at_once, slowly = self.plans[number]
        try:
            if slowly is None:
                gone = self.clients[number].recv(1) == b""
            else:
                at = self.sent[number]
                self.clients[number].send(slowly[at:at + 1])
                self.sent[number] = at + 1
                gone = at + 1 == len(slowly)
        except BlockingIOError:
            gone = False
        except OSError:
            gone = True
        if gone:
            self.shown_out += self.sent[number] != len(slowly or b"-")
            self.clients[number].close()
            self.clients[number], self.sent[number] = self.begin(at_once), 0

    def run(self):
        while not self.ended.is_set():
            for number in range(len(self.plans)):
                self.step(number)
            self.turns += 1
            self.ended.wait(self.turn_s)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()
        for client in self.clients:
            client.close()


@fault("slow clients, one byte a second: 200 each that send headers, send a body, read a list, read an export",
       full={"count": 200, "rows": 100_000, "seconds": 15}, short={"count": 20, "rows": 5_000, "seconds": 1})
def slow_clients(scene, count, rows, seconds):
    with scene.service() as stack:
        scene.database.fill_passengers(rows)
        wrk.measure(stack.port, CALLS, 64, 1)
        alone = wrk.measure(stack.port, CALLS, 64, seconds)
        at_rest = footprint.look(stack)
        with Slow(stack.port, count, 1.0) as slow:
            await_full(scene.database, slow)
            with footprint.Watch(stack) as watch:
                beside = wrk.measure(stack.port, CALLS, 64, seconds)
        most = watch.between(0, time.monotonic())
        wait.until(lambda: footprint.look(stack).descriptors <= at_rest.descriptors, "all of them to be let go")
        after = footprint.look(stack)
    note(scene.line, alone, beside)
    scene.seen(f"lookups alone {alone.rate:,.0f}/s, p99 {alone.p99 * 1000:.1f} ms; beside them {beside.rate:,.0f}/s, p99 "
               f"{beside.p99 * 1000:.1f} ms; MiB {at_rest.memory / MIB:.0f}, at most {most / MIB:.0f}, afterwards "
               f"{after.memory / MIB:.0f}; descriptors {at_rest.descriptors}, afterwards {after.descriptors}; "
               f"{slow.shown_out} shown out")
    assert not any(result.refused or result.other or result.broken for result in (alone, beside)), (alone, beside)
    if scene.form == "full":
        assert most <= at_rest.memory + count * SLOW_BYTES, "the slow ones take too much memory"
        assert beside.rate >= 0.8 * alone.rate, "the slow ones cost the others their speed"


ACTIVE = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"


def await_full(database, slow):
    """Return when all wait for the slow clients: at first nginx and the kernel take what they have room for."""
    quiet = []

    def is_quiet():
        quiet.append(database.sql(ACTIVE))
        return slow.turns >= 2 and set(quiet[-5:]) == {"1"}  # this question's own

    wait.until(is_quiet, "the slow clients to be at it", timeout=4 * wait.PATIENCE_S, pause=0.05)


@fault("clients that reset their connection in the middle of bodies and answers, 1,000 times",
       full={"times": 1_000, "rows": 20_000}, short={"times": 100, "rows": 5_000})
def clients_reset(scene, times, rows):
    with scene.service(PURSER_WORKERS=1, PURSER_NGINX_PROCESSES=1) as stack:
        scene.database.fill_passengers(rows)
        at_rest = footprint.look(stack)
        for number in range(times // 2):
            break_off(stack.port, number)
        before = footprint.look(stack)
        for number in range(times):
            break_off(stack.port, number)
        # An idle connection between nginx and the worker is kept for five seconds.
        wait.until(lambda: footprint.look(stack).descriptors <= at_rest.descriptors, "all to be closed", pause=0.1)
        after = footprint.look(stack)
        assert stack.http("GET", "/readyz").status == 200
        created = int(scene.database.sql("SELECT count(*) FROM passengers WHERE name = 'Slow'"))
    scene.seen(f"descriptors {at_rest.descriptors}, {after.descriptors} afterwards; MiB after {times // 2} "
               f"resets {before.memory / MIB:.1f}, after {times} more {after.memory / MIB:.1f}")
    assert created == 0, "half a body has made a row"
    if scene.form == "full":
        assert after.memory <= before.memory + 2 * MIB, (before, after)


def break_off(port, number):
    """Send a part of a body, or read a part of an answer, and reset the connection."""
    connection = connect(port, receives=4096)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
    if number % 3 == 0:
        connection.sendall(POST + BODY[:random.randrange(len(BODY))])
    else:
        connection.sendall(LIST if number % 3 == 1 else EXPORT)
        connection.recv(random.randrange(1, 4096))
    connection.close()

