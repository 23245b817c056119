"""A write of many rows that comes a second time: to another worker, because the first one died, or to the same."""

import time
from contextlib import contextmanager

import pytest
from harness import wait
from harness.fastcgi import message, new_request_id
from harness.samples import employee, new_email, passenger
from harness.worker import Worker

EMPLOYEES = "/v1/employees"


def identity():
    """What nginx says of a request, both times."""
    return {"request_id": new_request_id(), "REQUEST_MSEC": f"{time.time():.3f}"}


@pytest.fixture
def workers(database):
    """Two workers; the first is one that a test may kill."""
    with Worker(database.url) as first, Worker(database.url) as second:
        yield first, second
        if first.process.poll() is not None:
            first.start()  # so that it ends as a worker ends


def make_rows(worker, count):
    rows = worker.request("POST", EMPLOYEES, [employee() for _ in range(count)]).json["items"]
    return [row["id"] for row in rows]


def new_rows(worker):
    return "POST", [employee() for _ in range(3)], {}


def rows_with_keys(worker):
    return "POST", [employee(id=key[:-12] + f"{number:012x}") for number, key in enumerate(make_rows(worker, 3))], {}


def ignored(worker):
    email = worker.request("POST", EMPLOYEES, employee()).json["email"]
    return "POST", [employee(), employee(email=email), employee()], {"HTTP_PREFER": "resolution=ignore-duplicates"}


def merged(worker):
    email = worker.request("POST", EMPLOYEES, employee()).json["email"]
    return "POST", [employee(), employee(email=email), employee()], {"HTTP_PREFER": "resolution=merge-duplicates"}


def minimal(worker):
    return "POST", [employee(), employee()], {"HTTP_PREFER": "return=minimal"}


def with_a_key(worker):
    return "POST", [employee(), employee()], {"HTTP_IDEMPOTENCY_KEY": new_email()}


def one_with_a_key(worker):
    return "POST", employee(), {"HTTP_IDEMPOTENCY_KEY": new_email()}


def changed(worker):
    return "PATCH", [{"id": key, "email": new_email()} for key in make_rows(worker, 3)], {}


WRITES = [new_rows, rows_with_keys, ignored, merged, minimal, with_a_key, one_with_a_key, changed]


@pytest.fixture(params=WRITES, ids=lambda write: write.__name__)
def write(request):
    return request.param


def seen(answer):
    names = ("etag", "location", "preference-applied", "idempotency-replayed")
    return answer.status, answer.body, *map(answer.headers.get, names)


def versions(database):
    return database.lines("SELECT id, version, written_by, email FROM employees ORDER BY id")


def test_the_second_try_is_answered_as_the_first(workers, database, write):
    """The first one was done, but its answer is lost with its worker."""
    first, second = workers
    method, body, params = write(second)
    params |= identity()
    answer = first.request(method, EMPLOYEES, body, **params)
    assert answer.status in (200, 201), answer
    before = versions(database)
    first.kill()
    assert seen(second.request(method, EMPLOYEES, body, **params)) == seen(answer)
    assert versions(database) == before


@contextmanager
def held_up(database):
    """Who writes employees inside the block is at work for as long as it lasts: it waits for no row of others."""
    database.sql("""
        CREATE FUNCTION wait_here() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0
        AS 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END';
        CREATE TRIGGER held_up BEFORE INSERT OR UPDATE ON employees EXECUTE FUNCTION wait_here()""")
    try:
        with database.holding("DO 'BEGIN PERFORM pg_advisory_xact_lock(1); END'"):
            yield
    finally:
        database.sql("DROP TRIGGER held_up ON employees; DROP FUNCTION wait_here")


def test_the_second_try_comes_while_the_first_is_at_work(workers, database, write):
    """The worker that has sent it is gone, PostgreSQL goes on."""
    first, second = workers
    method, body, params = write(second)
    params |= identity()
    with first.connect() as lost, second.connect() as kept:
        with held_up(database):
            lost.send(message(method, EMPLOYEES, body, **params))
            database.await_waiting(1)
            first.kill()
            kept.send(message(method, EMPLOYEES, body, **params))
            database.await_waiting(2)
        answer = kept.read_response()
    assert answer.status in (200, 201), answer
    assert "idempotency-replayed" not in answer.headers
    end = params["request_id"][-12:]
    assert database.sql(f"SELECT count(*) FROM ledger WHERE written_by::text LIKE '%{end}'") == "1"
    assert len({row.split("|")[3] for row in versions(database)}) == len(versions(database))


def test_connections_are_cut_while_it_is_written(worker, database, write):
    """They are made again, and it is sent again; the client sees one answer, and each row is there once."""
    method, body, params = write(worker)
    with worker.connect() as connection:
        with database.locked("ledger"):
            connection.send(message(method, EMPLOYEES, body, **params))
            database.await_waiting(1)
            database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'purser_worker'"
                         " AND datname = current_database()")  # fmt: skip
        answer = connection.read_response()
    assert answer.status in (200, 201), answer
    assert "idempotency-replayed" not in answer.headers


def test_the_rows_of_one_request_have_the_time_of_the_request(worker):
    """UUIDv7: nginx's clock in front, then the row's number; so they sort as they were sent."""
    answer = worker.request("POST", "/v1/passengers", [passenger() for _ in range(300)], REQUEST_MSEC="1716243766.123")
    keys = [row["uuid"] for row in answer.json["items"]]
    assert {int(key.replace("-", "")[:12], 16) for key in keys} == {1716243766123}
    assert keys == sorted(keys) and len(set(keys)) == 300


def test_other_requests_are_answered_meanwhile(worker, database):
    """A write of many rows that waits has a connection of its own."""
    with worker.connect() as connection:
        with database.holding("LOCK TABLE ledger IN SHARE MODE"):  # it may be read
            connection.send(message("POST", "/v1/passengers", [passenger()]))
            database.await_waiting(1)
            assert worker.request("POST", "/v1/passengers", passenger()).status == 201
        assert connection.read_response().status == 201
    wait.until(worker.is_ready, "the worker to be ready")
