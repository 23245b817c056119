"""What goes in comes out: to the byte, to the bit."""

import json
import random
import struct
from urllib.parse import quote

import pytest
from harness.samples import employee, passenger
from harness.web import assert_json, assert_problem

NAMES = [
    "Zoë", "Zoe\u0308", "李小龙", "Ольга", "محمد", "\u202eright to left", "👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "\u200b", "\ufeffmark", "a\u0301\u0327", "ﬁ", "İı", "ß",
    "quote \" backslash \\ slash / apostrophe '", "\b\f\n\r\t\x01\x1f\x7f", "</script><script>alert(1)</script>", "  blanks  ",
    "\u2028\u2029", "\U0010ffff", "null", "NULL", "\\N", "%s%n%d", "{0}", "${HOME}", "a\r\nX-Evil: 1", "\\u0041",
]  # fmt: skip

SQL = [
    "'; DROP TABLE passengers; --", "Robert'); DROP TABLE employees;--", "' OR '1'='1", "$1", "$$", "\\'; SELECT 1; --",
    "1; SELECT pg_sleep(10)", "' || pg_sleep(10) || '", "E'\\047'", "/* */", "\u02bc OR 1=1", "𝟏'",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES + SQL)
def test_names_are_byte_exact(http, name):
    answer = http("POST", "/postpassenger", passenger(name=name))
    (row,) = assert_json(answer, 200)
    assert row["name"] == name
    assert name.encode() in answer.body or any(ord(char) < 32 or char in '"\\' for char in name)
    answer = http("GET", f"/getpassenger/{row['uuid']}")
    assert answer.json == row
    assert "x-evil" not in answer.headers


@pytest.mark.parametrize("name", NAMES + SQL)
def test_escaped_or_not_is_the_same(http, name):
    """The body in plain ASCII and in UTF-8 make the same row."""
    for ascii_only in (True, False):
        body = json.dumps(employee(name=name), ensure_ascii=ascii_only).encode()
        assert assert_json(http("POST", "/employees/add", body), 201)["employee"]["name"] == name


def test_sql_is_text(http, database):
    """Each such row is one row, and no other is touched."""
    database.empty()
    for name in SQL:
        http("POST", "/postpassenger", passenger(name=name))
    assert sorted(row["name"] for row in http("GET", "/passengerlist").json) == sorted(SQL)
    assert database.sql("SELECT count(*) FROM passengers") == str(len(SQL))


@pytest.mark.parametrize("text", SQL)
def test_sql_in_paths(http, text):
    quoted = quote(text, safe="")
    assert_problem(http("GET", f"/getpassenger/{quoted}"), 400, "malformed-uuid")
    for method, prefix in [("GET", "/employees/get/"), ("DELETE", "/employees/delete/")]:
        assert http(method, prefix + quoted).status in {400, 404}
    assert http("PATCH", f"/employees/update/{quoted}", {"age": 1}).status in {400, 404}


@pytest.mark.parametrize("text", SQL)
def test_sql_in_other_fields(http, text):
    assert_problem(http("POST", "/postpassenger", passenger(sex=text)), 422, "invalid-fields", ["/sex"])
    assert_problem(http("POST", "/postpassenger", passenger(age=text)), 422, "invalid-fields", ["/age"])
    assert_problem(http("POST", "/employees/add", employee(email=text)), 422, "invalid-fields", ["/email"])


def bits(number):
    return struct.pack(">d", number)


DOUBLES = [0.0, 0.1, 0.2, 0.30000000000000004, 1 / 3, 2 / 3, 7.25, 71.2833, 512.3292, 5e-324, 2.2250738585072014e-308,
           1.7976931348623157e308, 9007199254740991, 9007199254740992, 1e15, 1e16, 1e21, 1e22, 123456789.123456789, 1e-5, 1e-7,
           4.35, 0.000001, 100000000000000000000.0]  # fmt: skip


def test_fares_are_equal_to_the_bit(http):
    dice = random.Random(1)
    chosen = DOUBLES + [abs(struct.unpack(">d", dice.randbytes(8))[0]) for _ in range(100)]
    for fare in [number for number in chosen if number < float("inf")]:
        (row,) = assert_json(http("POST", "/postpassenger", passenger(fare=fare)), 200)
        assert bits(float(row["fare"])) == bits(fare), row


def test_ages_are_equal_to_the_bit(http):
    dice = random.Random(2)
    for age in [dice.uniform(0, 150) for _ in range(50)]:
        (row,) = assert_json(http("POST", "/postpassenger", passenger(age=age)), 200)
        assert bits(row["age"]) == bits(age)


def test_integers_beyond_a_double_are_not_rounded(http):
    """2^53 + 1 is no double: it is refused rather than changed."""
    body = json.dumps(passenger()).replace("13.0", str(2**53 + 1))
    assert http("POST", "/postpassenger", body).status in {400, 422}


def test_lists_are_as_exact_as_rows(http, database):
    database.empty()
    for name in NAMES:
        http("POST", "/postpassenger", passenger(name=name, fare=0.1))
        http("POST", "/employees/add", employee(name=name))
    answer = http("GET", "/passengerlist")
    assert sorted(row["name"] for row in answer.json) == sorted(NAMES)  # two of one millisecond are in any order
    answer = http("GET", "/employees/get")
    assert sorted(row["name"] for row in answer.json["employees"]) == sorted(NAMES)
