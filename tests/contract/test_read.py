"""One row, and one page of rows: what GET answers, and which requests it refuses."""

import re

import pytest
from harness.rest import JSON, assert_rest_problem, details, places
from harness.samples import NOBODY, UUID7, compact

TIME = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z"


# One row.


def test_a_row_is_answered_with_its_version(table, resource):
    row = table.create()
    answer = table.get(table.key(row))
    assert answer.status == 200 and answer.type == JSON
    assert answer.json == row and list(answer.json) == resource.names
    assert answer.body == compact(row)
    assert re.fullmatch(r'"[^"]+"', answer.headers["etag"])
    assert answer.headers["cache-control"] == "no-cache"


def test_the_version_changes_with_the_row(table):
    key = table.key(table.create(name="one"))
    tags = [table.get(key).headers["etag"]]
    for name in ("two", "three", "one"):
        table.patch(key, {"name": name})
        tags.append(table.get(key).headers["etag"])
    assert len(set(tags)) == 4


def test_keys_and_times_are_written_in_one_way(table, resource):
    row = table.create()
    assert re.fullmatch(UUID7, table.key(row))
    for column in resource.columns:
        if column.type == "time":
            assert re.fullmatch(TIME, row[column.name]), row


def test_nobody(table):
    assert_rest_problem(table.get(NOBODY), 404, "no-such-row")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("key", ["1", "x", NOBODY[:-1], NOBODY + "0", NOBODY.replace("-", "_"), "%20" + NOBODY])
def test_a_key_that_is_no_uuid(table, resource, method, key):
    body = resource.body() if method in ("PUT", "PATCH") else None
    answer = table.client(method, table.at(key), body)
    if method == "HEAD":
        assert (answer.status, answer.body) == (400, b"")
    else:
        assert_rest_problem(answer, 400, "malformed-uuid")


@pytest.mark.parametrize("accept", [
    None, "*/*", "application/*", JSON, "APPLICATION/JSON", "text/html, application/json;q=0.1", "text/csv, */*;q=0.5",
    "application/json;q=1.0,text/html;q=0", "text/csv;q=1, application/*;q=0.2", "text/html, , application/json ,",
])  # fmt: skip
def test_a_row_for_who_takes_json(table, accept):
    key = table.key(table.create())
    answer = table.get(key, {} if accept is None else {"Accept": accept})
    assert answer.status == 200 and answer.type == JSON


@pytest.mark.parametrize("accept", [
    "text/html", "text/csv", "application/x-ndjson", "application/json;q=0", "*/*;q=0", "application/json;q=0, */*;q=0.5",
    "text/*", "application/xml, text/plain",
])  # fmt: skip
def test_a_row_for_who_takes_no_json(table, accept):
    key = table.key(table.create())
    problem = assert_rest_problem(table.get(key, {"Accept": accept}), 406, "not-acceptable")
    assert JSON in details(problem)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_a_row_takes_no_parameters(table, method, resource):
    row = table.create()
    body = {"GET": None, "DELETE": None}.get(method, resource.body(name="never"))
    answer = table.client(method, table.at(table.key(row)), body, None, {"limit": 1, "nothing": ""})
    assert_rest_problem(answer, 400, "invalid-parameters", [{"parameter": "limit"}, {"parameter": "nothing"}])
    assert table.get(table.key(row)).json == row


def test_posting_takes_no_parameters(table, resource):
    before = table.count()
    answer = table.post(resource.body(), None, {"fields": "name"})
    assert_rest_problem(answer, 400, "invalid-parameters", [{"parameter": "fields"}])
    assert table.count() == before


# A page of rows.


def test_a_page_of_nothing(table, resource, database):
    resource.fill(database, [])
    answer = table.list()
    assert answer.status == 200 and answer.type == JSON
    assert answer.body == b'{"items":[],"next":null}'


def test_a_page(table, resource, rows):
    answer = table.list()
    assert answer.status == 200 and answer.type == JSON
    assert list(answer.json) == ["items", "next"]
    assert answer.json["items"] == rows[:50]
    assert list(answer.json["items"][0]) == resource.names
    assert answer.json["next"].startswith(f"{table.path}?")
    assert answer.headers["cache-control"] == "no-cache"
    assert {name.strip().lower() for name in answer.headers["vary"].split(",")} == {"accept", "prefer"}
    assert answer.body == compact(answer.json)


@pytest.mark.parametrize("limit, count", [(1, 1), (50, 50), (59, 59), (60, 60), (61, 60), (500, 60)])
def test_a_page_is_as_long_as_asked_for(table, rows, limit, count):
    page = table.list({"limit": limit}).json
    assert page["items"] == rows[:count]
    assert (page["next"] is None) == (count == 60)


def test_links_lead_to_the_first_and_the_next_page(table, rows):
    answer = table.list({"limit": 50})
    links = dict((rel, target) for target, rel in re.findall(r'<([^>]*)>; rel="(\w+)"', answer.headers["link"]))
    assert links == {"first": f"{table.path}?limit=50", "next": answer.json["next"]}
    last = table.client("GET", links["next"])
    assert last.json == {"items": rows[50:], "next": None}
    links = dict((rel, target) for target, rel in re.findall(r'<([^>]*)>; rel="(\w+)"', last.headers["link"]))
    assert links == {"first": f"{table.path}?limit=50"}


def test_links_keep_what_was_asked_for(table, rows):
    params = {"limit": 7, "order": "-name", "fields": "name", "q": "a", "name": "neq.a,b & c"}
    answer = table.list(params)
    links = dict((rel, target) for target, rel in re.findall(r'<([^>]*)>; rel="(\w+)"', answer.headers["link"]))
    assert table.client("GET", links["first"]).json == answer.json
    assert links["next"] == answer.json["next"]
    assert all(list(row) == ["name"] for row in table.client("GET", links["next"]).json["items"])


