"""The service as a container, stopped while it is at work: nobody loses a request by it."""

import json
import socket
import threading
import time

import pytest
from harness import wait
from harness.engine import PURSER, Container, docker
from harness.traffic import Traffic

ROWS = 100_000


@pytest.fixture
def table(database):
    """The module's database, empty."""
    database.empty()
    return database


def stop(stack):
    """docker stop; how long it took. A container that is not done within docker's 10 s is killed, and ends with 137."""
    began = time.monotonic()
    docker("stop", stack.launcher.name)
    assert stack.process.wait(wait.PATIENCE_S) == 0
    return time.monotonic() - began


def refuses(stack):
    """Whether nobody listens on the service's port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", stack.port)) != 0


@pytest.mark.parametrize("turn", range(3))
def test_stop_under_load_loses_no_request(container, table, measured, turn):
    """Each got the whole answer, or nothing of it: then its row was not made, and it can be sent elsewhere."""
    with container(table.url) as stack:
        with Traffic(stack.port) as traffic:
            took = stop(stack)
        counts = traffic.check(table)
    measured(f"docker stop under load, run {turn + 1}",
             f"{took:.1f} s; {counts['good']} requests answered, {counts['none']} turned away, 0 lost")


def test_stop_waits_for_slow_requests(container, table, measured):
    """Those that wait for a lock when the stop begins, on kept and on new connections."""
    with container(table.url) as stack:
        with Traffic(stack.port, kept=40, once=40) as traffic:
            with table.locked("passengers"):
                waiting = traffic.await_all_waiting()
                stopping = threading.Thread(target=stop, args=[stack])
                stopping.start()
                wait.until(lambda: refuses(stack), "nginx to take no new connections")
                assert stopping.is_alive()
        stopping.join(wait.PATIENCE_S)
        traffic.check(table)
    assert len(waiting) == 80 and {traffic.outcomes()[name] for name in waiting} == {"good"}
    measured("docker stop while a table is locked", f"{len(waiting)} requests waited, and were answered")


def test_stop_waits_for_a_list_that_is_being_read(container, table):
    """A hundred thousand rows to a client that has read the first few when the stop begins."""
    table.fill_passengers(ROWS)
    with container(table.url) as stack, socket.create_connection(("127.0.0.1", stack.port), wait.PATIENCE_S) as client:
        client.sendall(b"GET /passengerlist HTTP/1.0\r\n\r\n")
        with client.makefile("rb") as answer:
            assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
            stopping = threading.Thread(target=stop, args=[stack])
            stopping.start()
            wait.until(lambda: refuses(stack), "nginx to take no new connections")
            body = answer.read().partition(b"\r\n\r\n")[2]
        stopping.join(wait.PATIENCE_S)
    assert [row["name"] for row in json.loads(body)] == [f"Person {number}" for number in range(1, ROWS + 1)]


@pytest.mark.parametrize("delay_s", [0.05, 0.2, 0.4, 0.7, 1.0, 1.3, 1.6])
def test_stopped_before_it_is_there(database, delay_s):
    """However early: the kernel drops signals that a container's process 1 has no handler for."""
    with Container(PURSER, "--cpus=0.5", env={"DATABASE_URL": database.url}) as service:
        threading.Event().wait(delay_s)  # into the middle of its start
        began = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - began < wait.PATIENCE_S
