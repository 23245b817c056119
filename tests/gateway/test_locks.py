"""What another session has locked: who wants it waits, and nobody else."""

import select
from contextlib import contextmanager

import pytest
from harness.fastcgi import message
from harness.postgres import person_uuid
from harness.samples import employee, new_email, passenger
from harness.worker import Worker

SETTINGS = {"PURSER_DEADLINE_MS": 600000}  # nothing here ends because its time is over
ROWS = 40


def row(number):
    return f"/v1/passengers/{person_uuid(number)}"


def touching(*numbers):
    uuids = ", ".join(repr(person_uuid(number)) for number in numbers)
    return f"UPDATE passengers SET fare = fare WHERE uuid IN ({uuids})"


@pytest.fixture
def rows(database):
    database.empty()
    database.fill_passengers(ROWS)
    return database


class Crowd:
    """Clients that ask at once, each on a connection of its own, and wait for their answers."""

    def __init__(self, worker):
        self.worker = worker
        self.connections = []

    def ask(self, *calls):
        for method, uri, body in calls:
            self.connections.append(self.worker.connect())
            self.connections[-1].send(message(method, uri, body))
        return self

    def assert_waiting(self):
        assert select.select([connection.socket for connection in self.connections], [], [], 0)[0] == []

    def statuses(self):
        return [connection.read_response().status for connection in self.connections]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for connection in self.connections:
            connection.close()


def assert_others_are_served(worker, *numbers):
    """Those who change other rows, make new ones, and read."""
    for number in numbers:
        assert worker.request("PATCH", row(number), {"fare": number}).status == 200
        assert worker.request("PUT", f"/putpassenger/{person_uuid(number)}", passenger()).status == 200
        assert worker.request("POST", "/postpassenger", passenger()).status == 200
        assert worker.request("POST", "/v1/employees", [employee(), employee()]).status == 201
        assert worker.request("GET", row(1)).status == 200
    assert worker.request("GET", "/v1/passengers").status == 200
    assert worker.request("GET", "/readyz").status == 200


@pytest.fixture
def crowd(worker):
    with Crowd(worker) as clients:
        yield clients


def test_a_locked_row_is_waited_for_by_who_wants_it_alone(worker, rows, crowd):
    with rows.holding(touching(1)):
        crowd.ask(*[("PATCH", row(1), {"fare": fare}) for fare in range(20)])
        assert_others_are_served(worker, *range(2, 12))
        crowd.assert_waiting()
    assert crowd.statuses() == [200] * 20
    assert rows.sql(f"SELECT version FROM passengers WHERE uuid = '{person_uuid(1)}'") == "21"


def test_many_locked_rows(worker, rows, crowd):
    with rows.holding(touching(*range(1, 11))):
        crowd.ask(*[("PATCH", row(1 + number % 10), {"fare": 1}) for number in range(20)])
        assert_others_are_served(worker, *range(11, 21))
        crowd.assert_waiting()
    assert crowd.statuses() == [200] * 20


def test_a_locked_row_among_those_of_a_bulk_change(worker, rows, crowd):
    changes = [{"uuid": person_uuid(number), "fare": 1} for number in (3, 2, 1)]
    with rows.holding(touching(2)):
        crowd.ask(*[("PATCH", "/v1/passengers", changes)] * 3)
        assert_others_are_served(worker, *range(4, 9))
        crowd.assert_waiting()
    assert crowd.statuses() == [200] * 3


# ---- unique values: who is the second to want one must know what becomes of the first ----


@pytest.fixture
def email():
    return new_email()


@contextmanager
def uncommitted(database, email):
    insert = f"INSERT INTO employees (id, name, age, email) VALUES (gen_random_uuid(), 'x', 1, '{email}')"
    with database.holding(insert):
        yield


def test_an_email_that_another_session_has_not_committed(worker, rows, crowd, email):
    with uncommitted(rows, email):
        crowd.ask(*[("POST", "/v1/employees", employee(email=email)) for _ in range(20)])
        with Crowd(worker) as others:
            others.ask(*[("POST", "/employees/add", employee()) for _ in range(20)])
            assert others.statuses() == [201] * 20
        assert_others_are_served(worker, *range(1, 6))
        crowd.assert_waiting()
    assert sorted(crowd.statuses()) == [201] + [409] * 19
    assert rows.sql(f"SELECT count(*) FROM employees WHERE email = '{email}'") == "1"


# ---- the end of patience ----


def test_a_lock_that_outlasts_the_deadline(rows):
    with Worker(rows.url, PURSER_DEADLINE_MS=2000) as worker, Crowd(worker) as crowd:
        with rows.holding(touching(1)):
            for connection in crowd.ask(*[("PATCH", row(1), {"fare": 1})] * 20).connections:
                answer = connection.read_response()
                assert (answer.status, answer.json["type"]) == (504, "/problems/gateway-timeout")
        assert worker.request("PATCH", row(1), {"fare": 2}).json["fare"] == 2
