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


VERSION = "a version other than 1"
MANAGEMENT = "a management record"
BEFORE = "a record before BEGIN_REQUEST"
NOT_PARAMS = "a record that is not PARAMS before the end of PARAMS"
NOT_STDIN = "a record that is not STDIN after PARAMS"
ANOTHER = "a record of another request"
ROLE = "a role other than RESPONDER"
BEGIN_LENGTH = "a BEGIN_REQUEST of a wrong length"
PAIRS = "PARAMS that are not a list of pairs"
MANY_PARAMS = "too many PARAMS"
FRAMING = "too much padding, or too many records"
BEHIND = "a record after the end of the request"


def interleaved():
    """Two requests on one connection, which FastCGI allows and we do not."""
    one, other = (message("GET", path, number=number) for number, path in ((1, "/hello"), (2, "/zero")))
    return b"".join(part for pair in zip(split(one), split(other)) for part in pair)


def split(data):
    """A message's records."""
    found = []
    while data:
        size = 8 + int.from_bytes(data[4:6], "big") + data[6]
        found.append(data[:size])
        data = data[size:]
    return found


# What a peer sends, and why it is shown out.
CASES = {
    "version 0": (record(BEGIN_REQUEST, bytes([0, 1, 1, 0, 0, 0, 0, 0]), version=0), VERSION),
    "version 2": (record(BEGIN_REQUEST, bytes([0, 1, 1, 0, 0, 0, 0, 0]), version=2), VERSION),
    "version 255 on params": (after_begin(record(PARAMS, GOOD, version=255)), VERSION),
    "version 0 on stdin": (after_begin(records(PARAMS, GOOD), record(STDIN, version=0)), VERSION),
    "type 0": (record(0), BEFORE),
    "type 12": (record(12), BEFORE),
    "type 255": (record(255, b"x" * 65535), BEFORE),
    "unknown type after begin": (after_begin(record(77)), NOT_PARAMS),
    "unknown type after params": (after_begin(records(PARAMS, GOOD), record(77)), NOT_STDIN),
    "end request": (record(END_REQUEST, bytes(8)), BEFORE),
    "stdout": (record(STDOUT, b"x"), BEFORE),
    "stderr after begin": (after_begin(record(STDERR, b"x")), NOT_PARAMS),
    "data for a responder": (after_begin(records(PARAMS, GOOD), record(DATA, b"x")), NOT_STDIN),
    "get values, 1 name": (values(1), MANAGEMENT),
    "get values, 3 names": (values(3), MANAGEMENT),
    "get values, 4 names": (values(4), MANAGEMENT),
    "get values, 1000 names": (values(1000), MANAGEMENT),
    "get values, no names": (values(0), MANAGEMENT),
    "get values, an unknown name": (record(GET_VALUES, pairs([("X", "")]), request_id=0), MANAGEMENT),
    "get values, a length that lies": (record(GET_VALUES, long_length(2**31 - 1) * 2, request_id=0), MANAGEMENT),
    "get values after begin": (after_begin(values(4)), MANAGEMENT),
    "get values between params": (after_begin(record(PARAMS, GOOD), values(4)), MANAGEMENT),
    "get values after params": (after_begin(records(PARAMS, GOOD), values(1000)), MANAGEMENT),
    "get values for a request": (record(GET_VALUES, pairs([("FCGI_MAX_CONNS", "")]), request_id=1), BEFORE),
    "get values result": (record(GET_VALUES_RESULT, request_id=0), MANAGEMENT),
    "unknown management type": (record(UNKNOWN, bytes(8), request_id=0), MANAGEMENT),
    "management type 200": (record(200, request_id=0), MANAGEMENT),
    "begin of request 0": (begin(request_id=0), MANAGEMENT),
    "params of request 0": (after_begin(record(PARAMS, GOOD, request_id=0)), MANAGEMENT),
    "abort first": (record(ABORT_REQUEST), BEFORE),
    "abort after begin": (after_begin(record(ABORT_REQUEST)), NOT_PARAMS),
    "abort between params": (after_begin(record(PARAMS, GOOD), record(ABORT_REQUEST)), NOT_PARAMS),
    "abort after params": (after_begin(records(PARAMS, GOOD), record(ABORT_REQUEST)), NOT_STDIN),
    "params first": (record(PARAMS, GOOD), BEFORE),
    "empty params first": (record(PARAMS), BEFORE),
    "stdin first": (record(STDIN, b"{}"), BEFORE),
    "empty stdin first": (record(STDIN), BEFORE),
    "stdin before params": (after_begin(record(STDIN, b"{}")), NOT_PARAMS),
    "stdin between params": (after_begin(record(PARAMS, GOOD), record(STDIN)), NOT_PARAMS),
    "params of another request": (after_begin(record(PARAMS, GOOD, request_id=2)), ANOTHER),
    "second params of another request": (after_begin(record(PARAMS, GOOD), record(PARAMS, b"", request_id=2)), ANOTHER),
    "stdin of another request": (after_begin(records(PARAMS, GOOD), record(STDIN, b"", request_id=2)), ANOTHER),
    "params after their end": (after_begin(records(PARAMS, GOOD), record(PARAMS, GOOD)), NOT_STDIN),
    "second begin": (begin() + begin(), NOT_PARAMS),
    "second begin of another request": (begin() + begin(request_id=2), ANOTHER),
    "second begin between params": (after_begin(record(PARAMS, GOOD), begin()), NOT_PARAMS),
    "second begin after params": (after_begin(records(PARAMS, GOOD), begin(request_id=2)), ANOTHER),
    "role 0": (begin(role=0) + records(PARAMS, GOOD) + record(STDIN), ROLE),
    "role authorizer": (begin(role=fastcgi.AUTHORIZER) + records(PARAMS, GOOD) + record(STDIN), ROLE),
    "role filter": (begin(role=fastcgi.FILTER) + records(PARAMS, GOOD) + record(STDIN), ROLE),
    "role 65535": (begin(role=65535) + records(PARAMS, GOOD) + record(STDIN), ROLE),
    "empty begin": (record(BEGIN_REQUEST), BEGIN_LENGTH),
    "short begin": (record(BEGIN_REQUEST, bytes([0, 1, 1, 0, 0, 0, 0])), BEGIN_LENGTH),
    "long begin": (record(BEGIN_REQUEST, bytes([0, 1, 1]) + bytes(65532)) + record(PARAMS), BEGIN_LENGTH),
    "name of 2^31-1 bytes": (with_params(GOOD + long_length(2**31 - 1) + b"\1NAME"), PAIRS),
    "value of 2^31-1 bytes": (with_params(GOOD + b"\1" + long_length(2**31 - 1) + b"NAME"), PAIRS),
    "both of 2^31-1 bytes": (with_params(long_length(2**31 - 1) * 2 + GOOD), PAIRS),
    "both of 2^30 bytes": (with_params(long_length(2**30) * 2 + GOOD), PAIRS),
    "lengths that add up past 2^32": (with_params((long_length(2**31 - 1) * 2) * 8), PAIRS),
    "value longer than the params": (with_params(GOOD + b"\4\x0aNAMEfive!"), PAIRS),
    "params end inside a length": (with_params(GOOD + b"\x80\0"), PAIRS),
    "params end after one length": (with_params(GOOD + b"\4"), PAIRS),
    "params of 65 KiB in one value": (with_params(GOOD + pairs({"X": "x" * 65 * 1024})), MANY_PARAMS),
    "params of 65 KiB in one name": (with_params(pairs({"X" * 65 * 1024: "x"}) + GOOD), MANY_PARAMS),
    "params of 1 MiB": (with_params(GOOD + pairs({f"X{at}": "x" * 1000 for at in range(1024)})), MANY_PARAMS),
    "20,000 params": (with_params(GOOD + pairs([("X", str(at)) for at in range(20000)])), MANY_PARAMS),
    "an empty name": (with_params(GOOD + b"\0\1x"), PAIRS),
    "100,000 empty params": (with_params(GOOD + b"\0\0" * 100000), MANY_PARAMS),
    "params without an end": (begin() + b"".join(record(PARAMS, b"\0" * 60000) for _ in range(100)), MANY_PARAMS),
    "NUL in a name": (with_params(pairs([("REQUEST_METHOD\0X", "GET")]) + GOOD), PAIRS),
    "NUL in the path": (with_params(pairs(params_of("GET", "/hello\0"))), PAIRS),
    "NUL in the method": (with_params(pairs(params_of("GET\0", "/hello"))), PAIRS),
    "NUL in the content length": (with_params(pairs(params_of("GET", "/hello", CONTENT_LENGTH="0\0"))), PAIRS),
    "HTTP": (b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", VERSION),
    "zeros": (bytes(100000), VERSION),
    "ones": (b"\xff" * 100000, VERSION),
    "abort between stdin": (after_begin(records(PARAMS, GOOD), record(STDIN, b"{"), record(ABORT_REQUEST)), NOT_STDIN),
    "abort of another request": (after_begin(record(PARAMS, GOOD), record(ABORT_REQUEST, request_id=2)), ANOTHER),
    "second begin between stdin": (after_begin(records(PARAMS, GOOD), record(STDIN, b"{"), begin()), NOT_STDIN),
    "begin behind the request": (message("GET", "/hello") + begin(), BEHIND),
    "stdin behind its end": (message("POST", "/postpassenger", passenger()) + record(STDIN, b"more"), BEHIND),
    "get values behind the request": (message("GET", "/hello") + values(4), BEHIND),
    "two requests at once": (message("GET", "/hello") + message("GET", "/zero"), BEHIND),
    "two requests whose records take turns": (interleaved(), ANOTHER),
    "a role in the high byte": (begin(role=256) + records(PARAMS, GOOD) + record(STDIN), ROLE),
    "params in records of one byte": (begin() + record(PARAMS, b"\x7f") * 40000, FRAMING),
    "params in padded records": (begin() + record(PARAMS, b"\x7f", padding=255) * 2000, FRAMING),
    "a body in records of one byte": (after_begin(records(PARAMS, GOOD), record(STDIN, b" ") * 40000), FRAMING),
    "a body in padded records": (after_begin(records(PARAMS, GOOD), record(STDIN, b" ", padding=255) * 2000), FRAMING),
}


def reasons(worker):
    """Why the worker has closed connections, so far."""
    return [line["reason"] for line in worker.log() if line["msg"] == "FastCGI connection closed"]


@pytest.mark.parametrize("name", CASES)
def test_is_shown_out(worker, name):
    """The worker closes the connection without a byte, says why in its log, and forgets the peer."""
    sent, reason = CASES[name]
    before = len(reasons(worker))
    with worker.connect() as connection:
        try:
            connection.send(sent)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was sent
        assert connection.read_to_end() == b""
    assert reasons(worker)[before:] == [reason]


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
