"""SQL through every door of the contract: each parameter, header, field, name and cell is text, or refused.

The doors are those of openapi.yaml, so a new one is tried by itself. SQL words are in lower case here: nothing of the
service's own SQL, which has them in capitals, may be in an answer.
"""

import csv
import io
import json

import pytest
from harness.contract import ADA, GRACE, WORLD, encode, examples, operations
from harness.web import INSIDE

# A sleep of a minute would end in a 504.
TEXTS = [
    "' or '1'='1", "'; drop table passengers; --", "\" or \"\"=\"", "name\"; delete from employees; --",
    "1; select pg_sleep(60)", "'||pg_sleep(60)||'", "(select pg_sleep(60))", "1) union select null, null--",
    "'); delete from passengers; --", "\\'; drop table ledger; --", "'/**/or/**/1=1", "$1", "$$; select 1; $$",
    "%s %d {0} %27", "E'\\x27'", "\u02bc or 1=1 --", "\\", "{\"a\",NULL}", "null", "*", "name", "name desc, 1",
    "cast(version() as int)", "';copy passengers to program 'id'--",
]  # fmt: skip
SHORT = ["' or '1'='1", "name\"; delete from employees; --", "'||pg_sleep(60)||'", "\\"]
FILTERS = ["eq", "neq", "gt", "lte", "like", "ilike", "is"]

BYSTANDERS = """
    INSERT INTO passengers (uuid, passenger_class, name, siblings_or_spouses_aboard, parents_or_children_aboard)
    SELECT gen_random_uuid(), 1, 'Bystander', 0, 0 FROM generate_series(1, 5);
    INSERT INTO employees (id, name, age, email) SELECT gen_random_uuid(), 'Bystander', 1, 'bystander' || n || '@example.org'
    FROM generate_series(1, 5) AS n;
"""
EVERYTHING = " || ".join(f"(SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {table} t)"
                         for table in ("passengers", "employees"))
OTHERS = " || ".join(f"(SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t WHERE name = 'Bystander')"
                     for table in ("passengers", "employees"))


@pytest.fixture(scope="module", autouse=True)
def log_of_postgresql(cluster):
    """What PostgreSQL has to say from here on."""
    before = cluster.log.stat().st_size
    return lambda: cluster.log.read_bytes()[before:].decode(errors="replace")


@pytest.fixture
def ask(client, database):
    """ask(operation, path values, query, headers, body): an answer as documented, which is no 5xx and shows no SQL."""
    database.sql(WORLD + BYSTANDERS)
    others = database.sql(f"SELECT {OTHERS}")

    def call(operation, path_values, query=(), headers=None, body=None):
        answer = client(operation.method, operation.target(path_values, query), body, headers)
        told = (query, headers, body, answer)
        assert answer.status < 500, told
        assert not INSIDE.search(answer.body.decode(errors="replace")), told
        operation.check(answer)
        return answer

    yield call
    assert database.sql(f"SELECT {OTHERS}") == others


def first_values(operation):
    """Good ones for the parameters of its path."""
    return {each["name"]: next(iter(examples(each).values())) for each in operation.parameters if each["in"] == "path"}


def first_body(operation):
    """A good body, and its type."""
    for media_type, content in operation.bodies.items():
        for value in examples(content).values():
            return encode(media_type, value), {"Content-Type": media_type}
    return None, {}


def named(operations_, place):
    return [pytest.param(operation, parameter["name"], id=f"{operation}-{parameter['name']}")
            for operation in operations_ for parameter in operation.parameters if parameter["in"] == place]


ALL = [operation for operation in operations().values() if operation.method not in ("HEAD", "OPTIONS")]


@pytest.mark.parametrize("operation, name", named(ALL, "path"))
def test_in_a_path(ask, database, operation, name):
    before = database.sql(f"SELECT {EVERYTHING}")
    body, headers = first_body(operation)
    for text in TEXTS:
        answer = ask(operation, {**first_values(operation), name: text}, (), headers, body)
        assert answer.status in (400, 404)
    assert database.sql(f"SELECT {EVERYTHING}") == before


@pytest.mark.parametrize("operation, name", named(ALL, "query"))
def test_in_a_query(ask, database, operation, name):
    """Also behind an operator, in a list, and behind a good value."""
    before = database.sql(f"SELECT {EVERYTHING}")
    written = [*TEXTS, *(f"{operator}.{text}" for operator in FILTERS for text in SHORT),
               *(form.format(text) for form in ("in.({})", "name,{}", "-{}") for text in SHORT)]  # fmt: skip
    for value in written:
        ask(operation, first_values(operation), [(name, value)])
    assert database.sql(f"SELECT {EVERYTHING}") == before


