"""HEAD, OPTIONS, the methods that a route does not have, and the media types that it does not take."""

import pytest
from harness.rest import CSV, JSON, MERGE_PATCH, NDJSON, assert_rest_problem, details
from harness.samples import NOBODY

COLLECTION = {"GET", "HEAD", "POST", "PATCH", "OPTIONS"}
ITEM = {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}
STATS = {"GET", "HEAD", "OPTIONS"}
OTHERS = ["GET", "POST", "PUT", "PATCH", "DELETE", "PURGE", "PROPFIND", "QUERY"]


def words(value):
    return {word.strip() for word in value.split(",")}


def accept_patch(answer):
    return words(answer.headers["accept-patch"])


@pytest.fixture(params=["collection", "item", "an item that is not there", "stats"])
def place(request, table):
    """A path, and the methods that it has."""
    if request.param == "stats":  # of employees there are none: that is an item's address
        return f"{table.path}/stats", STATS if table.resource.name == "passengers" else ITEM
    if request.param == "collection":
        return table.path, COLLECTION
    return table.at(table.key(table.create()) if request.param == "item" else NOBODY), ITEM


def test_options(client, place):
    path, methods = place
    answer = client("OPTIONS", path)
    assert (answer.status, answer.body) == (204, b"")
    assert words(answer.headers["allow"]) == methods
    if methods == ITEM:
        assert accept_patch(answer) == {MERGE_PATCH, JSON}


@pytest.mark.parametrize("method", OTHERS)
def test_methods_that_there_are_not(client, resource, place, method):
    path, methods = place
    if method in methods:
        return
    for body in (None, resource.body()):
        answer = client(method, path, body)
        assert_rest_problem(answer, 405, "method-not-allowed")
        assert words(answer.headers["allow"]) == methods


@pytest.mark.parametrize("query", [{}, {"limit": 3}, {"order": "-name", "fields": "name"}, {"limit": 0}, {"nothing": 1}])
@pytest.mark.parametrize("accept", ["*/*", JSON, CSV, NDJSON, "text/html"])
def test_head_of_a_page_is_get_without_the_body(table, rows, query, accept):
    check_head(table.client, table.path, query, {"Accept": accept, "Prefer": "count=exact"})


@pytest.mark.parametrize("headers", [{}, {"Accept": "text/html"}, {"If-None-Match": "*"}, {"If-None-Match": "x"}])
def test_head_of_a_row_is_get_without_the_body(table, headers):
    check_head(table.client, table.at(table.key(table.create())), {}, headers)
    check_head(table.client, table.at(NOBODY), {}, headers)


@pytest.mark.parametrize("query", [{}, {"by": "sex"}, {"by": "name"}])
def test_head_of_the_stats_is_get_without_the_body(client, query):
    check_head(client, "/v1/passengers/stats", query, {})


def check_head(client, path, query, headers):
    get, head = client("GET", path, None, headers, query), client("HEAD", path, None, headers, query)
    assert (head.status, head.body) == (get.status, b"")
    own = {"date", "x-request-id", "transfer-encoding", "content-length", "connection"}
    assert {name: head.headers[name] for name in head.headers.keys() - own} == {
        name: get.headers[name] for name in get.headers.keys() - own}  # fmt: skip
    if {"content-length"} <= head.headers.keys() & get.headers.keys():
        assert head.headers["content-length"] == get.headers["content-length"]


# Bodies that are of no type that the route takes.


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", MERGE_PATCH, "application/jsonx", "json", "text/csvx", "", None])
def test_post_of_another_type(table, resource, kind):
    answer = table.client("POST", table.path, b'{"name":"x"}', {"Content-Type": kind} if kind is not None else {})
    said = details(assert_rest_problem(answer, 415, "unsupported-media-type"))
    for offered in (JSON, NDJSON, CSV):
        assert offered in said


@pytest.mark.parametrize("kind", ["text/plain", CSV, NDJSON, MERGE_PATCH])
def test_put_of_another_type(table, resource, kind):
    row = table.create()
    answer = table.put(table.key(row), resource.body(), {"Content-Type": kind})
    assert JSON in details(assert_rest_problem(answer, 415, "unsupported-media-type"))
    assert table.get(table.key(row)).json == row


@pytest.mark.parametrize("kind", ["text/plain", CSV, NDJSON, "application/json-patch+json"])
def test_patch_of_another_type(table, kind):
    row = table.create()
    answer = table.client("PATCH", table.at(table.key(row)), b'{"name":"x"}', {"Content-Type": kind})
    assert_rest_problem(answer, 415, "unsupported-media-type")
    assert accept_patch(answer) == {MERGE_PATCH, JSON}
    assert table.get(table.key(row)).json == row


@pytest.mark.parametrize("kind", ["text/plain", CSV, NDJSON])
def test_patch_of_many_of_another_type(table, kind):
    answer = table.client("PATCH", table.path, b"[]", {"Content-Type": kind})
    assert_rest_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize("kind", ["APPLICATION/JSON", "application/json; charset=utf-8", "application/json;charset=UTF-8"])
def test_a_type_is_spelt_in_many_ways(table, resource, kind):
    assert table.post(resource.body(), {"Content-Type": kind}).status == 201
