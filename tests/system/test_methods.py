"""HEAD, OPTIONS, and the methods that a route does not have."""

import http.client

import pytest
from harness.samples import NOBODY, employee, passenger
from harness.web import assert_json, assert_problem, assert_request_id, send_raw

ROUTES = {
    "/": "GET", "/hello": "GET", "/zero": "GET", "/healthz": "GET", "/readyz": "GET", "/problems/conflict": "GET",
    "/passengerlist": "GET", f"/getpassenger/{NOBODY}": "GET", "/postpassenger": "POST",
    f"/putpassenger/{NOBODY}": "PUT", f"/deletepassenger/{NOBODY}": "DELETE", "/employees/add": "POST",
    "/employees/get": "GET", "/employees/get/foo@bar.com": "GET", "/employees/update/foo@bar.com": "PATCH",
    "/employees/delete/foo@bar.com": "DELETE",
}  # fmt: skip


def allowed(path):
    method = ROUTES[path]
    return {method, "OPTIONS"} | ({"HEAD"} if method == "GET" else set())


def allow_of(answer):
    return {method.strip() for method in answer.headers["allow"].split(",")}


@pytest.mark.parametrize("path", ROUTES)
def test_options(http, path):
    answer = http("OPTIONS", path)
    assert (answer.status, answer.body) == (204, b"")
    assert allow_of(answer) == allowed(path)
    assert_request_id(answer)


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "PURGE", "PROPFIND"])
def test_method_that_a_route_does_not_have(http, method, path):
    if method in allowed(path):
        return
    answer = http(method, path)
    assert_problem(answer, 405, "method-not-allowed")
    assert allow_of(answer) == allowed(path)


def test_trace(stack):
    """nginx refuses it by itself; the answer is as complete as a worker's."""
    answer = send_raw(stack.port, b"TRACE /hello HTTP/1.1\r\nHost: x\r\n\r\n")
    assert_problem(answer, 405, "method-not-allowed")
    assert allow_of(answer) == allowed("/hello")


def test_connect(stack):
    answer = send_raw(stack.port, b"CONNECT localhost:80 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert_problem(answer, 400, "malformed-request")


def test_405_with_a_body(http):
    assert_problem(http("POST", "/hello", passenger()), 405, "method-not-allowed")


@pytest.mark.parametrize("path", [path for path, method in ROUTES.items() if method == "GET" and NOBODY not in path])
def test_head_is_get_without_the_body(http, path):
    get, head = http("GET", path), http("HEAD", path)
    assert (head.status, head.body) == (get.status, b"")
    assert head.type == get.type
    assert_request_id(head)
    if "content-length" in head.headers and "content-length" in get.headers:
        assert head.headers["content-length"] == get.headers["content-length"]


def test_head_of_rows(http):
    row = http("POST", "/postpassenger", passenger()).json[0]
    email = http("POST", "/employees/add", employee()).json["employee"]["email"]
    assert http("HEAD", f"/getpassenger/{row['uuid']}").status == 200
    assert http("HEAD", f"/employees/get/{email}").status == 200
    assert http("HEAD", "/passengerlist").status == 200
    assert http("HEAD", "/employees/get").status == 200


@pytest.mark.parametrize("path, status", [
    (f"/getpassenger/{NOBODY}", 404), ("/getpassenger/x", 400), ("/nowhere", 404), ("/postpassenger", 405),
])  # fmt: skip
def test_head_of_errors(http, path, status):
    answer = http("HEAD", path)
    assert (answer.status, answer.body) == (status, b"")
    assert answer.type == "application/problem+json"


def test_head_leaves_the_connection_in_step(stack):
    """After a HEAD the next answer on the same connection is whole."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=10)
    for path in ("/hello", "/passengerlist", "/nowhere"):
        connection.request("HEAD", path)
        assert connection.getresponse().read() == b""
        connection.request("GET", "/hello")
        assert connection.getresponse().read() == b'{"message":"ok"}'
    connection.close()


@pytest.mark.parametrize("path", [
    "/nowhere", "/hello/there", "/getpassenger", "/employees", "/employees/nothing", "/passengerlist/1",
    "/HELLO", "/problems/none-such", "/favicon.ico", "/employees/delete",
])  # fmt: skip
def test_unknown_path(http, path):
    assert_problem(http("GET", path), 404, "not-found")


@pytest.mark.parametrize("path", ["/getpassenger/", "/hello/", "/employees/get/", "/passengerlist/", "//hello"])
def test_slash_too_many(http, path):
    assert http("GET", path).status in {400, 404}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_unknown_path_by_any_method(http, method):
    assert_problem(http(method, "/nowhere"), 404, "not-found")


def test_index(http):
    """The routes, for a person who looks."""
    text = http("GET", "/").body.decode()
    assert_json(http("GET", "/"), 200)
    for path in ROUTES:
        assert "/".join(path.split("/")[:3]).replace(f"/{NOBODY}", "") in text or path in ("/", "/problems/conflict")


def test_health(http):
    assert_json(http("GET", "/healthz"), 200)
    assert_json(http("GET", "/readyz"), 200)


SLUGS = ["malformed-request", "malformed-json", "malformed-uuid", "not-found", "no-such-row", "method-not-allowed",
         "request-timeout", "conflict", "body-too-large", "uri-too-long", "unsupported-media-type", "invalid-fields",
         "too-many-requests", "headers-too-large", "internal-error", "bad-gateway", "unavailable", "overloaded", "gateway-timeout",
         "not-ready"]  # fmt: skip


@pytest.mark.parametrize("slug", SLUGS)
def test_each_problem_is_described(http, slug):
    """The `type` of a problem is a link that works."""
    answer = http("GET", f"/problems/{slug}")
    assert answer.status == 200, answer
    assert_request_id(answer)
    assert answer.body
