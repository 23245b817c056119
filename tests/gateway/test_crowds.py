"""Peers that come in crowds and do little: each costs little, holds nobody up, and leaves nothing behind."""

import resource
from pathlib import Path

import pytest
from harness import fastcgi, wait
from harness.fastcgi import END_REQUEST, PARAMS, STDIN, begin, message, pairs, params_of, record
from harness.process import descriptors, sanitized
from harness.samples import passenger

CROWD = 1000
CLOSE_KIB = 6 * 1024  # the allocator keeps some of what it was given


def memory_kib(pid):
    """What a process has resident now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


@pytest.fixture(autouse=True)
def nothing_is_left_behind(worker):
    """Descriptors and memory are as before, and every line of the log is JSON."""
    worker.tick()
    before, memory = descriptors(worker.pid), memory_kib(worker.pid)
    yield
    wait.until(lambda: descriptors(worker.pid) <= before, f"the worker to be back at {before} descriptors")
    if not sanitized():
        assert memory_kib(worker.pid) < memory + CLOSE_KIB
    worker.log()


@pytest.fixture
def crowd(worker):
    """Makes connections that each send some bytes, and stay; they are closed after the test."""
    connections = []

    def gather(count, data):
        for _ in range(count):
            connections.append(worker.connect())
            connections[-1].send(data)
        worker.tick()
        return connections

    yield gather
    for connection in connections:
        connection.close()


def assert_others_are_served(worker):
    for _ in range(20):
        assert worker.request("GET", "/hello").status == 201
    assert worker.request("POST", "/postpassenger", passenger()).status == 200


GOOD = pairs(params_of("POST", "/postpassenger"))
STOPPED = {
    "before the first byte": b"",
    "after one byte": begin()[:1],
    "inside the first header": begin()[:7],
    "behind the begin": begin(),
    "between params": begin() + record(PARAMS, GOOD),
    "inside a body": begin() + fastcgi.records(PARAMS, GOOD) + record(STDIN, b'{"name":'),
}


@pytest.mark.parametrize("where", STOPPED)
def test_a_thousand_that_stop(worker, crowd, where):
    """However long they stay: who keeps a connection open without a word costs a descriptor and a few hundred bytes."""
    before = memory_kib(worker.pid)
    connections = crowd(CROWD, STOPPED[where])
    wait.until(lambda: descriptors(worker.pid) > CROWD, "all of them to be accepted")
    assert_others_are_served(worker)
    if not sanitized():
        assert memory_kib(worker.pid) < before + CROWD * 4 + CLOSE_KIB
    for connection in connections[::100]:
        connection.socket.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody was shown out
            connection.socket.recv(1)


def test_params_up_to_the_limit_and_no_further(worker, crowd):
    """What a peer can make the worker keep is 64 KiB, before it must say something of use."""
    before = memory_kib(worker.pid)
    crowd(100, begin() + record(PARAMS, fastcgi.pairs({"X": "x" * 60000})))
    assert_others_are_served(worker)
    if not sanitized():
        assert memory_kib(worker.pid) < before + 100 * 2 * 64 + CLOSE_KIB


def test_params_without_end(worker):
    """However small the records: the peer is shown out before it could fill any memory."""
    for content in (b"\x7f", b"\x7f" * 100, b"\x7f" * 65535):
        sent = 0
        with worker.connect() as connection:
            connection.send(begin())
            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                while sent < 64 << 20:
                    connection.send(record(PARAMS, content))
                    sent += 8 + len(content)
            assert connection.read_to_end() == b""
        assert sent < 64 << 20


def test_bytes_one_by_one(worker, crowd):
    """Fifty requests of which each byte comes by itself, in turn; others are served meanwhile, then they are."""
    data = message("POST", "/postpassenger", passenger(name="drip"))
    connections = crowd(50, b"")
    for at in range(len(data)):
        for connection in connections:
            connection.send(data[at : at + 1])
        if at % 50 == 0:
            assert_others_are_served(worker)
    for connection in connections:
        assert connection.read_response().json[0]["name"] == "drip"


def test_descriptors_run_out(worker, crowd):
    """Who is there is served; who comes waits, and is served when others have left."""
    with worker.connect() as early:
        assert early.request("GET", "/hello").status == 201
        limits = resource.prlimit(worker.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (descriptors(worker.pid) + 20, limits[1]))
        connections = [worker.connect() for _ in range(100)]
        wait.until(lambda: "can't accept" in worker.text(), "the descriptors to run out")
        assert early.request("POST", "/postpassenger", passenger()).status == 200
        for connection in connections:
            connection.send(message("GET", "/hello"))
        for connection in connections:  # in the order in which they came
            assert connection.read_response().status == 201
            connection.close()
        resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, limits)


def test_abort_while_the_answer_is_read(worker, database):
    """An answer under way ends where it is, visibly: there is no END_REQUEST."""
    database.empty()
    database.fill_passengers(20000)
    with worker.connect() as connection:
        connection.send(message("GET", "/passengerlist"))
        connection.read_record()
        connection.send(record(fastcgi.ABORT_REQUEST))
        worker.tick()
        with pytest.raises(fastcgi.Closed):
            while connection.read_record()[0] != END_REQUEST:
                pass
    database.empty()
