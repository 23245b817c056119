"""Bytes that no nginx sends: the connection is closed or refused, the worker lives."""

import random
import socket
import struct

import pytest
from harness import fastcgi
from harness.fastcgi import (
    ABORT_REQUEST, BEGIN_REQUEST, DATA, END_REQUEST, GET_VALUES, GET_VALUES_RESULT, PARAMS, STDERR, STDIN, STDOUT, UNKNOWN,
    begin, message, pairs, params_of, record, records,
)  # fmt: skip
from harness.samples import passenger

GOOD = pairs(params_of("GET", "/hello"))


def long_length(size):
    return struct.pack(">I", size | 1 << 31)


def after_begin(*parts):
    return begin() + b"".join(parts)


def with_params(encoded):
    return begin() + records(PARAMS, encoded) + record(STDIN)


def values(count):
    names = [("FCGI_MAX_CONNS", ""), ("FCGI_MAX_REQS", ""), ("FCGI_MPXS_CONNS", "")]
    return record(GET_VALUES, pairs([names[at % 3] for at in range(count)]), request_id=0)


CASES = {
    "version 0": record(BEGIN_REQUEST, bytes([0, 1, 1, 0, 0, 0, 0, 0]), version=0),
    "version 2": record(BEGIN_REQUEST, bytes([0, 1, 1, 0, 0, 0, 0, 0]), version=2),
    "version 255 on params": after_begin(record(PARAMS, GOOD, version=255)),
    "version 0 on stdin": after_begin(records(PARAMS, GOOD), record(STDIN, version=0)),
    "type 0": record(0),
    "type 12": record(12),
    "type 255": record(255, b"x" * 65535),
    "unknown type after begin": after_begin(record(77)),
    "unknown type after params": after_begin(records(PARAMS, GOOD), record(77)),
    "end request": record(END_REQUEST, bytes(8)),
    "stdout": record(STDOUT, b"x"),
    "stderr after begin": after_begin(record(STDERR, b"x")),
    "data for a responder": after_begin(records(PARAMS, GOOD), record(DATA, b"x")),
    "get values, 1 name": values(1),
    "get values, 3 names": values(3),
    "get values, 4 names": values(4),
    "get values, 1000 names": values(1000),
    "get values, no names": values(0),
    "get values, an unknown name": record(GET_VALUES, pairs([("X", "")]), request_id=0),
    "get values, a length that lies": record(GET_VALUES, long_length(2**31 - 1) * 2, request_id=0),
    "get values after begin": after_begin(values(4)),
    "get values between params": after_begin(record(PARAMS, GOOD), values(4)),
    "get values after params": after_begin(records(PARAMS, GOOD), values(1000)),
    "get values for a request": record(GET_VALUES, pairs([("FCGI_MAX_CONNS", "")]), request_id=1),
    "get values result": record(GET_VALUES_RESULT, request_id=0),
    "unknown management type": record(UNKNOWN, bytes(8), request_id=0),
    "management type 200": record(200, request_id=0),
    "begin of request 0": begin(request_id=0),
    "params of request 0": after_begin(record(PARAMS, GOOD, request_id=0)),
    "abort first": record(ABORT_REQUEST),
    "abort after begin": after_begin(record(ABORT_REQUEST)),
    "abort between params": after_begin(record(PARAMS, GOOD), record(ABORT_REQUEST)),
    "abort after params": after_begin(records(PARAMS, GOOD), record(ABORT_REQUEST)),
    "params first": record(PARAMS, GOOD),
    "empty params first": record(PARAMS),
    "stdin first": record(STDIN, b"{}"),
    "empty stdin first": record(STDIN),
    "stdin before params": after_begin(record(STDIN, b"{}")),
    "stdin between params": after_begin(record(PARAMS, GOOD), record(STDIN)),
    "params of another request": after_begin(record(PARAMS, GOOD, request_id=2)),
    "second params of another request": after_begin(record(PARAMS, GOOD), record(PARAMS, b"", request_id=2)),
    "stdin of another request": after_begin(records(PARAMS, GOOD), record(STDIN, b"", request_id=2)),
    "params after their end": after_begin(records(PARAMS, GOOD), record(PARAMS, GOOD)),
    "second begin": begin() + begin(),
    "second begin of another request": begin() + begin(request_id=2),
    "second begin between params": after_begin(record(PARAMS, GOOD), begin()),
    "second begin after params": after_begin(records(PARAMS, GOOD), begin(request_id=2)),
    "role 0": begin(role=0) + records(PARAMS, GOOD) + record(STDIN),
    "role authorizer": begin(role=fastcgi.AUTHORIZER) + records(PARAMS, GOOD) + record(STDIN),
    "role filter": begin(role=fastcgi.FILTER) + records(PARAMS, GOOD) + record(STDIN),
    "role 65535": begin(role=65535) + records(PARAMS, GOOD) + record(STDIN),
    "empty begin": record(BEGIN_REQUEST),
    "short begin": record(BEGIN_REQUEST, bytes([0, 1, 1, 0, 0, 0, 0])),
    "long begin": record(BEGIN_REQUEST, bytes([0, 1, 1]) + bytes(65532)) + record(PARAMS),
    "name of 2^31-1 bytes": with_params(GOOD + long_length(2**31 - 1) + b"\1NAME"),
    "value of 2^31-1 bytes": with_params(GOOD + b"\1" + long_length(2**31 - 1) + b"NAME"),
    "both of 2^31-1 bytes": with_params(long_length(2**31 - 1) * 2 + GOOD),
    "both of 2^30 bytes": with_params(long_length(2**30) * 2 + GOOD),
    "lengths that add up past 2^32": with_params((long_length(2**31 - 1) * 2) * 8),
    "value longer than the params": with_params(GOOD + b"\4\x0aNAMEfive!"),
    "params end inside a length": with_params(GOOD + b"\x80\0"),
    "params end after one length": with_params(GOOD + b"\4"),
    "params of 65 KiB in one value": with_params(GOOD + pairs({"X": "x" * 65 * 1024})),
    "params of 65 KiB in one name": with_params(pairs({"X" * 65 * 1024: "x"}) + GOOD),
    "params of 1 MiB": with_params(GOOD + pairs({f"X{at}": "x" * 1000 for at in range(1024)})),
    "20,000 params": with_params(GOOD + pairs([("X", str(at)) for at in range(20000)])),
    "an empty name": with_params(GOOD + b"\0\1x"),
    "100,000 empty params": with_params(GOOD + b"\0\0" * 100000),
    "params without an end": begin() + b"".join(record(PARAMS, b"\0" * 60000) for _ in range(100)),
    "NUL in a name": with_params(pairs([("REQUEST_METHOD\0X", "GET")]) + GOOD),
    "NUL in the path": with_params(pairs(params_of("GET", "/hello\0"))),
    "NUL in the method": with_params(pairs(params_of("GET\0", "/hello"))),
    "NUL in the content length": with_params(pairs(params_of("GET", "/hello", CONTENT_LENGTH="0\0"))),
    "HTTP": b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "zeros": bytes(100000),
    "ones": b"\xff" * 100000,
}


