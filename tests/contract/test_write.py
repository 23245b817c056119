"""Create, replace, change and delete one row; and what a preference makes of the answer."""

import pytest
from harness.rest import JSON, MERGE_PATCH, assert_rest_problem, details
from harness.samples import NOBODY, compact
from harness.tables import RESOURCES

WRONG = [(resource, column, value) for resource in RESOURCES for column in resource.writable for value in column.wrong]
ids = {"ids": lambda value: str(getattr(value, "name", value))[:24]}


def pointers(*names):
    return [{"pointer": f"/{name}"} for name in names]


def new_key():
    new_key.last += 1
    return f"018f0000-0000-7000-8000-{new_key.last:012x}"


new_key.last = 0xC0FFEE


# POST


def test_create(table, resource):
    body = resource.body(name="Zoë O'Hara")
    answer = table.post(body)
    row = answer.json
    assert answer.status == 201 and answer.type == JSON
    assert list(row) == resource.names and answer.body == compact(row)
    assert {name: row[name] for name in body} == body
    assert answer.headers["location"] == table.at(table.key(row))
    found = table.client("GET", answer.headers["location"])
    assert found.json == row and found.headers["etag"] == answer.headers["etag"]


def test_null_where_it_may_be(table, resource):
    row = table.create(**{column.name: None for column in resource.nullable})
    assert all(row[column.name] is None for column in resource.nullable)


def test_a_key_may_not_be_sent(table, resource):
    before = table.count()
    answer = table.post({**resource.body(), resource.key: new_key()})
    assert_rest_problem(answer, 422, "invalid-fields", pointers(resource.key))
    assert table.count() == before


@pytest.mark.parametrize("of, column, value", WRONG, **ids)
def test_a_value_that_is_wrong(client, of, column, value):
    body = of.body(**{column.name: value})
    assert_rest_problem(client("POST", of.path, body), 422, "invalid-fields", pointers(column.name))
    assert_rest_problem(client("PUT", f"{of.path}/{NOBODY}", body), 422, "invalid-fields", pointers(column.name))
    answer = client("PATCH", f"{of.path}/{NOBODY}", {column.name: value}, {"Content-Type": MERGE_PATCH})
    assert_rest_problem(answer, 422, "invalid-fields", pointers(column.name))


def test_all_faults_of_a_body_at_once(table, resource):
    body = {column.name: column.wrong[0] for column in resource.writable}
    answer = table.post({**body, "nothing": 1, resource.key: NOBODY})
    assert_rest_problem(answer, 422, "invalid-fields", pointers(*body, "nothing", resource.key))
    answer = table.post({})
    assert_rest_problem(answer, 422, "invalid-fields", pointers(*(column.name for column in resource.writable)))


@pytest.mark.parametrize("name", ["created_at", "updated_at", "version", "written_by", "Name", "a/b", ""])
def test_a_field_that_there_is_not(table, resource, name):
    pointer = {"pointer": "/" + name.replace("/", "~1")}
    key = table.key(table.create())
    for answer in (table.post({**resource.body(), name: 1}), table.put(key, {**resource.body(), name: 1}),
                   table.patch(key, {"name": "x", name: 1})):
        assert_rest_problem(answer, 422, "invalid-fields", [pointer])


@pytest.mark.parametrize("text", ["", "{", "[", '{"name":}', '{"name":"x","name":"y"}', "nonsense", '{"name":"\\ud800"}', "{} {}"])
def test_what_is_no_json(table, text):
    key = table.key(table.create())
    for answer in (table.post(text, {"Content-Type": JSON}), table.put(key, text, {"Content-Type": JSON}), table.patch(key, text)):
        assert_rest_problem(answer, 400, "malformed-json")


@pytest.mark.parametrize("text", ['"text"', "1", "true", "null"])
def test_json_that_is_no_row(table, text):
    key = table.key(table.create())
    for answer in (table.post(text, {"Content-Type": JSON}), table.put(key, text, {"Content-Type": JSON}), table.patch(key, text),
                   table.put(key, "[]", {"Content-Type": JSON}), table.patch(key, "[]")):
        assert_rest_problem(answer, 422, "invalid-fields")


