"""Rows as CSV and as lines of JSON: pages, exports of the whole table, and the way back."""

import csv
import io
import json
import re

import pytest
from harness.rest import CSV, CSV_ANSWER, JSON, NDJSON, Table, assert_rest_problem, details
from harness.tables import RESOURCES


@pytest.fixture(scope="module")
def filled(system_database, stack):
    made = {resource.name: sorted(resource.rows(60), key=lambda row: row[resource.key]) for resource in RESOURCES}
    for resource in RESOURCES:
        resource.fill(system_database, made[resource.name])
    return made


@pytest.fixture
def whole(table, filled):
    """All rows of the table, in the order of their keys."""
    return filled[table.resource.name]


def lines_of(answer):
    """The rows of NDJSON: every line ends, and holds one row."""
    assert answer.status == 200 and answer.type == NDJSON, answer
    assert not answer.body or answer.body.endswith(b"\n")
    return [json.loads(line) for line in answer.body.split(b"\n")[:-1]]


def records_of(answer):
    """The header and the rows of CSV as Python's reader sees them, all text."""
    assert answer.status == 200 and answer.type == CSV_ANSWER, answer
    header, *records = csv.reader(io.StringIO(answer.body.decode(), newline=""), strict=True)
    return header, records


def text_of(value):
    """What a CSV field has for a value of JSON."""
    if value is None:
        return ""
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    return value


def assert_records(answer, names, rows):
    """Numbers may be written in more than one way; everything else may not."""
    header, records = records_of(answer)
    assert header == names
    assert len(records) == len(rows)
    for record, row in zip(records, rows):
        for text, name in zip(record, names):
            value = row[name]
            if isinstance(value, float) and not isinstance(value, bool):
                assert float(text) == value
            else:
                assert text == text_of(value), (name, text, value)


# What is taken.


@pytest.mark.parametrize("accept, kind", [
    (None, JSON), ("*/*", JSON), ("application/*", JSON), ("text/*", CSV_ANSWER), (CSV, CSV_ANSWER), (NDJSON, NDJSON),
    ("TEXT/CSV", CSV_ANSWER), ("text/csv, application/json;q=0.5", CSV_ANSWER), ("text/csv;q=0.4, application/json;q=0.5", JSON),
    ("application/json;q=0, text/csv;q=0, */*;q=0.1", NDJSON),
    ("application/x-ndjson;q=1, */*;q=0.9", NDJSON), ("text/html, */*;q=0.01", JSON), ("text/csv;q=0.001", CSV_ANSWER),
    ("text/html;q=1.000, application/x-ndjson;q=0.999", NDJSON),
])  # fmt: skip
def test_the_type_that_the_client_likes_best(table, whole, accept, kind):
    answer = table.list({"limit": 2}, {} if accept is None else {"Accept": accept})
    assert answer.status == 200 and answer.type == kind, answer
    assert {name.strip().lower() for name in answer.headers["vary"].split(",")} == {"accept", "prefer"}


@pytest.mark.parametrize("accept", [
    "text/html", "application/xml", "image/*", "*/*;q=0", "text/csv;q=0", "text/csv;q=0.000, text/html",
])  # fmt: skip
def test_types_that_there_are_not(table, accept):
    said = details(assert_rest_problem(table.list(None, {"Accept": accept}), 406, "not-acceptable"))
    for offered in (JSON, CSV, NDJSON):
        assert offered in said


# Pages.


@pytest.mark.parametrize("accept", [CSV, NDJSON])
def test_pages_by_their_links(table, whole, accept):
    answer, rows = table.list({"limit": 25}, {"Accept": accept}), []
    for count in (25, 25, 10):
        page = whole[len(rows):len(rows) + count]
        if accept == NDJSON:
            assert lines_of(answer) == page
        else:
            assert_records(answer, table.resource.names, page)
        rows += page
        following = re.search(r'<([^>]*)>; rel="next"', answer.headers["link"])
        assert bool(following) == (len(rows) < 60)
        if following:
            answer = table.client("GET", following[1], None, {"Accept": accept})


@pytest.mark.parametrize("accept", [CSV, NDJSON])
def test_a_page_in_an_order_that_no_export_has(table, whole, accept):
    order = "sex" if table.resource.name == "passengers" else "updated_at"
    assert table.list({"limit": 500, "order": order}, {"Accept": accept}).status == 200


@pytest.mark.parametrize("accept", [CSV, NDJSON])
def test_a_count_is_only_for_json(table, whole, accept):
    """There is no place for it; nothing is said to be applied that was not."""
    answer = table.list({"limit": 3}, {"Accept": accept, "Prefer": "count=exact"})
    assert answer.status == 200 and "preference-applied" not in answer.headers


