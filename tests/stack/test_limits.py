"""Inside the limits that the replaced application's pod had, half a processor and 128 MiB: it works, and is still the
faster one.
"""

import contextlib
import http.client
import os
import re
import select
import socket
import tempfile
from pathlib import Path

import pytest
from harness import wait
from harness.engine import docker
from harness.samples import passenger
from harness.web import assert_json, assert_problem, read

import check
import rows
from cluster import COLUMNS
from load import Refused, Wrk, median
from stacks import Flask

LIMITS = ("--cpus=0.5", "--memory=128m", "--memory-swap=128m")
RUNS = 5
RUN_S = 3
RATIO = 4
BODY_BYTES = 1048576  # the most that a body may have
SENDERS = 100


@pytest.fixture(scope="module")
def passengers():
    return rows.read(rows.source())


@pytest.fixture(autouse=True)
def table(database, passengers):
    """The bench's rows, and no others."""
    database.empty()
    database.sql(f"COPY passengers ({COLUMNS}) FROM stdin (FORMAT csv);\n{rows.as_copy(passengers)}\\.\n"
                 "VACUUM ANALYZE passengers;")


@pytest.fixture(scope="module")
def limited(container, database):
    """The container with its limits, and as many processes as it takes by itself."""
    with container(database.url, options=LIMITS, PURSER_WORKERS=None) as stack:
        yield stack


@pytest.fixture(scope="module")
def place():
    """A directory that other users can enter: nginx's, in front of Flask."""
    with tempfile.TemporaryDirectory(prefix="purser-limits-", dir="/tmp") as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)


@pytest.fixture(scope="module")
def wrk(place):
    made = Wrk(place)
    made.ask_for(range(1, rows.COUNT + 1))
    return made


@pytest.fixture
def flask(place, database):
    """The stack that Purser takes the place of, with the whole machine to itself."""
    service = Flask(place, database.url)
    try:
        service.start()
        yield service
    finally:
        service.stop()


def run(wrk, service, work, said):
    """Answers per second. A run in which one answer was none or an error has no figure, and fails here."""
    try:
        return wrk.run(service.port, work, RUN_S).rps
    except Refused as fault:
        pytest.fail(f"{work}: {fault}\n{said()}")


def cgroup(stack, *files):
    """What the first of these files says that is there: version 1 of control groups has another name for it than 2."""
    names = " ".join(f"/sys/fs/cgroup/{file}" for file in files)
    return docker("exec", stack.launcher.name, "sh", "-c", f"cat {names} 2>/dev/null", check=False).stdout


def oom_kills(stack):
    return re.findall(r"^oom_kill (\d+)$", cgroup(stack, "memory/memory.oom_control", "memory.events"), re.M)


def errors(stack):
    """The log lines of a container that say more than that a good answer was sent, the last ones first."""
    bad = [line for line in stack.text().splitlines() if not re.search(r'"msg":"request".*"status":2', line)]
    return "\n".join(bad[-20:])


def test_it_answers_four_times_what_flask_answers_without_limits(limited, flask, wrk, passengers, measured):
    """One passenger by id, 64 connections, both in turn."""
    figures = {limited: [], flask: []}
    logs = {limited: lambda: errors(limited), flask: flask.log}
    for service in figures:
        check.answers(service.port, "get", passengers)
        wrk.run(service.port, "get", 1)
    for _ in range(RUNS):
        for service, runs in figures.items():
            runs.append(run(wrk, service, "get", logs[service]))
    purser, plain = map(median, figures.values())
    measured("/getpassenger, 0.5 CPU and 128 MiB, 64 connections", f"{purser:,.0f} requests/s")
    measured("/getpassenger, Flask without limits", f"{plain:,.0f} requests/s: purser is {purser / plain:.2f} ×")
    assert purser / plain >= RATIO, list(figures.values())


@pytest.mark.parametrize("work, path", [("list", "/passengerlist"), ("create", "/postpassenger")])
def test_lists_and_writes_are_answered_inside_the_limits(limited, wrk, measured, work, path):
    answered = run(wrk, limited, work, lambda: errors(limited))
    measured(f"{path}, 0.5 CPU and 128 MiB, 64 connections", f"{answered:,.0f} requests/s")


def test_memory_stays_below_the_limit(limited, wrk, measured):
    """With lookups, lists and writes one after the other: nothing was killed, no answer was a server's error."""
    workers = limited.workers()
    before = limited.output.stat().st_size  # in which it says that it was not ready yet
    for work in ("get", "list", "create"):
        run(wrk, limited, work, lambda: errors(limited))
    assert limited.workers() == workers
    peak = int(cgroup(limited, "memory/memory.max_usage_in_bytes", "memory.peak")) / 2**20
    assert oom_kills(limited) == ["0"]
    assert not re.search(r'"status":5', limited.output.read_text()[before:])
    measured("the most memory that the container had meanwhile", f"{peak:.0f} MiB")


@contextlib.contextmanager
def slow_senders(port, count):
    """Connections that have each sent all but the last byte of a body of the largest size, one after the other."""
    head = "\r\n".join(["POST /postpassenger HTTP/1.1", "Host: x", "Content-Type: application/json",
                        f"Content-Length: {BODY_BYTES}", "", ""]).encode()
    with contextlib.ExitStack() as connections:
        senders = []
        for _ in range(count):
            sender = connections.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            sender.sendall(head + b" " * (BODY_BYTES - 1))
            senders.append(sender)
        yield senders


def answer_of(sender):
    response = http.client.HTTPResponse(sender)
    response.begin()
    return read(response)


def test_the_tmpfs_holds_the_largest_bodies_of_fifteen_clients(limited):
    with slow_senders(limited.port, 15) as senders:
        for sender in senders:
            sender.sendall(b" ")
        for sender in senders:
            assert_problem(answer_of(sender), 400, "malformed-json")


def test_slow_senders_of_large_bodies_fill_the_tmpfs_and_no_more(limited):
    """Bodies that are not there whole wait in files. Who finds /tmp full may come again; who sends little is served."""
    workers = limited.workers()
    with slow_senders(limited.port, SENDERS) as senders:
        refused = wait.until(lambda: len(answered := readable(senders)) >= SENDERS - 20 and answered, "the refusals")
        for sender in refused:
            answer = answer_of(sender)
            assert_problem(answer, 503, "unavailable")
            assert answer.headers["retry-after"] == "1"
        assert_json(limited.http("POST", "/postpassenger", passenger()), 200)
        assert_json(limited.http("GET", f"/getpassenger/{rows.uuid(1)}"), 200)
    wait.until(lambda: limited.http("POST", "/postpassenger", b" " * (BODY_BYTES - 1)).status == 400, "room in /tmp")
    assert limited.workers() == workers
    assert oom_kills(limited) == ["0"]


def readable(senders):
    """Those that have an answer; the end of a connection is none."""
    return [sender for sender in select.select(senders, [], [], 0)[0] if sender.recv(1, socket.MSG_PEEK)]
