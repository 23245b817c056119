"""SIGTERM: the worker takes nothing new, finishes what it has, and goes when its peers have gone or at its deadline."""

import signal
import time

import pytest
from harness.fastcgi import message
from harness.samples import passenger
from harness.worker import Worker


@pytest.fixture
def start(database):
    """Starts a worker of the test's own; it must be gone when the test ends."""
    workers = []

    def start_worker(**settings):
        workers.append(Worker(database.url, **settings).start())
        return workers[-1]

    yield start_worker
    for worker in workers:
        worker.__exit__(None)


def test_idle_worker_exits_at_once(start):
    worker = start()
    worker.terminate()
    assert worker.wait(5) == 0


def test_kept_connection_is_served_until_its_peer_closes(start):
    worker = start()
    with worker.connect() as connection:
        assert connection.request("GET", "/hello").status == 201
        worker.terminate()
        for _ in range(20):
            assert connection.request("POST", "/postpassenger", passenger()).status == 200
        assert worker.process.poll() is None
    assert worker.wait(5) == 0


def test_request_in_flight_is_answered(start, database):
    worker = start()
    with worker.connect() as connection:
        with database.locked("passengers"):
            connection.send(message("POST", "/postpassenger", passenger(name="in flight")))
            database.await_waiting()
            worker.terminate()
        assert connection.read_response().json[0]["name"] == "in flight"
    assert worker.wait(5) == 0


def test_half_sent_request_may_be_finished(start):
    worker = start()
    data = message("POST", "/postpassenger", passenger())
    with worker.connect() as connection:
        connection.send(data[:100])
        worker.tick()
        worker.ticker.close()
        worker.ticker = None
        worker.terminate()
        connection.send(data[100:])
        assert connection.read_response().status == 200
    assert worker.wait(5) == 0


def test_list_in_flight_is_sent_whole(start, database):
    database.empty()
    database.fill_passengers(20000)
    worker = start()
    with worker.connect() as connection:
        connection.send(message("GET", "/passengerlist"))
        connection.read_record()
        worker.terminate()
        assert connection.read_response().app_status == 0
    assert worker.wait(5) == 0
    database.empty()


def test_new_connections_are_left_to_the_others(start):
    """What connects after SIGTERM waits in the backlog for another worker."""
    worker = start()
    with worker.connect() as kept:
        assert kept.request("GET", "/hello").status == 201
        worker.terminate()
        assert kept.request("GET", "/hello").status == 201  # the signal has been seen: it came before this
        with worker.connect() as new:
            new.send(message("GET", "/hello"))
            kept.close()
            assert worker.wait(5) == 0
            second = worker.start()  # on the same socket
            assert new.read_response().status == 201
            assert second.process.poll() is None


def test_peer_that_never_closes_is_left_at_the_deadline(start):
    worker = start(PURSER_DRAIN_MS=500)
    with worker.connect() as connection:
        assert connection.request("GET", "/hello").status == 201
        began = time.monotonic()
        worker.terminate()
        assert worker.wait(10) == 0
        assert 0.4 < time.monotonic() - began < 5
        assert connection.at_end()


def test_stuck_request_is_left_at_the_deadline(start, database):
    worker = start(PURSER_DRAIN_MS=500)
    with worker.connect() as connection, database.locked("passengers"):
        connection.send(message("GET", "/passengerlist"))
        database.await_waiting()
        worker.terminate()
        assert worker.wait(10) == 0


def test_second_sigterm_changes_nothing(start):
    worker = start()
    with worker.connect() as connection:
        assert connection.request("GET", "/hello").status == 201
        worker.terminate()
        worker.terminate()
        assert connection.request("GET", "/hello").status == 201
        worker.terminate()
        assert connection.request("GET", "/hello").status == 201
    assert worker.wait(5) == 0


@pytest.mark.parametrize("name", ["SIGPIPE", "SIGHUP", "SIGUSR1"])
def test_other_signals_do_no_harm(start, name):
    worker = start()
    with worker.connect() as connection:
        worker.process.send_signal(getattr(signal, name))
        assert connection.request("GET", "/hello").status == 201
    worker.stop()
