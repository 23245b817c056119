"""A stream has no records: wherever it is cut, the request is the same."""

import pytest
from harness import fastcgi
from harness.fastcgi import message
from harness.samples import passenger

MESSAGES = {
    "get": lambda: message("GET", "/hello"),
    "post": lambda: message("POST", "/postpassenger", passenger(name="Zoë")),
    "post in small padded records": lambda: message("POST", "/postpassenger", passenger(), size=40, padding=3),
}


def assert_answered(name, answer):
    assert answer.status == (201 if name == "get" else 200)
    assert answer.protocol_status == fastcgi.REQUEST_COMPLETE


@pytest.mark.parametrize("name", MESSAGES)
def test_cut_in_two_at_every_byte(worker, name):
    for offset in range(1, len(MESSAGES[name]())):
        with worker.connect(timeout=5) as connection:
            connection.send_split(MESSAGES[name](), [offset], worker.tick)
            assert_answered(name, connection.read_response())


@pytest.mark.parametrize("name", MESSAGES)
def test_one_byte_at_a_time(worker, name):
    data = MESSAGES[name]()
    with worker.connect(timeout=5) as connection:
        connection.send_split(data, range(1, len(data)), worker.tick)
        assert_answered(name, connection.read_response())


@pytest.mark.parametrize("size", [1, 2, 7, 255, 256])
def test_records_of_any_size(worker, size):
    with worker.connect() as connection:
        assert_answered("post", connection.request("POST", "/postpassenger", passenger(), size=size))


@pytest.mark.parametrize("padding", [1, 7, 8, 255])
def test_padding_is_skipped(worker, padding):
    with worker.connect() as connection:
        assert_answered("post", connection.request("POST", "/postpassenger", passenger(), size=30, padding=padding))


def test_padding_on_the_empty_records(worker):
    params = fastcgi.pairs(fastcgi.params_of("GET", "/hello"))
    with worker.connect() as connection:
        connection.send(
            fastcgi.begin(padding=255)
            + fastcgi.record(fastcgi.PARAMS, params, padding=255)
            + fastcgi.record(fastcgi.PARAMS, b"", padding=255)
            + fastcgi.record(fastcgi.STDIN, b"", padding=255)
        )
        assert_answered("get", connection.read_response())
        assert_answered("get", connection.request("GET", "/hello"))


def test_largest_record(worker):
    """65,535 bytes of content in one record."""
    body = b'{"name":"' + b"x" * (65535 - 11) + b'"}'
    assert len(body) == 65535
    with worker.connect() as connection:
        assert connection.request("POST", "/postpassenger", body).status == 422
        assert connection.request("GET", "/hello").status == 201


@pytest.mark.parametrize("number", [1, 2, 255, 256, 65535])
def test_request_ids_are_given_back(worker, number):
    with worker.connect() as connection:
        assert connection.request("GET", "/hello", number=number).status == 201
