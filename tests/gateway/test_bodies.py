"""Bodies: their length, said and real, and the limit."""

import json

import pytest
from harness.fastcgi import PARAMS, STDIN, begin, message, pairs, params_of, record, records
from harness.samples import passenger

LIMIT = 20000
SETTINGS = {"PURSER_MAX_BODY_BYTES": LIMIT}


def body_of(size):
    """A good passenger, blown up with blanks."""
    body = json.dumps(passenger()).encode()
    return body + b" " * (size - len(body))


def post(body, **changed):
    return begin() + records(PARAMS, pairs(params_of("POST", "/postpassenger", body, **changed))) + records(STDIN, body)


def test_a_body_of_the_limit_is_taken(worker):
    assert worker.request("POST", "/postpassenger", body_of(LIMIT)).status == 200


@pytest.mark.parametrize("size", [LIMIT + 1, 2 * LIMIT, 70000, 3_000_000])
def test_a_body_over_the_limit(worker, size):
    """It is answered, and the connection goes on: what was left of the body is not taken for a record."""
    with worker.connect() as connection:
        answer = connection.request("POST", "/postpassenger", body_of(size))
        assert answer.status == 413
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json["type"] == "/problems/body-too-large"
        assert f"larger than {LIMIT} bytes" in answer.json["detail"]
        assert connection.request("POST", "/postpassenger", passenger()).status == 200


def test_a_body_over_the_limit_that_claims_less(worker):
    with worker.connect() as connection:
        connection.send(post(body_of(LIMIT + 1), CONTENT_LENGTH="10"))
        assert connection.read_response().status == 413
        assert connection.request("GET", "/hello").status == 201


def test_a_limit_of_its_own_is_not_a_leak(worker):
    """The worker reads away what it refuses; ten such bodies at once, in turns."""
    connections = [worker.connect() for _ in range(10)]
    data = message("POST", "/postpassenger", body_of(200000))
    for at in range(0, len(data), 50000):
        for connection in connections:
            connection.send(data[at : at + 50000])
    for connection in connections:
        assert connection.read_response().status == 413
        connection.close()


@pytest.mark.parametrize("claimed", [-1, 1, 100, 1_000_000])
def test_content_length_that_differs_from_the_body(worker, claimed):
    body = body_of(300)
    with worker.connect() as connection:
        length = str(len(body) + claimed)
        connection.send(post(body, CONTENT_LENGTH=length))
        answer = connection.read_response()
        assert answer.status == 400
        assert connection.request("GET", "/hello").status == 201


@pytest.mark.parametrize("claimed", ["-5", "12x", "x", "0x10", "1e3", " 300", "9" * 40, "18446744073709551916"])
def test_content_length_that_is_no_number(worker, claimed):
    with worker.connect() as connection:
        connection.send(post(body_of(300), CONTENT_LENGTH=claimed))
        assert connection.read_response().status == 400
        assert connection.request("GET", "/hello").status == 201


def test_no_content_length_but_a_body(worker):
    """The length is nginx's word for what it sends; a body that nobody announced is not believed."""
    with worker.connect() as connection:
        connection.send(post(body_of(300), CONTENT_LENGTH=""))
        assert connection.read_response().status in {200, 400}
        assert connection.request("GET", "/hello").status == 201


def test_a_body_on_a_get_is_ignored(worker):
    with worker.connect() as connection:
        assert connection.request("GET", "/hello", b"x" * 5000).status == 201
        assert connection.request("GET", "/passengerlist", b"{").status == 200


def test_a_refused_route_reads_the_body_away(worker):
    """404, 405 and 415 come early; the request after them on the same connection is whole."""
    with worker.connect() as connection:
        for uri, content_type, status in [
            ("/nowhere", "application/json", 404),
            ("/hello", "application/json", 405),
            ("/postpassenger", "text/plain", 415),
        ]:
            assert connection.request("POST", uri, body_of(15000), content_type=content_type).status == status
            assert connection.request("POST", "/postpassenger", passenger()).status == 200


def test_a_post_without_a_body(worker):
    with worker.connect() as connection:
        answer = connection.request("POST", "/postpassenger", CONTENT_TYPE="application/json")
        assert answer.status == 400
        assert answer.json["type"] == "/problems/malformed-json"


def test_nul_bytes_in_the_body(worker):
    for body in (b"\0", b'{"name":"a\0b"}', json.dumps(passenger()).encode() + b"\0"):
        answer = worker.request("POST", "/postpassenger", body)
        assert (answer.status, answer.json["type"]) == (400, "/problems/malformed-json")


def test_a_refusal_while_the_body_is_still_sent(worker):
    """The answer may come before the body's end: both sides must get through."""
    data = message("POST", "/nowhere", body_of(3_000_000), size=8000)
    with worker.connect() as connection:
        connection.send_split(data, range(100_000, len(data), 100_000), worker.tick)
        assert connection.read_response().status == 413
        assert connection.request("GET", "/hello").status == 201


def test_one_byte_records(worker):
    body = json.dumps(passenger()).encode()
    pieces = b"".join(record(STDIN, body[at : at + 1]) for at in range(len(body)))
    with worker.connect() as connection:
        connection.send(begin() + records(PARAMS, pairs(params_of("POST", "/postpassenger", body))) + pieces + record(STDIN))
        assert connection.read_response().status == 200
