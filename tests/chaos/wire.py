"""HTTP/1.1 as the load speaks it: one request, and all that is known of its answer, whatever becomes of it."""

import socket
from dataclasses import dataclass

SILENCE_S = 60.0  # nothing may take so long


@dataclass(slots=True)
class Reply:
    """A whole answer; the headers' names are in lower case."""

    status: int
    headers: dict
    body: bytes


class Broken(Exception):
    """There was no whole answer. `kind` is one of:
    unheard   not one byte came: the connection was refused, reset or closed
    cut       a part of it came
    silent    nothing came for SILENCE_S
    """

    def __init__(self, kind, detail=""):
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail


class Connection:
    """To nginx on this machine: `kept` from request to request, else one for each.

    A kept connection that its server closes while a request is on its way to it (a reload) brings not one byte of an
    answer; that request is sent again on a new one, as every client does. `resent` counts them.
    """

    def __init__(self, port, kept):
        self.port = port
        self.kept = kept
        self.socket = None
        self.resent = 0

    def ask(self, method, target, body=None, headers=()):
        """The Reply; raises Broken. `headers` is a list of lines."""
        lines = [f"{method} {target} HTTP/1.1", "Host: chaos", *headers]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        if not self.kept:
            lines.append("Connection: close")
        data = ("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b"")
        used = self.socket is not None
        try:
            return self._exchange(data)
        except Broken as broken:
            if not (used and broken.kind == "unheard"):
                raise
        self.resent += 1
        return self._exchange(data)

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def _exchange(self, data):
        received = bytearray()
        try:
            if self.socket is None:
                self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=SILENCE_S)
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.sendall(data)
            reply = self._read(received)
        except TimeoutError:
            self.close()
            raise Broken("silent") from None
        except OSError as error:
            self.close()
            raise Broken("cut" if received else "unheard", f"{error} {bytes(received[-200:])!r}") from None
        if not self.kept or reply.headers.get("connection") == "close":
            self.close()
        return reply

    def _read(self, received):
        """One answer; what is there of it so far is in `received`."""
        while (end := received.find(b"\r\n\r\n")) < 0:
            self._receive(received)
        first, *lines = received[:end].decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        status = int(first.split(" ", 2)[1])
        at = end + 4
        if status in (204, 304):
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = self._read_chunks(received, at)
        else:
            length = int(headers["content-length"])
            while len(received) < at + length:
                self._receive(received)
            body = bytes(received[at:at + length])
        return Reply(status, headers, body)

    def _read_chunks(self, received, at):
        body = bytearray()
        while True:
            while (end := received.find(b"\r\n", at)) < 0:
                self._receive(received)
            size = int(received[at:end], 16)
            while len(received) < end + 4 + size:
                self._receive(received)
            if size == 0:
                return bytes(body)
            body += received[end + 2:end + 2 + size]
            at = end + 4 + size

    def _receive(self, received):
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionResetError("closed")
        received += piece
