"""Through a whole table page by page, in each order, while nothing or something happens to it."""

import threading

import pytest
from harness.rest import Client, Table, assert_rest_problem
from harness.tables import EMPLOYEES, PASSENGERS

ORDERS = {
    "passengers": ["uuid", "-uuid", "name,-age", "-age,name", "sex,-survived,fare", "-sex,survived", "passengerClass,-uuid",
                   "fare,age,sex,survived,passengerClass,siblingsOrSpousesAboard,parentsOrChildrenAboard,name,uuid"],
    "employees": ["id", "-id", "age,-name", "-created_at,age", "email", "-age,-email", "updated_at,-created_at",
                  "age,name,created_at,updated_at,email,id"],
}  # fmt: skip


def in_order(resource, rows, order):
    """The rows as `order` has them: nulls last, or first in a descending column; the key last, as its last column goes."""
    terms = [(term.lstrip("-"), term.startswith("-")) for term in order.split(",")] if order else []
    if resource.key not in [name for name, _ in terms]:
        terms.append((resource.key, terms[-1][1] if terms else False))
    rows = list(rows)
    for name, descends in reversed(terms):
        column = resource.column(name)

        def rank(row, name=name, column=column):
            return (row[name] is None, 0 if row[name] is None else column.comparable(row[name]))

        rows.sort(key=rank, reverse=descends)
    return rows


def all_orders(resource):
    """One column at a time in both directions, and some of several."""
    return [sign + name for name in resource.names for sign in ("", "-")] + ORDERS[resource.name]


CASES = [(resource, order) for resource in (PASSENGERS, EMPLOYEES) for order in all_orders(resource)]


@pytest.fixture(scope="module")
def filled(system_database, stack):
    """Both tables with rows for this module's readers; the rows by resource."""
    made = {resource.name: resource.rows(60) for resource in (PASSENGERS, EMPLOYEES)}
    for resource in (PASSENGERS, EMPLOYEES):
        resource.fill(system_database, made[resource.name])
    return made


@pytest.mark.parametrize("of, order", CASES, ids=lambda value: str(value))
def test_each_row_once_in_order(client, filled, of, order):
    wanted = in_order(of, filled[of.name], order)
    table = Table(client, of)
    pages = list(table.pages({"limit": 7, "order": order}))
    assert [len(page) for page in pages] == [7] * 8 + [4]
    assert [row for page in pages for row in page] == wanted


@pytest.mark.parametrize("of", [PASSENGERS, EMPLOYEES], ids=str)
def test_one_row_to_a_page(client, filled, of):
    for order in ("", "name", "-age"):
        walked = Table(client, of).walk({"limit": 1, **({"order": order} if order else {})})
        assert walked == in_order(of, filled[of.name], order)


@pytest.mark.parametrize("of", [PASSENGERS, EMPLOYEES], ids=str)
def test_pages_without_the_columns_of_their_order(client, filled, of):
    """A cursor knows what it needs, whatever the page shows."""
    walked = Table(client, of).walk({"limit": 11, "order": "-age,name", "fields": of.key})
    assert walked == [{of.key: row[of.key]} for row in in_order(of, filled[of.name], "-age,name")]


@pytest.mark.parametrize("of", [PASSENGERS, EMPLOYEES], ids=str)
def test_pages_of_what_a_filter_leaves(client, filled, of):
    params = {"limit": 3, "order": "-name", "age": "gte.20", "q": "a"}
    wanted = [row for row in in_order(of, filled[of.name], "-name")
              if row["age"] is not None and row["age"] >= 20 and "a" in row["name"].lower()]  # fmt: skip
    assert wanted and Table(client, of).walk(params) == wanted


@pytest.mark.parametrize("of", [PASSENGERS, EMPLOYEES], ids=str)
@pytest.mark.parametrize("order", [
    "nothing", "name,name", "name,-name", "", ",name", "name,", "--name", "+name", "name desc", "NAME", "name;-age", "-",
])  # fmt: skip
def test_an_order_that_is_none(client, of, order):
    answer = client("GET", of.path, None, None, {"order": order})
    assert_rest_problem(answer, 400, "invalid-parameters", [{"parameter": "order"}])


# Cursors.


def cursor_of(client, resource, params):
    """The cursor of the page after the first one."""
    following = client("GET", resource.path, None, None, {"limit": 5, **params}).json["next"]
    (cursor,) = [part[len("cursor="):] for part in following.partition("?")[2].split("&") if part.startswith("cursor=")]
    return cursor


def follow(client, resource, cursor, params):
    return client("GET", resource.path, None, None, {"limit": 5, "cursor": cursor, **params})


