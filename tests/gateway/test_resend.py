"""nginx may send a request a second time, with the same id, when a worker dies: it must be as if it came once."""

import time

from harness.fastcgi import new_request_id
from harness.samples import employee, new_email, passenger


def twice(worker, method, uri, body=b""):
    """The same request two times; both answers."""
    again = {"request_id": new_request_id(), "REQUEST_MSEC": f"{time.time():.3f}"}
    return [worker.request(method, uri, body, **again) for _ in range(2)]


def test_create_a_passenger(worker, database):
    first, second = twice(worker, "POST", "/postpassenger", passenger(name="once"))
    assert (first.status, first.body) == (second.status, second.body)
    assert database.sql("SELECT count(*) FROM passengers WHERE name = 'once'") == "1"


def test_add_an_employee(worker):
    """The second try must not meet its own address as a conflict."""
    first, second = twice(worker, "POST", "/employees/add", employee())
    assert first.status == 201
    assert (first.status, first.body) == (second.status, second.body)


def test_another_request_with_the_address_is_a_conflict(worker):
    body = employee()
    assert worker.request("POST", "/employees/add", body).status == 201
    assert worker.request("POST", "/employees/add", body).status == 409


def test_change_a_passenger(worker):
    uuid = worker.request("POST", "/postpassenger", passenger()).json[0]["uuid"]
    first, second = twice(worker, "PUT", f"/putpassenger/{uuid}", passenger(name="changed once"))
    assert first.status == 200
    assert (first.status, first.body) == (second.status, second.body)


def test_delete_a_passenger(worker):
    uuid = worker.request("POST", "/postpassenger", passenger()).json[0]["uuid"]
    first, second = twice(worker, "DELETE", f"/deletepassenger/{uuid}")
    assert [first.status, second.status] == [200, 200]
    assert worker.request("DELETE", f"/deletepassenger/{uuid}").status == 404


def test_delete_an_employee(worker):
    email = worker.request("POST", "/employees/add", employee()).json["employee"]["email"]
    first, second = twice(worker, "DELETE", f"/employees/delete/{email}")
    assert [first.status, second.status] == [204, 204]
    assert worker.request("DELETE", f"/employees/delete/{email}").status == 404


def test_change_the_address_that_the_row_is_named_by(worker):
    """On the second try the old address names nobody."""
    email = worker.request("POST", "/employees/add", employee()).json["employee"]["email"]
    moved = new_email()
    first, second = twice(worker, "PATCH", f"/employees/update/{email}", {"email": moved})
    assert first.status == 200
    assert (first.status, first.body) == (second.status, second.body)
    assert worker.request("GET", f"/employees/get/{moved}").status == 200
    assert worker.request("PATCH", f"/employees/update/{email}", {"age": 1}).status == 404


def test_the_id_is_made_from_the_request(worker):
    """UUIDv7: nginx's clock in front, in milliseconds."""
    answer = worker.request("POST", "/postpassenger", passenger(), REQUEST_MSEC="1716243766.123")
    assert int(answer.json[0]["uuid"].replace("-", "")[:12], 16) == 1716243766123


def test_a_request_without_an_id_is_served_all_the_same(worker):
    for request_id, msec in [("", ""), (None, None), ("x" * 32, "now"), ("0" * 31, "1716243766.123")]:
        answer = worker.request("POST", "/postpassenger", passenger(), REQUEST_ID=request_id, REQUEST_MSEC=msec)
        assert answer.status == 200
