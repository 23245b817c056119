"""The resources of /v1 as data, so that each test is written once for all of them."""

import json
import random
from dataclasses import dataclass, field
from typing import Callable

from .samples import employee, passenger

NAMES = ["Ada", "Ada", "ada lovelace", "Ada Lovelace", "O'Hara, Mr. \"Zoë\"", "100% wool", "under_score", "underXscore",
         "back\\slash", "star*name", "two\r\nlines", "a line\nfeed", "tab\there", "=1+1", "Ⅻ. Ünïcödé 😀", "ÜNÏCÖDÉ",
         "Mrs. Jane (Doe), née Smith", "null", "eq.Ada", "in.(a,b)", "a,b", '"quoted"', "x", "smith", "SMITH, John"]

# Types of columns whose values are compared by size, and those in whose text is searched.
SIZED = ("uuid", "integer", "number", "text", "email", "time")
SEARCHED = ("text", "email")


@dataclass(frozen=True)
class Column:
    """`type` is uuid, boolean, integer, number, text, choice, email or time; `sql` is the table's name and type for it."""

    name: str
    type: str
    sql: str
    sql_type: str
    nullable: bool = False
    writable: bool = True
    wrong: tuple = ()  # values that a body may not have here

    @property
    def operators(self):
        """Those that a filter may have. (Of a choice's order nothing is said.)"""
        sized = ("gt", "gte", "lt", "lte") if self.type in SIZED else ()
        return ("eq", "neq", *sized, *(("like", "ilike") if self.type in SEARCHED else ()), "in", "is")

    def comparable(self, value):
        """The value as it is compared."""
        return value.lower() if self.type == "email" else value


@dataclass(frozen=True)
class Resource:
    """One collection. `body` makes a good body whose keyword arguments change a field, or leave it out (...)."""

    name: str
    key: str
    columns: tuple
    body: Callable
    make_row: Callable = field(repr=False)
    indexed: tuple  # columns whose order an export may have

    def __str__(self):
        return self.name

    @property
    def path(self):
        return f"/v1/{self.name}"

    @property
    def names(self):
        return [column.name for column in self.columns]

    @property
    def writable(self):
        return [column for column in self.columns if column.writable]

    @property
    def nullable(self):
        return [column for column in self.columns if column.nullable]

    @property
    def required(self):
        return [column for column in self.writable if not column.nullable]

    def column(self, name):
        return next(column for column in self.columns if column.name == name)

    def fields_of(self, row):
        """What of a row may be sent."""
        return {column.name: row[column.name] for column in self.writable}

    def rows(self, count):
        """Rows with many equal values, nulls where they may be, and names that want escaping. Always the same."""
        chance = random.Random(20250520)
        return [self.make_row(chance, number) for number in range(1, count + 1)]

    def fill(self, database, rows):
        """Put exactly these rows into the table, without the service."""
        columns = ", ".join(column.sql for column in self.columns)
        quoted = ", ".join(f'"{column.name}"' for column in self.columns)
        typed = ", ".join(f'"{column.name}" {column.sql_type}' for column in self.columns)
        database.sql(f"""TRUNCATE {self.name};
                         INSERT INTO {self.name} ({columns})
                         SELECT {quoted} FROM json_to_recordset($rows${json.dumps(rows)}$rows$) AS row ({typed})""")


def _uuid(chance):
    return f"018f{chance.getrandbits(16):04x}-{chance.getrandbits(16):04x}-7000-8000-{chance.getrandbits(48):012x}"


def _passenger_row(chance, number):
    pick = chance.choice
    return {
        "uuid": _uuid(chance), "survived": pick([True, False, None]), "passengerClass": pick([1, 2, 3]),
        "name": NAMES[number % len(NAMES)], "sex": pick(["male", "female", None]), "age": pick([0, 0.75, 22, 38.5, 80, None]),
        "siblingsOrSpousesAboard": pick([0, 0, 1, 5]), "parentsOrChildrenAboard": pick([0, 0, 2]),
        "fare": pick([0, 7.25, 7.25, 512.3292, 1e-7, 0.1, None]),
    }  # fmt: skip


def _employee_row(chance, number):
    made = f"2025-05-{chance.choice([1, 20, 21]):02d}T22:22:46.{chance.choice([0, 243212]):06d}Z"
    return {
        "age": chance.choice([0, 25, 25, 60, 150]), "created_at": made,
        "email": f"{chance.choice(['Foo', 'bar', 'o_hara'])}+{number}@Example.{chance.choice(['com', 'ORG'])}",
        "id": _uuid(chance), "name": NAMES[number % len(NAMES)],
        "updated_at": f"2025-06-{chance.randint(1, 9):02d}T00:00:00.500000Z",
    }  # fmt: skip


_COUNT = (-1, 101, 1.5, "1", None, True, [], {})

PASSENGERS = Resource(
    "passengers", "uuid",
    (
        Column("uuid", "uuid", "uuid", "uuid", writable=False),
        Column("survived", "boolean", "survived", "boolean", nullable=True, wrong=(1, "true", [], {})),
        Column("passengerClass", "integer", "passenger_class", "smallint", wrong=(0, 4, 1.5, "1", None, True)),
        Column("name", "text", "name", "text", wrong=("", "x" * 151, 1, None, [])),
        Column("sex", "choice", "sex", "text", nullable=True, wrong=("other", "", "MALE", 1)),
        Column("age", "number", "age", "double precision", nullable=True, wrong=(-0.5, 150.5, "22", True)),
        Column("siblingsOrSpousesAboard", "integer", "siblings_or_spouses_aboard", "smallint", wrong=_COUNT),
        Column("parentsOrChildrenAboard", "integer", "parents_or_children_aboard", "smallint", wrong=_COUNT),
        Column("fare", "number", "fare", "double precision", nullable=True, wrong=(-1, "7", [], False)),
    ),
    passenger, _passenger_row, ("uuid", "name", "age", "fare"),
)  # fmt: skip

EMPLOYEES = Resource(
    "employees", "id",
    (
        Column("age", "integer", "age", "smallint", wrong=(-1, 151, 1.5, "25", None, True)),
        Column("created_at", "time", "created_at", "timestamptz", writable=False),
        Column("email", "email", "email", "text", wrong=("", "nobody", "a@b@c", "é@bar.com", "x" * 250 + "@b.com", 1, None)),
        Column("id", "uuid", "id", "uuid", writable=False),
        Column("name", "text", "name", "text", wrong=("", "x" * 101, 1, None, {})),
        Column("updated_at", "time", "updated_at", "timestamptz", writable=False),
    ),
    employee, _employee_row, ("id", "name", "age", "email", "created_at"),
)  # fmt: skip

RESOURCES = (PASSENGERS, EMPLOYEES)
