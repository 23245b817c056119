"""A session of PostgreSQL's that is nothing but a socket: a hundred of them cost a test nothing."""

import socket
import struct

from . import wait
from .postgres import PORT


class Refused(Exception):
    """The server said no; `state` is its SQLSTATE."""

    def __init__(self, state, message):
        super().__init__(state, message)
        self.state = state


class Session:
    """`with Session(database) as session:` it has its connection inside the block; raises Refused."""

    def __init__(self, database, user="postgres"):
        self.socket = socket.socket(socket.AF_UNIX)
        self.pid = None  # of the server's process
        self.file = self.socket.makefile("rb")
        try:
            self.socket.settimeout(wait.PATIENCE_S)
            self.socket.connect(f"{database.cluster.directory}/.s.PGSQL.{PORT}")
            words = struct.pack("!i", 3 << 16) + f"user\0{user}\0database\0{database.name}\0\0".encode()
            self.socket.sendall(struct.pack("!i", len(words) + 4) + words)
            self._await_ready()
        except BaseException:
            self.close()
            raise

    def sql(self, text):
        """Run it; the first value of its last row as text, if there is one; it has no more than one column."""
        self.socket.sendall(b"Q" + struct.pack("!i", len(text.encode()) + 5) + text.encode() + b"\0")
        return self._await_ready()

    def _await_ready(self):
        value = None
        while True:
            kind, length = struct.unpack("!ci", self.file.read(5))
            body = self.file.read(length - 4)
            if kind == b"E":
                fields = {part[:1]: part[1:].decode() for part in body.split(b"\0") if part}
                raise Refused(fields[b"C"], fields[b"M"])
            if kind == b"D":
                value = body[6:].decode()
            if kind == b"K":
                (self.pid,) = struct.unpack("!i4x", body)
            if kind == b"Z":
                return value

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