@pytest.mark.parametrize("limit", ["0", "501", "-1", "abc", "", "1.5", "1e2", "+5", " 5", "5 ", "99999999999999999999"])
def test_a_limit_out_of_bounds(table, limit):
    problem = assert_rest_problem(table.list({"limit": limit}), 400, "invalid-parameters", [{"parameter": "limit"}])
    assert "500" in details(problem)


def test_fields_are_answered_in_the_order_asked_for(table, resource, rows):
    names = list(reversed(resource.names))
    for chosen in (names, names[:2], ["name"]):
        page = table.list({"fields": ",".join(chosen), "limit": 60}).json["items"]
        assert page == [{name: row[name] for name in chosen} for row in rows]
        assert list(page[0]) == chosen


@pytest.mark.parametrize("fields", ["nothing", "name,nothing", "name,name", "", "name,", ",name", "NAME", "name, name"])
def test_fields_that_are_none(table, fields):
    assert_rest_problem(table.list({"fields": fields}), 400, "invalid-parameters", [{"parameter": "fields"}])


@pytest.mark.parametrize("prefer, applied", [
    ("count=exact", "count=exact"), ("count=estimated", "count=estimated"), ('count="exact"', "count=exact"),
    ("COUNT=exact", "count=exact"), ("respond-async, count=exact", "count=exact"), ("count=exact; x=y", "count=exact"),
])  # fmt: skip
def test_a_count(table, rows, prefer, applied):
    answer = table.list({"limit": 5}, {"Prefer": prefer})
    assert list(answer.json) == ["items", "next", "total"]
    assert answer.headers["preference-applied"] == applied
    if applied == "count=exact":
        assert answer.json["total"] == len(rows)
    else:
        assert isinstance(answer.json["total"], int) and answer.json["total"] >= 0


def test_a_count_of_what_the_filters_leave(table, rows):
    answer = table.list({"limit": 1, "name": "Ada"}, {"Prefer": "count=exact"})
    assert answer.json["total"] == sum(row["name"] == "Ada" for row in rows)
    following = table.client("GET", answer.json["next"], None, {"Prefer": "count=exact"})
    assert following.json["total"] == answer.json["total"]


@pytest.mark.parametrize("prefer", ["count=none", "count", "return=minimal", "nothing=at-all", "return=representation"])
def test_a_preference_that_a_list_does_not_have_is_ignored(table, rows, prefer):
    answer = table.list({"limit": 1}, {"Prefer": prefer})
    assert answer.status == 200 and "total" not in answer.json and "preference-applied" not in answer.headers


@pytest.mark.parametrize("prefer", ["count=none", "nothing=at-all", "return=minimal", "respond-async"])
def test_a_preference_that_a_list_does_not_have_is_refused_when_handling_is_strict(table, rows, prefer):
    answer = table.list({"limit": 1}, {"Prefer": f"handling=strict, {prefer}"})
    problem = assert_rest_problem(answer, 400, "malformed-header", [{"header": "Prefer"}])
    assert prefer.partition("=")[0] in details(problem)


def test_strict_handling_of_what_there_is(table, rows):
    answer = table.list({"limit": 1}, {"Prefer": "handling=strict, count=exact"})
    assert answer.status == 200 and answer.json["total"] == len(rows)
    assert "count=exact" in answer.headers["preference-applied"]


def test_a_parameter_that_there_is_not(table, resource):
    problem = assert_rest_problem(table.list({"page": 2}), 400, "invalid-parameters", [{"parameter": "page"}])
    said = details(problem)
    for name in ("limit", "cursor", "order", "fields", "q", *resource.names):
        assert re.search(rf"\b{name}\b", said), f"{name} is not in: {said}"


@pytest.mark.parametrize("name, value", [("limit", "5"), ("order", "name"), ("fields", "name"), ("q", "a")])
def test_a_parameter_given_twice(table, name, value):
    answer = table.list([(name, value), (name, value)])
    assert_rest_problem(answer, 400, "invalid-parameters", [{"parameter": name}])


@pytest.mark.parametrize("params", [
    {"limit": "0", "order": "nothing", "fields": "name,name", "name": "in.(", "q": "x" * 201, "by": "x"},
    {"limit": "0", "cursor": "!", "fields": "name,name", "order": "name", "by": "x"},
], ids=["of everything", "a cursor's, too"])  # fmt: skip
def test_all_faults_of_the_parameters_at_once(table, params):
    """A cursor goes with the filters, q and the order: it is looked at when these are good."""
    problem = assert_rest_problem(table.list(params), 400, "invalid-parameters")
    assert {place["parameter"] for place in places(problem)} == set(params) - ({"order"} if "cursor" in params else set())


@pytest.mark.parametrize("query", ["%zz=1", "name=%ff", "name=%00", "limit=%", "%ff=1", "name=eq.%c0%af"])
def test_bad_bytes_in_the_query(table, query):
    answer = table.client("GET", f"{table.path}?{query}")
    assert answer.status == 400 and answer.type == "application/problem+json", answer


@pytest.mark.parametrize("query", ["?", "?&", "?&&limit=1&"])
def test_an_empty_query_asks_for_nothing(table, rows, query):
    answer = table.client("GET", table.path + query)
    assert answer.status == 200 and answer.json["items"][0] == rows[0]


@pytest.mark.parametrize("path", ["", "x", "/", f"/{NOBODY}/", f"/{NOBODY}/name"])
def test_what_is_no_address_of_v1(http, path):
    assert http("GET", f"/v1{path}").status in (400, 404)
