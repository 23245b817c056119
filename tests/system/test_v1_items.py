"""One row under /v1: made, read, replaced, changed and deleted by its key, in the version that is asked for."""

import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Callable

import pytest
from harness.samples import EMPLOYEE_KEYS, NOBODY, PASSENGER_KEYS, UUID7, compact, employee, passenger
from harness.web import assert_json, assert_problem

RFC3339 = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z"
PATCHES = "application/merge-patch+json, application/json"
WRITES = ["PUT", "PATCH", "DELETE"]


@dataclass
class Kind:
    """A resource, and what its rows are like."""

    path: str
    key: str
    keys: list
    sample: Callable
    required: list


KINDS = [
    Kind("/v1/passengers", "uuid", PASSENGER_KEYS, passenger,
         ["passengerClass", "name", "siblingsOrSpousesAboard", "parentsOrChildrenAboard"]),
    Kind("/v1/employees", "id", EMPLOYEE_KEYS, employee, ["age", "email", "name"]),
]  # fmt: skip


@pytest.fixture(params=KINDS, ids=lambda kind: kind.path)
def kind(request):
    return request.param


class Item:
    """A row that is there, and where."""

    def __init__(self, http, kind):
        self.sent = kind.sample()
        answer = http("POST", kind.path, self.sent)
        self.row = assert_json(answer, 201)
        self.at = answer.headers["location"]
        self.tag = answer.headers["etag"]
        self.kind = kind

    def body(self, method, **changed):
        """What a method needs: a whole row, one field, or nothing."""
        whole = {**self.sent, **changed}
        return {"PUT": whole, "PATCH": changed or {"name": "Changed"}, "DELETE": None}[method]


@pytest.fixture
def item(http, kind):
    return Item(http, kind)


def header_faults(answer):
    return [error["header"] for error in assert_problem(answer, 400, "malformed-header")["errors"]]


def assert_same(http, item):
    """Nothing has happened to it."""
    answer = http("GET", item.at)
    assert (answer.json, answer.headers["etag"]) == (item.row, item.tag)


# ---- each method ----


def test_create(http, kind):
    sent = kind.sample(name="Zoë O'Hara")
    answer = http("POST", kind.path, sent)
    row = assert_json(answer, 201)
    assert list(row) == kind.keys and {key: row[key] for key in sent} == sent
    assert re.fullmatch(UUID7, row[kind.key])
    assert answer.headers["location"] == f"{kind.path}/{row[kind.key]}"
    assert answer.headers["etag"] == '"1"'
    assert answer.body == compact(row)


def test_get(http, item):
    answer = http("GET", item.at)
    assert assert_json(answer, 200) == item.row
    assert answer.headers["etag"] == item.tag
    assert answer.headers["cache-control"] == "no-cache"
    head = http("HEAD", item.at)
    assert (head.status, head.body, head.headers["etag"]) == (200, b"", item.tag)
    assert head.headers["content-length"] == str(len(answer.body))


def test_times_are_rfc_3339(http):
    row = assert_json(http("POST", "/v1/employees", employee()), 201)
    assert re.fullmatch(RFC3339, row["created_at"]) and re.fullmatch(RFC3339, row["updated_at"])
    old = http("GET", f"/employees/get/{row['email']}").json["employee"]
    assert old["created_at"].replace(" ", "T") + "Z" == row["created_at"]


def test_a_key_in_capitals(http, item):
    answer = http("GET", f"{item.kind.path}/{item.row[item.kind.key].upper()}")
    assert assert_json(answer, 200) == item.row


def test_replace(http, item):
    sent = item.body("PUT", name="Replaced", age=31)
    answer = http("PUT", item.at, sent)
    row = assert_json(answer, 200)
    assert {key: row[key] for key in sent} == sent and row[item.kind.key] == item.row[item.kind.key]
    assert answer.headers["etag"] == '"2"' and "location" not in answer.headers
    assert http("GET", item.at).json == row


@pytest.mark.parametrize("content_type", ["application/merge-patch+json", "application/json",
                                          "Application/Merge-Patch+JSON; charset=utf-8"])  # fmt: skip
def test_change(http, item, content_type):
    answer = http("PATCH", item.at, b'{"age": 44}', {"Content-Type": content_type})
    row = assert_json(answer, 200)
    assert {**item.row, "age": 44}.items() - row.items() <= {("updated_at", item.row.get("updated_at"))}
    assert answer.headers["etag"] == '"2"'
    assert http("GET", item.at).json == row


