"""Many clients at the same row."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from harness.samples import employee, new_email, passenger
from harness.web import assert_json


def at_once(count, call):
    """The answers of `count` calls, call(0) and so on, made by as many threads."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


def statuses(answers):
    return Counter(answer.status for answer in answers)


def test_fifty_identical_adds(http, database):
    body = employee()
    answers = at_once(50, lambda _: http("POST", "/employees/add", body))
    assert statuses(answers) == {201: 1, 409: 49}
    assert database.sql(f"SELECT count(*) FROM employees WHERE email = '{body['email']}'") == "1"


def test_fifty_adds_that_differ_in_case(http, database):
    email = new_email()
    spellings = [email[: at % len(email)].upper() + email[at % len(email) :] for at in range(50)]
    answers = at_once(50, lambda number: http("POST", "/employees/add", employee(email=spellings[number])))
    assert statuses(answers) == {201: 1, 409: 49}
    assert database.sql(f"SELECT count(*) FROM employees WHERE lower(email) = '{email.lower()}'") == "1"


def test_good_adds_beside_a_conflict_are_kept(http):
    """One guilty member of a batch does not undo the others."""
    taken = assert_json(http("POST", "/employees/add", employee()), 201)["employee"]["email"]
    bodies = [employee(email=taken) if number % 4 == 0 else employee() for number in range(40)]
    answers = at_once(40, lambda number: http("POST", "/employees/add", bodies[number]))
    assert [answer.status for answer in answers] == [409 if number % 4 == 0 else 201 for number in range(40)]
    listed = {row["email"] for row in http("GET", "/employees/get").json["employees"]}
    assert {body["email"] for body in bodies} <= listed


def test_each_create_gets_its_own_answer(http, database):
    database.empty()
    answers = at_once(60, lambda number: http("POST", "/postpassenger", passenger(name=f"N {number}")))
    assert [answer.json[0]["name"] for answer in answers] == [f"N {number}" for number in range(60)]
    assert len({answer.json[0]["uuid"] for answer in answers}) == 60
    assert len(http("GET", "/passengerlist").json) == 60


def test_thirty_updates_of_one_row(http):
    """The last writer's row is whole: no mixture of two."""
    uuid = http("POST", "/postpassenger", passenger()).json[0]["uuid"]

    def write(number):
        return http("PUT", f"/putpassenger/{uuid}", passenger(name=f"N {number}", age=number, fare=number))

    assert statuses(at_once(30, write)) == {200: 30}
    row = http("GET", f"/getpassenger/{uuid}").json
    assert row["name"] == f"N {row['age']}" and row["fare"] == row["age"]


def test_twenty_rows_to_one_address(http):
    rows = [http("POST", "/employees/add", employee()).json["employee"]["email"] for _ in range(20)]
    wanted = new_email()
    answers = at_once(20, lambda number: http("PATCH", f"/employees/update/{rows[number]}", {"email": wanted}))
    assert statuses(answers) == {200: 1, 409: 19}


def test_twenty_deletes_of_one_row(http):
    email = http("POST", "/employees/add", employee()).json["employee"]["email"]
    assert statuses(at_once(20, lambda _: http("DELETE", f"/employees/delete/{email}"))) == {204: 1, 404: 19}


def test_update_and_delete_of_one_row(http):
    """Each answer fits some order of the two."""
    for _ in range(10):
        uuid = http("POST", "/postpassenger", passenger()).json[0]["uuid"]
        calls = [
            lambda: http("PUT", f"/putpassenger/{uuid}", passenger()).status,
            lambda: http("DELETE", f"/deletepassenger/{uuid}").status,
        ]
        updated, deleted = at_once(2, lambda number: calls[number]())
        assert deleted == 200 and updated in {200, 404}
        assert http("GET", f"/getpassenger/{uuid}").status == 404


def test_lists_beside_writes(http, database):
    """Each list is a whole array, while rows come and go."""
    database.empty()
    database.fill_passengers(2000)

    def work(number):
        if number % 2:
            return len(assert_json(http("GET", "/passengerlist"), 200)) >= 2000
        return http("POST", "/postpassenger", passenger()).status == 200

    assert all(at_once(20, work))
    database.empty()
