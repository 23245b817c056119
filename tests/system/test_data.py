"""Real data in, the same data out."""

import csv

import pytest
from harness.process import BINARY, ROOT, environment, peak_memory_kib, run, sanitized
from harness.samples import PASSENGER_KEYS
from harness.web import assert_json

TITANIC = ROOT.parent / "shared" / "data" / "titanic.csv"
SAMPLE = ROOT / "schema" / "sample"


def load(database, table, path):
    """`purser import`; returns what it said."""
    done = run([BINARY, "import", table, path], env=environment(DATABASE_URL=database.url))
    return done.stdout + done.stderr


def number_or_none(text):
    return float(text) if text else None


def passenger_of(record):
    """A record of the data set as the API has it."""
    return {
        "survived": {"0": False, "1": True}[record["Survived"]],
        "passengerClass": int(record["Pclass"]),
        "name": record["Name"],
        "sex": record["Sex"],
        "age": number_or_none(record["Age"]),
        "siblingsOrSpousesAboard": int(record["Siblings_Spouses_Aboard"]),
        "parentsOrChildrenAboard": int(record["Parents_Children_Aboard"]),
        "fare": number_or_none(record["Fare"]),
    }


@pytest.mark.skipif(not TITANIC.exists(), reason="the data set is not there")
def test_titanic(http, database):
    """887 rows, in the file's order, every field equal; and each row by its own address."""
    database.empty()
    load(database, "passengers", TITANIC)
    with open(TITANIC, newline="", encoding="utf-8") as file:
        expected = [passenger_of(record) for record in csv.DictReader(file)]
    rows = assert_json(http("GET", "/passengerlist"), 200)
    assert len(rows) == 887
    assert [{key: row[key] for key in PASSENGER_KEYS[1:]} for row in rows] == expected
    assert len({row["uuid"] for row in rows}) == 887
    for row in rows[::100]:
        assert http("GET", f"/getpassenger/{row['uuid']}").json == row


@pytest.mark.skipif(not SAMPLE.exists(), reason="the sample data is not there")
def test_sample_passengers(http, database):
    """The public counts: 1,316 passengers, 499 of them survivors."""
    database.empty()
    load(database, "passengers", SAMPLE / "passengers.csv")
    rows = assert_json(http("GET", "/passengerlist"), 200)
    assert len(rows) == 1316
    assert sum(row["survived"] for row in rows) == 499
    with open(SAMPLE / "passengers.csv", newline="", encoding="utf-8") as file:
        names = [record.get("name") or record["Name"] for record in csv.DictReader(file)]
    assert [row["name"] for row in rows] == names


@pytest.mark.skipif(not SAMPLE.exists(), reason="the sample data is not there")
def test_sample_employees(http, database):
    """The crew: 885."""
    database.empty()
    load(database, "employees", SAMPLE / "employees.csv")
    rows = assert_json(http("GET", "/employees/get"), 200)["employees"]
    with open(SAMPLE / "employees.csv", newline="", encoding="utf-8") as file:
        expected = [(record["name"], int(record["age"]), record["email"]) for record in csv.DictReader(file)]
    assert len(rows) == 885
    assert [(row["name"], row["age"], row["email"]) for row in rows] == expected


def test_long_list_is_streamed(stack, http, database):
    """A hundred thousand rows: complete, in order, and no worker has ever held them."""
    database.empty()
    database.fill_passengers(100_000)
    answer = http("GET", "/passengerlist")
    assert [row["name"] for row in assert_json(answer, 200)] == [f"Person {number}" for number in range(1, 100_001)]
    if not sanitized():
        assert all(peak_memory_kib(pid) < 32 * 1024 for pid in stack.workers())
    database.empty()


def test_long_list_of_employees_is_streamed(stack, http, database):
    database.empty()
    database.sql(
        """INSERT INTO employees (id, name, age, email)
           SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'Person ' || n, n % 100,
                  'person' || n || '@example.com' FROM generate_series(1, 20000) AS n"""
    )
    said = assert_json(http("GET", "/employees/get"), 200)
    assert [row["name"] for row in said["employees"]] == [f"Person {number}" for number in range(1, 20001)]
    database.empty()