# Exports.


def test_an_export_of_lines(table, whole):
    answer = table.list(None, {"Accept": NDJSON})
    assert lines_of(answer) == whole
    assert all(list(row) == table.resource.names for row in lines_of(answer))


def test_an_export_of_csv(table, whole):
    answer = table.list(None, {"Accept": CSV})
    assert_records(answer, table.resource.names, whole)
    text = re.sub(r'"(?:[^"]|"")*"', "", answer.body.decode())  # without what is in quotes
    assert text.endswith("\r\n") and text.count("\r\n") == text.count("\n") == text.count("\r") == 61


def test_an_export_of_fields_in_an_order(table, whole):
    key = table.resource.key
    for name in table.resource.indexed:
        for sign in ("", "-"):
            lines = lines_of(table.list({"order": sign + name, "fields": f"name,{key}"}, {"Accept": NDJSON}))
            paged = table.walk({"order": sign + name, "fields": f"name,{key}", "limit": 500})
            assert lines == paged and len(lines) == 60
    assert_records(table.list({"fields": f"name,{key}"}, {"Accept": CSV}), ["name", key], whole)


def test_an_export_of_what_the_filters_leave(table, whole):
    params = {"age": "gte.20", "q": "a"}
    wanted = [row for row in whole if (row["age"] or 0) >= 20 and "a" in row["name"].lower()]
    assert wanted and lines_of(table.list(params, {"Accept": NDJSON})) == wanted
    assert_records(table.list(params, {"Accept": CSV}), table.resource.names, wanted)


def test_an_export_of_nothing(table, whole):
    answer = table.list({"name": "nobody"}, {"Accept": CSV})
    assert answer.status == 200 and answer.body.decode() == ",".join(table.resource.names) + "\r\n"
    answer = table.list({"name": "nobody"}, {"Accept": NDJSON})
    assert answer.status == 200 and answer.body == b""


def test_an_order_that_no_export_has(table):
    for column in table.resource.columns:
        for accept in (CSV, NDJSON):
            order = f"{column.name},{'age' if column.name == 'name' else 'name'}"
            answer = table.list({"order": order}, {"Accept": accept})
            if column.name in table.resource.indexed:
                assert answer.status == 200, answer
            else:
                problem = assert_rest_problem(answer, 400, "invalid-parameters", [{"parameter": "order"}])
                assert all(name in details(problem) for name in table.resource.indexed)


def test_an_export_of_many(client, system_database):
    """Many pages of the worker's, each row once."""
    system_database.sql("TRUNCATE passengers")
    system_database.fill_passengers(5000)
    table = Table(client, RESOURCES[0])
    for order in (None, "name", "-fare"):
        rows = lines_of(table.list({"order": order} if order else None, {"Accept": NDJSON}))
        assert len({row["uuid"] for row in rows}) == len(rows) == 5000
        key = (order or "uuid").lstrip("-")
        assert [row[key] for row in rows] == sorted((row[key] for row in rows), reverse=order == "-fare")
    header, records = records_of(table.list(None, {"Accept": CSV}))
    assert len(records) == 5000 and all(len(record) == len(header) for record in records)


# And back: what was exported can be sent as it is, and changes nothing.


@pytest.mark.parametrize("kind", [CSV, NDJSON, JSON])
def test_what_was_exported_goes_back(table, database, kind):
    resource = table.resource
    resource.fill(database, resource.rows(60))
    writable = ",".join([resource.key, *(column.name for column in resource.writable)])
    before = table.walk({"limit": 500})
    if kind == JSON:
        body = json.dumps(table.walk({"limit": 500, "fields": writable}))
    else:
        body = table.list({"fields": writable}, {"Accept": kind}).body
    database.sql(f"DELETE FROM {resource.name} WHERE name LIKE 'A%'; UPDATE {resource.name} SET name = 'changed' WHERE age > 50")
    answer = table.post(body, {"Content-Type": kind, "Prefer": "resolution=merge-duplicates"})
    assert answer.status == 200, answer
    assert answer.headers["preference-applied"] == "resolution=merge-duplicates"
    times = {column.name for column in resource.columns if column.type == "time"}

    def without_times(rows):
        return [{name: value for name, value in row.items() if name not in times} for row in rows]

    after = table.walk({"limit": 500})
    assert without_times(after) == without_times(before)
    assert sorted(answer.json["items"], key=lambda row: row[resource.key]) == after
