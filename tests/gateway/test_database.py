"""A worker whose database is away, slow, or not the one that it was built for."""

import time
from contextlib import contextmanager

import pytest
from harness import wait
from harness.fastcgi import message
from harness.postgres import Cluster, person_uuid
from harness.process import BINARY, environment, run
from harness.samples import employee, passenger
from harness.worker import Worker


@contextmanager
def unready(url, **settings):
    """A worker that nobody expects to be ready."""
    with Worker(url, ready=False, **settings) as worker:
        wait.until(lambda: worker.request("GET", "/healthz").status == 200, "the worker to answer")
        yield worker


def reason(worker):
    """Why the worker says that it is not ready."""
    answer = worker.request("GET", "/readyz")
    assert answer.status == 503 and answer.json["type"] == "/problems/not-ready"
    return answer.json["detail"].lower()


@pytest.fixture
def blank(cluster):
    """A database of the owner's that was never migrated."""
    cluster.sql("DROP DATABASE IF EXISTS blank WITH (FORCE)")
    cluster.sql("CREATE DATABASE blank OWNER purser_owner")
    return "blank"


def test_database_that_was_never_migrated(cluster, blank):
    with unready(cluster.url(blank, "purser_worker"), PURSER_DEADLINE_MS=1000) as worker:
        wait.until(lambda: "schema" in reason(worker) or "migrat" in reason(worker), "the schema as the reason")
        assert worker.request("GET", "/hello").status == 201
        answer = worker.request("GET", "/passengerlist")
        assert answer.status == 503 and "retry-after" in answer.headers
        run([BINARY, "migrate"], env=environment(DATABASE_URL=cluster.url(blank, "purser_owner")))
        wait.until(worker.is_ready, "the worker to see the migration")
        assert worker.request("GET", "/passengerlist").body == b"[]"


def test_database_that_is_newer(cluster, database):
    fresh = cluster.copy_template()
    fresh.sql("INSERT INTO purser_migrations (version, name, checksum) VALUES (9999, '9999_future.sql', 'x')")
    with unready(fresh.url, PURSER_DEADLINE_MS=1000) as worker:
        wait.until(lambda: "9999" in reason(worker) or "schema" in reason(worker), "the schema as the reason")
    fresh.drop()


@pytest.mark.parametrize("url", [
    "postgresql://purser_worker@/nowhere?host={host}", "postgresql://nobody@/postgres?host={host}",
    "postgresql://purser_worker@/purser?host=/nonexistent", "postgresql://purser_worker@127.0.0.1:1/purser",
])  # fmt: skip
def test_database_that_can_not_be_reached(cluster, url):
    with unready(url.format(host=cluster.directory), PURSER_DEADLINE_MS=500) as worker:
        assert "database" in reason(worker)
        began = time.monotonic()
        answer = worker.request("GET", "/passengerlist")
        assert time.monotonic() - began < 5
        assert answer.status == 503 and answer.json["type"] == "/problems/unavailable"
        assert int(answer.headers["retry-after"]) > 0
        for secret in ("nowhere", "nonexistent", "purser_worker", "127.0.0.1", str(cluster.directory)):
            assert secret not in answer.body.decode()
        assert worker.request("GET", "/hello").status == 201
        assert worker.request("POST", "/postpassenger", passenger(age=-1)).status == 422


def test_database_that_comes_later():
    """The worker may be started first."""
    cluster = Cluster()
    with unready(cluster.url("purser_template", "purser_worker")) as worker:
        assert "database" in reason(worker)
        with cluster:
            cluster.make_template()
            wait.until(worker.is_ready, "the worker to find the database")
            assert worker.request("POST", "/postpassenger", passenger()).status == 200


def test_locked_table_past_the_deadline(database):
    """It is given up in time, and holds up nobody else."""
    database.empty()
    database.fill_passengers(1)
    with Worker(database.url, PURSER_DEADLINE_MS=700) as worker:
        with database.locked("passengers"):
            for method, uri, body in [
                ("GET", f"/getpassenger/{person_uuid(1)}", b""),
                ("GET", "/passengerlist", b""),
                ("POST", "/postpassenger", passenger()),
                ("PUT", f"/putpassenger/{person_uuid(1)}", passenger()),
                ("DELETE", f"/deletepassenger/{person_uuid(1)}", b""),
            ]:
                began = time.monotonic()
                answer = worker.request(method, uri, body)
                assert answer.status in {503, 504}, answer
                assert 0.5 < time.monotonic() - began < 5
            assert worker.request("GET", "/hello").status == 201
            assert worker.request("GET", "/healthz").status == 200
        wait.until(lambda: worker.request("GET", f"/getpassenger/{person_uuid(1)}").status != 504, "the lock to be gone")
        assert worker.request("POST", "/employees/add", employee()).status == 201
        assert worker.request("POST", "/postpassenger", passenger()).status == 200


def test_the_log_is_not_flooded_while_the_database_is_away():
    """Losing it is said, not every request that it costs."""
    with Cluster() as cluster:
        cluster.make_template()
        with Worker(cluster.url("purser_template", "purser_worker"), PURSER_DEADLINE_MS=300) as worker:
            cluster.stop()
            connections = [worker.connect() for _ in range(200)]
            for connection in connections:
                connection.send(message("GET", "/passengerlist"))
            assert all(connection.read_response().status == 503 for connection in connections)
            for connection in connections:
                connection.close()
            complaints = [line for line in worker.log() if line["level"] in ("warn", "error")]
            assert 1 <= len(complaints) < 50
