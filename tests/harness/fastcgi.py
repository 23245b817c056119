"""A FastCGI client at the level of records, so that a test can say any sequence of bytes (FastCGI 1.0, section 3)."""

import itertools
import json
import os
import socket
import struct
import time

VERSION = 1
BEGIN_REQUEST, ABORT_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR, DATA, GET_VALUES, GET_VALUES_RESULT, UNKNOWN = (
    range(1, 12)
)
RESPONDER, AUTHORIZER, FILTER = 1, 2, 3
KEEP_CONN = 1
REQUEST_COMPLETE, CANT_MPX_CONN, OVERLOADED, UNKNOWN_ROLE = range(4)

_serial = itertools.count(1)


def header(type_, request_id, length, padding=0, version=VERSION):
    return struct.pack(">BBHHBx", version, type_, request_id, length, padding)


def record(type_, content=b"", request_id=1, padding=0, version=VERSION):
    return header(type_, request_id, len(content), padding, version) + content + bytes(padding)


def records(type_, content, request_id=1, size=65535, padding=0):
    """A stream: as many records as its content needs, and the empty one that ends it."""
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(record(type_, piece, request_id, padding) for piece in pieces) + record(type_, b"", request_id)


def begin(role=RESPONDER, flags=KEEP_CONN, request_id=1, padding=0):
    return record(BEGIN_REQUEST, struct.pack(">HB5x", role, flags), request_id, padding)


def length_of(size):
    return bytes([size]) if size < 128 else struct.pack(">I", size | 1 << 31)


def pairs(params):
    """Name-value pairs: a dictionary, or a list of pairs; text or bytes."""
    encoded = b""
    for name, value in params.items() if isinstance(params, dict) else params:
        name, value = (part.encode() if isinstance(part, str) else part for part in (name, value))
        encoded += length_of(len(name)) + length_of(len(value)) + name + value
    return encoded


def new_request_id():
    """As nginx makes them: 32 hex digits."""
    return os.urandom(12).hex() + f"{next(_serial):08x}"


def params_of(method, uri, body=b"", content_type="application/json", request_id=None, **changed):
    """The parameters that nginx sends; None as a value leaves one out."""
    params = {
        "REQUEST_METHOD": method,
        "REQUEST_URI": uri,
        "CONTENT_TYPE": content_type if body else "",
        "CONTENT_LENGTH": str(len(body)) if body else "",
        "REQUEST_ID": request_id or new_request_id(),
        "REQUEST_MSEC": f"{time.time():.3f}",
    }
    params.update(changed)
    return {name: value for name, value in params.items() if value is not None}


def message(method, uri, body=b"", flags=KEEP_CONN, number=1, size=65535, padding=0, **params):
    """All the bytes of one request; `number` is FastCGI's request id, `size` the most content in one record."""
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
    return (
        begin(RESPONDER, flags, number, padding)
        + records(PARAMS, pairs(params_of(method, uri, body, **params)), number, size, padding)
        + records(STDIN, body, number, size, padding)
    )


class Closed(Exception):
    """The worker closed the connection where a record was expected."""


class Response:
    """What came back for one request."""

    def __init__(self, output, errors, app_status, protocol_status):
        self.errors = errors
        self.app_status = app_status
        self.protocol_status = protocol_status
        head, _, self.body = output.partition(b"\r\n\r\n")
        self.headers = {}
        for line in filter(None, head.decode().split("\r\n")):
            name, _, value = line.partition(":")
            assert name.lower() not in self.headers, f"header {name} twice in {head}"
            self.headers[name.lower()] = value.strip()
        # CGI (RFC 3875, 6.3.3): no Status is a 200.
        self.status = int(self.headers.get("status", "200").split()[0])

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<Response {self.status} {self.headers} {self.body[:300]!r}>"


class Connection:
    """A connection to the worker's socket."""

    def __init__(self, path, timeout):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.received = b""
        try:
            self.socket.connect(str(path))
        except BaseException:
            self.socket.close()
            raise

    def send(self, data):
        self.socket.sendall(data)

    def send_split(self, data, offsets, between):
        """Send in pieces, cut at `offsets`, and call `between` after each one but the last."""
        for start, end in zip((0, *offsets), (*offsets, len(data))):
            if start:
                between()
            self.socket.sendall(data[start:end])

    def _take(self, size):
        while len(self.received) < size:
            try:
                piece = self.socket.recv(1 << 16)
            except ConnectionResetError:
                piece = b""
            if not piece:
                raise Closed(f"{len(self.received)} of {size} bytes had come")
            self.received += piece
        taken, self.received = self.received[:size], self.received[size:]
        return taken

    def read_record(self):
        """The next record as (type, request id, content)."""
        version, type_, number, length, padding = struct.unpack(">BBHHBx", self._take(8))
        assert version == VERSION, f"a record of version {version}"
        content = self._take(length)
        self._take(padding)
        return type_, number, content

    def read_response(self, number=1):
        """All records up to the END_REQUEST of request `number`."""
        streams = {STDOUT: [], STDERR: []}
        while True:
            type_, of, content = self.read_record()
            assert of == number, f"a record of request {of}, not {number}"
            if type_ == END_REQUEST:
                app_status, protocol_status = struct.unpack(">IB3x", content)
                return Response(b"".join(streams[STDOUT]), b"".join(streams[STDERR]), app_status, protocol_status)
            streams[type_].append(content)

    def request(self, method, uri, body=b"", **options):
        self.send(message(method, uri, body, **options))
        return self.read_response(options.get("number", 1))

    def at_end(self):
        """Read on; whether the worker has closed its side without another byte."""
        try:
            return not self.received and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def read_to_end(self):
        """Everything up to the worker's close, as bytes."""
        data, self.received = self.received, b""
        try:
            while piece := self.socket.recv(1 << 16):
                data += piece
        except ConnectionResetError:
            pass
        return data

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