@pytest.mark.parametrize("name", CASES)
def test_is_refused(worker, name):
    """The worker closes the connection by itself, and has not answered as if all were well."""
    with worker.connect(timeout=5) as connection:
        try:
            connection.send(CASES[name])
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was sent
        assert b"Status: 2" not in connection.read_to_end()


@pytest.mark.parametrize("params", [
    {},
    params_of("GET", "/hello", REQUEST_METHOD=None),
    params_of("GET", "/hello", REQUEST_URI=None),
    params_of("GET", ""),
    params_of("", "/hello"),
    params_of("GET", "hello"),
    params_of("GET", "*"),
    params_of("get", "/hello"),
    params_of("GET\n", "/hello"),
    params_of("GET" * 1000, "/hello"),
])  # fmt: skip
def test_sound_records_with_a_bad_request_are_answered(worker, params):
    """The connection is well, so it is kept."""
    with worker.connect() as connection:
        connection.send(with_params(pairs(params)))
        assert 400 <= connection.read_response().status < 500
        assert connection.request("GET", "/hello").status == 201


def test_requests_after_a_refused_one_are_not_read(worker, database):
    """What follows a bad record in the same bytes is lost with it."""
    database.empty()
    with worker.connect() as connection:
        connection.send(record(77, request_id=1) + message("POST", "/postpassenger", passenger()))
        assert b"Status: 2" not in connection.read_to_end()
    assert worker.request("GET", "/passengerlist").body == b"[]"


