"""Many rows in one POST, in each of three formats: all of them or none, with every fault by its row."""

import json

import pytest
from harness.rest import CSV, JSON, NDJSON, assert_rest_problem, body_of, details, places
from harness.samples import new_email
from harness.tables import RESOURCES

KINDS = [JSON, NDJSON, CSV]
BULK_BYTES = 16 << 20
MOST_ROWS = 10_000


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def send(table, kind):
    """send(rows, prefer) posts the rows in each format."""

    def post(rows, prefer=None):
        return table.post(body_of(kind, rows), {"Content-Type": kind, **({"Prefer": prefer} if prefer else {})})

    return post


@pytest.fixture
def kept(table):
    """Whatever the test does, no row comes or goes."""
    before = table.count()
    yield
    assert table.count() == before


def new_key():
    new_key.last += 1
    return f"018f1111-0000-7000-8000-{new_key.last:012x}"


new_key.last = 0


def made_of(row, body):
    return {name: row[name] for name in body} == body


def test_many_rows(table, resource, send):
    bodies = [resource.body(name=f"N {number}") for number in range(25)]
    before = table.count()
    answer = send(bodies)
    assert answer.status == 201 and answer.type == JSON, answer
    assert list(answer.json) == ["items"]
    rows = answer.json["items"]
    assert len(rows) == 25 and all(made_of(row, body) for row, body in zip(rows, bodies))
    assert all(list(row) == resource.names for row in rows)
    assert len({table.key(row) for row in rows}) == 25
    assert table.count() == before + 25
    for row in (rows[0], rows[-1]):
        assert table.get(table.key(row)).json == row


def test_rows_with_names_that_want_escaping(resource, send):
    bodies = [resource.body(name=row["name"]) for row in resource.rows(25)]
    assert [row["name"] for row in send(bodies).json["items"]] == [body["name"] for body in bodies]


def test_nulls(resource, send):
    nulls = {column.name: None for column in resource.nullable}
    (row,) = send([resource.body(**nulls)]).json["items"]
    assert made_of(row, nulls)


def test_rows_with_keys_of_their_own(table, resource, send):
    keys = [new_key() for _ in range(3)]
    rows = send([{**resource.body(), resource.key: key} for key in keys]).json["items"]
    assert [table.key(row) for row in rows] == keys
    assert table.get(keys[1]).json == rows[1]


def test_some_rows_with_keys_and_some_without(table, resource):
    for kind in (JSON, NDJSON):
        key = new_key()
        answer = table.post(body_of(kind, [resource.body(), {**resource.body(), resource.key: key}]), {"Content-Type": kind})
        assert answer.status == 201, answer
        assert table.key(answer.json["items"][1]) == key


def test_no_rows(table, resource, kept):
    for kind, body in ((JSON, "[]"), (NDJSON, ""), (CSV, ",".join(resource.body()) + "\r\n")):
        answer = table.post(body, {"Content-Type": kind})
        assert answer.status == 201 and answer.body == b'{"items":[]}', kind


def test_a_minimal_answer(table, resource, send):
    before = table.count()
    answer = send([resource.body(), resource.body()], "return=minimal")
    assert (answer.status, answer.body) == (201, b"")
    assert answer.headers["preference-applied"] == "return=minimal"
    assert table.count() == before + 2


# Spellings of a format.


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_lines_of_json(table, resource, end):
    lines = [json.dumps(resource.body()), json.dumps(resource.body())]
    answer = table.post(("\r\n" if end == "\r\n" else "\n").join(lines) + end, {"Content-Type": NDJSON})
    assert answer.status == 201 and len(answer.json["items"]) == 2


@pytest.mark.parametrize("line_end, last", [("\r\n", True), ("\n", True), ("\r\n", False), ("\n", False)])
def test_lines_of_csv(table, resource, line_end, last):
    text = body_of(CSV, [resource.body(name="a, b"), resource.body(name="c")]).replace("\r\n", line_end)
    answer = table.post(text if last else text[:-len(line_end)], {"Content-Type": CSV})
    assert [row["name"] for row in answer.json["items"]] == ["a, b", "c"]


