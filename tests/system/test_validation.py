"""Every rule of every field, on both sides of each bound; all faults are said at once."""

import pytest
from harness.samples import NOBODY, employee, new_email, passenger
from harness.web import assert_json, assert_problem

BIG = [2**31, -(2**31) - 1, 2**53, 10**22, 1e300]
NO_INTEGER = [None, 1.5, "1", "", True, [], {}, [1]]
NO_TEXT = [1, 1.5, True, [], {}, ["a"]]

PASSENGER = {
    "survived": ([True, False, None], ["true", "", 0, 1, [], {}]),
    "passengerClass": ([1, 2, 3], [0, 4, -1, *BIG, *NO_INTEGER]),
    "name": (["a", " ", "0", "x" * 150, "é" * 150, "語" * 150, "😀" * 150],
             ["", "x" * 151, "é" * 151, "😀" * 151, None, *NO_TEXT]),
    "sex": (["male", "female", None], ["", "Male", "FEMALE", "other", "male ", *NO_TEXT]),
    "age": ([0, 150, 0.42, 149.999, 1e-300, None], [-0.001, 150.001, -1, 1e300, "27", "", True, [], {}]),
    "siblingsOrSpousesAboard": ([0, 100], [-1, 101, *BIG, *NO_INTEGER]),
    "parentsOrChildrenAboard": ([0, 100], [-1, 101, *BIG, *NO_INTEGER]),
    "fare": ([0, 0.01, 1e300, None], [-0.01, -1, "13", "", True, [], {}]),
}  # fmt: skip

DOMAIN_254 = ".".join(["d" * 63, "d" * 63, "d" * 57, "com"])
GOOD_EMAILS = ["x@y.co", "a.b-c_d@sub.example.org", "FOO@BAR.COM", "1@2.com", f"{'l' * 64}@bar.com", f"{'l' * 64}@{DOMAIN_254}",
               "foo@xn--bcher-kva.example", "foo@a-b.c-d.com", f"foo@{'d' * 63}.com"]  # fmt: skip
BAD_EMAILS = [
    "", " ", "foo", "@", "@bar.com", "foo@", "foo@@bar.com", "foo@bar@baz.com", "foo@bar.com,baz@bar.com",
    "foo@bar.com baz@bar.com", "foo@bar.com;", "foo bar@bar.com", "foo@bar bar.com", " foo@bar.com", "foo@bar.com ",
    "foo@bar..com", "foo@.bar.com", "foo@bar.com.", ".foo@bar.com", "foo.@bar.com", "f..oo@bar.com", "foo@-bar.com",
    "foo@bar-.com", "foo@bar_.com", "foo@bar.com\n", "foo\r\n@bar.com", "foo\t@bar.com", "<foo@bar.com>",
    "Foo <foo@bar.com>", "foo(c)@bar.com", "foo\\@bar.com", "foo:@bar.com", "mailto:foo@bar.com", "fé@bar.com",
    "foo@bér.com", "foo\x7f@bar.com", f"{'l' * 65}@bar.com", f"{'l' * 64}@d{DOMAIN_254}", f"foo@{'d' * 64}.com",
    None, *NO_TEXT,
]  # fmt: skip

EMPLOYEE = {
    "name": (["a", "x" * 100, "😀" * 100], ["", "x" * 101, "😀" * 101, None, *NO_TEXT]),
    "age": ([0, 150], [-1, 151, *BIG, *NO_INTEGER]),
    "email": (GOOD_EMAILS, BAD_EMAILS),
}


def cases(table, good):
    """(field, value) for each value, with an id that can be read."""
    chosen = [(field, value) for field, values in table.items() for value in values[0 if good else 1]]
    return [pytest.param(field, value, id=f"{field}={str(value)[:24]!r}-{number}") for number, (field, value) in enumerate(chosen)]


@pytest.mark.parametrize("field, value", cases(PASSENGER, good=True))
def test_passenger_in_bounds(http, field, value):
    assert assert_json(http("POST", "/postpassenger", passenger(**{field: value})), 200)[0][field] == value


@pytest.mark.parametrize("field, value", cases(PASSENGER, good=False))
def test_passenger_out_of_bounds(http, field, value):
    body = passenger(**{field: value})
    assert_problem(http("POST", "/postpassenger", body), 422, "invalid-fields", [f"/{field}"])
    assert_problem(http("PUT", f"/putpassenger/{NOBODY}", body), 422, "invalid-fields", [f"/{field}"])


@pytest.mark.parametrize("field", PASSENGER)
def test_passenger_field_missing(http, field):
    body = passenger(**{field: ...})
    assert_problem(http("POST", "/postpassenger", body), 422, "invalid-fields", [f"/{field}"])
    assert_problem(http("PUT", f"/putpassenger/{NOBODY}", body), 422, "invalid-fields", [f"/{field}"])