def test_null_clears_a_field_that_may_be_empty(http):
    item = Item(http, KINDS[0])
    assert assert_json(http("PATCH", item.at, {"age": None, "sex": None}), 200) == {**item.row, "age": None, "sex": None}


def test_null_on_a_field_that_must_have_a_value(http, item):
    answer = http("PATCH", item.at, dict.fromkeys(item.kind.required))
    assert_problem(answer, 422, "invalid-fields", [f"/{key}" for key in item.kind.required])
    assert_same(http, item)


@pytest.mark.parametrize("body, pointer", [("[]", ""), ("null", ""), ("1", ""), ("{}", ""), ('{"x": 1}', "/x"),
                                           ('{"x": null}', "/x")])  # fmt: skip
def test_a_patch_that_changes_nothing_that_is_there(http, item, body, pointer):
    assert_problem(http("PATCH", item.at, body), 422, "invalid-fields", [pointer])


def test_the_key_is_not_in_a_body(http, item):
    key = item.kind.key
    body = {**item.sent, key: item.row[key]}
    for method, at in [("POST", item.kind.path), ("PUT", item.at), ("PATCH", item.at)]:
        assert_problem(http(method, at, body), 422, "invalid-fields", [f"/{key}"])


def test_delete(http, item):
    answer = http("DELETE", item.at)
    assert (answer.status, answer.body) == (204, b"")
    assert_problem(http("DELETE", item.at), 404, "no-such-row")
    assert_problem(http("GET", item.at), 404, "no-such-row")


@pytest.mark.parametrize("method", ["GET", *WRITES])
@pytest.mark.parametrize("name, status, slug", [(NOBODY, 404, "no-such-row"), ("x", 400, "malformed-uuid"),
                                                ("foo@bar.com", 400, "malformed-uuid")])  # fmt: skip
def test_a_row_that_is_not_there(http, kind, method, name, status, slug):
    body = {"PUT": kind.sample(), "PATCH": {"age": 1}}.get(method)
    assert_problem(http(method, f"{kind.path}/{name}", body), status, slug)


def test_an_address_that_is_taken(http):
    one, other = Item(http, KINDS[1]), Item(http, KINDS[1])
    for method in ("PUT", "PATCH"):
        answer = http(method, one.at, one.body(method, email=other.sent["email"].upper()))
        assert_problem(answer, 409, "conflict", ["/email"])
    assert_problem(http("POST", "/v1/employees", employee(email=other.sent["email"])), 409, "conflict", ["/email"])
    body = employee(email=other.sent["email"])
    answer = http("PUT", f"/v1/employees/{uuid.uuid4()}", body, {"If-None-Match": "*"})
    assert_problem(answer, 409, "conflict", ["/email"])
    assert_same(http, one)


def test_options(http, kind):
    answer = http("OPTIONS", f"{kind.path}/{NOBODY}")
    assert (answer.status, answer.headers["accept-patch"]) == (204, PATCHES)
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}
    assert_problem(http("POST", f"{kind.path}/{NOBODY}"), 405, "method-not-allowed")


@pytest.mark.parametrize("content_type", ["text/plain", "application/json-patch+json", "application/merge-patch", ""])
def test_a_patch_of_another_type(http, item, content_type):
    answer = http("PATCH", item.at, b'{"age": 1}', {"Content-Type": content_type})
    assert_problem(answer, 415, "unsupported-media-type")
    assert answer.headers["accept-patch"] == PATCHES and answer.headers["accept"] == PATCHES


def test_a_merge_patch_is_for_changes_alone(http, item):
    answer = http("PUT", item.at, compact(item.sent), {"Content-Type": "application/merge-patch+json"})
    assert_problem(answer, 415, "unsupported-media-type")
    assert answer.headers["accept"] == "application/json" and "accept-patch" not in answer.headers


@pytest.mark.parametrize("method", ["GET", *WRITES])
def test_a_row_takes_no_parameters(http, item, method):
    answer = http(method, f"{item.at}?fields=name&x", item.body(method) if method != "GET" else None)
    faults = assert_problem(answer, 400, "invalid-parameters")["errors"]
    assert sorted(error["parameter"] for error in faults) == ["fields", "x"]
    assert_same(http, item)