@pytest.mark.parametrize("spelling", ["text/csv; charset=utf-8", "text/csv; charset=utf-8; header=present", "TEXT/CSV;header=present"])
def test_types_of_csv(table, resource, spelling):
    assert table.post(body_of(CSV, [resource.body()]), {"Content-Type": spelling}).status == 201


def test_columns_of_csv_in_any_order(table, resource):
    body = dict(reversed(resource.body().items()))
    (row,) = table.post(body_of(CSV, [body]), {"Content-Type": CSV}).json["items"]
    assert made_of(row, body)


# Faults.


def test_every_fault_by_its_row(resource, send, kept):
    """Rows are counted from 1; the header of CSV is none."""
    bodies = [resource.body(), resource.body(age="x"), resource.body(), resource.body(name="", age=999)]
    faults = [{"row": 2, "pointer": "/age"}, {"row": 4, "pointer": "/name"}, {"row": 4, "pointer": "/age"}]
    assert_rest_problem(send(bodies), 422, "invalid-fields", faults)


def test_a_field_that_is_missing(resource, table, kind, kept):
    """In CSV it is missing once, from the header."""
    bodies = [resource.body(name=...), resource.body(name=...)]
    answer = table.post(body_of(kind, bodies), {"Content-Type": kind})
    if kind == CSV:
        assert_rest_problem(answer, 400, "malformed-csv", [{"pointer": "/name"}])
    else:
        assert_rest_problem(answer, 422, "invalid-fields", [{"row": number, "pointer": "/name"} for number in (1, 2)])


def test_a_field_that_there_is_not(table, resource, kept):
    for kind in (JSON, NDJSON):
        answer = table.post(body_of(kind, [resource.body(), {**resource.body(), "nothing": 1}]), {"Content-Type": kind})
        assert_rest_problem(answer, 422, "invalid-fields", [{"row": 2, "pointer": "/nothing"}])
    answer = table.post(body_of(CSV, [{**resource.body(), "nothing": 1}]), {"Content-Type": CSV})
    assert_rest_problem(answer, 400, "malformed-csv", [{"pointer": "/nothing"}])


@pytest.mark.parametrize("row", [1, "text", None, [], [[]]], ids=str)
def test_a_row_that_is_no_object(table, resource, kept, row):
    answer = table.post([resource.body(), row], {"Content-Type": JSON})
    problem = assert_rest_problem(answer, 422, "invalid-fields")
    assert [place["row"] for place in places(problem)] == [2]
    answer = table.post(body_of(NDJSON, [resource.body(), row]), {"Content-Type": NDJSON})
    assert [place["row"] for place in places(assert_rest_problem(answer, 422, "invalid-fields"))] == [2]


def test_a_key_that_is_none(resource, send, kept):
    answer = send([{**resource.body(), resource.key: new_key()}, {**resource.body(), resource.key: "x"}])
    assert_rest_problem(answer, 422, "invalid-fields", [{"row": 2, "pointer": f"/{resource.key}"}])


def test_more_faults_than_are_listed(resource, send, kept):
    answer = send([resource.body(age=999) for _ in range(1234)])
    problem = assert_rest_problem(answer, 422, "invalid-fields")
    assert len(problem["errors"]) == 1000 and problem["more"] == 234
    assert places(problem) == [{"row": number, "pointer": "/age"} for number in range(1, 1001)]


@pytest.mark.parametrize("text", ['[{"name":]', "[", "[{}", "[{},]", "{}{}", '[{"name":"x","name":"y"}]', "[] []"])
def test_malformed_json(table, kept, text):
    assert_rest_problem(table.post(text, {"Content-Type": JSON}), 400, "malformed-json")


@pytest.mark.parametrize("line", ["{", "nonsense", '{"name":"x","name":"y"}', "{} {}", '{"a":1},'])
def test_malformed_lines_of_json(table, resource, kept, line):
    good = json.dumps(resource.body()) + "\n"
    answer = table.post(good + good + line + "\n" + good, {"Content-Type": NDJSON})
    assert "line 3" in details(assert_rest_problem(answer, 400, "malformed-json"))