@pytest.mark.parametrize("spell", [str, str.upper, str.title])
def test_an_address_that_is_taken(client, spell):
    of = RESOURCES[1]
    taken, mine = client("POST", of.path, of.body()).json, client("POST", of.path, of.body()).json
    body = of.body(email=spell(taken["email"]))
    answers = [client("POST", of.path, body), client("PUT", f"{of.path}/{mine['id']}", body),
               client("PATCH", f"{of.path}/{mine['id']}", {"email": body["email"]}, {"Content-Type": MERGE_PATCH}),
               client("PUT", f"{of.path}/{new_key()}", body, {"If-None-Match": "*"})]  # fmt: skip
    for answer in answers:
        assert_rest_problem(answer, 409, "conflict", [{"pointer": "/email"}])
    assert client("GET", f"{of.path}/{mine['id']}").json == mine


# PUT


def test_replace(table, resource):
    before = table.create_answer()
    key = table.key(before.json)
    body = resource.body(name="replaced", age=77)
    answer = table.put(key, body)
    assert answer.status == 200 and answer.type == JSON
    assert {name: answer.json[name] for name in body} == body and table.key(answer.json) == key
    assert answer.headers["etag"] != before.headers["etag"]
    assert "location" not in answer.headers
    found = table.get(key)
    assert found.json == answer.json and found.headers["etag"] == answer.headers["etag"]


def test_replacing_keeps_the_time_of_creation(client):
    of = RESOURCES[1]
    row = client("POST", of.path, of.body()).json
    after = client("PUT", f"{of.path}/{row['id']}", of.body()).json
    assert after["created_at"] == row["created_at"] and after["updated_at"] > row["updated_at"]


@pytest.mark.parametrize("missing", ["name", "age"])
def test_replacing_takes_all_fields(table, resource, missing):
    row = table.create()
    answer = table.put(table.key(row), resource.body(**{missing: ...}))
    assert_rest_problem(answer, 422, "invalid-fields", pointers(missing))
    assert table.get(table.key(row)).json == row


def test_the_key_in_a_body_is_no_field(table, resource):
    row = table.create()
    for answer in (table.put(table.key(row), {**resource.body(), resource.key: new_key()}),
                   table.patch(table.key(row), {resource.key: new_key()})):
        assert_rest_problem(answer, 422, "invalid-fields", pointers(resource.key))


def test_nobody_is_replaced(table, resource):
    key = new_key()
    assert_rest_problem(table.put(key, resource.body()), 404, "no-such-row")
    assert table.get(key).status == 404


def test_create_under_a_key_of_ones_own(table, resource):
    key, body = new_key(), resource.body()
    answer = table.put(key, body, {"If-None-Match": "*"})
    assert answer.status == 201 and answer.headers["location"] == table.at(key)
    assert table.key(answer.json) == key and {name: answer.json[name] for name in body} == body
    found = table.get(key)
    assert found.json == answer.json and found.headers["etag"] == answer.headers["etag"]
    again = table.put(key, resource.body(name="other"), {"If-None-Match": "*"})
    assert_rest_problem(again, 412, "precondition-failed")
    assert table.get(key).json == answer.json


# PATCH


@pytest.mark.parametrize("kind", [MERGE_PATCH, JSON, "application/merge-patch+json; charset=utf-8"])
def test_change(table, resource, kind):
    before = table.create_answer()
    key = table.key(before.json)
    answer = table.patch(key, {"name": "changed"}, {"Content-Type": kind})
    assert answer.status == 200 and answer.type == JSON
    kept = {column.name for column in resource.columns} - {"name", "updated_at"}
    assert answer.json["name"] == "changed" and all(answer.json[name] == before.json[name] for name in kept)
    assert answer.headers["etag"] != before.headers["etag"]
    found = table.get(key)
    assert found.json == answer.json and found.headers["etag"] == answer.headers["etag"]


def test_change_each_field(table, resource):
    row = table.create()
    other = {**resource.body(), **{column.name: None for column in resource.nullable}, "name": "other"}
    for column in resource.writable:
        answer = table.patch(table.key(row), {column.name: other[column.name]})
        assert answer.status == 200, answer
        assert answer.json[column.name] == other[column.name]


def test_null_clears_a_field_that_may_be_empty(table, resource):
    row = table.create()
    for column in resource.nullable:
        assert table.patch(table.key(row), {column.name: None}).json[column.name] is None
    for column in resource.required:
        answer = table.patch(table.key(row), {column.name: None})
        assert_rest_problem(answer, 422, "invalid-fields", pointers(column.name))


def test_a_change_of_nothing(table):
    row = table.create()
    assert_rest_problem(table.patch(table.key(row), {}), 422, "invalid-fields")
    assert table.get(table.key(row)).json == row