# ---- Accept ----


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
def test_json_is_all_there_is(http, item, method):
    problem = assert_problem(http(method, item.at, item.body(method) if method != "GET" else None, {"Accept": "text/csv"}),
                             406, "not-acceptable")  # fmt: skip
    assert "application/json" in problem["detail"]
    assert_same(http, item)
    assert http("GET", item.at, headers={"Accept": "text/csv, */*;q=0.1"}).status == 200


def test_a_deletion_has_nothing_to_accept(http, item):
    assert http("DELETE", item.at, headers={"Accept": "text/csv"}).status == 204


# ---- If-None-Match of a GET ----


@pytest.mark.parametrize("header", ['"1"', 'W/"1"', "*", '"x", "1"', ' "1" ,"2"', '"2",,W/"1",'])
def test_a_copy_that_is_still_good(http, item, header):
    for method in ("GET", "HEAD"):
        answer = http(method, item.at, headers={"If-None-Match": header})
        assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", item.tag)
        assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("header", ['"2"', '"01"', '"x"', 'W/"11"', '""'])
def test_a_copy_that_is_old(http, item, header):
    assert assert_json(http("GET", item.at, headers={"If-None-Match": header}), 200) == item.row


def test_a_get_of_one_version(http, item):
    assert http("GET", item.at, headers={"If-Match": item.tag}).status == 200
    assert_problem(http("GET", item.at, headers={"If-Match": '"2"'}), 412, "precondition-failed")
    both = {"If-Match": item.tag, "If-None-Match": item.tag}
    assert http("GET", item.at, headers=both).status == 304


# ---- preconditions of writes ----

HOLD = [{"If-Match": '"1"'}, {"If-Match": "*"}, {"If-Match": '"7", "1"'}, {"If-None-Match": '"2"'},
        {"If-None-Match": 'W/"2", "x"'}, {"If-Match": '"1"', "If-None-Match": '"2"'}]  # fmt: skip
FAIL = [{"If-Match": '"2"'}, {"If-Match": 'W/"1"'}, {"If-Match": '"x"'}, {"If-Match": '"01"'}, {"If-None-Match": '"1"'},
        {"If-None-Match": 'W/"1"'}, {"If-None-Match": "*"}, {"If-Match": '"1"', "If-None-Match": '"1"'},
        {"If-Match": "*", "If-None-Match": "*"}, {"If-Match": '"9223372036854775808"'}]  # fmt: skip


@pytest.mark.parametrize("headers", HOLD, ids=str)
@pytest.mark.parametrize("method", WRITES)
def test_a_precondition_that_holds(http, item, method, headers):
    answer = http(method, item.at, item.body(method, name="Changed"), headers)
    assert answer.status == (204 if method == "DELETE" else 200)
    if method != "DELETE":
        assert answer.headers["etag"] == '"2"'


@pytest.mark.parametrize("headers", FAIL, ids=str)
@pytest.mark.parametrize("method", WRITES)
def test_a_precondition_that_fails(http, item, method, headers):
    assert_problem(http(method, item.at, item.body(method), headers), 412, "precondition-failed")
    assert_same(http, item)


@pytest.mark.parametrize("headers", [{"If-Match": '"1"'}, {"If-Match": "*"}, {"If-None-Match": '"1"'}], ids=str)
@pytest.mark.parametrize("method", WRITES)
def test_a_row_that_is_not_there_in_any_version(http, kind, method, headers):
    body = {"PUT": kind.sample(), "PATCH": {"age": 1}}.get(method)
    assert_problem(http(method, f"{kind.path}/{NOBODY}", body, headers), 404, "no-such-row")


@pytest.mark.parametrize("header", ["1", '"1', '"1" "2"', 'w/"1"', '*, "1"', "'1'"])
@pytest.mark.parametrize("method", ["GET", *WRITES])
def test_a_precondition_that_is_no_tag(http, item, method, header):
    body = item.body(method) if method != "GET" else None
    answer = http(method, item.at, body, {"If-Match": header, "If-None-Match": header})
    assert header_faults(answer) == ["If-Match", "If-None-Match"]
    assert_same(http, item)


# ---- a key of the client's own ----


