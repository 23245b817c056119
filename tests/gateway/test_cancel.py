"""What PostgreSQL is still at when nobody waits for it any more, and a PostgreSQL that says nothing any more."""

import os
import signal
import socket
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import wait
from harness.fastcgi import ABORT_REQUEST, message, record
from harness.launch import children
from harness.postgres import PORT, Cluster, person_uuid
from harness.samples import passenger
from harness.worker import Worker

SETTINGS = {"PURSER_DEADLINE_MS": 600000}  # nothing here ends because its time is over
ROW = f"/v1/passengers/{person_uuid(1)}"
READS = [("GET", ROW), ("GET", "/v1/passengers?name=contains:x"), ("GET", "/v1/passengers/stats"), ("GET", "/passengerlist")]
WRITES = [("POST", "/v1/passengers"), ("PUT", ROW), ("DELETE", ROW)]


@contextmanager
def slow(database, method):
    """While whatever a request does to the passengers takes for ever."""
    if method == "GET":
        with database.locked("passengers"):
            yield
    else:
        database.sql("""
            CREATE OR REPLACE FUNCTION take_for_ever() RETURNS trigger LANGUAGE plpgsql
            AS 'BEGIN PERFORM pg_sleep(3600); RETURN NULL; END';
            CREATE TRIGGER for_ever BEFORE INSERT OR UPDATE OR DELETE ON passengers EXECUTE FUNCTION take_for_ever()""")
        yield
        database.sql("DROP TRIGGER for_ever ON passengers")


def at_work(database):
    """How many statements of workers PostgreSQL runs."""
    return int(database.sql("""SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                               AND usename = 'purser_worker' AND state = 'active'"""))


def await_work(database, count=1):
    wait.until(lambda: at_work(database) == count, f"{count} statements to be at work")


def body_of(method):
    return passenger() if method in ("POST", "PUT") else b""


@pytest.fixture(scope="module")
def hasty(database):
    with Worker(database.url, PURSER_DEADLINE_MS=1200) as worker:
        yield worker


@pytest.fixture
def rows(database):
    database.empty()
    database.fill_passengers(3)


@pytest.mark.parametrize("method, uri", [*READS, *WRITES])
def test_what_a_client_leaves_is_ended(worker, database, rows, method, uri):
    with slow(database, method):
        with worker.connect() as connection:
            connection.send(message(method, uri, body_of(method)))
            await_work(database)
        await_work(database, 0)
    assert database.sql("SELECT count(*) FROM passengers") == "3"
    assert worker.request("GET", ROW).status == 200


def test_what_a_client_aborts_is_ended(worker, database, rows):
    with slow(database, "PUT"), worker.connect() as connection:
        connection.send(message("PUT", ROW, passenger()))
        await_work(database)
        connection.send(record(ABORT_REQUEST))
        await_work(database, 0)


@pytest.mark.parametrize("method, uri", [*READS, *WRITES])
def test_what_is_past_its_deadline_is_ended(hasty, database, rows, method, uri):
    with slow(database, method):
        answer = hasty.request(method, uri, body_of(method))
        assert (answer.status, answer.json["type"]) == (504, "/problems/gateway-timeout")
        await_work(database, 0)
    assert database.sql("SELECT count(*) FROM passengers") == "3"


def test_what_somebody_else_cancels_is_done_all_the_same(worker, database, rows):
    with worker.connect() as connection:
        with database.locked("passengers"):
            connection.send(message("GET", ROW))
            for _ in range(3):
                database.await_waiting()
                database.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        assert connection.read_response().status == 200


# --- silence ---


@pytest.fixture
def alone():
    """A PostgreSQL that a test may do anything to."""
    with Cluster() as cluster:
        cluster.make_template()
        yield cluster


def processes(cluster):
    """Of the server; the one that starts the others first."""
    return [cluster.process.pid, *children(cluster.process.pid, "postgres")]


def signal_all(cluster, what):
    for pid in processes(cluster):
        os.kill(pid, what)


@contextmanager
def stopped(cluster):
    """As if it were at the other end of a cable that is cut."""
    signal_all(cluster, signal.SIGSTOP)
    try:
        yield
    finally:
        if cluster.process is not None:
            signal_all(cluster, signal.SIGCONT)


def test_a_server_that_says_nothing(alone):
    """Requests end at their deadlines, connections soon after; once it speaks again, all is well again."""
    url = alone.url("purser_template", "purser_worker")
    with Worker(url, PURSER_DEADLINE_MS=1500, PURSER_DB_READERS=1) as worker:
        with stopped(alone):
            began = time.monotonic()
            assert worker.request("GET", ROW).status == 504  # it was sent
            assert time.monotonic() - began >= 1.5
            wait.until(lambda: worker.request("GET", "/readyz").status == 503, "the worker to give the connection up")
            assert worker.request("GET", ROW).status == 503  # it wasn't
            assert worker.request("GET", "/healthz").status == 200
        wait.until(worker.is_ready, "the worker to find the server again")
        assert worker.request("POST", "/postpassenger", passenger()).status == 200
        assert "PostgreSQL is silent" in worker.text()


def test_a_server_that_says_nothing_and_is_started_again(alone):
    url = alone.url("purser_template", "purser_worker")
    with Worker(url, PURSER_DEADLINE_MS=1500) as worker:
        with stopped(alone):
            assert worker.request("GET", ROW).status == 504
            signal_all(alone, signal.SIGKILL)
            alone.process.wait()
            alone.process = None
        alone.start()
        wait.until(worker.is_ready, "the worker to find the server again")
        assert worker.request("POST", "/postpassenger", passenger()).status == 200


@contextmanager
def mute_host():
    """The directory of a socket that takes connections and never says anything."""
    with tempfile.TemporaryDirectory(prefix="purser-mute-", dir="/tmp") as directory, \
            socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(Path(directory, f".s.PGSQL.{PORT}")))
        listener.listen(1000)
        yield directory


def test_a_host_that_says_nothing_holds_up_no_other(cluster, database):
    with mute_host() as mute:
        url = database.url.replace(f"host={cluster.directory}", f"host={mute},{cluster.directory}")
        with Worker(url) as worker:
            assert worker.request("POST", "/postpassenger", passenger()).status == 200
            for _ in range(3):  # the one that is good is known now
                cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'purser_worker'")
                assert worker.request("POST", "/postpassenger", passenger()).status == 200
