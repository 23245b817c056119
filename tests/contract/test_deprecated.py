"""The routes that /v1 takes the place of say so, and change in nothing else."""

import pytest
from harness.samples import NOBODY, employee, new_email, passenger

DATE = "@1795132800"
PASSENGERS, EMPLOYEES, HEALTH = "/v1/passengers", "/v1/employees", "/healthz"

ANSWERS = [
    ("GET", "/passengerlist", None, 200, PASSENGERS), ("POST", "/postpassenger", passenger(), 200, PASSENGERS),
    ("GET", f"/getpassenger/{NOBODY}", None, 404, PASSENGERS), ("GET", "/getpassenger/x", None, 400, PASSENGERS),
    ("PUT", f"/putpassenger/{NOBODY}", passenger(), 404, PASSENGERS), ("POST", "/postpassenger", {}, 422, PASSENGERS),
    ("DELETE", f"/deletepassenger/{NOBODY}", None, 404, PASSENGERS), ("DELETE", "/passengerlist", None, 405, PASSENGERS),
    ("OPTIONS", "/passengerlist", None, 204, PASSENGERS), ("HEAD", "/passengerlist", None, 200, PASSENGERS),
    ("GET", "/employees/get", None, 200, EMPLOYEES), ("POST", "/employees/add", employee(), 201, EMPLOYEES),
    ("POST", "/employees/add", b"{", 400, EMPLOYEES), ("GET", f"/employees/get/{new_email()}", None, 404, EMPLOYEES),
    ("PATCH", f"/employees/update/{new_email()}", {"age": 1}, 404, EMPLOYEES), ("PUT", "/employees/get", None, 405, EMPLOYEES),
    ("DELETE", f"/employees/delete/{new_email()}", None, 404, EMPLOYEES), ("HEAD", "/employees/get", None, 200, EMPLOYEES),
    ("GET", "/hello", None, 201, HEALTH), ("HEAD", "/hello", None, 201, HEALTH), ("GET", "/zero", None, 201, HEALTH),
    ("DELETE", "/zero", None, 405, HEALTH),
]  # fmt: skip

LASTING = ["/", "/healthz", "/readyz", "/problems/conflict", "/nowhere", "/v1/passengers", f"/v1/employees/{NOBODY}", "/v1/nowhere"]


@pytest.mark.parametrize("method, path, body, status, successor", ANSWERS)
def test_each_answer_says_what_comes_after(http, method, path, body, status, successor):
    answer = http(method, path, body)
    assert answer.status == status, answer
    assert answer.headers["deprecation"] == DATE
    assert answer.headers["link"] == f'<{successor}>; rel="successor-version"'


def test_rows_and_changes_say_it_too(http):
    uuid = http("POST", "/postpassenger", passenger()).json[0]["uuid"]
    email = http("POST", "/employees/add", employee()).json["employee"]["email"]
    calls = [("GET", f"/getpassenger/{uuid}", None), ("PUT", f"/putpassenger/{uuid}", passenger()), ("DELETE", f"/deletepassenger/{uuid}", None),
             ("GET", f"/employees/get/{email}", None), ("PATCH", f"/employees/update/{email}", {"age": 1}),
             ("DELETE", f"/employees/delete/{email}", None)]  # fmt: skip
    for method, path, body in calls:
        answer = http(method, path, body)
        assert answer.status in (200, 204)
        assert answer.headers["deprecation"] == DATE and 'rel="successor-version"' in answer.headers["link"]


@pytest.mark.parametrize("path", LASTING)
def test_what_stays_does_not_say_it(http, path):
    answer = http("GET", path)
    assert "deprecation" not in answer.headers and "successor-version" not in answer.headers.get("link", "")
