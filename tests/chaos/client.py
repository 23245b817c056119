"""One client of the load: what it asks, one request after the other, and what it makes of the answers.

Whatever it asks must be answered well. What is not is a Failure, which holds unless the fault lists it.
"""

import json
import random
import threading
import time
from dataclasses import dataclass
from urllib.parse import quote

from .ledger import ABSENT, CHANGING, Book, Row
from .wire import Broken, Connection

KEPT_ROWS = 200  # a client that has more deletes the oldest
BULK_ROWS = 20
TRIES = 3  # of a request with an Idempotency-Key
PAUSE_S = 0.02  # of a client that isn't heard, or is turned away
SLOW_S = 0.1  # requests that take longer are remembered one by one


@dataclass(slots=True)
class Failure:
    """A request without a good answer. `kind` is its status, or a Broken's kind, or "wrong": not what it should say."""

    kind: object
    call: str
    sent: float
    ended: float
    detail: str
    retry_after: str = None


class Tally:
    """What became of a client's requests."""

    def __init__(self):
        self.sent = self.answered = 0
        self.failures = []
        self.slow = []  # (sent, ended, call)
        self.times = [0] * 10_001  # how many took so many ms; the last is of all that took longer

    def note_time(self, sent, ended, call):
        self.times[min(int((ended - sent) * 1000), 10_000)] += 1
        if ended - sent > SLOW_S:
            self.slow.append((sent, ended, call))


@dataclass(frozen=True)
class Routes:
    """Of one table, of before or of /v1; {key} is a row's key or e-mail."""

    collection: str
    created: int
    item: str
    update: tuple  # method, path
    delete: tuple  # path, status
    name: str = ""  # what an answer has its row under

    @classmethod
    def v1(cls, collection, method):
        item = collection + "/{key}"
        return cls(collection, 201, item, (method, item), (item, 204))

    def row(self, said):
        said = said[0] if isinstance(said, list) else said
        return said[self.name] if self.name else said


ROUTES = {
    "passengers": (
        Routes("/postpassenger", 200, "/getpassenger/{key}", ("PUT", "/putpassenger/{key}"),
               ("/deletepassenger/{key}", 200)),
        Routes.v1("/v1/passengers", "PATCH"), Routes.v1("/v1/passengers", "PUT"),
    ),
    "employees": (
        Routes("/employees/add", 201, "/employees/get/{email}", ("PATCH", "/employees/update/{email}"),
               ("/employees/delete/{email}", 204), "employee"),
        Routes.v1("/v1/employees", "PATCH"), Routes.v1("/v1/employees", "PUT"),
    ),
}  # fmt: skip
LISTS = {  # all rows of a table: path, header, how the body is read
    "passengers": ("/passengerlist", (), json.loads),
    "employees": ("/v1/employees", ("Accept: application/x-ndjson",),
                  lambda body: list(map(json.loads, body.splitlines()))),
}  # fmt: skip
STREAMED = {f"GET {path}" for path, _, _ in LISTS.values()}
KEYS = {"passengers": "uuid", "employees": "id"}


def agrees(said, body):
    """Whether an answered row has all that was sent."""
    return all(said[name] == value for name, value in body.items())


