"""Answers that are longer than the memory that a worker may take."""

import http.client
import threading
import time

from harness.postgres import person_uuid
from harness.process import sanitized

from .. import footprint, wrk
from ..fault import fault
from ..footprint import MIB
from .load import CALLS, note
from .slow import connect

LIMIT = 32 * MIB  # of a worker
BUFFER = 64 * 1024  # that the slow reader has for what comes
PIECE = 256 * 1024
KINDS = {  # path, Accept, what each row has once, how many there are beside the rows, the first row and the last one
    "list": ("/passengerlist", "*/*", b'"uuid"', 0),
    "CSV": ("/v1/passengers", "text/csv", b"\n", 1),
    "NDJSON": ("/v1/passengers", "application/x-ndjson", b"\n", 0),
}


class Reader(threading.Thread):
    """Reads one answer to its end: for a while `slow_s` pauses are between its pieces."""

    def __init__(self, port, kind, pauses, pause_s):
        super().__init__(daemon=True)
        self.kind, self.pauses, self.pause_s = kind, pauses, pause_s
        path, accept, _, _ = KINDS[kind]
        self.connection = connect(port, receives=BUFFER)
        self.connection.sendall(f"GET {path} HTTP/1.1\r\nHost: chaos\r\nAccept: {accept}\r\n\r\n".encode())
        self.begin, self.end = b"", b""
        self.bytes = self.rows = 0
        self.fault = "it was not read to its end"

    def run(self):
        try:
            with self.connection, http.client.HTTPResponse(self.connection) as response:
                response.begin()
                while piece := response.read(PIECE):
                    self.take(piece)
            self.fault = None if response.status == 200 else response.status
        except (OSError, http.client.HTTPException) as error:
            self.fault = repr(error)

    def take(self, piece):
        mark = KINDS[self.kind][2]
        self.begin = self.begin or piece[:500]
        before = self.end[-(len(mark) - 1):] if len(mark) > 1 else b""  # where a mark may have begun
        self.rows += (before + piece).count(mark)
        self.end = (self.end + piece)[-500:]
        self.bytes += len(piece)
        if self.pauses > 0:
            self.pauses -= 1
            time.sleep(self.pause_s)

    def complaint(self, rows):
        """What is wrong with what it has read; None if it was all of `rows`, in their order."""
        counted = self.rows - KINDS[self.kind][3]
        if self.fault or counted != rows:
            return f"the {self.kind} of {rows} rows had {counted}: {self.fault}"
        if person_uuid(1).encode() not in self.begin or person_uuid(rows).encode() not in self.end:
            return f"the {self.kind} begins or ends with another row"
        return None


@fault("answers of 200 MB to slow readers", full={"rows": 1_000_000, "pauses": 60, "pause_s": 0.5, "seconds": 20},
       short={"rows": 100_000, "pauses": 20, "pause_s": 0.05, "seconds": 1})
def long_answers(scene, rows, pauses, pause_s, seconds):
    """The old list and both exports at once, from one worker."""
    with scene.service(PURSER_WORKERS=1) as stack:
        fill(scene.database, rows)
        readers = [Reader(stack.port, kind, pauses, pause_s) for kind in KINDS]
        began = time.monotonic()
        for reader in readers:
            reader.start()
        beside = wrk.measure(stack.port, CALLS, 8, seconds)
        for reader in readers:
            reader.join(600)
        took, peak = time.monotonic() - began, footprint.peak(stack)
    note(scene.line, beside)
    scene.line.sent += len(readers)
    scene.line.answered += sum(reader.fault is None for reader in readers)
    sizes = ", ".join(f"{reader.kind} {reader.bytes / 1e6:.0f} MB" for reader in readers)
    scene.seen(f"{sizes} in {took:.0f} s; the worker took at most {peak / MIB:.1f} MiB; lookups beside p99 "
               f"{beside.p99 * 1000:.1f} ms")
    complaints = [complaint for complaint in (reader.complaint(rows) for reader in readers) if complaint]
    assert not complaints, complaints
    assert not (beside.refused or beside.other or beside.broken), beside
    assert peak < LIMIT or sanitized(), f"the worker took {peak / MIB:.1f} MiB"


def fill(database, rows):
    """Quickly: what is written needs not outlive anything, and nobody searches."""
    names = database.lines("""SELECT indexrelid::regclass FROM pg_index
                              WHERE indrelid = 'passengers'::regclass AND NOT indisprimary""")
    database.sql("".join(f"DROP INDEX {name};" for name in names) + "ALTER TABLE passengers SET UNLOGGED")
    database.fill_passengers(rows)
    database.sql("VACUUM ANALYZE passengers")
