"""Idempotency-Key: a POST that is sent again creates nothing, and is answered as the first time."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import wait
from harness.rest import CSV, JSON, NDJSON, Client, Table, assert_rest_problem, body_of
from harness.stack import Stack
from harness.tables import RESOURCES

SAME = ("location", "etag", "content-type")  # of the first answer and the later ones


def new_name():
    new_name.last += 1
    return f"key-{new_name.last}"


new_name.last = 0


@pytest.fixture
def name():
    """A key that was never used."""
    return new_name()


def post(table, body, name, **headers):
    return table.post(body, {"Idempotency-Key": name, **{key.replace("_", "-"): value for key, value in headers.items()}})


def assert_replayed(first, again):
    assert (again.status, again.body) == (first.status, first.body), again
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    for header in SAME:
        assert again.headers.get(header) == first.headers.get(header)


def test_the_same_again(table, resource, name):
    body, before = resource.body(), table.count()
    first = post(table, body, name)
    assert first.status == 201
    for _ in range(5):
        assert_replayed(first, post(table, body, name))
    assert table.count() == before + 1


def test_the_row_is_answered_as_it_was(table, resource, name):
    body = resource.body(name="then")
    first = post(table, body, name)
    key = table.key(first.json)
    table.patch(key, {"name": "now"})
    assert_replayed(first, post(table, body, name))
    table.delete(key)
    assert_replayed(first, post(table, body, name))
    assert table.get(key).status == 404


def test_another_body(table, resource, name):
    first, before = post(table, resource.body(name="one"), name), table.count()
    for body in (resource.body(name="two"), {}, resource.body(name="one", age=1), [resource.body(name="one")]):
        answer = post(table, body, name)
        if body == {}:  # either fault may be said
            assert answer.status == 422
        else:
            assert_rest_problem(answer, 422, "idempotency-mismatch")
    assert table.count() == before and table.get(table.key(first.json)).json == first.json


def test_another_type_or_resolution(table, resource, name):
    body = [resource.body()]
    assert post(table, body, name).status == 201
    answer = post(table, body_of(NDJSON, body), name, Content_Type=NDJSON)
    assert_rest_problem(answer, 422, "idempotency-mismatch")
    answer = post(table, body, name, Prefer="resolution=merge-duplicates")
    assert_rest_problem(answer, 422, "idempotency-mismatch")


def test_each_collection_has_its_own_keys(client, name):
    for of in RESOURCES:
        answer = post(Table(client, of), of.body(), name)
        assert answer.status == 201 and "idempotency-replayed" not in answer.headers


def test_a_request_that_was_refused_is_forgotten(table, resource, name):
    assert_rest_problem(post(table, resource.body(age=-1), name), 422, "invalid-fields")
    assert_rest_problem(post(table, "{", name, Content_Type=JSON), 400, "malformed-json")
    answer = post(table, resource.body(), name)
    assert answer.status == 201 and "idempotency-replayed" not in answer.headers


def test_a_conflict_is_forgotten(client, name):
    table = Table(client, RESOURCES[1])
    taken = table.create()
    body = table.resource.body(email=taken["email"])
    assert_rest_problem(post(table, body, name), 409, "conflict")
    table.delete(taken["id"])
    assert post(table, body, name).status == 201


@pytest.mark.parametrize("kind", [JSON, NDJSON, CSV])
def test_many_rows_again(table, resource, name, kind):
    body, before = body_of(kind, [resource.body() for _ in range(20)]), table.count()
    first = post(table, body, name, Content_Type=kind)
    assert first.status == 201 and len(first.json["items"]) == 20
    assert_replayed(first, post(table, body, name, Content_Type=kind))
    assert table.count() == before + 20


@pytest.mark.parametrize("resolution", ["merge-duplicates", "ignore-duplicates"])
def test_a_resolution_again(table, resource, name, resolution):
    row = table.create(name="old")
    bodies = [{**resource.body(name="new"), resource.key: table.key(row)}, resource.body(name="other")]
    first = post(table, bodies, name, Prefer=f"resolution={resolution}")
    assert first.status == 200
    table.patch(table.key(row), {"name": "later"})
    assert_replayed(first, post(table, bodies, name, Prefer=f"resolution={resolution}"))
    assert table.get(table.key(row)).json["name"] == "later"


def test_a_minimal_answer_again(table, resource, name):
    body = resource.body()
    first = post(table, body, name, Prefer="return=minimal")
    assert (first.status, first.body) == (201, b"")
    again = post(table, body, name, Prefer="return=minimal")
    assert_replayed(first, again)
    assert again.headers["preference-applied"] == "return=minimal"


@pytest.mark.parametrize("end", ["!~", '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "a,b;c=d", "'", "\\", "%00", "x" * 248])
def test_keys_that_there_may_be(table, resource, end):
    key, body = f"{new_name():.<7}{end}", resource.body()
    first = post(table, body, key)
    assert first.status == 201, first
    assert_replayed(first, post(table, body, key))


def test_a_key_of_one_character(table, resource):
    body = resource.body()
    assert_replayed(post(table, body, "~"), post(table, body, "~"))


@pytest.mark.parametrize("key", ["x" * 256, "x" * 5000, "a b", "a\tb", "é"])
def test_keys_that_there_may_not_be(table, resource, key):
    before = table.count()
    answer = post(table, resource.body(), key.encode("latin-1"))
    assert_rest_problem(answer, 400, "malformed-header", [{"header": "Idempotency-Key"}])
    assert table.count() == before


def test_keys_are_told_apart_by_every_character(table, resource, name):
    assert post(table, resource.body(), name).status == 201
    for other in (name.upper(), name + "x", "x" + name, name[:-1] + "~"):
        answer = post(table, resource.body(), other)
        assert answer.status == 201 and "idempotency-replayed" not in answer.headers


def test_other_methods_have_no_key(table, resource, name):
    """It does no harm where it says nothing: these are idempotent by themselves."""
    row = table.create()
    for number in range(2):
        answer = table.put(table.key(row), resource.body(name=f"N {number}"), {"Idempotency-Key": name})
        assert answer.status == 200 and answer.json["name"] == f"N {number}"
        answer = table.patch(table.key(row), {"name": f"P {number}"}, {"Idempotency-Key": name})
        assert answer.status == 200 and answer.json["name"] == f"P {number}"


# At once, and across workers.


def at_once(count, call):
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


def assert_one_row(answers):
    assert {answer.status for answer in answers} == {201}, answers
    assert len({answer.body for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1


@pytest.mark.parametrize("many", [False, True], ids=["one row", "many rows"])
def test_many_clients_at_once(stack, table, resource, many):
    """The workers take turns, or one tells the other; there is one row, and everybody hears of it."""
    before, rounds = table.count(), 10
    for _ in range(rounds):
        name, body = new_name(), [resource.body() for _ in range(5)] if many else resource.body()
        assert_one_row(at_once(16, lambda _, name=name, body=body: post(Table(Client(stack.port), resource), body, name)))
    assert table.count() == before + rounds * (5 if many else 1)


def test_two_services_on_one_database(system_database, table, resource):
    with Stack(system_database.url) as other:
        clients = [table.client.base, f"http://127.0.0.1:{other.port}"]
        before = table.count()
        for _ in range(10):
            name, body = new_name(), resource.body()

            def send(number, name=name, body=body):
                client = Client(int(clients[number % 2].rpartition(":")[2]))
                return post(Table(client, resource), body, name)

            assert_one_row(at_once(8, send))
        assert table.count() == before + 10


def test_different_bodies_at_once(stack, table, resource, name):
    before = table.count()
    answers = at_once(16, lambda number: post(Table(Client(stack.port), resource), resource.body(name=f"N {number}"), name))
    good = [answer for answer in answers if answer.status == 201]
    assert len(good) == 1
    for answer in answers:
        if answer is not good[0]:
            assert_rest_problem(answer, 422, "idempotency-mismatch")
    assert table.count() == before + 1


def test_after_the_workers_were_started_again(cluster, resource, name):
    """The service remembers, no matter which process."""
    fresh = cluster.copy_template()
    with Stack(fresh.url) as stack:
        table, body = Table(Client(stack.port), resource), resource.body()
        first = post(table, body, name)
        assert first.status == 201
        old = stack.workers()
        for pid in old:
            os.kill(pid, signal.SIGTERM)
        wait.until(lambda: len(set(stack.workers()) - set(old)) == 2 and not set(old) & set(stack.workers()), "new workers")
        wait.until(lambda: stack.http("GET", "/readyz").status == 200, "the service to be ready")
        assert_replayed(first, post(table, body, name))
        assert table.count() == 1
    fresh.drop()