def test_nobody_is_changed(table):
    assert_rest_problem(table.patch(new_key(), {"name": "x"}), 404, "no-such-row")


# DELETE


def test_delete(table):
    key = table.key(table.create())
    answer = table.delete(key)
    assert (answer.status, answer.body) == (204, b"")
    assert_rest_problem(table.get(key), 404, "no-such-row")
    assert_rest_problem(table.delete(key), 404, "no-such-row")


# Prefer


@pytest.mark.parametrize("prefer", ["return=minimal", "return=minimal, x", "Return=minimal", 'return="minimal"', "x=1,return=minimal;y"])
def test_the_answer_may_be_minimal(table, resource, prefer):
    asked = {"Prefer": prefer}
    made = table.post(resource.body(), asked)
    assert (made.status, made.body) == (201, b"")
    key = made.headers["location"].rpartition("/")[2]
    put = table.put(key, resource.body(), asked)
    patched = table.patch(key, {"name": "x"}, asked)
    for answer in (put, patched):
        assert (answer.status, answer.body) == (204, b"")
    own = table.put(new_key(), resource.body(), {**asked, "If-None-Match": "*"})
    assert (own.status, own.body) == (201, b"") and "location" in own.headers
    for answer in (made, put, patched, own):
        assert answer.headers["preference-applied"] == "return=minimal"
        assert answer.headers["etag"]
    assert table.get(key).headers["etag"] == patched.headers["etag"]


def test_the_answer_may_be_asked_for_whole(table, resource):
    asked = {"Prefer": "return=representation"}
    made = table.post(resource.body(), asked)
    key = table.key(made.json)
    for answer in (made, table.put(key, resource.body(), asked), table.patch(key, {"name": "x"}, asked)):
        assert answer.status in (200, 201) and answer.json
        assert answer.headers["preference-applied"] == "return=representation"


@pytest.mark.parametrize("prefer", ["return=nothing", "return", "wait=10", "count=exact", "handling=lenient, foo", ",foo,, bar"])
def test_a_preference_that_there_is_not_is_ignored(table, resource, prefer):
    answer = table.post(resource.body(), {"Prefer": prefer})
    assert answer.status == 201 and answer.json
    assert "preference-applied" not in answer.headers or "handling=lenient" in answer.headers["preference-applied"]


@pytest.mark.parametrize("prefer", [";;", "=,", "return=", "a b", 'return="minimal', "return=minimal=", '"return"'])
def test_preferences_that_are_none(table, resource, prefer):
    assert_rest_problem(table.post(resource.body(), {"Prefer": prefer}), 400, "malformed-header", [{"header": "Prefer"}])


def test_of_a_preference_given_twice_the_first_counts(table, resource):
    answer = table.post(resource.body(), {"Prefer": "return=minimal, return=representation, handling=strict, return=nothing"})
    assert (answer.status, answer.body) == (201, b"")


@pytest.mark.parametrize("preference", ["wait", "wait=10", "return=nothing", "foo", "count=exact"])
def test_strict_handling_refuses_what_there_is_not(table, resource, preference):
    row, before = table.create(), table.count()
    asked = {"Prefer": f"handling=strict, {preference}"}
    for answer in (table.post(resource.body(), asked), table.put(table.key(row), resource.body(), asked),
                   table.patch(table.key(row), {"name": "x"}, asked)):
        problem = assert_rest_problem(answer, 400, "malformed-header", [{"header": "Prefer"}])
        assert preference.partition("=")[0] in details(problem)
    assert table.count() == before and table.get(table.key(row)).json == row


def test_strict_handling_of_what_there_is(table, resource):
    answer = table.post(resource.body(), {"Prefer": "handling=strict, return=minimal"})
    assert answer.status == 201 and "return=minimal" in answer.headers["preference-applied"]


def test_the_seeds_routes_see_the_same_rows(http, client):
    """The rows of /v1 are those of the routes that were there before."""
    passengers, employees = RESOURCES
    row = client("POST", passengers.path, passengers.body()).json
    assert http("GET", f"/getpassenger/{row['uuid']}").json == row
    row = client("POST", employees.path, employees.body()).json
    seen = http("GET", f"/employees/get/{row['email']}").json["employee"]
    assert (seen["id"], seen["created_at"]) == (row["id"], row["created_at"].replace("T", " ").rstrip("Z"))