@pytest.mark.parametrize("line", ['"open', 'a"b,1', '"a"b'])
def test_malformed_csv(table, resource, kept, line):
    header, first, _ = body_of(CSV, [resource.body()]).split("\r\n")
    answer = table.post(f"{header}\r\n{first}\r\n{line}\r\n", {"Content-Type": CSV})
    assert_rest_problem(answer, 400, "malformed-csv")


@pytest.mark.parametrize("count", [1, 2, 9, 11])
def test_a_row_of_csv_with_more_or_fewer_values(table, resource, kept, count):
    header, first, _ = body_of(CSV, [resource.body()]).split("\r\n")
    answer = table.post(f"{header}\r\n{first}\r\n{','.join('1' * count)}\r\n", {"Content-Type": CSV})
    assert_rest_problem(answer, 422, "invalid-fields", [{"row": 2, "pointer": ""}])


@pytest.mark.parametrize("header", ["", "name,name", "\r\n"])
def test_a_header_of_csv_that_is_none(table, kept, header):
    assert_rest_problem(table.post(f"{header}\r\n1,2\r\n", {"Content-Type": CSV}), 400, "malformed-csv")


# Rows that are there already, or twice.


def test_a_key_that_is_taken(table, resource, send):
    taken = [table.key(table.create()) for _ in range(2)]
    before = table.count()
    bodies = [resource.body(), *({**resource.body(), resource.key: key} for key in taken)]
    bodies[0][resource.key] = new_key()
    answer = send(bodies)
    assert_rest_problem(answer, 409, "conflict", [{"row": row, "pointer": f"/{resource.key}"} for row in (2, 3)])
    assert table.count() == before


def test_a_key_that_is_there_twice(resource, send, kept):
    key = new_key()
    bodies = [{**resource.body(), resource.key: each} for each in (new_key(), key, new_key(), key)]
    problem = assert_rest_problem(send(bodies), 422, "invalid-fields", [{"row": 4, "pointer": f"/{resource.key}"}])
    assert "row 2" in details(problem)


def test_addresses_that_are_taken(client, kind):
    of = RESOURCES[1]
    taken = [client("POST", of.path, of.body()).json["email"] for _ in range(2)]
    bodies = [of.body(email=taken[0].upper()), of.body(), of.body(email=taken[1])]
    answer = client("POST", of.path, body_of(kind, bodies), {"Content-Type": kind})
    assert_rest_problem(answer, 409, "conflict", [{"row": row, "pointer": "/email"} for row in (1, 3)])
    assert client("GET", of.path, None, None, {"email": bodies[1]["email"]}).json["items"] == []


def test_an_address_that_is_there_twice(client, kind):
    of, email = RESOURCES[1], new_email()
    bodies = [of.body(), of.body(email=email), of.body(), of.body(email=email.upper())]
    answer = client("POST", of.path, body_of(kind, bodies), {"Content-Type": kind})
    problem = assert_rest_problem(answer, 422, "invalid-fields", [{"row": 4, "pointer": "/email"}])
    assert "row 2" in details(problem)


def test_duplicates_are_merged(table, resource, send):
    old = [table.create(name=f"old {number}") for number in range(2)]
    tag = table.get(table.key(old[0])).headers["etag"]
    bodies = [{**resource.body(name=f"new {at}"), resource.key: key}
              for at, key in enumerate([table.key(old[0]), new_key(), table.key(old[1])])]
    before = table.count()
    answer = send(bodies, "resolution=merge-duplicates")
    assert answer.status == 200 and answer.headers["preference-applied"] == "resolution=merge-duplicates"
    rows = answer.json["items"]
    assert all(made_of(row, body) for row, body in zip(rows, bodies)) and len(rows) == 3
    assert table.count() == before + 1
    found = table.get(table.key(old[0]))
    assert found.json == rows[0] and found.headers["etag"] != tag


