"""Pages, exports and statistics under /v1, through nginx: what the clients get, and what it costs the workers."""

import csv
import http.client
import io
import json
import socket

import pytest
from harness import wait
from harness.postgres import person_uuid
from harness.process import peak_memory_kib, sanitized
from harness.samples import PASSENGER_KEYS, passenger
from harness.stack import Stack
from harness.web import assert_json, fetch, send_raw

MANY = 100_000  # rows whose export is more than all buffers on its way take
WORKER_KIB = 32 * 1024

CSV = {"Accept": "text/csv"}
LINES = {"Accept": "application/x-ndjson"}


@pytest.fixture
def few(database):
    database.empty()
    database.fill_passengers(7)
    return database


def assert_problem(answer, status, slug):
    """RFC 9457; returns the faults by their parameter or header."""
    assert answer.status == status and answer.type == "application/problem+json", answer
    problem = answer.json
    assert problem["type"] == f"/problems/{slug}" and problem["instance"] == answer.headers["x-request-id"]
    return {error.get("parameter") or error.get("header"): error["detail"] for error in problem.get("errors", [])}


# ---- pages ----


def test_a_page(http, few):
    answer = http("GET", "/v1/passengers?limit=3")
    page = assert_json(answer, 200)
    assert list(page) == ["items", "next"]
    assert [row["uuid"] for row in page["items"]] == [person_uuid(number) for number in (1, 2, 3)]
    assert list(page["items"][0]) == PASSENGER_KEYS
    assert answer.headers["vary"] == "Accept, Prefer"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["link"] == f'</v1/passengers?limit=3>; rel="first", <{page["next"]}>; rel="next"'
    rest = assert_json(http("GET", page["next"]), 200)
    assert [row["name"] for row in rest["items"]] == ["Person 4", "Person 5", "Person 6"]


def test_the_last_page(http, few):
    answer = http("GET", "/v1/passengers")
    page = assert_json(answer, 200)
    assert len(page["items"]) == 7 and page["next"] is None
    assert answer.headers["link"] == '</v1/passengers>; rel="first"'


def test_a_count(http, few):
    for kind in ("exact", "estimated"):
        answer = http("GET", "/v1/passengers?limit=1&age=gt.3", headers={"Prefer": f"count={kind}"})
        assert list(answer.json) == ["items", "next", "total"]
        assert answer.json["total"] == 5 if kind == "exact" else answer.json["total"] >= 0
        assert answer.headers["preference-applied"] == f"count={kind}"


def test_fields_in_the_order_that_was_asked_for(http, few):
    (row,) = assert_json(http("GET", "/v1/passengers?limit=1&order=-age&fields=age,uuid,name"), 200)["items"]
    assert list(row.items()) == [("age", 7.5), ("uuid", person_uuid(7)), ("name", "Person 7")]


def test_lists_for_one_column_are_not_multiplied(http, few):
    """An index would be asked for each combination of their values. With so few rows, and no statistics, it is chosen."""
    few.sql("""DELETE FROM pg_statistic WHERE starelid = 'passengers'::regclass;
               UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE relname LIKE 'passengers%'""")
    query = "&".join(["name=in.(" + ",".join(["Person 3", *map(str, range(98)), "x"]) + ")"] * 16).replace(" ", "%20")
    for path in ("?" + query, "/stats?" + query):
        answer = http("GET", "/v1/passengers" + path)
        assert answer.status == 200, answer
    assert [row["name"] for row in http("GET", "/v1/passengers?" + query).json["items"]] == ["Person 3"]


def test_long_addresses_fit_into_the_header(http, few):
    """nginx has room for a Link with the longest request twice; where encoding makes it longer still, the answer is 414."""
    answer = http("GET", "/v1/passengers?limit=1&name=neq." + "x" * 7800)
    assert answer.status == 200 and len(answer.headers["link"]) > 15_600
    assert_problem(http("GET", "/v1/passengers?limit=1&name=neq." + "(;)" * 2600), 414, "uri-too-long")