@pytest.mark.parametrize("field, value", cases(EMPLOYEE, good=True))
def test_employee_in_bounds(http, field, value):
    row = assert_json(http("POST", "/employees/add", employee(**{field: value})), 201)["employee"]
    assert row[field] == value
    assert http("DELETE", f"/employees/delete/{row['email']}").status == 204


@pytest.mark.parametrize("field, value", cases(EMPLOYEE, good=False))
def test_employee_out_of_bounds(http, field, value):
    assert_problem(http("POST", "/employees/add", employee(**{field: value})), 422, "invalid-fields", [f"/{field}"])
    assert_problem(http("PATCH", "/employees/update/foo@bar.com", {field: value}), 422, "invalid-fields", [f"/{field}"])


@pytest.mark.parametrize("field", EMPLOYEE)
def test_employee_field_missing(http, field):
    assert_problem(http("POST", "/employees/add", employee(**{field: ...})), 422, "invalid-fields", [f"/{field}"])


@pytest.mark.parametrize("name, pointer", [
    ("uuid", "/uuid"), ("id", "/id"), ("Name", "/Name"), ("passenger_class", "/passenger_class"), ("", "/"), ("a/b", "/a~1b"),
    ("a~b", "/a~0b"), ("ключ", "/ключ"), ("version", "/version"), ("written_by", "/written_by"),
])  # fmt: skip
def test_unknown_passenger_field(http, name, pointer):
    """Pointers as RFC 6901 has them."""
    body = {**passenger(), name: NOBODY}
    assert_problem(http("POST", "/postpassenger", body), 422, "invalid-fields", [pointer])
    assert_problem(http("PUT", f"/putpassenger/{NOBODY}", body), 422, "invalid-fields", [pointer])


@pytest.mark.parametrize("name", ["id", "created_at", "updated_at", "version", "Email", "bogus"])
def test_unknown_employee_field(http, name):
    assert_problem(http("POST", "/employees/add", {**employee(), name: "x"}), 422, "invalid-fields", [f"/{name}"])
    answer = http("PATCH", "/employees/update/foo@bar.com", {"age": 1, name: "x"})
    assert_problem(answer, 422, "invalid-fields", [f"/{name}"])


def test_all_faults_at_once(http):
    body = {"survived": "yes", "passengerClass": 4, "name": "", "sex": "x", "age": -1, "parentsOrChildrenAboard": 0.5,
            "fare": "free", "bogus": 1, "uuid": NOBODY}  # fmt: skip
    pointers = ["/" + name for name in [*body, "siblingsOrSpousesAboard"]]
    problem = assert_problem(http("POST", "/postpassenger", body), 422, "invalid-fields", pointers)
    assert len({error["detail"] for error in problem["errors"]}) > 5  # each says its own


def test_nothing_at_all(http):
    pointers = [f"/{field}" for field in PASSENGER]
    assert_problem(http("POST", "/postpassenger", {}), 422, "invalid-fields", pointers)
    assert_problem(http("POST", "/employees/add", {}), 422, "invalid-fields", ["/name", "/age", "/email"])


def test_update_of_nothing(http):
    """At least one field must be there."""
    assert_problem(http("PATCH", "/employees/update/foo@bar.com", {}), 422, "invalid-fields")


@pytest.mark.parametrize("body", ["[]", "[{}]", '"text"', "1", "true", "null", "[null]"])
@pytest.mark.parametrize("method, path", [
    ("POST", "/postpassenger"), ("PUT", f"/putpassenger/{NOBODY}"), ("POST", "/employees/add"),
    ("PATCH", "/employees/update/foo@bar.com"),
])  # fmt: skip
def test_no_object(http, method, path, body):
    assert_problem(http(method, path, body), 422, "invalid-fields")


def test_faults_are_said_before_the_row_is_looked_for(http):
    """A bad body to a row that is not there: both are wrong, the body is said."""
    assert_problem(http("PUT", f"/putpassenger/{NOBODY}", passenger(age=-1)), 422, "invalid-fields", ["/age"])
    assert_problem(http("PATCH", f"/employees/update/{new_email()}", {"age": -1}), 422, "invalid-fields", ["/age"])


def test_refused_bodies_leave_nothing(http, database):
    database.empty()
    http("POST", "/postpassenger", passenger(age=-1))
    http("POST", "/employees/add", employee(age=-1))
    assert http("GET", "/passengerlist").body == b"[]"
    assert http("GET", "/employees/get").json["employees"] == []


@pytest.mark.parametrize("value", [1.0, 2.0])
def test_integer_written_as_a_double(http, value):
    """2.0 is the integer 2 (JSON has one kind of number), or it is refused; it is never changed."""
    answer = http("POST", "/postpassenger", f'{{"survived":true,"passengerClass":{value},"name":"n","sex":"male","age":1,'
                                            f'"siblingsOrSpousesAboard":0,"parentsOrChildrenAboard":0,"fare":1}}')  # fmt: skip
    if answer.status == 200:
        assert answer.json[0]["passengerClass"] == value
    else:
        assert_problem(answer, 422, "invalid-fields", ["/passengerClass"])
