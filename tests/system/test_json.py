"""JSON is read as RFC 8259 has it, and no more."""

import json

import pytest
from harness.samples import passenger
from harness.web import assert_problem

GOOD = json.dumps(passenger()).encode()


def with_name(raw):
    """The passenger with these bytes, quotes included, in the place of the name."""
    return GOOD.replace(b'"Post-Test-Name"', raw)


def with_age(raw):
    return GOOD.replace(b"27.5", raw)


def nested(depth):
    """A body that is `depth` levels deep, its own object counted."""
    return with_name(b"[" * (depth - 1) + b"]" * (depth - 1))


MALFORMED = {
    "nothing": b"", "blanks": b"  \n", "open": b"{", "close": b"}", "two values": GOOD + GOOD, "text after": GOOD + b"x",
    "comma after": GOOD + b",", "brace after": GOOD + b"}", "NUL after": GOOD + b"\0",
    "byte order mark": b"\xef\xbb\xbf" + GOOD, "UTF-16": GOOD.decode().encode("utf-16"), "cut": GOOD[:-1],
    "cut in a string": GOOD[: GOOD.index(b"Post") + 2],
    "line comment": b"// hello\n" + GOOD, "block comment": b"/* hello */" + GOOD, "comment inside": GOOD.replace(b",", b",/**/", 1),
    "hash comment": b"# hello\n" + GOOD, "comment at the end": GOOD + b"//",
    "trailing comma": GOOD[:-1] + b",}", "two commas": GOOD.replace(b",", b",,", 1), "no comma": GOOD.replace(b",", b"", 1),
    "no colon": GOOD.replace(b":", b"", 1), "unquoted key": GOOD.replace(b'"survived"', b"survived"),
    "single quotes": GOOD.replace(b'"', b"'"), "single-quoted key": GOOD.replace(b'"survived"', b"'survived'"),
    "key twice": b'{"survived":true,' + GOOD[1:], "key twice with an escape": b'{"\\u0073urvived":true,' + GOOD[1:],
    "unknown key twice": b'{"x":1,"x":1,' + GOOD[1:], "key twice further in": with_name(b'{"a":1,"a":2}'),
    "empty key twice": b'{"":1,"":2}',
    "lone high surrogate": with_name(rb'"\ud800"'), "lone low surrogate": with_name(rb'"\udc00"'),
    "surrogates the wrong way round": with_name(rb'"\udc00\ud800"'), "high surrogate, then text": with_name(rb'"\ud83dx"'),
    "high surrogate twice": with_name(rb'"\ud83d\ud83d"'), "lone surrogate in a key": b'{"\\ud800":1}',
    "U+0000 escaped": with_name(rb'"a\u0000b"'), "U+0000 in a key": b'{"a\\u0000b":1}', "NUL byte": with_name(b'"a\0b"'),
    "raw newline": with_name(b'"a\nb"'), "raw tab": with_name(b'"a\tb"'), "raw control": with_name(b'"a\x01b"'),
    "raw control in a key": b'{"a\x1fb":1}', "bad escape": with_name(rb'"\x41"'), "escaped quote": with_name(rb'"\'"'),
    "short escape": with_name(rb'"\u12"'), "escape that is no hex": with_name(rb'"\u12g4"'), "escape at the end": with_name(b'"\\'),
    "stray byte": with_name(b'"\xff"'), "stray continuation": with_name(b'"\x80"'), "cut sequence": with_name(b'"\xc3"'),
    "cut long sequence": with_name(b'"\xf0\x9f\x98"'), "overlong slash": with_name(b'"\xc0\xaf"'),
    "overlong NUL": with_name(b'"\xc0\x80"'), "overlong of three": with_name(b'"\xe0\x80\xaf"'),
    "overlong of four": with_name(b'"\xf0\x80\x80\xaf"'), "surrogate in UTF-8": with_name(b'"\xed\xa0\x80"'),
    "above U+10FFFF": with_name(b'"\xf4\x90\x80\x80"'), "five bytes": with_name(b'"\xf8\x88\x80\x80\x80"'),
    "Latin-1": with_name(b'"Zo\xeb"'), "stray byte in a key": b'{"\xff":1}', "stray byte outside": b"\xff" + GOOD,
    "no-break space outside": GOOD + b"\xc2\xa0", "form feed outside": GOOD + b"\f",
    "1e400": with_age(b"1e400"), "-1e400": with_age(b"-1e400"), "1e400 in an unknown field": b'{"x":1e400}',
    "309 digits": with_age(b"9" * 310), "1e-400": with_age(b"1e-400"),
    "leading zero": with_age(b"027"), "minus and zero": with_age(b"-01"), "plus": with_age(b"+27"), "point first": with_age(b".5"),
    "minus and point": with_age(b"-.5"), "point last": with_age(b"27."), "point and exponent": with_age(b"2.e3"),
    "exponent without digits": with_age(b"2e"), "exponent and sign": with_age(b"2e+"), "minus": with_age(b"-"),
    "hexadecimal": with_age(b"0x1b"), "underscore": with_age(b"1_0"), "blank inside": with_age(b"2 7"), "NaN": with_age(b"NaN"),
    "Infinity": with_age(b"Infinity"), "-Infinity": with_age(b"-Infinity"), "nan": with_age(b"nan"),
    "True": GOOD.replace(b"true", b"True"), "TRUE": GOOD.replace(b"true", b"TRUE"), "tru": GOOD.replace(b"true", b"tru"),
    "truee": GOOD.replace(b"true", b"truee"), "None": with_age(b"None"), "undefined": with_age(b"undefined"),
    "depth 33": nested(33), "depth 1000": nested(1000), "depth 100,000": b"[" * 100_000, "depth 100,000 of objects": b'{"a":' * 100_000,
    "form": b"name=a&age=1", "HTML": b"<html>",
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(http, name):
    assert_problem(http("POST", "/postpassenger", MALFORMED[name]), 400, "malformed-json")


def test_malformed_bodies_leave_nothing(http, database):
    database.empty()
    for body in MALFORMED.values():
        http("POST", "/postpassenger", body)
    assert http("GET", "/passengerlist").body == b"[]"


def test_malformed_for_employees(http):
    for method, path in [("POST", "/employees/add"), ("PATCH", "/employees/update/foo@bar.com")]:
        assert_problem(http(method, path, b'{"age":1,"age":1}'), 400, "malformed-json")


def test_depth_32_is_well_formed(http):
    assert_problem(http("POST", "/postpassenger", nested(32)), 422, "invalid-fields", ["/name"])


WELL_FORMED = {
    "blanks": b" \t\r\n" + GOOD.replace(b",", b" ,\n").replace(b":", b"\t:\r\n") + b" \n",
    "escaped keys": GOOD.replace(b'"name"', rb'"\u006e\u0061me"'),
    "all escapes": with_name(rb'"\"\\\/\b\f\n\r\t\u00e9"'),
    "pair of surrogates": with_name(rb'"\ud83d\ude00"'),
    "exponents": with_age(b"2.7E+1"),
    "minus zero": with_age(b"-0"),
    "many digits": with_age(b"27.50000000000000000000000000000000000001"),
    "DEL": with_name(b'"a\x7fb"'),
    "noncharacters": with_name('"\uffff\ufdd0"'.encode()),
    "line separators": with_name('"\u2028\u2029"'.encode()),
}  # fmt: skip


@pytest.mark.parametrize("name", WELL_FORMED)
def test_well_formed(http, name):
    body = WELL_FORMED[name]
    (row,) = http("POST", "/postpassenger", body).json
    sent = json.loads(body)
    assert {key: row[key] for key in sent} == sent


def test_many_keys_are_refused_quickly(http):
    """20,000 names in one body: no quadratic search."""
    body = json.dumps({f"key{number}": number for number in range(20000)})
    answer = http("POST", "/postpassenger", body, timeout=10)
    assert answer.status in {400, 422}
