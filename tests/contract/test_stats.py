"""The figures of the passengers, against the same made here."""

import itertools

import pytest
from harness.rest import JSON, assert_rest_problem, details
from harness.samples import compact
from harness.tables import PASSENGERS

PATH = "/v1/passengers/stats"
GROUPED = ["survived", "passengerClass", "sex", "siblingsOrSpousesAboard", "parentsOrChildrenAboard"]


@pytest.fixture(scope="module")
def filled(system_database, stack):
    rows = PASSENGERS.rows(200)
    PASSENGERS.fill(system_database, rows)
    return rows


def quartile(values, part):
    """Between the two values that it falls between, in proportion."""
    place = (len(values) - 1) * part
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def spread(values):
    values = sorted(value for value in values if value is not None)
    if not values:
        return {"mean": None, "quartiles": None}
    return {"mean": pytest.approx(sum(values) / len(values)),
            "quartiles": [pytest.approx(quartile(values, part)) for part in (0.25, 0.5, 0.75)]}  # fmt: skip


def figures(rows):
    known = [row["survived"] for row in rows if row["survived"] is not None]
    return {
        "count": len(rows), "survivors": sum(known), "survivalRate": pytest.approx(sum(known) / len(known)) if known else None,
        "age": spread([row["age"] for row in rows]), "fare": spread([row["fare"] for row in rows]),
    }  # fmt: skip


def groups(rows, by):
    """Ordered by the values, nulls last."""
    def values(row):
        return [(row[name] is None, 0 if row[name] is None else row[name]) for name in by]

    ordered = itertools.groupby(sorted(rows, key=values), key=lambda row: [row[name] for name in by])
    return [{**dict(zip(by, found)), **figures(list(members))} for found, members in ordered]


@pytest.mark.parametrize("by", [
    *([name] for name in GROUPED), ["passengerClass", "sex"], ["sex", "passengerClass"], GROUPED, GROUPED[::-1],
], ids=",".join)  # fmt: skip
def test_groups(client, filled, by):
    answer = client("GET", PATH, None, None, {"by": ",".join(by)})
    assert answer.status == 200 and answer.type == JSON, answer
    assert answer.json == {"by": by, "groups": groups(filled, by)}
    assert list(answer.json["groups"][0]) == [*by, "count", "survivors", "survivalRate", "age", "fare"]
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.body == compact(answer.json)


def test_one_group_of_all(client, filled):
    assert client("GET", PATH).json == {"by": [], "groups": [figures(filled)]}


def test_figures_of_what_the_filters_leave(client, filled):
    rows = [row for row in filled if row["sex"] == "female" and "a" in row["name"].lower()]
    answer = client("GET", PATH, None, None, {"by": "survived", "sex": "female", "q": "a"})
    assert rows and answer.json == {"by": ["survived"], "groups": groups(rows, ["survived"])}


def test_figures_of_nobody(client, filled):
    nothing = {"mean": None, "quartiles": None}
    assert client("GET", PATH, None, None, {"name": "nobody"}).json == {
        "by": [], "groups": [{"count": 0, "survivors": 0, "survivalRate": None, "age": nothing, "fare": nothing}]}  # fmt: skip
    assert client("GET", PATH, None, None, {"name": "nobody", "by": "sex"}).json == {"by": ["sex"], "groups": []}


@pytest.mark.parametrize("by", ["name", "age", "fare", "uuid", "nothing", "sex,sex", "sex,", "Sex", "-sex"])
def test_columns_that_make_no_groups(client, by):
    problem = assert_rest_problem(client("GET", PATH, None, None, {"by": by}), 400, "invalid-parameters", [{"parameter": "by"}])
    assert "twice" in details(problem) or "once" in details(problem) or all(name in details(problem) for name in GROUPED)


@pytest.mark.parametrize("name", ["limit", "cursor", "order", "fields", "nothing"])
def test_parameters_that_the_figures_do_not_have(client, name):
    answer = client("GET", PATH, None, None, {name: "1", "age": "eq.x"})
    assert_rest_problem(answer, 400, "invalid-parameters", [{"parameter": name}, {"parameter": "age"}])


@pytest.mark.parametrize("accept", ["text/csv", "text/html"])
def test_figures_are_json(client, filled, accept):
    assert_rest_problem(client("GET", PATH, None, {"Accept": accept}), 406, "not-acceptable")


def test_employees_have_no_figures(client):
    assert_rest_problem(client("GET", "/v1/employees/stats"), 400, "malformed-uuid")