HIDDEN = {
    "get values": values(4),
    "params": record(PARAMS, pairs({"REQUEST_URI": "/hello"})),
    "begin": begin(),
    "a whole request": message("GET", "/zero"),
}


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("where", ["begin", "params", "end of params", "stdin"])
def test_records_in_the_padding_are_not_read(worker, where, name):
    """Padding is skipped, whatever it looks like: the codec must not see what the vetting has not seen."""
    hidden = (HIDDEN[name] * 2)[:255]
    parts = {
        "begin": begin(),
        "params": record(PARAMS, pairs(params_of("GET", "/zero"))),
        "end of params": record(PARAMS),
        "stdin": record(STDIN),
    }
    parts[where] = parts[where][:6] + bytes([len(hidden)]) + parts[where][7:] + hidden
    with worker.connect(timeout=3) as connection:
        connection.send(b"".join(parts.values()))
        assert connection.read_response().body == b'{"0":""}'
        assert connection.request("GET", "/hello").status == 201


def test_stdin_after_its_end(worker):
    """A record that belongs to no request closes the connection, before the answer or after it."""
    with worker.connect() as connection:
        connection.send(message("POST", "/postpassenger", passenger()) + record(STDIN, b"more"))
        connection.read_to_end()


def test_unknown_params_are_ignored(worker):
    with worker.connect() as connection:
        connection.send(with_params(GOOD + pairs([("HTTP_PROXY", "evil"), ("EMPTY", ""), ("X" * 300, "y" * 300)])))
        assert connection.read_response().status == 201


def test_params_of_almost_64_kib(worker):
    with worker.connect() as connection:
        connection.send(with_params(GOOD + pairs({"X": "x" * 63 * 1024})))
        assert connection.read_response().status == 201


def test_empty_params_records_only_end_them(worker):
    """An empty record ends a stream; padding on it changes nothing."""
    with worker.connect() as connection:
        connection.send(begin() + record(PARAMS, GOOD) + record(PARAMS, padding=8) + record(STDIN, padding=255))
        assert connection.read_response().status == 201


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes(worker, seed):
    dice = random.Random(seed)
    for _ in range(50):
        with worker.connect() as connection:
            throw(connection, dice.randbytes(dice.choice([1, 7, 8, 9, 100, 5000])))


@pytest.mark.parametrize("seed", range(4))
def test_random_changes_to_a_good_request(worker, seed):
    dice = random.Random(seed)
    for _ in range(150):
        data = bytearray(message("POST", "/postpassenger", passenger(), size=50))
        for _ in range(dice.choice([1, 1, 2, 8])):
            data[dice.randrange(len(data))] = dice.randrange(256)
        with worker.connect() as connection:
            throw(connection, bytes(data))


def throw(connection, data):
    """Send, say that no more will come, and read whatever is said to it."""
    try:
        connection.send(data)
        connection.socket.shutdown(socket.SHUT_WR)
    except OSError:  # already closed
        pass
    connection.read_to_end()