@pytest.mark.parametrize("path", ["/v1/passengers", "/v1/passengers?limit=2", "/v1/passengers/stats?by=sex"])
@pytest.mark.parametrize("accept", ["application/json", "text/csv", "application/x-ndjson"])
def test_head(http, few, path, accept):
    get, head = (http(method, path, headers={"Accept": accept}) for method in ("GET", "HEAD"))
    assert (head.status, head.type, head.body) == (get.status, get.type, b"")
    for name in ("vary", "link", "cache-control", "content-length"):
        assert head.headers.get(name) == get.headers.get(name)


# ---- what is wrong ----


def test_all_faults_at_once(http):
    faults = assert_problem(
        http("GET", "/v1/passengers?limit=0&order=nothing&fields=&age=gt.old&colour=red&q=a&q=b"), 400, "invalid-parameters"
    )
    assert set(faults) == {"limit", "order", "fields", "age", "colour", "q"}


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0, image/*", "text/csv;charset=latin1"])
def test_types_that_are_not_to_be_had(http, accept):
    answer = http("GET", "/v1/passengers", headers={"Accept": accept})
    assert_problem(answer, 406, "not-acceptable")
    for kind in ("application/json", "text/csv", "application/x-ndjson"):
        assert kind in answer.json["detail"]


@pytest.mark.parametrize("accept", ["json", "text/csv;q=2", "text/csv/x", '"text/csv"'])
def test_malformed_accept(http, accept):
    assert "Accept" in assert_problem(http("GET", "/v1/passengers", headers={"Accept": accept}), 400, "malformed-header")


@pytest.mark.parametrize("accept", [CSV, LINES])
def test_an_export_in_http_1_0(stack, few, accept):
    """Its client could not tell a part from the whole. A page has a length."""
    def ask(target):
        return send_raw(stack.port, f"GET {target} HTTP/1.0\r\nAccept: {accept['Accept']}\r\n\r\n".encode())

    assert_problem(ask("/v1/passengers"), 505, "version-not-supported")
    page = ask("/v1/passengers?limit=5")
    assert page.status == 200 and int(page.headers["content-length"]) == len(page.body) > 0


def test_an_export_in_an_order_that_has_no_index(http):
    faults = assert_problem(http("GET", "/v1/passengers?order=sex", headers=CSV), 400, "invalid-parameters")
    assert faults["order"].endswith("begin with one of uuid, name, age, fare")


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1x"])
def test_nothing_is_at_the_root_of_v1(http, path):
    assert_problem(http("GET", path), 404, "not-found")


# ---- statistics ----


def test_statistics(http, few):
    stats = assert_json(http("GET", "/v1/passengers/stats?by=sex&passengerClass=in.(1,2)"), 200)
    assert stats["by"] == ["sex"]
    assert [list(group) for group in stats["groups"]] == [["sex", "count", "survivors", "survivalRate", "age", "fare"]] * 2
    women, men = stats["groups"]
    assert (women["sex"], women["count"], women["survivors"], women["survivalRate"]) == ("female", 3, 0, 0)
    assert (men["sex"], men["count"], men["survivors"], men["survivalRate"]) == ("male", 2, 2, 1)
    assert men["age"] == {"mean": 5.5, "quartiles": [5, 5.5, 6]}


# ---- exports ----


def test_csv_as_python_reads_it(http, database):
    database.empty()
    names = ["plain", 'quo"te', "com,ma", "two\r\nlines", " spaces ", "Zoë", "=1+1", "\\N", "NULL", "'"]
    for name in names:
        assert http("POST", "/postpassenger", passenger(name=name, age=None, survived=None)).status == 200
    answer = http("GET", "/v1/passengers", headers=CSV)
    assert answer.type == "text/csv; charset=utf-8; header=present"
    assert answer.body.count(b"\r\n") == len(names) + 2  # and the two lines
    rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
    assert list(rows[0]) == PASSENGER_KEYS
    assert sorted(row["name"] for row in rows) == sorted(names)
    assert {(row["age"], row["survived"], row["sex"], row["passengerClass"]) for row in rows} == {("", "", "male", "2")}


@pytest.fixture(scope="module")
def crowd(cluster):
    """A database with many rows, and one worker that serves it: what it does not do, nobody does."""
    database = cluster.copy_template()
    database.fill_passengers(MANY)
    database.sql("ANALYZE passengers")
    with Stack(database.url, PURSER_WORKERS=1) as stack:
        stack.database = database
        yield stack
    database.drop()


def open_slowly(stack, path, headers):
    """An answer whose body nobody has read yet, on a connection with little room."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=wait.PATIENCE_S)
    connection.sock = socket.socket()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sock.settimeout(wait.PATIENCE_S)
    connection.sock.connect(("127.0.0.1", stack.port))
    connection.request("GET", path, headers=headers)
    return connection.getresponse()


def assert_whole(body, names):
    numbers = [int(row["name"].split()[1]) for row in csv.DictReader(io.StringIO(body.decode(), newline=""))]
    assert numbers == names


def test_an_export_has_every_row(crowd):
    assert_whole(crowd.http("GET", "/v1/passengers", headers=CSV).body, list(range(1, MANY + 1)))
    assert_whole(crowd.http("GET", "/v1/passengers?order=-uuid&fields=name&age=lt.40", headers=CSV).body,
                 [number for number in range(MANY, 0, -1) if number % 90 + 0.5 < 40])  # fmt: skip


def test_an_export_of_lines(crowd):
    answer = crowd.http("GET", "/v1/passengers?fields=uuid,fare", headers=LINES)
    assert answer.type == "application/x-ndjson"
    lines = answer.body.decode().split("\n")
    assert lines.pop() == "" and len(lines) == MANY
    assert json.loads(lines[-1]) == {"uuid": person_uuid(MANY), "fare": MANY % 500 + 0.25}


def test_others_are_served_while_an_export_waits_for_its_client(crowd):
    answers = [open_slowly(crowd, "/v1/passengers", CSV) for _ in range(3)]
    assert [answer.status for answer in answers] == [200] * 3
    for number in range(1, 101):
        row = assert_json(crowd.http("GET", f"/v1/passengers/{person_uuid(number)}"), 200)
        assert row["name"] == f"Person {number}"
    assert len(assert_json(crowd.http("GET", "/v1/passengers?order=-fare"), 200)["items"]) == 50
    for answer in answers:
        assert_whole(answer.read(), list(range(1, MANY + 1)))


def test_an_export_that_fails_is_broken_off(crowd):
    answer = open_slowly(crowd, "/v1/passengers", CSV)
    answer.read(1000)
    crowd.database.sql("ALTER TABLE passengers RENAME TO elsewhere")
    try:
        with pytest.raises(http.client.IncompleteRead):
            answer.read()
    finally:
        crowd.database.sql("ALTER TABLE elsewhere RENAME TO passengers")
    assert crowd.await_line(lambda line: line["msg"] == "an answer was broken off")
    assert_whole(crowd.http("GET", "/v1/passengers", headers=CSV).body, list(range(1, MANY + 1)))


@pytest.mark.skipif(sanitized(), reason="AddressSanitizer keeps what is freed")
def test_exports_take_no_more_memory_than_a_few_pages(crowd):
    (worker,) = crowd.workers()
    for path in ("/v1/passengers", "/v1/passengers?order=-fare,name"):
        slow = [open_slowly(crowd, path, CSV) for _ in range(4)]
        for headers in (CSV, LINES) * 2:
            assert fetch(crowd.port, "GET", path, headers=headers).status == 200
        for answer in slow:
            answer.close()
    assert peak_memory_kib(worker) < WORKER_KIB
