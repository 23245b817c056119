"""Locked rows and more than can be served at once, through nginx: who is in nobody's way, and what the rest is told."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import wait
from harness.postgres import person_uuid
from harness.process import peak_memory_kib, sanitized
from harness.samples import employee, passenger
from harness.stack import Stack
from harness.web import assert_problem

LIMIT = 256 * 1024  # of the largest body
CLIENTS = 40
WORKERS = 2
PATIENT = 120  # seconds: nothing here ends because its time is over


@pytest.fixture(scope="module")
def own(cluster):
    """A service of which each worker has room for four of its small bulk bodies."""
    database = cluster.copy_template()
    settings = {"PURSER_WORKERS": WORKERS, "PURSER_DEADLINE_MS": 1000 * PATIENT, "PURSER_MAX_BODY_BYTES": LIMIT // 2,
                "PURSER_MAX_BULK_BYTES": LIMIT}  # fmt: skip
    with Stack(database.url, **settings) as stack:
        stack.database = database
        yield stack


@pytest.fixture
def rows(own):
    own.database.empty()
    own.database.fill_passengers(20)
    return own.database


@pytest.fixture
def ask():
    """ask(count, call) has call(0) and so on made by threads; returns their futures."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        yield lambda count, call: [pool.submit(call, number) for number in range(count)]


def row(number):
    return f"/v1/passengers/{person_uuid(number)}"


def test_a_row_that_another_session_has_locked(own, rows, ask):
    """Twenty clients wait for it; meanwhile everybody else is served, and then they are."""
    with rows.holding(f"UPDATE passengers SET fare = 1 WHERE uuid = '{person_uuid(1)}'"):
        waiting = ask(20, lambda number: own.http("PATCH", row(1), {"fare": number}, timeout=PATIENT))
        rows.await_waiting()
        for number in range(2, 15):
            assert own.http("PATCH", row(number), {"fare": 1}).status == 200
            assert own.http("POST", "/postpassenger", passenger()).status == 200
            assert own.http("POST", "/employees/add", employee()).status == 201
            assert own.http("GET", row(number)).status == 200
        assert own.http("GET", "/readyz").status == 200
        assert not any(future.done() for future in waiting)
    assert [future.result().status for future in waiting] == [200] * 20


def test_more_large_bodies_than_there_is_room_for(own, rows, ask):
    """Some are refused, the rest is written, each wholly or not at all; and the workers stay small."""
    one = json.dumps(passenger()) + ","
    count = LIMIT * 4 // 5 // len(one)
    body = ("[" + (one * count)[:-1] + "]").encode()
    fit = WORKERS * (4 * LIMIT // len(body))
    headers = {"Content-Type": "application/json", "Prefer": "return=minimal"}
    with rows.locked("passengers IN SHARE MODE"):  # so that those who got in stay
        answers = ask(CLIENTS, lambda _: own.http("POST", "/v1/passengers", body, headers, timeout=PATIENT))
        wait.until(lambda: sum(future.done() for future in answers) >= CLIENTS - fit, "the rest to be refused")
        assert own.http("POST", "/v1/employees", employee()).status == 201
        assert own.http("GET", "/readyz").status == 200
    refused = [future.result() for future in answers if future.result().status != 201]
    for answer in refused:
        assert_problem(answer, 503, "overloaded")
        assert answer.headers["retry-after"] == "1"
    assert CLIENTS - fit <= len(refused) < CLIENTS
    assert int(rows.sql("SELECT count(*) FROM passengers")) == 20 + count * (CLIENTS - len(refused))
    if not sanitized():  # it keeps what is freed
        assert all(peak_memory_kib(pid) < 32 * 1024 for pid in own.workers())