class Client(threading.Thread):
    """Goes on until its load ends. Only its own thread writes its book and its tally."""

    def __init__(self, load, number, kept):
        super().__init__(name=f"client {number}", daemon=True)
        self.load = load
        self.number = number
        self.connection = Connection(load.port, kept)
        self.book = Book()
        self.tally = Tally()
        self.random = random.Random(number)
        self.asking_since = None
        self.gone = None  # a path of a row that was deleted

    def run(self):
        actions = {getattr(self, name): weight for name, weight in self.load.mix.items()}
        draw = self.random.choices
        while not self.load.ended.is_set():
            if len(self.book.rows) > KEPT_ROWS:
                self.delete(next(iter(self.book.rows.values())))
            draw(list(actions), list(actions.values()))[0]()
            if self.load.may_leave and self.tally.failures and self.tally.failures[-1].kind == "unheard":
                break
        self.connection.close()

    # --- one request ---

    def ask(self, method, target, body=None, expect=(200,), headers=(), right=lambda said: True, read=json.loads):
        """The Reply when it is as expected, and `right` is true of what `read` makes of it; else None, noted down."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers = (*headers, "Content-Type: application/json")
        tally, call = self.tally, f"{method} {target}"
        tally.sent += 1
        self.asking_since = sent = time.monotonic()
        kind = retry_after = None
        try:
            reply = self.connection.ask(method, target, body, headers)
            if reply.status not in expect:
                kind, detail, retry_after = reply.status, reply.body[:300].decode(), reply.headers.get("retry-after")
            elif not self.is_right(reply, right, read):
                kind, detail = "wrong", f"{reply.status} {reply.body[:600].decode()} to {(body or b'')[:600].decode()}"
            if not isinstance(kind, str):
                tally.answered += 1
        except Broken as broken:
            kind, detail = broken.kind, broken.detail
        ended = time.monotonic()
        self.asking_since = None
        tally.note_time(sent, ended, call)
        if kind is None:
            return reply
        tally.failures.append(Failure(kind, call, sent, ended, detail, retry_after))
        self.load.ended.wait(PAUSE_S)
        return None

    @staticmethod
    def is_right(reply, right, read):
        try:
            return right(read(reply.body) if reply.body else None)
        except (ValueError, KeyError, IndexError, TypeError):
            return False

    # --- what it does ---

    def some_row(self):
        """One of its rows that it knows everything about; the first thing that a client does is to make one."""
        if not self.book.rows:
            self.create()
        return self.random.choice(list(self.book.rows.values())) if self.book.rows else None

    def some_routes(self, row):
        return self.random.choice(ROUTES[row.table])

    def place(self, template, row):
        return template.format(key=row.key, email=quote(row.body().get("email", ""), safe="@"))

    def new_rows(self, count=1, table=None):
        first = self.book.take(count)
        table = table or self.random.choice(("passengers", "employees"))
        return [Row(table, self.number, first + at, group=first if count > 1 else 0) for at in range(count)]

    def own(self, row, said):
        """The answer says that the new row is there."""
        row.key, row.maybe, row.writes = said[KEYS[row.table]], (0,), 1
        self.book.rows[row.number] = row

    def doubt(self, row, before, after):
        """Nobody knows whether it was done. When a service ends in order, who isn't heard is not served either."""
        undone = self.load.may_leave and self.tally.failures[-1].kind == "unheard"
        self.book.doubt(row, before, *(() if undone else (after,)))

    def create(self):
        (row,) = self.new_rows()
        routes, body = self.some_routes(row), row.body(0)
        reply = self.ask("POST", routes.collection, body, (routes.created,),
                         right=lambda said: agrees(routes.row(said), body))
        if reply:
            self.own(row, routes.row(json.loads(reply.body)))
        else:
            self.doubt(row, ABSENT, 0)

    def read(self):
        row = self.some_row()
        if row:
            routes, body = self.some_routes(row), row.body()
            self.ask("GET", self.place(routes.item, row), right=lambda said: agrees(routes.row(said), body))

    def change(self):
        row = self.some_row()
        if not row:
            return
        routes, turn = self.some_routes(row), row.turn + 1
        method, path = routes.update
        whole = row.body(turn)
        body = whole if method == "PUT" else {name: whole[name] for name in CHANGING}
        if self.ask(method, self.place(path, row), body, right=lambda said: agrees(routes.row(said), whole)):
            row.maybe, row.writes = (turn,), row.writes + 1
        else:
            self.doubt(row, row.turn, turn)

    def delete(self, row=None):
        row = row or self.some_row()
        if not row:
            return
        routes = self.some_routes(row)
        path, status = routes.delete
        if self.ask("DELETE", self.place(path, row), None, (status,)):
            row.writes += 1
            self.book.forget(row)
            self.gone = self.place(routes.item, row)
        else:
            self.doubt(row, row.turn, ABSENT)

    def read_gone(self):
        """What was deleted stays so."""
        if self.gone:
            self.ask("GET", self.gone, expect=(404,))

    def create_taken(self):
        """An address that somebody has already."""
        row = self.some_row()
        if row and row.table == "employees":
            self.ask("POST", "/v1/employees", {**row.body(), "name": "Taken"}, (409,))

    def create_many(self):
        rows = self.new_rows(BULK_ROWS)
        bodies = [row.body(0) for row in rows]
        reply = self.ask("POST", f"/v1/{rows[0].table}", bodies, (201,),
                         right=lambda said: all(map(agrees, said["items"], bodies)) and len(said["items"]) == len(rows))
        items = json.loads(reply.body)["items"] if reply else [None] * len(rows)
        for row, item in zip(rows, items):
            if item:
                self.own(row, item)
            else:
                self.doubt(row, ABSENT, 0)

    def create_once(self):
        """The same request again and again, with an Idempotency-Key: one row, one answer."""
        (row,) = self.new_rows()
        body, first = row.body(0), None
        headers = (f"Idempotency-Key: {self.load.name}-{self.number}-{row.number}",)
        for _ in range(TRIES):
            reply = self.ask("POST", f"/v1/{row.table}", body, (201,), headers,
                             lambda said: agrees(said, body) and first in (None, said))
            if reply and first is None:
                first = json.loads(reply.body)
            elif reply:
                break
        if first:
            self.own(row, first)
        else:
            self.doubt(row, ABSENT, 0)

    def find(self):
        """Some of its rows by their names: exactly these."""
        row = self.some_row()
        if not row:
            return
        latest = list(self.book.rows.values())[-20:]
        bodies = [other.body() for other in {row.number: row, **{other.number: other for other in latest}}.values()
                  if other.table == row.table]
        wanted = sorted(bodies, key=lambda body: body["name"])
        names = ",".join(body["name"] for body in wanted)
        self.ask("GET", f"/v1/{row.table}?name=in.({names})&order=name&limit=100",
                 right=lambda said: len(said["items"]) == len(wanted) and all(map(agrees, said["items"], wanted)))

    def page(self):
        """Two pages in the order of the key: no row is there twice."""
        table = self.random.choice(("passengers", "employees"))
        target, seen = f"/v1/{table}?limit=25", []

        def ascends(said):
            seen.extend(item[KEYS[table]] for item in said["items"])
            return seen == sorted(set(seen)) and len(said["items"]) <= 25

        for _ in range(2):
            reply = self.ask("GET", target, right=ascends)
            target = json.loads(reply.body)["next"] if reply else None
            if not target:
                break

    def list_all(self):
        """All rows of a table, streamed: its own among them are as it knows them."""
        table = self.random.choice(list(LISTS))
        path, headers, read = LISTS[table]
        known = {row.number: row.body() for row in self.book.rows.values() if row.table == table}
        doubtful = self.book.doubtful

        def has_mine(rows):
            mine = {}
            for row in rows:
                client, _, rest = row["name"].partition(".")
                number = rest.partition(".")[0]
                if client == str(self.number) and int(number) not in doubtful:
                    mine[int(number)] = row
            return mine.keys() == known.keys() and all(agrees(mine[number], body) for number, body in known.items())

        self.ask("GET", path, headers=headers, right=has_mine, read=read)

    def count_up(self):
        """Read a shared row and write it with one more, unless somebody else has meanwhile."""
        shared = self.random.choice(self.load.shared)
        place = f"/v1/passengers/{shared.key}"
        reply = self.ask("GET", place, right=lambda said: said["name"] == shared.name)
        if not reply:
            return
        value = json.loads(reply.body)["fare"] + 1
        # The answer to a second try has the row as it is by then.
        reply = self.ask("PATCH", place, {"fare": value}, (200, 412), (f"If-Match: {reply.headers['etag']}",),
                         lambda said: said.get("status") == 412 or said["fare"] >= value)
        if reply is None:
            shared.unknown.append(value)
        elif reply.status == 200:
            shared.acknowledged.append(value)

