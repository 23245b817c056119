"""Every route once, as the worker answers it with no nginx in between."""

import re

import pytest
from harness.samples import EMPLOYEE_KEYS, PASSENGER_KEYS, TIME, UUID7, compact, employee, passenger


def test_hello(worker):
    answer = worker.request("GET", "/hello")
    assert (answer.status, answer.body) == (201, b'{"message":"ok"}')
    assert answer.headers["content-type"] == "application/json"


def test_zero(worker):
    answer = worker.request("GET", "/zero")
    assert (answer.status, answer.body) == (201, b'{"0":""}')


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz"])
def test_about_itself(worker, path):
    answer = worker.request("GET", path)
    assert answer.status == 200
    assert isinstance(answer.json, dict)


def test_passenger_through_its_life(worker):
    body = passenger()
    answer = worker.request("POST", "/postpassenger", body)
    assert answer.status == 200
    (created,) = answer.json
    assert list(created) == PASSENGER_KEYS
    assert re.fullmatch(UUID7, created["uuid"])
    assert created == {"uuid": created["uuid"], **body}
    assert answer.body == b"[" + compact({**created, "fare": 13}) + b"]"

    answer = worker.request("GET", f"/getpassenger/{created['uuid']}")
    assert (answer.status, answer.json) == (200, created)

    changed = {"uuid": created["uuid"], **passenger(name="Put-Test-Name", survived=False)}
    answer = worker.request("PUT", f"/putpassenger/{created['uuid']}", passenger(name="Put-Test-Name", survived=False))
    assert (answer.status, answer.json) == (200, changed)

    answer = worker.request("GET", "/passengerlist")
    assert (answer.status, answer.json) == (200, [changed])

    answer = worker.request("DELETE", f"/deletepassenger/{created['uuid']}")
    assert (answer.status, answer.body) == (200, b"null")
    assert worker.request("GET", f"/getpassenger/{created['uuid']}").status == 404
    assert worker.request("GET", "/passengerlist").body == b"[]"


def test_employee_through_its_life(worker):
    body = employee()
    answer = worker.request("POST", "/employees/add", body)
    assert answer.status == 201
    assert list(answer.json) == ["employee", "message"] and answer.json["message"] == "success"
    created = answer.json["employee"]
    assert list(created) == EMPLOYEE_KEYS
    assert {key: created[key] for key in body} == body
    assert re.fullmatch(UUID7, created["id"])
    assert re.fullmatch(TIME, created["created_at"]) and re.fullmatch(TIME, created["updated_at"])
    assert answer.body == compact(answer.json)
    assert "location" in answer.headers

    answer = worker.request("GET", answer.headers["location"])
    assert (answer.status, answer.json) == (200, {"employee": created, "message": "success"})

    answer = worker.request("GET", "/employees/get")
    assert (answer.status, answer.json) == (200, {"employees": [created], "message": "success"})
    assert answer.body == compact(answer.json)

    answer = worker.request("PATCH", f"/employees/update/{body['email']}", {"age": 26})
    changed = answer.json["employee"]
    assert answer.status == 200
    assert changed == {**created, "age": 26, "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > created["updated_at"]

    answer = worker.request("DELETE", f"/employees/delete/{body['email']}")
    assert (answer.status, answer.body) == (204, b"")
    assert worker.request("GET", "/employees/get").body == b'{"employees":[],"message":"success"}'


def test_head_and_options(worker):
    answer = worker.request("HEAD", "/hello")
    assert (answer.status, answer.body) == (201, b"")
    answer = worker.request("OPTIONS", "/hello")
    assert (answer.status, answer.body) == (204, b"")
    assert "GET" in answer.headers["allow"]


def test_log_lines_are_json(worker):
    lines = worker.log()
    assert lines
    for line in lines:
        assert line["program"] == "purser"
        assert {"ts", "level", "msg"} <= set(line)
