"""Many rows in one request under /v1, with others at the same tables. tests/contract has each status and fault."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.process import ROOT
from harness.samples import employee, new_email, passenger
from harness.web import assert_json, assert_problem

EMPLOYEES, PASSENGERS = "/v1/employees", "/v1/passengers"
CSV = {"Content-Type": "text/csv"}
MERGE = {"Prefer": "resolution=merge-duplicates"}
IGNORE = {"Prefer": "resolution=ignore-duplicates"}


def at_once(count, call):
    """The answers of `count` calls, call(0) and so on, made by as many threads."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


def statuses(answers):
    return Counter(answer.status for answer in answers)


@pytest.mark.parametrize("name", ["passengers", "employees"])
def test_a_file_that_can_be_imported_can_be_sent(http, database, name):
    """The same header, with its other names for the fields."""
    database.empty()
    text = (ROOT / "schema" / "sample" / f"{name}.csv").read_bytes()
    items = assert_json(http("POST", f"/v1/{name}", text, CSV), 201)["items"]
    assert len(items) == text.count(b"\n") - 1 == int(database.sql(f"SELECT count(*) FROM {name}"))
    database.empty()


def test_an_export_can_be_sent_back(http, database):
    database.empty()
    database.fill_passengers(700)
    export = http("GET", PASSENGERS, None, {"Accept": "text/csv"}).body
    before = database.lines("SELECT uuid, name, age, fare, sex, survived FROM passengers ORDER BY uuid")
    assert_problem(http("POST", PASSENGERS, export, CSV), 409, "conflict")
    database.sql("DELETE FROM passengers WHERE fare < 200; UPDATE passengers SET name = 'x', age = NULL")
    assert len(assert_json(http("POST", PASSENGERS, export, {**CSV, **MERGE}), 200)["items"]) == 700
    assert database.lines("SELECT uuid, name, age, fare, sex, survived FROM passengers ORDER BY uuid") == before
    assert assert_json(http("POST", PASSENGERS, export, {**CSV, **IGNORE}), 200)["items"] == []
    database.empty()


def test_rows_that_overlap_are_all_there_or_none(http, database):
    """Of many who want one address, with others of their own, one gets it, and the rest nothing."""
    database.empty()
    wanted = new_email()
    bodies = [[employee() for _ in range(20)] for _ in range(12)]
    for number, body in enumerate(bodies):
        body.insert(number, employee(email=wanted))
    answers = at_once(12, lambda number: http("POST", EMPLOYEES, bodies[number]))
    assert statuses(answers) == {201: 1, 409: 11}
    for number, answer in enumerate(answers):
        if answer.status == 409:
            assert answer.json["errors"] == [{"row": number + 1, "pointer": "/email", "detail": "is taken already"}]
    assert database.sql("SELECT count(*) FROM employees") == "21"


def test_who_ignores_duplicates_never_gets_a_conflict(http, database):
    database.empty()
    body = [employee() for _ in range(50)]
    answers = at_once(8, lambda _: http("POST", EMPLOYEES, body, IGNORE))
    assert statuses(answers) == {200: 8}
    made = sorted(row["email"] for answer in answers for row in answer.json["items"])
    assert made == sorted(row["email"] for row in body)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_writers_of_the_same_rows_in_other_orders(http, database, method):
    """None waits for another for ever; each row is one writer's."""
    database.empty()
    rows = assert_json(http("POST", PASSENGERS, [passenger() for _ in range(200)]), 201)["items"]

    def write(number):
        order = rows if number % 2 else rows[::-1]
        changed = {"name": f"Writer {number}", "age": number}
        if method == "POST":
            return http("POST", PASSENGERS, [{**row, **changed} for row in order], MERGE)
        return http("PATCH", PASSENGERS, [{"uuid": row["uuid"], **changed} for row in order])

    answers = at_once(10, write)
    assert statuses(answers) == {200: 10}
    for number, answer in enumerate(answers):
        assert {row["name"] for row in answer.json["items"]} == {f"Writer {number}"}
    assert database.sql("SELECT count(*) FROM passengers WHERE name = 'Writer ' || age") == "200"
    assert database.sql("SELECT count(DISTINCT version) FROM passengers") == "1"


def test_deletes_beside_changes(http, database):
    """A change of many finds all its rows, or changes none."""
    database.empty()
    rows = assert_json(http("POST", PASSENGERS, [passenger() for _ in range(100)]), 201)["items"]

    def work(number):
        if number % 2:
            return http("DELETE", f"{PASSENGERS}/{rows[number]['uuid']}")
        return http("PATCH", PASSENGERS, [{"uuid": row["uuid"], "name": f"Changed {number}"} for row in rows])

    answers = at_once(10, work)
    assert statuses(answers[1::2]) == {204: 5}
    assert set(statuses(answers[::2])) <= {200, 409}
    assert int(database.sql("SELECT count(DISTINCT name) FROM passengers")) == 1
    assert database.sql("SELECT count(*) FROM passengers") == "95"


def test_others_are_served_beside_ten_thousand_rows(http, database):
    database.empty()
    body = [passenger(name=f"N {number}") for number in range(10000)]

    def work(number):
        if number == 0:
            return http("POST", PASSENGERS, body, {"Prefer": "return=minimal"}).status
        return http("POST", PASSENGERS, passenger()).status

    assert at_once(10, work) == [201] * 10
    assert database.sql("SELECT count(*) FROM passengers") == "10009"
    database.empty()
