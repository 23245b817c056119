"""Idempotency-Key with what may happen to a service between two tries. tests/contract has what it means."""

import itertools
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import wait
from harness.samples import employee
from harness.stack import Stack
from harness.web import assert_json, assert_problem

AT = "/v1/employees"
_serial = itertools.count(1)


@pytest.fixture
def key():
    return {"Idempotency-Key": f"system-{next(_serial)}"}


@pytest.fixture(params=[1, 5], ids=lambda count: f"{count}_rows")
def body(request):
    rows = [employee() for _ in range(request.param)]
    return rows if request.param > 1 else rows[0]


def count(database):
    return int(database.sql("SELECT count(*) FROM employees"))


def assert_same(first, again):
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers.get("etag") == first.headers.get("etag")
    assert again.headers.get("location") == first.headers.get("location")
    assert again.headers["idempotency-replayed"] == "true"


def test_it_outlives_the_workers(cluster, key, body):
    database = cluster.copy_template()
    with Stack(database.url) as stack:
        first = stack.http("POST", AT, body, key)
        assert_json(first, 201)
        old = stack.workers()
        for worker in old:
            os.kill(worker, signal.SIGTERM)
        wait.until(lambda: len(set(stack.workers()) - set(old)) == len(old), "new workers")
        wait.until(lambda: stack.http("GET", "/readyz").status == 200, "the service to be ready")
        assert_same(first, stack.http("POST", AT, body, key))
    assert count(database) == (len(body) if isinstance(body, list) else 1)
    database.drop()


def test_it_outlives_the_database(cluster, key, body):
    database = cluster.copy_template()
    with Stack(database.url) as stack:
        first = stack.http("POST", AT, body, key)
        assert_json(first, 201)
        cluster.restart()
        assert_same(first, stack.http("POST", AT, body, key))
    database.drop()


def test_twins_on_all_workers(http, database, key, body):
    before = count(database)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: http("POST", AT, body, key), range(12)))
    assert {(answer.status, answer.body) for answer in answers} == {(201, answers[0].body)}
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert count(database) == before + (len(body) if isinstance(body, list) else 1)


def test_twins_of_two_bodies(http, database, key):
    """One of the bodies is the first; whoever has the other one is told, each time."""
    before = count(database)
    bodies = [[employee(), employee()], [employee(), employee()]]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda number: http("POST", AT, bodies[number % 2], key), range(12)))
    good = [number for number, answer in enumerate(answers) if answer.status == 201]
    assert len({number % 2 for number in good}) == 1 and len(good) == 6
    for number in set(range(12)) - set(good):
        assert_problem(answers[number], 422, "idempotency-mismatch")
    assert count(database) == before + 2


def test_a_note_that_was_forgotten(http, database, key):
    """After its day the key is like a new one."""
    first = assert_json(http("POST", "/v1/employees", [employee()], key), 201)
    database.sql("DELETE FROM ledger WHERE fingerprint IS NOT NULL")
    second = http("POST", "/v1/employees", [employee()], key)
    assert assert_json(second, 201)["items"] != first["items"]
    assert "idempotency-replayed" not in second.headers


def test_the_key_is_not_in_the_database_or_the_log(stack, database, key):
    """It may be a secret of the client's: the note has its digest."""
    secret = {"Idempotency-Key": "a-secret-of-the-clients"}
    assert stack.http("POST", AT, [employee()], secret).status == 201
    assert "a-secret" not in database.sql("SELECT * FROM ledger") + stack.text()
