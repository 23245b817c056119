"""What the load knows of the rows that it has written, and whether the tables agree.

Each client has rows of its own, which nobody else writes. A row is called "CLIENT.NUMBER.TURN": its turn is 0 when it
is created, and one more with each change. All that is in a row follows from these three, so a row that differs in
anything is one that nobody sent. A row whose last write had no good answer is left alone from then on: that write may
have happened, once.
"""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field

ABSENT = -1  # where a turn might be: there is no such row


def passenger(client, number, turn):
    """The row, as it is sent and as it is answered (but for its uuid)."""
    return {"survived": (None, True, False)[number % 3], "passengerClass": 1 + number % 3,
            "name": f"{client}.{number}.{turn}", "sex": ("male", "female", None)[number % 3], "age": turn % 100 + 0.5,
            "siblingsOrSpousesAboard": number % 9, "parentsOrChildrenAboard": client % 9,
            "fare": number + 0.25}  # fmt: skip


def employee(client, number, turn):
    """Likewise; `id`, `created_at` and `updated_at` come with the answer."""
    return {"name": f"{client}.{number}.{turn}", "age": (number + turn) % 100,
            "email": f"{client}.{number}@chaos.example"}  # fmt: skip


STORED = {  # the tables' rows in the API's words
    "passengers": """SELECT row_to_json(t) FROM (SELECT survived, passenger_class AS "passengerClass", name, sex, age,
        siblings_or_spouses_aboard AS "siblingsOrSpousesAboard",
        parents_or_children_aboard AS "parentsOrChildrenAboard", fare FROM passengers) AS t""",
    "employees": "SELECT row_to_json(t) FROM (SELECT name, age, email FROM employees) AS t",
}
BODIES = {"passengers": passenger, "employees": employee}
CHANGING = ("name", "age")  # what a turn changes


@dataclass(slots=True)
class Row:
    """One row of a client's. It is in one of the turns in `maybe` now: in more than one if an answer is missing."""

    table: str
    client: int
    number: int
    maybe: tuple = (ABSENT, 0)
    key: str = ""  # its uuid or id
    writes: int = 0  # acknowledged
    group: int = 0  # the number of the first row that was sent with it

    @property
    def turn(self):
        return self.maybe[0]

    def body(self, turn=None):
        return BODIES[self.table](self.client, self.number, self.turn if turn is None else turn)


@dataclass
class Book:
    """One client's rows. A number below `next` that is in neither is of a row that is gone, or never was."""

    next: int = 1
    rows: dict = field(default_factory=dict)  # by number: known, and used
    doubtful: dict = field(default_factory=dict)  # by number: left alone
    writes: int = 0  # acknowledged, on rows that are in neither any more

    def take(self, count=1):
        """The first of so many numbers that were never used."""
        self.next += count
        return self.next - count

    def forget(self, row):
        """It was deleted, or refused."""
        self.writes += row.writes
        self.rows.pop(row.number, None)

    def doubt(self, row, *maybe):
        self.rows.pop(row.number, None)
        row.maybe = maybe
        self.doubtful[row.number] = row


@dataclass
class Shared:
    """A row that all clients count up, each time under the condition that nobody else has meanwhile."""

    key: str
    name: str
    acknowledged: list = field(default_factory=list)  # the values that somebody was told to have made
    unknown: list = field(default_factory=list)


@dataclass
class Findings:
    """What the tables say."""

    acknowledged: int = 0
    found: int = 0
    lost: int = 0
    doubled: int = 0
    unsent: int = 0
    examples: list = field(default_factory=list)

    def note(self, kind, count, example):
        setattr(self, kind, getattr(self, kind) + count)
        if len(self.examples) < 10:
            self.examples.append(f"{kind}: {example}")


def check(database, books, counters):
    """Hold the tables against the books (by client) and the counters."""
    findings = Findings()
    findings.acknowledged = sum(book.writes for book in books.values())
    stored = {"passengers": defaultdict(list), "employees": defaultdict(list)}
    shared = {}
    for table, query in STORED.items():
        for line in database.lines(query):
            row = json.loads(line)
            client, _, rest = row["name"].partition(".")
            if client == "shared":
                shared[row["name"]] = row
            else:
                stored[table][int(client), int(rest.partition(".")[0])].append(row)
    for client, book in books.items():
        turns = {}
        for row in [*book.rows.values(), *book.doubtful.values()]:
            findings.acknowledged += row.writes
            turns[row.number] = check_row(findings, row, stored[row.table].pop((client, row.number), []))
        check_groups(findings, book, turns)
    for rows in stored.values():
        for (client, number), copies in rows.items():
            was_there = client in books and number < books[client].next
            findings.note("lost" if was_there else "unsent", len(copies), f"should not be there: {copies[0]}")
    for counter in counters:
        check_counter(findings, counter, shared.pop(counter.name, None))
    for row in shared.values():
        findings.note("unsent", 1, row)
    findings.found = findings.acknowledged - findings.lost
    return findings


def check_row(findings, row, copies):
    """The turn that it is in."""
    turn = int(copies[0]["name"].rpartition(".")[2]) if copies else ABSENT
    if len(copies) > 1:
        findings.note("doubled", len(copies) - 1, f"{copies[0]} and {copies[1]}")
    if copies and (copies[0] != row.body(turn) or turn > max(row.maybe)):
        findings.note("unsent", 1, f"{copies[0]}, where turn {row.maybe} was sent")
    elif turn not in row.maybe:
        findings.note("lost", max(1, row.turn - turn), f"{row} is in turn {turn}")
    return turn


def check_groups(findings, book, turns):
    """Rows that were sent together are there together, whether anybody was told so or not."""
    groups = defaultdict(Counter)
    for row in book.doubtful.values():
        if row.group:
            groups[row.group][turns[row.number] == ABSENT] += 1
    for group, counts in groups.items():
        if len(counts) > 1:
            findings.note("unsent", counts[False], f"a part of the rows that were sent together, from {group} on")


def check_counter(findings, counter, row):
    """Each acknowledged value was made by one client; the last one is as large as all of them together."""
    acknowledged, unknown = len(counter.acknowledged), len(counter.unknown)
    findings.acknowledged += acknowledged
    value = int(row["fare"]) if row else 0
    if value < acknowledged:
        findings.note("lost", acknowledged - value, f"{counter.name} is {value} after {acknowledged} increments")
    if value > acknowledged + unknown:
        findings.note("doubled", value - acknowledged - unknown,
                      f"{counter.name} is {value} after {acknowledged} increments, and {unknown} that nobody knows of")
    twice = acknowledged - len(set(counter.acknowledged))
    if twice:
        findings.note("lost", twice, f"{counter.name}: {twice} values were made twice")
