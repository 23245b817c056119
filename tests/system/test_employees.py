"""The employees' routes, as their clients call them."""

import re
from datetime import datetime, timedelta, timezone
from urllib.parse import quote, unquote

import pytest
from harness.samples import EMPLOYEE_KEYS, TIME, UUID7, compact, employee, new_email
from harness.web import assert_json, assert_problem


@pytest.fixture
def added(http):
    """An employee that is there."""
    return assert_json(http("POST", "/employees/add", employee()), 201)["employee"]


def rows(http):
    return assert_json(http("GET", "/employees/get"), 200)["employees"]


def test_add(http):
    body = employee(name="Zoë O'Hara")
    answer = http("POST", "/employees/add", body)
    said = assert_json(answer, 201)
    assert list(said) == ["employee", "message"] and said["message"] == "success"
    row = said["employee"]
    assert list(row) == EMPLOYEE_KEYS
    assert {key: row[key] for key in body} == body
    assert re.fullmatch(UUID7, row["id"])
    assert re.fullmatch(TIME, row["created_at"])
    assert row["updated_at"] == row["created_at"]
    assert answer.body == compact(said)


def test_add_says_where(http):
    body = employee()
    answer = http("POST", "/employees/add", body)
    location = answer.headers["location"]
    assert location.startswith("/employees/get/") and unquote(location) == f"/employees/get/{body['email']}"
    assert http("GET", location).json == answer.json


def test_times_are_utc(http, added):
    """Whatever the zone of the server and of its database."""
    made = datetime.strptime(added["created_at"], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=timezone.utc)
    assert abs(datetime.now(timezone.utc) - made) < timedelta(minutes=5)


def test_times_have_six_digits(http, database, added):
    database.sql(
        f"""UPDATE employees SET created_at = '2025-05-20 22:22:46.5+00', updated_at = '2025-05-20 22:22:46+00'
            WHERE id = '{added['id']}'"""
    )
    row = http("GET", f"/employees/get/{added['email']}").json["employee"]
    assert (row["created_at"], row["updated_at"]) == ("2025-05-20 22:22:46.500000", "2025-05-20 22:22:46.000000")


def test_get_one(http, added):
    answer = http("GET", f"/employees/get/{added['email']}")
    assert assert_json(answer, 200) == {"employee": added, "message": "success"}
    assert answer.body == compact(answer.json)


def test_list_of_none(http, database):
    database.empty()
    answer = http("GET", "/employees/get")
    assert_json(answer, 200)
    assert answer.body == b'{"employees":[],"message":"success"}'


def test_list(http, database):
    database.empty()
    added = [http("POST", "/employees/add", employee()).json["employee"] for _ in range(20)]
    answer = http("GET", "/employees/get")
    assert assert_json(answer, 200) == {"employees": sorted(added, key=lambda row: row["id"]), "message": "success"}
    assert answer.body == compact(answer.json)


@pytest.mark.parametrize("change", [
    {"name": "affan-test"}, {"age": 0}, {"name": "b", "age": 99}, {"name": "n", "age": 3, "email": "moved@bar.com"},
])  # fmt: skip
def test_update(http, added, change):
    answer = http("PATCH", f"/employees/update/{added['email']}", change)
    said = assert_json(answer, 200)
    assert list(said) == ["employee", "message"] and said["message"] == "success"
    row = said["employee"]
    assert row == {**added, **change, "updated_at": row["updated_at"]}
    assert list(row) == EMPLOYEE_KEYS
    assert row["updated_at"] > added["updated_at"]
    assert http("GET", f"/employees/get/{row['email']}").json["employee"] == row
    http("DELETE", f"/employees/delete/{row['email']}")


def test_updated_at_advances_each_time(http, added):
    stamps = [added["updated_at"]]
    for age in range(10):
        stamps.append(http("PATCH", f"/employees/update/{added['email']}", {"age": age}).json["employee"]["updated_at"])
    assert stamps == sorted(set(stamps))


def test_update_to_its_own_address_in_another_case(http, added):
    email = added["email"].upper()
    row = assert_json(http("PATCH", f"/employees/update/{added['email']}", {"email": email}), 200)["employee"]
    assert row["email"] == email


def test_update_to_an_address_that_is_taken(http, added):
    other = http("POST", "/employees/add", employee()).json["employee"]
    answer = http("PATCH", f"/employees/update/{added['email']}", {"email": other["email"].upper()})
    assert_problem(answer, 409, "conflict")
    assert http("GET", f"/employees/get/{added['email']}").json["employee"] == added