def test_make_a_row_under_a_key(http, kind):
    key, sent = str(uuid.uuid4()), kind.sample()
    answer = http("PUT", f"{kind.path}/{key}", sent, {"If-None-Match": "*"})
    row = assert_json(answer, 201)
    assert row[kind.key] == key and {name: row[name] for name in sent} == sent
    assert answer.headers["location"] == f"{kind.path}/{key}"
    assert http("GET", f"{kind.path}/{key}", headers={"If-None-Match": answer.headers["etag"]}).status == 304
    again = http("PUT", f"{kind.path}/{key}", kind.sample(), {"If-None-Match": "*"})
    assert_problem(again, 412, "precondition-failed")
    assert http("GET", f"{kind.path}/{key}").json == row


def test_a_row_that_comes_again_has_another_tag(http, kind):
    at = f"{kind.path}/{uuid.uuid4()}"
    tags = set()
    for _ in range(3):
        tags.add(http("PUT", at, kind.sample(), {"If-None-Match": "*"}).headers["etag"])
        tags.add(http("PATCH", at, {"name": "Changed"}).headers["etag"])
        assert http("DELETE", at).status == 204
    assert len(tags) == 6


def test_make_a_row_that_is_to_be_there(http, kind):
    at = f"{kind.path}/{uuid.uuid4()}"
    for match in ("*", '"1"'):
        answer = http("PUT", at, kind.sample(), {"If-None-Match": "*", "If-Match": match})
        assert_problem(answer, 412, "precondition-failed")
    assert http("GET", at).status == 404


def test_one_of_fifty_makes_it(http, kind):
    at = f"{kind.path}/{uuid.uuid4()}"
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: http("PUT", at, kind.sample(), {"If-None-Match": "*"}), range(50)))
    assert sorted(answer.status for answer in answers) == [201] + 49 * [412]


# ---- Prefer ----


def test_no_row_in_the_answer(http, kind):
    minimal = {"Prefer": "return=minimal"}
    made = http("POST", kind.path, kind.sample(), minimal)
    at = made.headers["location"]
    put = http("PUT", f"{kind.path}/{uuid.uuid4()}", kind.sample(), {**minimal, "If-None-Match": "*"})
    changed = [http("PUT", at, kind.sample(), minimal), http("PATCH", at, {"age": 2}, minimal)]
    for answer, status in [(made, 201), (put, 201), *((answer, 204) for answer in changed)]:
        assert (answer.status, answer.body, answer.type) == (status, b"", None)
        assert answer.headers["preference-applied"] == "return=minimal"
        assert answer.headers["etag"]
    assert put.headers["location"].startswith(kind.path)
    assert [made.headers["etag"], *(answer.headers["etag"] for answer in changed)] == ['"1"', '"2"', '"3"']
    assert http("GET", at).headers["etag"] == '"3"'


def test_the_row_in_the_answer(http, item):
    wish = {"Prefer": "return=representation, wait=10"}
    for method in ("PUT", "PATCH"):
        answer = http(method, item.at, item.body(method), wish)
        assert_json(answer, 200)
        assert answer.headers["preference-applied"] == "return=representation"
    assert "preference-applied" not in http("PATCH", item.at, {"age": 3}, {"Prefer": "count=exact"}).headers


def test_who_is_strict(http, item):
    for method in ("GET", *WRITES):
        body = item.body(method) if method != "GET" else None
        answer = http(method, item.at, body, {"Prefer": "handling=strict, wait=10"})
        assert header_faults(answer) == ["Prefer"]
        assert "wait" in answer.json["errors"][0]["detail"]
    assert header_faults(http("PUT", item.at, item.sent, {"Prefer": "return minimal"})) == ["Prefer"]
    assert_same(http, item)
    strict = {"Prefer": "handling=strict, return=minimal"}
    assert http("PATCH", item.at, {"age": 5}, strict).status == 204


# ---- many writers ----


def test_no_update_is_lost(http):
    """Fifty writers read, add one, and write what they have read if nobody came between."""
    item = Item(http, KINDS[0])
    http("PATCH", item.at, {"fare": 0})

    def add_one(_):
        for tries in range(1, 1000):
            read = http("GET", item.at)
            answer = http("PATCH", item.at, {"fare": read.json["fare"] + 1}, {"If-Match": read.headers["etag"]})
            if answer.status == 200:
                assert answer.json["fare"] == read.json["fare"] + 1
                return tries
            assert_problem(answer, 412, "precondition-failed")
        raise AssertionError("never got through")

    with ThreadPoolExecutor(50) as pool:
        tries = list(pool.map(add_one, range(50)))
    answer = http("GET", item.at)
    assert (answer.json["fare"], answer.headers["etag"]) == (50, '"52"')
    assert sum(tries) >= 50
