"""No call changes or deletes more than the rows that it names, whatever it leaves out."""

import json

import pytest
from harness.rest import CSV, JSON, MERGE_PATCH, NDJSON
from harness.samples import NOBODY


@pytest.fixture
def filled(table, database):
    """Thirty rows; how the whole table is, without the service, is the fixture's value when it is called."""
    resource = table.resource
    resource.fill(database, resource.rows(30))

    def state():
        return database.sql(f"SELECT md5(string_agg(t::text, '|' ORDER BY {resource.key})), count(*) FROM {resource.name} AS t")

    return state


QUERIES = ["", "?", "?age=gt.0", "?name=like.*", "?q=a", "?limit=500", "?uuid=is.not_null", "?id=is.not_null", f"?uuid=eq.{NOBODY}"]
ENDS = ["", "/", "//", "/%20", "/*", "/.", "/..", "/%2e", "/null", "/undefined", "/%00", f"/{NOBODY}", f"/{NOBODY}/"]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH"])
def test_an_address_that_names_no_row(table, http, filled, method, end):
    before = filled()
    bodies = [None] if method == "DELETE" else [{"name": "all"}, {}, table.resource.body(name="all")]
    for body in bodies:
        for headers in ({}, {"If-Match": "*"}, {"Prefer": "return=minimal"}, {"Prefer": "resolution=merge-duplicates"}):
            answer = http(method, table.path + end, body, headers)
            assert answer.status in (400, 404, 405, 412, 422), answer
    assert filled() == before


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH"])
def test_the_collection_has_no_write_by_filter(table, filled, method, query):
    before = filled()
    for body in (None, {"name": "all"}, [{"name": "all"}], [{}], [[]], "null"):
        answer = table.client(method, table.path + query, body, {"Content-Type": JSON} if body is not None else None)
        assert answer.status in (400, 405, 415, 422), answer
    assert filled() == before


@pytest.mark.parametrize("body", [[], {}, [{}], [{"name": "all"}], [{"name": "all", "age": 1}], [None], "", "[]", "[[]]"], ids=str)
def test_a_bulk_patch_names_every_row(table, filled, body):
    before = filled()
    for kind in (JSON, MERGE_PATCH):
        answer = table.patch_many(body, {"Content-Type": kind})
        assert answer.status in (200, 400, 415, 422), answer
        assert answer.status != 200 or answer.json == {"items": []}
    assert filled() == before


@pytest.mark.parametrize("resolution", ["merge-duplicates", "ignore-duplicates"])
def test_a_merge_of_nothing_leaves_everything(table, filled, resolution):
    before = filled()
    header = ",".join(table.resource.names) + "\r\n"
    for kind, body in ((JSON, "[]"), (NDJSON, ""), (CSV, header), (JSON, ""), (CSV, "")):
        answer = table.post(body, {"Content-Type": kind, "Prefer": f"resolution={resolution}"})
        assert answer.status in (200, 400, 422), answer
    assert filled() == before


def test_a_merge_touches_only_its_rows(table, database, filled):
    resource = table.resource
    row = resource.rows(30)[7]
    body = [{resource.key: table.key(row), **resource.body(name="merged")}]
    answer = table.post(json.dumps(body), {"Content-Type": JSON, "Prefer": "resolution=merge-duplicates"})
    assert answer.status == 200
    assert database.sql(f"SELECT count(*) FROM {resource.name} WHERE version > 1 OR name = 'merged'") == "1"
    assert database.sql(f"SELECT count(*) FROM {resource.name}") == "30"


def test_a_method_in_a_header_is_no_method(table, filled):
    """X-HTTP-Method-Override and its like are not known here."""
    before = filled()
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        assert table.client("GET", table.path, None, {name: "DELETE"}).status == 200
    assert filled() == before


def test_a_delete_takes_one_row(table, database, filled):
    row = table.resource.rows(30)[7]
    answer = table.client("DELETE", table.at(table.key(row)), [{table.resource.key: other} for other in range(3)])
    assert answer.status in (204, 400, 415)
    assert database.sql(f"SELECT count(*) FROM {table.resource.name}") == ("29" if answer.status == 204 else "30")
