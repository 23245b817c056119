"""The load's own instrument: it sees whatever is done to the tables behind its back, and every request that fails."""

import pytest
from chaos.load import Load
from harness import wait
from harness.stack import Stack


@pytest.fixture(scope="module")
def load(cluster):
    """One that has ended."""
    database = cluster.copy_template()
    with Stack(database.url) as stack, Load(stack.port, database, clients=6) as load:
        load.await_more(2000)
    yield load
    database.drop()


@pytest.fixture
def findings(load):
    """findings(sql) are the Findings after this was done to the tables."""
    load.database.sql("CREATE TABLE p AS TABLE passengers; CREATE TABLE e AS TABLE employees")

    def find(sql):
        load.database.sql(sql)
        found = load.check()
        return found.lost, found.doubled, found.unsent

    yield find
    load.database.sql("""TRUNCATE passengers, employees; INSERT INTO passengers TABLE p; INSERT INTO employees TABLE e;
                         DROP TABLE p, e""")


FIRST = "WHERE uuid = (SELECT min(uuid::text)::uuid FROM passengers WHERE name LIKE '%.%.1')"  # changed once
COPY = """INSERT INTO passengers (uuid, survived, passenger_class, name, sex, age, siblings_or_spouses_aboard,
                                  parents_or_children_aboard, fare)
          SELECT gen_random_uuid(), survived, passenger_class, {name}, sex, age, siblings_or_spouses_aboard,
                 parents_or_children_aboard, fare FROM passengers """ + FIRST


def test_nothing_is_wrong(load):
    findings = load.check()
    assert (findings.lost, findings.doubled, findings.unsent) == (0, 0, 0), findings.examples
    assert findings.found == findings.acknowledged > 500
    assert load.failures() == [] and load.sent == load.answered > 2000


@pytest.mark.parametrize("sql, expected", [
    (f"DELETE FROM passengers {FIRST}", (2, 0, 0)),  # its creation and its change
    ("DELETE FROM employees WHERE id = (SELECT id FROM employees WHERE name LIKE '%.%.0' LIMIT 1)", (1, 0, 0)),
    (COPY.format(name="name"), (0, 1, 0)),
    (COPY.format(name="'1.100000.0'"), (0, 0, 1)),  # nobody has come so far
    (COPY.format(name="'77.1.0'"), (0, 0, 1)),
    (COPY.format(name="'shared.x'"), (0, 0, 1)),
    (f"UPDATE passengers SET fare = 0.5 {FIRST}", (0, 0, 1)),
    (f"UPDATE passengers SET name = regexp_replace(name, '1$', '2'), age = 2.5 {FIRST}", (0, 0, 1)),  # was not sent
    (f"UPDATE passengers SET name = regexp_replace(name, '1$', '0'), age = 0.5 {FIRST}", (1, 0, 0)),  # as it was before
    ("UPDATE passengers SET fare = fare - 1 WHERE name = 'shared.2'", (1, 0, 0)),
    ("UPDATE passengers SET fare = fare + 1 WHERE name = 'shared.2'", (0, 1, 0)),
])  # fmt: skip
def test_it_sees(findings, sql, expected):
    assert findings(sql) == expected


def test_a_row_that_comes_back(load, findings):
    client = next(client for client in load.clients if client.gone)
    there = {*client.book.rows, *client.book.doubtful}
    gone = next(number for number in range(1, client.book.next) if number not in there)
    assert findings(COPY.format(name=f"'{client.number}.{gone}.0'")) == (1, 0, 0)


def test_requests_that_fail(cluster):
    """They are seen, and are right only where they are listed; a row whose write has failed may be there or not."""
    database = cluster.copy_template()
    with Stack(database.url, PURSER_DEADLINE_MS=300) as stack, Load(stack.port, database, clients=6) as load:
        with database.locked("passengers"):
            wait.until(load.unlisted, "a request to fail")
        with load.allowing(503, 504), database.locked("employees"):
            listed = len(load.failures())
            wait.until(lambda: len(load.failures()) > listed + len(load.clients), "more of them to fail")
        load.await_more()
    assert load.unlisted() and len(load.unlisted()) < len(load.failures())
    assert set(load.kinds()) <= {503, 504}, load.failures()
    findings = load.check()
    assert (findings.lost, findings.doubled, findings.unsent) == (0, 0, 0), findings.examples
    database.drop()