def assert_no_cursor(answer):
    assert_rest_problem(answer, 400, "invalid-parameters", [{"parameter": "cursor"}])


def test_a_cursor_is_opaque_text_for_a_query(client, filled):
    cursor = cursor_of(client, PASSENGERS, {"order": "name"})
    assert cursor and set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


ASKED = {"order": "-age", "q": "a", "name": "neq.zz"}
CHANGED = [
    {"order": "age"}, {"order": "-age,name"}, {"order": "-fare"}, {"q": "ad"}, {"name": "neq.zzz"},
    {"name": "eq.zz"}, {"age": "gt.0"},
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGED, ids=str)
def test_a_cursor_of_another_question(client, filled, change):
    cursor = cursor_of(client, PASSENGERS, ASKED)
    answer = follow(client, PASSENGERS, cursor, {**ASKED, **change})
    assert answer.status == 400, answer
    assert "cursor" in [error["parameter"] for error in answer.json["errors"]]


@pytest.mark.parametrize("left_out", ASKED)
def test_a_cursor_of_a_question_that_said_more(client, filled, left_out):
    cursor = cursor_of(client, PASSENGERS, ASKED)
    assert_no_cursor(follow(client, PASSENGERS, cursor, {name: ASKED[name] for name in ASKED if name != left_out}))


def test_a_cursor_of_another_resource(client, filled):
    for params in ({}, {"order": "name"}, {"order": "-age"}):
        assert_no_cursor(follow(client, EMPLOYEES, cursor_of(client, PASSENGERS, params), params))
        assert_no_cursor(follow(client, PASSENGERS, cursor_of(client, EMPLOYEES, params), params))


def test_a_cursor_serves_any_limit_and_fields(client, filled):
    cursor = cursor_of(client, PASSENGERS, ASKED)
    rows = [row for row in in_order(PASSENGERS, filled["passengers"], "-age") if "a" in row["name"].lower()]
    answer = follow(client, PASSENGERS, cursor, {**ASKED, "limit": 2, "fields": "uuid"})
    assert answer.json["items"] == [{"uuid": row["uuid"]} for row in rows[5:7]]


@pytest.mark.parametrize("cursor", ["", "x", "!", "AAAA", "A" * 2000, "null", "W10", "e30", "%00", "=", "é"])
def test_a_cursor_that_is_none(client, cursor):
    assert_no_cursor(follow(client, PASSENGERS, cursor, {}))


def test_every_broken_piece_of_a_cursor(client, filled):
    """Each answer is a page or a clear no."""
    cursor = cursor_of(client, PASSENGERS, {"order": "name,-age"})
    broken = {cursor[:at] for at in range(len(cursor))} | {cursor[:at] + "-" + cursor[at + 1:] for at in range(len(cursor))}
    for text in broken - {cursor}:
        answer = follow(client, PASSENGERS, text, {"order": "name,-age"})
        if answer.status != 200:
            assert_no_cursor(answer)
    for end in ("=", "A", "AA", "AAAA", cursor):
        assert_no_cursor(follow(client, PASSENGERS, cursor + end, {"order": "name,-age"}))


# The table moves under the reader. These come last: they change it.


@pytest.mark.parametrize("of", [PASSENGERS, EMPLOYEES], ids=str)
@pytest.mark.parametrize("order", ["", "name", "-age,name"])
def test_rows_that_were_there_are_seen_once_while_others_come_and_go(stack, system_database, of, order):
    rows = of.rows(60)
    of.fill(system_database, rows)
    ended = threading.Event()
    failed = []

    def disturb():
        table = Table(Client(stack.port), of)
        while not ended.is_set():
            answer = table.post(of.body())
            if answer.status != 201 or table.delete(table.key(answer.json)).status != 204:
                failed.append(answer)
                return

    threads = [threading.Thread(target=disturb) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        wanted = in_order(of, rows, order)
        keys = {row[of.key] for row in rows}
        for _ in range(10):
            walked = Table(Client(stack.port), of).walk({"limit": 4, **({"order": order} if order else {})})
            assert [row for row in walked if row[of.key] in keys] == wanted
            assert len({row[of.key] for row in walked}) == len(walked)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert not failed


@pytest.mark.parametrize("of", [PASSENGERS, EMPLOYEES], ids=str)
def test_a_page_goes_on_after_its_last_row_is_gone(client, system_database, of):
    rows = of.rows(30)
    of.fill(system_database, rows)
    table = Table(client, of)
    wanted = in_order(of, rows, "-name")
    page = table.list({"order": "-name", "limit": 10}).json
    assert table.delete(table.key(page["items"][-1])).status == 204
    assert client("GET", page["next"]).json["items"] == wanted[10:20]
