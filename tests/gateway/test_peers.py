"""A peer that goes away, at every stage of a request."""

import pytest
from harness import wait
from harness.fastcgi import ABORT_REQUEST, message, record
from harness.postgres import person_uuid
from harness.process import descriptors
from harness.samples import passenger


@pytest.fixture(autouse=True)
def nothing_is_left_open(worker):
    """Every test here ends with as many descriptors in the worker as it began with."""
    worker.tick()
    before = descriptors(worker.pid)
    yield
    wait.until(lambda: descriptors(worker.pid) <= before, f"the worker to be back at {before} descriptors")


def boundaries(data):
    """Where each record of a message ends."""
    at, ends = 0, []
    while at < len(data):
        at += 8 + int.from_bytes(data[at + 4 : at + 6], "big") + data[at + 6]
        ends.append(at)
    return ends


def test_closed_after_each_record(worker, database):
    database.empty()
    data = message("POST", "/postpassenger", passenger(), size=60)
    for end in [0, *boundaries(data)[:-1]]:
        with worker.connect() as connection:
            connection.send(data[:end])
            worker.tick()
    assert worker.request("GET", "/passengerlist").body == b"[]"  # half a request is no request


def test_closed_inside_each_record(worker, database):
    database.empty()
    data = message("POST", "/postpassenger", passenger(), size=60)
    for start, end in zip([0, *boundaries(data)], boundaries(data)):
        for cut in {start + 1, start + 7, (start + end) // 2, end - 1}:
            with worker.connect() as connection:
                connection.send(data[:cut])
                worker.tick()
    assert worker.request("GET", "/passengerlist").body == b"[]"


def test_closed_with_the_request_just_sent(worker):
    for _ in range(100):
        with worker.connect() as connection:
            connection.send(message("GET", "/passengerlist"))


@pytest.mark.parametrize("method, uri, body", [
    ("GET", f"/getpassenger/{person_uuid(1)}", b""),
    ("GET", "/passengerlist", b""),
    ("POST", "/postpassenger", passenger()),
    ("PUT", f"/putpassenger/{person_uuid(1)}", passenger()),
    ("DELETE", f"/deletepassenger/{person_uuid(2)}", b""),
])  # fmt: skip
def test_closed_while_the_database_works(worker, database, method, uri, body):
    database.empty()
    database.fill_passengers(3)
    with database.locked("passengers"):
        with worker.connect() as connection:
            connection.send(message(method, uri, body))
            database.await_waiting()
        worker.tick()  # the close has been seen while the query runs
    assert worker.request("GET", f"/getpassenger/{person_uuid(3)}").status == 200
    assert int(database.sql("SELECT count(*) FROM passengers")) in {2, 3, 4}


def test_many_closed_while_the_database_works(worker, database):
    """Neither their places nor the batch they were in are lost to the one that stays."""
    database.empty()
    with worker.connect() as staying:
        with database.locked("passengers"):
            leaving = [worker.connect() for _ in range(50)]
            for connection in leaving:
                connection.send(message("POST", "/postpassenger", passenger(name="left")))
            database.await_waiting()
            staying.send(message("POST", "/postpassenger", passenger(name="stayed")))
            worker.tick()
            for connection in leaving:
                connection.close()
            worker.tick()
        assert staying.read_response().json[0]["name"] == "stayed"


def test_abort_while_the_database_works(worker, database):
    database.empty()
    with worker.connect() as connection:
        with database.locked("passengers"):
            connection.send(message("GET", "/passengerlist"))
            database.await_waiting()
            connection.send(record(ABORT_REQUEST))
            worker.tick()
        assert connection.read_to_end() == b""


def test_closed_while_the_answer_is_read(worker, database):
    database.empty()
    database.fill_passengers(20000)
    for records in (0, 1, 2, 5, 20):
        with worker.connect() as connection:
            connection.send(message("GET", "/passengerlist"))
            for _ in range(records):
                connection.read_record()
        assert worker.request("GET", f"/getpassenger/{person_uuid(9)}").status == 200
    database.empty()
