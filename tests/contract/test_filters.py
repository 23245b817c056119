"""Filters: each operator on each column leaves the rows that it should; and the words that q looks for."""

import re

import pytest
from harness.rest import Table, assert_rest_problem, details
from harness.tables import EMPLOYEES, PASSENGERS, RESOURCES

COMPARE = {
    "eq": lambda have, asked: have == asked, "neq": lambda have, asked: have != asked,
    "gt": lambda have, asked: have > asked, "gte": lambda have, asked: have >= asked,
    "lt": lambda have, asked: have < asked, "lte": lambda have, asked: have <= asked,
}  # fmt: skip

CASES = [(resource, column, operator) for resource in RESOURCES for column in resource.columns for operator in column.operators]

PATTERNS = ["Ada", "Ada*", "*a*", "*A", "ADA*", "*%*", "*_*", "under_score", "back\\slash", "*\\*", "*", "**", "", "*é*", "*,*",
            '*"*', "*\r\n*", "*(a,b)", "*@example.com", "foo+*@*", "*O_HARA*", "a?a", "Ad.", "ünï*", "*cödé*"]  # fmt: skip


@pytest.fixture(scope="module")
def filled(system_database, stack):
    made = {resource.name: resource.rows(60) for resource in RESOURCES}
    for resource in RESOURCES:
        resource.fill(system_database, made[resource.name])
    return made


def written(value):
    """A value as a filter has it."""
    if value is True or value is False:
        return str(value).lower()
    return str(value)


def in_list(value):
    """A value in the brackets of `in`: in quotes where it must be."""
    text = written(value)
    if re.search(r'[,()"\\\s]', text) or not text:
        text = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text


def left(client, resource, *filters):
    """The keys of the rows that the filters leave."""
    answer = client("GET", resource.path, None, None, [("limit", 100), *filters])
    assert answer.status == 200, answer
    assert answer.json["next"] is None
    return {row[resource.key] for row in answer.json["items"]}


def wanted(resource, rows, column, matches):
    """The keys of the rows whose value, if there is one, `matches`."""
    return {row[resource.key] for row in rows
            if row[column.name] is not None and matches(column.comparable(row[column.name]))}  # fmt: skip


