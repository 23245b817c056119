"""Many connections in one worker: kept, slow, idle, in numbers."""

import socket

from harness import fastcgi, wait
from harness.fastcgi import message
from harness.postgres import person_uuid
from harness.process import descriptors
from harness.samples import employee, passenger


def test_kept_connection_serves_a_hundred_requests(worker):
    with worker.connect() as connection:
        for number in range(100):
            if number % 3 == 0:
                assert connection.request("POST", "/postpassenger", passenger(name=f"N {number}")).status == 200
            elif number % 3 == 1:
                assert connection.request("GET", "/nowhere").status == 404
            else:
                assert connection.request("GET", "/hello").status == 201


def test_connection_is_closed_after_the_answer_when_not_kept(worker):
    with worker.connect() as connection:
        assert connection.request("GET", "/hello", flags=0).status == 201
        assert connection.at_end()


def test_not_kept_after_being_kept(worker):
    with worker.connect() as connection:
        assert connection.request("GET", "/hello").status == 201
        assert connection.request("POST", "/postpassenger", passenger(), flags=0).status == 200
        assert connection.at_end()


def test_several_at_once(worker):
    """Twenty requests sent before any answer is read."""
    connections = [worker.connect() for _ in range(20)]
    for number, connection in enumerate(connections):
        connection.send(message("POST", "/employees/add", employee(name=f"at once {number}")))
    for number, connection in enumerate(connections):
        answer = connection.read_response()
        assert answer.status == 201
        assert answer.json["employee"]["name"] == f"at once {number}"
        connection.close()


def test_slow_senders_hold_nobody_up(worker):
    """Thirty connections, each stopped at another place of its request; others are served, then they are too."""
    data = message("POST", "/postpassenger", passenger(name="slow"))
    slow = [(worker.connect(), 1 + number * (len(data) - 2) // 30) for number in range(30)]
    for connection, offset in slow:
        connection.send(data[:offset])
    for number in range(50):
        assert worker.request("GET", "/hello").status == 201
        assert worker.request("POST", "/postpassenger", passenger(name=f"quick {number}")).status == 200
    for connection, offset in reversed(slow):
        connection.send(data[offset:])
        assert connection.read_response().status == 200
        connection.close()


def test_interleaved_piecewise(worker):
    """Eight requests whose pieces arrive in turn."""
    sent = [message("POST", "/postpassenger", passenger(name=f"turn {number}"), size=50) for number in range(8)]
    connections = [worker.connect() for _ in sent]
    step = 61
    for at in range(0, max(map(len, sent)), step):
        for data, connection in zip(sent, connections):
            connection.send(data[at : at + step])
        worker.tick()
    for number, connection in enumerate(connections):
        assert connection.read_response().json[0]["name"] == f"turn {number}"
        connection.close()


def test_more_than_a_thousand_connections(worker):
    """Descriptor numbers pass 1,023, where select(2) would write outside its set."""
    connections = [worker.connect() for _ in range(1100)]
    for connection in connections:
        connection.send(message("GET", "/hello"))
    assert all(connection.read_response().status == 201 for connection in connections)
    assert descriptors(worker.pid) > 1100
    for connection in connections[-50:]:
        assert connection.request("POST", "/postpassenger", passenger()).status == 200
    for connection in connections:
        connection.close()


def test_descriptors_are_given_back(worker):
    """A thousand connections of every fate leave none behind."""
    worker.tick()
    before = descriptors(worker.pid)
    data = message("POST", "/postpassenger", passenger())
    for number in range(1000):
        with worker.connect() as connection:
            if number % 5 == 0:
                connection.request("GET", "/hello")
            elif number % 5 == 1:
                connection.send(data[: number % len(data)])
            elif number % 5 == 2:
                connection.send(data)
            elif number % 5 == 3:
                connection.send(b"\xff" * 8)
    wait.until(lambda: descriptors(worker.pid) == before, f"the worker to be back at {before} descriptors")


def test_reader_that_stops_does_not_hold_up_the_others(worker, database):
    """A list larger than all buffers on its way; its reader stops, others read theirs, then it goes on."""
    database.empty()
    database.fill_passengers(20000)
    with worker.connect() as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.send(message("GET", "/passengerlist"))
        first = connection.read_record()
        for _ in range(3):
            assert worker.request("GET", f"/getpassenger/{person_uuid(77)}").status == 200
            assert worker.request("POST", "/employees/add", employee()).status == 201
            assert len(worker.request("GET", "/passengerlist").json) == 20000
        rest = connection.read_response()
        assert first[0] == fastcgi.STDOUT and rest.app_status == 0
    database.empty()