def test_update_of_nobody(http):
    assert_problem(http("PATCH", f"/employees/update/{new_email()}", {"age": 1}), 404, "no-such-row")


def test_delete(http, added):
    answer = http("DELETE", f"/employees/delete/{added['email']}")
    assert (answer.status, answer.body) == (204, b"")
    assert "x-request-id" in answer.headers
    assert_problem(http("GET", f"/employees/get/{added['email']}"), 404, "no-such-row")
    assert_problem(http("DELETE", f"/employees/delete/{added['email']}"), 404, "no-such-row")


def test_get_of_nobody(http):
    assert_problem(http("GET", f"/employees/get/{new_email()}"), 404, "no-such-row")


@pytest.mark.parametrize("spell", [str, str.upper, str.title])
def test_add_an_address_that_is_taken(http, added, spell):
    assert_problem(http("POST", "/employees/add", employee(email=spell(added["email"]))), 409, "conflict")


def test_an_address_is_free_after_its_row_is_gone(http, added):
    http("DELETE", f"/employees/delete/{added['email']}")
    assert http("POST", "/employees/add", employee(email=added["email"])).status == 201


# The address in the path.

SPELLINGS = {
    "as it is": str,
    "percent-encoded": lambda email: quote(email, safe=""),
    "percent-encoded in lower case": lambda email: re.sub("%..", lambda hit: hit[0].lower(), quote(email, safe="")),
    "only the plus encoded": lambda email: email.replace("+", "%2B"),
    "only the at encoded": lambda email: email.replace("@", "%40"),
    "every character encoded": lambda email: "".join(f"%{ord(char):02X}" for char in email),
    "upper case": str.upper,
    "upper case, encoded": lambda email: quote(email.upper(), safe=""),
    "mixed case": str.swapcase,
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_address_in_the_path(http, spelling):
    row = http("POST", "/employees/add", employee(email="Foo+" + new_email())).json["employee"]
    path = SPELLINGS[spelling](row["email"])
    assert assert_json(http("GET", f"/employees/get/{path}"), 200)["employee"] == row
    assert assert_json(http("PATCH", f"/employees/update/{path}", {"age": 77}), 200)["employee"]["age"] == 77
    assert http("DELETE", f"/employees/delete/{path}").status == 204
    assert http("GET", f"/employees/get/{path}").status == 404


def test_plus_is_a_plus_and_no_blank(http):
    email = new_email()
    assert "+" in email
    http("POST", "/employees/add", employee(email=email))
    assert http("GET", f"/employees/get/{email}").status == 200
    assert http("GET", f"/employees/get/{email.replace('+', '%20')}").status in {400, 404}
    assert http("GET", f"/employees/get/{email.replace('+', '')}").status == 404


@pytest.mark.parametrize("local", ["a%41b", "a%2541b", "a/b", "a?b", "a#b", "a&b=c", "!#$%&'*+-/=?^_`{|}~", "%2B", "o'hara"])
def test_every_character_of_an_address(http, local):
    """The path is decoded exactly once."""
    body = employee(email=f"{local}@{new_email().split('+')[1].split('@')[0]}.example.com")
    answer = http("POST", "/employees/add", body)
    row = assert_json(answer, 201)["employee"]
    assert row["email"] == body["email"]
    assert http("GET", answer.headers["location"]).json["employee"] == row
    path = quote(body["email"], safe="")
    assert http("GET", f"/employees/get/{path}").json["employee"] == row
    assert http("DELETE", f"/employees/delete/{path}").status == 204


@pytest.mark.parametrize("path", ["%ff@bar.com", "%c0%af@bar.com", "%ed%a0%80@bar.com", "a%00b@bar.com", "a%zz@bar.com", "a%2", "%"])
@pytest.mark.parametrize("method, prefix", [
    ("GET", "/employees/get/"), ("PATCH", "/employees/update/"), ("DELETE", "/employees/delete/"),
])  # fmt: skip
def test_bad_bytes_in_the_path(http, method, prefix, path):
    body = {"age": 1} if method == "PATCH" else None
    assert_problem(http(method, prefix + path, body), 400, "malformed-request")


@pytest.mark.parametrize("path", ["nobody", "a@b@c", "%20", "a%0d%0aX-Evil:%201@bar.com", "x" * 300, "%C3%A9@bar.com"])
def test_what_is_no_address_names_nobody(http, path):
    answer = http("GET", f"/employees/get/{path}")
    assert answer.status in {400, 404}
    assert_problem(answer, answer.status, {400: "malformed-request", 404: "no-such-row"}[answer.status])
    assert "x-evil" not in answer.headers
