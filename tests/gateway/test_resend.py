"""nginx may send a request a second time, with the same id, when a worker dies: it must be as if it came once."""

import time
import uuid

import pytest
from harness.fastcgi import new_request_id
from harness.samples import employee, new_email, passenger


def twice(worker, method, uri, body=b"", between=lambda: None, **params):
    """The same request two times, and what happens between them; both answers."""
    again = {"request_id": new_request_id(), "REQUEST_MSEC": f"{time.time():.3f}", **params}
    first = worker.request(method, uri, body, **again)
    between()
    return [first, worker.request(method, uri, body, **again)]


def same(first, second):
    """Whether a client sees no difference."""
    names = ("etag", "location", "preference-applied")
    seen = [(answer.status, answer.body, *map(answer.headers.get, names)) for answer in (first, second)]
    return seen[0] == seen[1]


@pytest.fixture(params=[("/v1/passengers", "uuid", passenger), ("/v1/employees", "id", employee)], ids=lambda kind: kind[0])
def kind(request):
    return request.param


@pytest.fixture
def at(worker, kind):
    """Where a row is, in version 1."""
    return worker.request("POST", kind[0], kind[2]()).headers["location"]


def new_place(kind):
    return f"{kind[0]}/{uuid.uuid4()}"


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


# ---- rows under /v1, in the version that was asked for: the first try has moved it on ----


def test_create_under_v1(worker, kind):
    first, second = twice(worker, "POST", kind[0], kind[2](), HTTP_PREFER="return=minimal")
    assert (first.status, first.headers["etag"]) == (201, '"1"')
    assert same(first, second)


@pytest.mark.parametrize("condition", [{}, {"HTTP_IF_MATCH": '"1"'}, {"HTTP_IF_NONE_MATCH": '"2"'}], ids=str)
@pytest.mark.parametrize("wish", ["return=minimal", "return=representation"])
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_change_in_a_version(worker, kind, at, method, condition, wish):
    body = kind[2]() if method == "PUT" else {"name": "once"}
    first, second = twice(worker, method, at, body, HTTP_PREFER=wish, **condition)
    assert first.status == (204 if wish == "return=minimal" else 200)
    assert first.headers["etag"] == '"2"'
    assert same(first, second)
    assert worker.request("GET", at).headers["etag"] == '"2"'


@pytest.mark.parametrize("condition", [{"HTTP_IF_MATCH": '"1"'}, {"HTTP_IF_MATCH": "*"}, {"HTTP_IF_NONE_MATCH": '"2"'}], ids=str)
def test_delete_in_a_version(worker, at, condition):
    first, second = twice(worker, "DELETE", at, **condition)
    assert [first.status, second.status] == [204, 204]
    assert worker.request("DELETE", at, **condition).status == 404


@pytest.mark.parametrize("wish", ["return=minimal", "return=representation"])
def test_make_under_a_key(worker, kind, wish):
    at = new_place(kind)
    first, second = twice(worker, "PUT", at, kind[2](), HTTP_IF_NONE_MATCH="*", HTTP_PREFER=wish)
    assert first.status == 201
    assert same(first, second)
    assert worker.request("PUT", at, kind[2](), HTTP_IF_NONE_MATCH="*").status == 412


def test_what_was_made_and_deleted_does_not_come_back(worker, kind):
    at = new_place(kind)
    twice(worker, "PUT", at, kind[2](), HTTP_IF_NONE_MATCH="*", between=lambda: worker.request("DELETE", at))
    assert worker.request("GET", at).status == 404


def test_what_was_deleted_and_made_again_is_left_alone(worker, kind, at):
    def make():
        assert worker.request("PUT", at, kind[2](), HTTP_IF_NONE_MATCH="*").status == 201

    first, second = twice(worker, "DELETE", at, between=make)
    assert [first.status, second.status] == [204, 204]
    assert worker.request("GET", at).status == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_what_came_between_the_tries_stays(worker, kind, at, method):
    """The second try shows it; without the row to show, it has no tag that would pass for its own change's."""
    body = kind[2](name="first") if method == "PUT" else {"name": "first"}

    def change():
        assert worker.request("PATCH", at, {"name": "between"}).status == 200

    first, second = twice(worker, method, at, body, between=change)
    assert [first.status, second.status] == [200, 200]
    assert (second.json["name"], second.headers["etag"]) == ("between", '"3"')
    first, second = twice(worker, method, at, body, between=change, HTTP_PREFER="return=minimal")
    assert [first.status, second.status] == [204, 204]
    assert first.headers["etag"] == '"4"' and "etag" not in second.headers


def test_a_version_that_is_refused_is_refused_again(worker, kind, at):
    for method, body in (("PUT", kind[2]()), ("PATCH", {"name": "never"}), ("DELETE", b"")):
        first, second = twice(worker, method, at, body, HTTP_IF_MATCH='"7"')
        assert [first.status, second.status] == [412, 412]
    assert worker.request("GET", at).headers["etag"] == '"1"'
