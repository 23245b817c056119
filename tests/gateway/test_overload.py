"""More at once than a worker serves: what is over the bound is refused at once, what is under it is served."""

import json
from contextlib import ExitStack

import pytest
from harness.fastcgi import STDIN, STDOUT, message, record
from harness.postgres import person_uuid
from harness.process import peak_memory_kib, sanitized
from harness.samples import employee, passenger
from harness.worker import Worker

SETTINGS = {"PURSER_MAX_WAITING": 4, "PURSER_DEADLINE_MS": 600000}
LIMIT = 256 * 1024  # of the largest body, in the tests of bodies
ROOM = 4 * LIMIT
END = record(STDIN)  # of a body


def assert_overloaded(answer):
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert (answer.json["type"], answer.json["title"]) == ("/problems/overloaded", "Overloaded")
    assert "nothing was changed" in answer.json["detail"]


@pytest.fixture
def rows(database):
    database.empty()
    database.fill_passengers(3)
    return database


@pytest.fixture
def connect(worker):
    """connect() is a connection that is closed in the end."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(worker.connect())


def send_all(worker, connect, count, *call):
    """`count` requests that wait, each on a connection of its own."""
    connections = [connect() for _ in range(count)]
    for connection in connections:
        connection.send(message(*call))
    worker.tick()
    return connections


# ---- those who wait for the database ----


def test_one_more_than_may_wait_is_refused_at_once(worker, connect, rows):
    with rows.locked("passengers IN SHARE MODE"):  # for writers
        waiting = send_all(worker, connect, 4, "POST", "/postpassenger", passenger())
        assert_overloaded(worker.request("POST", "/postpassenger", passenger()))
        assert_overloaded(worker.request("POST", "/employees/add", employee()))
    assert [connection.read_response().status for connection in waiting] == [200] * 4
    assert worker.request("POST", "/postpassenger", passenger()).status == 200
    assert rows.sql("SELECT count(*) FROM passengers") == "8"
    assert rows.sql("SELECT count(*) FROM employees") == "0"


def test_who_asks_for_something_else_is_served(worker, connect, rows):
    """A flood of one kind fills its own places; and those who need no database need none."""
    with rows.locked("passengers IN SHARE MODE"):
        waiting = send_all(worker, connect, 4, "POST", "/postpassenger", passenger())
        assert worker.request("GET", "/readyz").status == 200
        assert worker.request("GET", "/hello").status == 201
        assert worker.request("GET", f"/v1/passengers/{person_uuid(1)}").status == 200
        assert worker.request("GET", "/passengerlist").status == 200
        assert worker.request("GET", "/v1/passengers").status == 200
        assert worker.request("POST", "/v1/employees", [employee()]).status == 201
        assert worker.request("POST", "/postpassenger", passenger(age=-1)).status == 422
    assert [connection.read_response().status for connection in waiting] == [200] * 4


@pytest.mark.parametrize("method, uri", [
    ("GET", f"/v1/passengers/{person_uuid(1)}"), ("GET", "/v1/passengers"), ("GET", "/passengerlist"),
    ("GET", "/v1/passengers/stats"), ("DELETE", f"/v1/passengers/{person_uuid(1)}"),
])  # fmt: skip
def test_each_kind_of_question_has_its_bound(worker, connect, rows, method, uri):
    with rows.locked("passengers"):
        waiting = send_all(worker, connect, 4, method, uri)
        assert_overloaded(worker.request(method, uri))
        assert worker.request("GET", "/healthz").status == 200
    assert {connection.read_response().status for connection in waiting} <= {200, 204, 404}
    assert worker.request("GET", "/v1/passengers").status == 200


def test_many_rows_are_refused_before_they_are_read(worker, connect, rows):
    with rows.locked("passengers IN SHARE MODE"):
        waiting = send_all(worker, connect, 4, "POST", "/v1/passengers", [passenger(), passenger()])
        for method in ("POST", "PATCH"):
            assert_overloaded(worker.request(method, "/v1/passengers", b"[ this is no JSON"))
    assert [connection.read_response().status for connection in waiting] == [201] * 4
    assert worker.request("POST", "/v1/passengers", b"[ this is no JSON").status == 400


def test_who_leaves_makes_room(worker, connect, rows):
    with rows.locked("passengers IN SHARE MODE"):
        waiting = send_all(worker, connect, 4, "POST", "/postpassenger", passenger())
        rows.await_waiting()  # the first one: it is being answered, not only read
        waiting[0].close()
        worker.tick()
        waiting += send_all(worker, connect, 1, "POST", "/postpassenger", passenger())
        assert_overloaded(worker.request("POST", "/postpassenger", passenger()))
    answers = [connection.read_response() for connection in waiting[1:]]
    assert [answer.status for answer in answers] == [200] * 4, answers


def test_an_export_under_way_goes_on_and_is_in_nobodys_way(rows):
    rows.empty()
    rows.fill_passengers(20000)
    settings = {**SETTINGS, "PURSER_MAX_WAITING": 1, "PURSER_DB_SEARCHERS": 2}
    with Worker(rows.url, **settings) as worker, worker.connect() as export, worker.connect() as waiting:
        export.send(message("GET", "/v1/passengers", HTTP_ACCEPT="application/x-ndjson"))
        _, _, head = export.read_record()
        with rows.locked("employees"):
            waiting.send(message("GET", "/v1/employees"))
            worker.tick()
            assert_overloaded(worker.request("GET", "/v1/passengers"))
            pieces = [head]
            while (piece := export.read_record())[0] == STDOUT:
                pieces.append(piece[2])
            assert b"".join(pieces).count(b"}\n") == 20000
        assert waiting.read_response().status == 200


# ---- bodies ----


@pytest.fixture
def bulky(rows):
    limits = {"PURSER_MAX_BODY_BYTES": LIMIT // 2, "PURSER_MAX_BULK_BYTES": LIMIT}
    with Worker(rows.url, PURSER_DEADLINE_MS=600000, **limits) as worker:
        yield worker


def many(size=LIMIT * 4 // 5):
    """A body of so many bytes, and its rows."""
    one = json.dumps(passenger()) + ","
    count = size // len(one) - 1
    body = "[" + (one * count)[:-1] + "]"
    return (body + " " * (size - len(body))).encode(), count


class Upload:
    """A body on its way: all of it but the end."""

    def __init__(self, worker, stack, body, **params):
        self.connection = stack.enter_context(worker.connect())
        request = message("POST", "/v1/passengers", body, HTTP_PREFER="return=minimal", **params)
        self.connection.send(request[: -len(END)])
        worker.tick()

    def end(self):
        self.connection.send(END)
        return self.connection.read_response()


@pytest.fixture
def upload(bulky):
    """upload(body) begins one."""
    with ExitStack() as stack:
        yield lambda body, **params: Upload(bulky, stack, body, **params)


@pytest.fixture
def full(upload):
    """Uploads for which there was room, and there is none for another one."""
    body, count = many(LIMIT)
    return [upload(body) for _ in range(4)], count


def test_there_is_room_for_a_few_large_bodies_at_once(bulky, rows, upload):
    body, count = many()
    fit = ROOM // len(body)
    uploads = [upload(body) for _ in range(40)]
    answers = [each.end() for each in uploads]
    assert [answer.status for answer in answers] == [201] * fit + [503] * (40 - fit)
    for answer in answers[fit:]:
        assert_overloaded(answer)
    assert int(rows.sql("SELECT count(*) FROM passengers")) == 3 + fit * count
    assert [upload(body).end().status for _ in range(3)] == [201] * 3
    if not sanitized():  # it keeps what is freed
        assert peak_memory_kib(bulky.pid) < 32 * 1024


def test_small_bodies_always_fit(bulky, rows, full):
    assert bulky.request("POST", "/postpassenger", passenger()).status == 200
    assert bulky.request("POST", "/v1/passengers", many(16 * 1024)[0]).status == 201
    assert_overloaded(bulky.request("POST", "/v1/passengers", many(16 * 1024 + 1)[0]))
    assert_overloaded(bulky.request("POST", "/postpassenger", many(64 * 1024)[0]))
    uploads, count = full
    assert [each.end().status for each in uploads] == [201] * 4


def test_a_connection_goes_on_after_its_body_was_thrown_away(bulky, rows, full):
    with bulky.connect() as connection:
        for _ in range(3):
            assert_overloaded(connection.request("POST", "/v1/passengers", many()[0]))
            assert connection.request("POST", "/v1/passengers", passenger()).status == 201


def test_what_is_said_of_a_length_takes_no_room_and_gives_none(bulky, rows, full, upload):
    assert_overloaded(upload(many()[0], CONTENT_LENGTH="10").end())
    assert upload(b"[]", CONTENT_LENGTH="1000000").end().status == 400


def test_a_body_over_the_limit_is_too_large_all_the_same(bulky, rows, full):
    assert bulky.request("POST", "/v1/passengers", b" " * (LIMIT + 1)).status == 413


def test_a_body_of_a_client_that_left_makes_room(bulky, rows, full, upload):
    uploads, _ = full
    uploads[0].connection.close()
    bulky.tick()
    assert upload(many(LIMIT)[0]).end().status == 201


def test_rows_on_their_way_to_the_database_take_the_room_of_their_body(bulky, rows, full):
    uploads, count = full
    with rows.locked("passengers IN SHARE MODE"):
        for each in uploads:
            each.connection.send(END)
        bulky.tick()
        assert_overloaded(bulky.request("POST", "/v1/passengers", many()[0]))
    assert [each.connection.read_response().status for each in uploads] == [201] * 4
    assert int(rows.sql("SELECT count(*) FROM passengers")) == 3 + 4 * count
    assert bulky.request("POST", "/v1/passengers", many()[0]).status == 201
