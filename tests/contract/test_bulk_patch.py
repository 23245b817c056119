"""Changes of many rows in one PATCH: each names its row; all of them or none."""

import pytest
from harness.rest import JSON, assert_rest_problem, details, places
from harness.samples import NOBODY
from harness.tables import RESOURCES


@pytest.fixture
def rows(table):
    """Three rows that are there."""
    return [table.create(name=f"N {number}") for number in range(3)]


def changes(table, rows, **changed):
    return [{table.resource.key: table.key(row), **changed} for row in rows]


def assert_kept(table, rows):
    for row in rows:
        assert table.get(table.key(row)).json == row


def test_change_many(table, resource, rows):
    other = table.create()
    asked = [{resource.key: table.key(rows[2]), "name": "two", "age": 2}, {resource.key: table.key(rows[0]), "age": 0}]
    tag = table.get(table.key(rows[0])).headers["etag"]
    answer = table.patch_many(asked)
    assert answer.status == 200 and answer.type == JSON and list(answer.json) == ["items"]
    after = answer.json["items"]
    assert [table.key(row) for row in after] == [table.key(rows[2]), table.key(rows[0])]
    assert (after[0]["name"], after[0]["age"], after[1]["name"], after[1]["age"]) == ("two", 2, "N 0", 0)
    for row in after:
        assert list(row) == resource.names
    assert_kept(table, [*after, rows[1], other])
    assert table.get(table.key(rows[0])).headers["etag"] != tag


def test_null_clears(table, rows, resource):
    for column in resource.nullable:
        assert all(row[column.name] is None for row in table.patch_many(changes(table, rows, **{column.name: None})).json["items"])
    for column in resource.required:
        answer = table.patch_many(changes(table, rows, **{column.name: None}))
        assert_rest_problem(answer, 422, "invalid-fields", [{"row": row, "pointer": f"/{column.name}"} for row in (1, 2, 3)])


def test_a_minimal_answer(table, rows):
    answer = table.patch_many(changes(table, rows, name="x"), {"Prefer": "return=minimal"})
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["preference-applied"] == "return=minimal"
    assert all(table.get(table.key(row)).json["name"] == "x" for row in rows)


def test_no_changes(table):
    answer = table.patch_many([])
    assert answer.status == 200 and answer.body == b'{"items":[]}'


def test_every_fault_by_its_row(table, resource, rows):
    asked = changes(table, rows, name="changed")
    asked[0]["age"], asked[2]["nothing"], asked[2]["name"] = 999, 1, ""
    faults = [{"row": 1, "pointer": "/age"}, {"row": 3, "pointer": "/nothing"}, {"row": 3, "pointer": "/name"}]
    assert_rest_problem(table.patch_many(asked), 422, "invalid-fields", faults)
    assert_kept(table, rows)


@pytest.mark.parametrize("key", [..., None, "", "x", 1, NOBODY + "0"], ids=str)
def test_a_row_must_be_named(table, resource, rows, key):
    asked = changes(table, rows, name="changed")
    del asked[1][resource.key]
    if key is not ...:
        asked[1][resource.key] = key
    assert_rest_problem(table.patch_many(asked), 422, "invalid-fields", [{"row": 2, "pointer": f"/{resource.key}"}])
    assert_kept(table, rows)


def test_a_change_of_nothing(table, rows):
    asked = changes(table, rows, name="changed")
    del asked[1]["name"]
    problem = assert_rest_problem(table.patch_many(asked), 422, "invalid-fields")
    assert [place["row"] for place in places(problem)] == [2]
    assert_kept(table, rows)


@pytest.mark.parametrize("row", [1, "text", None, []], ids=str)
def test_a_change_that_is_no_object(table, rows, row):
    asked = [*changes(table, rows, name="changed"), row]
    problem = assert_rest_problem(table.patch_many(asked), 422, "invalid-fields")
    assert [place["row"] for place in places(problem)] == [4]
    assert_kept(table, rows)


@pytest.mark.parametrize("body", ["{}", '{"name":"x"}', "null", "1", '"x"', "true"])
def test_changes_that_are_no_array(table, rows, body):
    problem = assert_rest_problem(table.patch_many(body, {"Content-Type": JSON}), 422, "invalid-fields")
    assert "must be a JSON array" in details(problem)
    assert_kept(table, rows)


def test_a_row_that_is_not_there(table, resource, rows):
    asked = changes(table, rows, name="changed")
    asked[1][resource.key] = NOBODY
    assert_rest_problem(table.patch_many(asked), 409, "conflict", [{"row": 2, "pointer": f"/{resource.key}"}])
    assert_kept(table, rows)


def test_all_rows_that_are_not_there(table, resource, rows):
    asked = [{resource.key: f"018f2222-0000-7000-8000-{number:012x}", "name": "x"} for number in range(3)]
    faults = [{"row": row, "pointer": f"/{resource.key}"} for row in (1, 2, 3)]
    assert_rest_problem(table.patch_many(asked), 409, "conflict", faults)


def test_the_same_row_twice(table, resource, rows):
    asked = changes(table, [rows[0], rows[1], rows[0]], name="changed")
    problem = assert_rest_problem(table.patch_many(asked), 422, "invalid-fields", [{"row": 3, "pointer": f"/{resource.key}"}])
    assert "row 1" in details(problem)
    assert_kept(table, rows)


def test_the_same_row_twice_in_other_letters(table, resource, rows):
    """A UUID is the same in capitals, if capitals are taken at all."""
    asked = changes(table, [rows[0], rows[0]], name="changed")
    asked[1][resource.key] = asked[1][resource.key].upper()
    assert_rest_problem(table.patch_many(asked), 422, "invalid-fields", [{"row": 2, "pointer": f"/{resource.key}"}])


def test_addresses_that_are_taken(client):
    of = RESOURCES[1]
    rows = [client("POST", of.path, of.body()).json for _ in range(3)]
    asked = [{"id": rows[0]["id"], "age": 1}, {"id": rows[1]["id"], "email": rows[2]["email"].upper()}]
    answer = client("PATCH", of.path, asked)
    assert_rest_problem(answer, 409, "conflict", [{"row": 2, "pointer": "/email"}])
    assert client("GET", f"{of.path}/{rows[0]['id']}").json == rows[0]
    asked = [{"id": row["id"], "email": f"one-{rows[0]['id']}@bar.com"} for row in rows[:2]]
    assert_rest_problem(client("PATCH", of.path, asked), 422, "invalid-fields", [{"row": 2, "pointer": "/email"}])


def test_an_address_that_its_own_row_has(client):
    of = RESOURCES[1]
    row = client("POST", of.path, of.body()).json
    answer = client("PATCH", of.path, [{"id": row["id"], "email": row["email"].upper()}])
    assert answer.status == 200 and answer.json["items"][0]["email"] == row["email"].upper()


def test_more_changes_than_there_may_be(table, resource):
    asked = [{resource.key: NOBODY, "age": 1}] * 10_001
    said = details(assert_rest_problem(table.patch_many(asked), 413, "body-too-large"))
    assert "10,000" in said or "10000" in said


def test_thousands_of_changes(table, resource):
    made = table.post([resource.body() for _ in range(2000)]).json["items"]
    answer = table.patch_many(changes(table, made, name="all"))
    assert answer.status == 200 and [table.key(row) for row in answer.json["items"]] == [table.key(row) for row in made]
    assert {row["name"] for row in answer.json["items"]} == {"all"}
