"""The passengers' routes, as their clients call them."""

import re

import pytest
from harness.samples import NOBODY, PASSENGER_KEYS, UUID7, compact, passenger
from harness.web import assert_json, assert_problem


@pytest.fixture
def created(http):
    """A passenger that is there."""
    return assert_json(http("POST", "/postpassenger", passenger()), 200)[0]


def test_hello(http):
    answer = http("GET", "/hello")
    assert_json(answer, 201)
    assert answer.body == b'{"message":"ok"}'


def test_zero(http):
    answer = http("GET", "/zero")
    assert_json(answer, 201)
    assert answer.body == b'{"0":""}'


def test_post_answers_with_an_array(http):
    body = passenger(name="Zoë O'Hara", age=27.5, fare=13.25)
    answer = http("POST", "/postpassenger", body)
    (row,) = assert_json(answer, 200)
    assert list(row) == PASSENGER_KEYS
    assert re.fullmatch(UUID7, row["uuid"])
    assert row == {"uuid": row["uuid"], **body}
    assert answer.body == compact([row])


def test_post_text_is_exact(http):
    """Keys in their order, booleans and numbers as JSON has them."""
    answer = http("POST", "/postpassenger", passenger(age=22, fare=7.25, survived=False))
    assert re.fullmatch(
        rb'\[\{"uuid":"[0-9a-f-]{36}","survived":false,"passengerClass":2,"name":"Post-Test-Name","sex":"male",'
        rb'"age":22,"siblingsOrSpousesAboard":0,"parentsOrChildrenAboard":0,"fare":7.25\}\]',
        answer.body,
    )


def test_nulls(http):
    body = passenger(survived=None, sex=None, age=None, fare=None)
    (row,) = assert_json(http("POST", "/postpassenger", body), 200)
    assert row == {"uuid": row["uuid"], **body}
    assert assert_json(http("GET", f"/getpassenger/{row['uuid']}"), 200) == row


def test_keys_may_come_in_any_order(http):
    body = dict(reversed(passenger().items()))
    (row,) = assert_json(http("POST", "/postpassenger", body), 200)
    assert list(row) == PASSENGER_KEYS


def test_get(http, created):
    answer = http("GET", f"/getpassenger/{created['uuid']}")
    assert assert_json(answer, 200) == created
    assert answer.body == compact(created)


def test_get_with_an_upper_case_uuid(http, created):
    assert assert_json(http("GET", f"/getpassenger/{created['uuid'].upper()}"), 200) == created


def test_put(http, created):
    body = passenger(name="Put-Test-Name", survived=None, age=None)
    answer = http("PUT", f"/putpassenger/{created['uuid']}", body)
    changed = {"uuid": created["uuid"], **body}
    assert assert_json(answer, 200) == changed
    assert list(answer.json) == PASSENGER_KEYS
    assert http("GET", f"/getpassenger/{created['uuid']}").body == answer.body


def test_put_of_the_same_changes_nothing(http, created):
    body = {key: created[key] for key in PASSENGER_KEYS[1:]}
    for _ in range(2):
        assert assert_json(http("PUT", f"/putpassenger/{created['uuid']}", body), 200) == created


def test_delete(http, created):
    answer = http("DELETE", f"/deletepassenger/{created['uuid']}")
    assert_json(answer, 200)
    assert answer.body == b"null"
    assert_problem(http("GET", f"/getpassenger/{created['uuid']}"), 404, "no-such-row")
    assert_problem(http("DELETE", f"/deletepassenger/{created['uuid']}"), 404, "no-such-row")


@pytest.mark.parametrize("method, path, body", [
    ("GET", "/getpassenger/", None), ("PUT", "/putpassenger/", passenger()), ("DELETE", "/deletepassenger/", None),
])  # fmt: skip
def test_nobody(http, method, path, body):
    assert_problem(http(method, path + NOBODY, body), 404, "no-such-row")


@pytest.mark.parametrize("uuid", [
    "1", "not-a-uuid", "018f0000-0000-7000-8000-00000000dea", "018f0000-0000-7000-8000-00000000deadd",
    "018f000000007000800000000000dead", "{018f0000-0000-7000-8000-00000000dead}", "018g0000-0000-7000-8000-00000000dead",
    "018f0000-0000-7000-8000-00000000dead%20", "%20018f0000-0000-7000-8000-00000000dead", "0", "-1", "%27%20OR%201=1",
    "018f0000_0000_7000_8000_00000000dead",
])  # fmt: skip
@pytest.mark.parametrize("method, path, body", [
    ("GET", "/getpassenger/", None), ("PUT", "/putpassenger/", passenger()), ("DELETE", "/deletepassenger/", None),
])  # fmt: skip
def test_malformed_uuid(http, method, path, body, uuid):
    assert_problem(http(method, path + uuid, body), 400, "malformed-uuid")


def test_list_of_none(http, database):
    database.empty()
    answer = http("GET", "/passengerlist")
    assert assert_json(answer, 200) == []
    assert answer.body == b"[]"


def test_list_is_in_the_order_of_creation(http, database):
    database.empty()
    rows = [http("POST", "/postpassenger", passenger(name=f"N {number}")).json[0] for number in range(30)]
    answer = http("GET", "/passengerlist")
    assert assert_json(answer, 200) == sorted(rows, key=lambda row: row["uuid"])
    assert answer.body == compact(answer.json)
    assert [row["uuid"][:8] for row in rows] == sorted(row["uuid"][:8] for row in rows)


@pytest.mark.parametrize("count", [1, 2, 99, 100, 101, 255, 256, 257, 499, 500, 501, 999, 1000, 1001, 2048])
def test_list_of_any_length(http, database, count):
    """No row is lost or doubled where one page ends and the next begins."""
    database.empty()
    database.fill_passengers(count)
    rows = assert_json(http("GET", "/passengerlist"), 200)
    assert [row["name"] for row in rows] == [f"Person {number}" for number in range(1, count + 1)]


def test_list_ignores_the_query(http, database):
    database.empty()
    assert http("GET", "/passengerlist?limit=1").body == b"[]"