SEARCHES = [each for each in ALL if any(parameter["in"] == "query" for parameter in each.parameters)]


@pytest.mark.parametrize("operation", SEARCHES, ids=str)
def test_as_the_name_of_a_parameter(ask, operation):
    for text in TEXTS:
        if text not in {each["name"] for each in operation.parameters}:
            assert ask(operation, first_values(operation), [(text, "eq.1")]).status == 400


@pytest.mark.parametrize("operation, name", named(ALL, "header"))
def test_in_a_header(ask, operation, name):
    body, headers = first_body(operation)
    forms = ('"{}"', "return={}", "count=exact, {}")
    for value in [*filter(str.isascii, TEXTS), *(form.format(text) for form in forms for text in SHORT)]:
        ask(operation, first_values(operation), (), {**headers, name: value}, body)


def changed(value, text):
    """Copies of a JSON value: with `text` in the place of one leaf, of one name, or beside the others."""
    if isinstance(value, dict):
        for name, inner in value.items():
            for other in changed(inner, text):
                yield {**value, name: other}
            yield {**{key: each for key, each in value.items() if key != name}, text: inner}
        yield {**value, text: text}
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            for other in changed(inner, text):
                yield [*value[:at], other, *value[at + 1:]]
    else:
        yield text


def changed_csv(value, text):
    rows = list(csv.reader(io.StringIO(value)))
    for row in rows[:2]:
        for at, cell in enumerate(row):
            row[at] = text
            out = io.StringIO()
            csv.writer(out).writerows(rows)
            yield out.getvalue()
            row[at] = cell


def changed_bodies(media_type, value, text):
    if media_type == "text/csv":
        yield from changed_csv(value, text)
    elif media_type == "application/x-ndjson":
        first, *others = value.splitlines()
        for line in changed(json.loads(first), text):
            yield "\n".join([json.dumps(line), *others])
    else:
        yield from changed(value, text)


BODIES = [pytest.param(operation, media_type, value, id=f"{operation}-{media_type}-{name}")
          for operation in ALL for media_type, content in operation.bodies.items()
          for name, value in examples(content).items()]  # fmt: skip


@pytest.mark.parametrize("operation, media_type, value", BODIES)
def test_in_a_body(ask, operation, media_type, value):
    """In each field of the example, as each name, in each cell and heading."""
    for text in SHORT:
        for body in changed_bodies(media_type, value, text):
            ask(operation, first_values(operation), (), {"Content-Type": media_type}, encode(media_type, body))


PERSON = {"survived": True, "passengerClass": 1, "sex": "male", "age": 1, "siblingsOrSpousesAboard": 0,
          "parentsOrChildrenAboard": 0, "fare": 1}
STAFF = {"age": 1, "email": "injected@example.org"}
CREATED = {  # the path, a body but for its name, and where the row is in the answer
    "v1 passenger": ("/v1/passengers", PERSON, lambda said: said),
    "v1 employee": ("/v1/employees", STAFF, lambda said: said),
    "passenger": ("/postpassenger", PERSON, lambda said: said[0]),
    "employee": ("/employees/add", STAFF, lambda said: said["employee"]),
}


@pytest.mark.parametrize("kind", CREATED)
def test_is_stored_as_it_is_and_found_again(client, database, kind):
    """By that name exactly one row is found; no other is changed, or deleted with it."""
    path, body, row = CREATED[kind]
    table = "passengers" if "passenger" in path else "employees"
    database.sql(WORLD + BYSTANDERS)
    before = database.sql(f"SELECT {EVERYTHING}")
    for text in TEXTS:
        created = row(client("POST", path, {**body, "name": text}).json)
        found = client("GET", f"/v1/{table}", params={"name": f"eq.{text}"}).json["items"]
        assert [each["name"] for each in found] == [created["name"]] == [text]
        key = created.get("uuid") or created["id"]
        assert client("DELETE", f"/v1/{table}/{key}").status == 204
    assert database.sql(f"SELECT {EVERYTHING}") == before


def test_the_rows_of_the_contract_are_what_they_were(client, database):
    """After all this the tables are there, and take rows."""
    database.sql(WORLD)
    assert client("GET", f"/v1/passengers/{ADA}").json["name"] == "Ada Lovelace"
    assert client("GET", f"/v1/employees/{GRACE}").json["name"] == "Grace Hopper"


def test_postgresql_has_met_no_sql_that_it_does_not_understand(log_of_postgresql):
    """Only that a key is there already."""
    errors = [line for line in log_of_postgresql().splitlines() if "ERROR:" in line]
    assert [line for line in errors if "duplicate key value" not in line] == []