def test_duplicates_are_ignored(table, resource, send):
    old = table.create(name="old")
    bodies = [{**resource.body(name=f"new {at}"), resource.key: key}
              for at, key in enumerate([new_key(), table.key(old), new_key()])]
    before = table.count()
    answer = send(bodies, "resolution=ignore-duplicates")
    assert answer.status == 200 and answer.headers["preference-applied"] == "resolution=ignore-duplicates"
    assert [row["name"] for row in answer.json["items"]] == ["new 0", "new 2"]
    assert table.count() == before + 2 and table.get(table.key(old)).json == old


def test_duplicates_in_one_body(table, resource, send):
    key = new_key()
    bodies = [{**resource.body(name=f"N {number}"), resource.key: key} for number in range(2)]
    answer = send(bodies, "resolution=merge-duplicates")
    assert_rest_problem(answer, 422, "invalid-fields", [{"row": 2, "pointer": f"/{resource.key}"}])
    assert table.get(key).status == 404
    answer = send(bodies, "resolution=ignore-duplicates")
    assert answer.status == 200 and [row["name"] for row in answer.json["items"]] == ["N 0"]
    assert table.get(key).json["name"] == "N 0"


def test_employees_are_merged_by_their_address(client, kind):
    of = RESOURCES[1]
    old = client("POST", of.path, of.body()).json
    bodies = [of.body(name="new", email=old["email"].upper()), of.body()]
    answer = client("POST", of.path, body_of(kind, bodies), {"Content-Type": kind, "Prefer": "resolution=merge-duplicates"})
    assert answer.status == 200, answer
    row = answer.json["items"][0]
    assert row["id"] == old["id"] and made_of(row, bodies[0]) and row["created_at"] == old["created_at"]
    answer = client("POST", of.path, body_of(kind, [of.body(name="newer", email=old["email"])]),
                    {"Content-Type": kind, "Prefer": "resolution=ignore-duplicates"})
    assert answer.status == 200 and answer.json == {"items": []}
    assert client("GET", f"{of.path}/{old['id']}").json == row


def test_a_single_row_may_be_merged_or_ignored(table, resource):
    for resolution in ("merge-duplicates", "ignore-duplicates"):
        answer = table.post(resource.body(name="one"), {"Prefer": f"resolution={resolution}"})
        assert answer.status == 200 and [row["name"] for row in answer.json["items"]] == ["one"]
        assert answer.headers["preference-applied"] == f"resolution={resolution}"


def test_an_unknown_resolution(resource, send):
    assert send([resource.body()], "resolution=nothing").status == 201
    answer = send([resource.body()], "handling=strict, resolution=nothing")
    assert_rest_problem(answer, 400, "malformed-header", [{"header": "Prefer"}])


# Limits.


def test_as_many_rows_as_there_may_be(table, resource, kind):
    before = table.count()
    rows = [resource.body() for _ in range(MOST_ROWS + 1)]
    headers = {"Content-Type": kind, "Prefer": "return=minimal"}
    said = details(assert_rest_problem(table.post(body_of(kind, rows), headers), 413, "body-too-large"))
    assert "10,000" in said or "10000" in said
    assert table.count() == before
    assert table.post(body_of(kind, rows[:-1]), headers).status == 201
    assert table.count() == before + MOST_ROWS


def test_as_many_bytes_as_there_may_be(table, resource):
    body = json.dumps([resource.body()])
    assert table.post(body.ljust(BULK_BYTES), {"Content-Type": JSON}).status == 201
    assert_rest_problem(table.post(body.ljust(BULK_BYTES + 1), {"Content-Type": JSON}), 413, "body-too-large")


def test_the_bodies_of_one_row_are_smaller(table, resource):
    key = table.key(table.create())
    body = json.dumps(resource.body())
    assert table.put(key, body.ljust(1 << 20), {"Content-Type": JSON}).status == 200
    for answer in (table.put(key, body.ljust((1 << 20) + 1), {"Content-Type": JSON}), table.patch(key, "{}".ljust((1 << 20) + 1))):
        assert "1048576" in details(assert_rest_problem(answer, 413, "body-too-large")).replace(",", "")