def values_of(column, rows):
    """Some of the values that there are, the smallest and the largest among them."""
    every = sorted({row[column.name] for row in rows} - {None})
    return sorted({every[0], every[-1], every[len(every) // 2], every[len(every) // 3]})


def pattern_of(text):
    return "".join(".*" if char == "*" else re.escape(char) for char in text)


@pytest.mark.parametrize("of, column, operator", CASES, ids=lambda value: getattr(value, "name", value))
def test_each_operator_on_each_column(client, filled, of, column, operator):
    rows = filled[of.name]
    if operator == "is":
        nulls = {row[of.key] for row in rows if row[column.name] is None}
        assert bool(nulls) == column.nullable
        assert left(client, of, (column.name, "is.null")) == nulls
        assert left(client, of, (column.name, "is.not_null")) == {row[of.key] for row in rows} - nulls
    elif operator in ("like", "ilike"):
        for text in PATTERNS:
            whole = column.type == "email" or operator == "ilike"
            shape = re.compile(pattern_of(text), re.S | (re.I if whole else 0))
            assert left(client, of, (column.name, f"{operator}.{text}")) == wanted(of, rows, column, shape.fullmatch), text
    elif operator == "in":
        chosen = values_of(column, rows)
        asked = ",".join(in_list(value) for value in chosen)
        compared = [column.comparable(value) for value in chosen]
        assert left(client, of, (column.name, f"in.({asked})")) == wanted(of, rows, column, compared.__contains__)
        assert left(client, of, (column.name, f"in.({in_list(chosen[0])})")) == wanted(
            of, rows, column, lambda have: have == compared[0])  # fmt: skip
    else:
        for value in values_of(column, rows):
            asked = column.comparable(value)
            hits = wanted(of, rows, column, lambda have, asked=asked: COMPARE[operator](have, asked))
            assert left(client, of, (column.name, f"{operator}.{written(value)}")) == hits, value


@pytest.mark.parametrize("name", ["Ada", "null", "a,b", "100% wool", "star*name", "=1+1", "two\r\nlines", "Ⅻ. Ünïcödé 😀",
                                  '"quoted"', "back\\slash"])
def test_a_value_without_an_operator_is_what_it_is(client, filled, name):
    for of in RESOURCES:
        column = of.column("name")
        hits = wanted(of, filled[of.name], column, lambda have: have == name)
        assert hits and left(client, of, ("name", name)) == hits


def test_a_value_that_looks_like_an_operator_is_written_with_one(client, filled):
    for of in RESOURCES:
        for name in ("eq.Ada", "in.(a,b)"):
            hits = wanted(of, filled[of.name], of.column("name"), lambda have, name=name: have == name)
            assert hits and left(client, of, ("name", f"eq.{name}")) == hits


def test_a_dot_does_not_make_an_operator(client, filled):
    assert left(client, PASSENGERS, ("name", "Mr. X")) == set()
    assert left(client, PASSENGERS, ("age", "0.75")) == wanted(
        PASSENGERS, filled["passengers"], PASSENGERS.column("age"), lambda have: have == 0.75)  # fmt: skip


def test_an_address_whatever_its_case(client, filled):
    row = filled["employees"][3]
    for email in (row["email"].upper(), row["email"].lower(), row["email"].swapcase()):
        for text in (email, f"eq.{email}", f"in.({email},nobody@example.com)", f"like.{email}", f"ilike.{email}"):
            assert left(client, EMPLOYEES, ("email", text)) == {row["id"]}, text


@pytest.mark.parametrize("zone", ["2025-05-20T22:22:46.243212Z", "2025-05-20T22:22:46.243212+00:00",
                                  "2025-05-21T03:52:46.243212+05:30", "2025-05-20t22:22:46.243212z"])
def test_a_time_in_any_zone(client, filled, zone):
    moment = "2025-05-20T22:22:46.243212Z"
    hits = {row["id"] for row in filled["employees"] if row["created_at"] == moment}
    assert hits and left(client, EMPLOYEES, ("created_at", zone)) == hits


def test_filters_are_all_asked_for(client, filled):
    rows = filled["passengers"]
    hits = {row["uuid"] for row in rows if row["sex"] == "female" and row["age"] is not None and 20 <= row["age"] < 80}
    assert hits and hits == left(client, PASSENGERS, ("sex", "female"), ("age", "gte.20"), ("age", "lt.80"))


def test_the_same_filter_twice(client, filled):
    assert left(client, PASSENGERS, ("sex", "female"), ("sex", "male")) == set()
    assert left(client, PASSENGERS, ("sex", "female"), ("sex", "female")) == left(client, PASSENGERS, ("sex", "female"))


def test_a_value_out_of_the_range_of_its_column_finds_nothing(client, filled):
    everybody = left(client, PASSENGERS)
    assert left(client, PASSENGERS, ("siblingsOrSpousesAboard", "eq.5000000000")) == set()
    assert left(client, PASSENGERS, ("siblingsOrSpousesAboard", "lt.5000000000")) == everybody
    assert left(client, PASSENGERS, ("passengerClass", "in.(-70000,70000)")) == set()
    assert left(client, PASSENGERS, ("fare", "gt.-1")) == wanted(
        PASSENGERS, filled["passengers"], PASSENGERS.column("fare"), lambda _: True)  # fmt: skip


WRONG = {
    "passengers": [
        ("uuid", "1"), ("uuid", "eq."), ("uuid", "like.0*"), ("survived", "eq.1"), ("survived", "TRUE"), ("survived", "gt.false"),
        ("survived", "lte.true"), ("survived", "like.t*"), ("passengerClass", "eq.one"), ("passengerClass", "1.5"),
        ("passengerClass", ""), ("passengerClass", "ilike.1"), ("passengerClass", " 1"), ("sex", "other"), ("sex", "eq."),
        ("sex", "in.(male,other)"), ("age", "eq.old"), ("age", "NaN"), ("age", "eq.Infinity"), ("age", "1e999"),
        ("age", "like.2*"), ("age", "0x10"), ("age", "in.(1,,2)"), ("age", "is.nothing"), ("age", "is."), ("age", "is.NULL"),
        ("age", "in."), ("age", "in.1,2"), ("age", "in.(1,2"), ("age", "in.1,2)"), ("age", "in.(1)2"), ("name", 'in.("a)'),
        ("name", 'in.("a"b)'), ("fare", "eq.,5"), ("fare", "in.()"),
    ],
    "employees": [
        ("id", "1"), ("age", "eq.x"), ("created_at", "yesterday"), ("created_at", "2025-13-01T00:00:00Z"),
        ("created_at", "2025-02-30T00:00:00Z"), ("created_at", "2025-05-20"), ("created_at", "like.2025*"),
        ("created_at", "infinity"), ("created_at", "now"), ("updated_at", "gt."),
    ],
}  # fmt: skip


@pytest.mark.parametrize("of, name, value", [(of, *pair) for of in RESOURCES for pair in WRONG[of.name]], ids=str)
def test_a_filter_that_is_none(client, of, name, value):
    answer = client("GET", of.path, None, None, {name: value})
    assert_rest_problem(answer, 400, "invalid-parameters", [{"parameter": name}])


def test_each_fault_of_several_filters(client):
    params = [("age", "eq.x"), ("age", "gt.1"), ("age", "lt.y"), ("sex", "z"), ("fare", "1")]
    answer = client("GET", PASSENGERS.path, None, None, params)
    assert_rest_problem(answer, 400, "invalid-parameters", [{"parameter": name} for name in ("age", "age", "sex")])


def test_how_many_filters_there_may_be(client, filled):
    assert left(client, PASSENGERS, *[("age", f"neq.{number}") for number in range(1000, 1016)])
    answer = client("GET", PASSENGERS.path, None, None, [("age", f"neq.{number}") for number in range(17)])
    assert "16" in details(assert_rest_problem(answer, 400, "invalid-parameters"))


def test_how_many_values_there_may_be(client, filled):
    of = PASSENGERS
    hundred = ",".join(map(str, range(100)))
    assert left(client, of, ("age", f"in.({hundred})")) == wanted(of, filled[of.name], of.column("age"), range(100).__contains__)
    answer = client("GET", of.path, None, None, {"age": f"in.({hundred},100)"})
    assert "100" in details(assert_rest_problem(answer, 400, "invalid-parameters", [{"parameter": "age"}]))


# q


@pytest.mark.parametrize("words", ["ada", "ADA", "Ada love", "love ADA", "love  ada ", "%", "_", "\\", "*", "o'hara", "née", "NÉE",
                                   "cödé 😀", '"', "nobody", "a", "(doe), smith", "1+1"])
def test_every_word_is_somewhere_in_the_name(client, filled, words):
    for of in RESOURCES:
        hits = {row[of.key] for row in filled[of.name] if all(word in row["name"].lower() for word in words.lower().split())}
        assert left(client, of, ("q", words)) == hits
        assert Table(client, of).walk({"q": words, "limit": 500, "fields": of.key}) == [{of.key: key} for key in sorted(hits)]


def test_words_beside_a_filter(client, filled):
    hits = {row["uuid"] for row in filled["passengers"] if "ada" in row["name"].lower() and row["sex"] == "female"}
    assert hits == left(client, PASSENGERS, ("q", "ada"), ("sex", "female"))


def test_how_long_the_words_may_be(client):
    assert left(client, PASSENGERS, ("q", "x" * 200)) == left(client, PASSENGERS, ("q", "ü" * 200)) == set()
    for text in ("x" * 201, "ü" * 201):
        answer = client("GET", PASSENGERS.path, None, None, {"q": text})
        assert "200" in details(assert_rest_problem(answer, 400, "invalid-parameters", [{"parameter": "q"}]))


@pytest.mark.parametrize("attack", ["'; DROP TABLE passengers; --", "eq.' OR '1'='1", "$1", "x') OR true --",
                                    "%' OR name LIKE '%"])
def test_a_value_is_never_sql(client, filled, attack):
    for name in ("name", "q"):
        assert left(client, PASSENGERS, (name, attack)) == set()
    for name in ("uuid", "age", "survived"):
        assert_rest_problem(client("GET", PASSENGERS.path, None, None, {name: attack}), 400, "invalid-parameters")
    assert_rest_problem(client("GET", PASSENGERS.path, None, None, {"order": attack}), 400, "invalid-parameters")
    assert len(left(client, PASSENGERS)) == 60
