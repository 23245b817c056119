"""Many writers of one row that read, change and write only what nobody has changed meanwhile: nothing is lost."""

from concurrent.futures import ThreadPoolExecutor

from harness.rest import Client, Table, assert_rest_problem
from harness.tables import RESOURCES

WRITERS = 50
TIMES = 10


def write(port, resource, key, change):
    """Ten changes by one client; each is tried until nobody else was faster. How often somebody was."""
    table, lost = Table(Client(port), resource), 0
    for _ in range(TIMES):
        while True:
            answer = table.get(key)
            assert answer.status == 200, answer
            answer = change(table, key, answer.json, answer.headers["etag"])
            if answer.status == 200:
                break
            assert_rest_problem(answer, 412, "precondition-failed")
            lost += 1
    return lost


def patch(table, key, row, tag):
    return table.patch(key, {"name": str(int(row["name"]) + 1)}, {"If-Match": tag})


def put(table, key, row, tag):
    return table.put(key, {**table.resource.fields_of(row), "name": str(int(row["name"]) + 1)}, {"If-Match": tag})


def test_no_update_is_lost(stack, table, resource):
    for change in (patch, put):
        key = table.key(table.create(name="0"))
        with ThreadPoolExecutor(WRITERS) as pool:
            lost = list(pool.map(lambda _, key=key, change=change: write(stack.port, resource, key, change), range(WRITERS)))
        assert table.get(key).json["name"] == str(WRITERS * TIMES)
        assert sum(lost) > 0, "nobody was in anybody's way: this has shown nothing"


def test_one_of_many_creates_under_a_key(stack, table, resource):
    """PUT with If-None-Match: * makes one row, and says so to one client."""
    for number in range(5):
        key = f"018f3333-0000-7000-8000-{number:012x}"

        def create(writer, key=key):
            body = resource.body(name=f"N {writer}")
            return Table(Client(stack.port), resource).put(key, body, {"If-None-Match": "*"})

        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(create, range(16)))
        (made,) = [answer for answer in answers if answer.status == 201]
        assert {answer.status for answer in answers} == {201, 412}
        assert table.get(key).json == made.json


def test_one_of_many_deletes(stack, table, resource):
    key = table.key(table.create())
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: Table(Client(stack.port), resource).delete(key).status, range(16)))
    assert sorted(answers) == [204] + [404] * 15


def test_merges_of_the_same_rows_in_any_order(stack, client, database):
    """Bulk requests that meet in other orders wait for one another; none fails, and each row is one of them whole."""
    for resource in RESOURCES:
        rows = resource.rows(40)
        resource.fill(database, rows)

        def merge(writer, resource=resource, rows=rows):
            table = Table(Client(stack.port), resource)
            sent = [{resource.key: row[resource.key], **resource.fields_of(row), "name": f"N {writer}"} for row in rows]
            sent = sent[writer:] + sent[:writer]
            if writer % 2:
                return table.post(sent, {"Prefer": "resolution=merge-duplicates"}).status
            return table.patch_many([{resource.key: row[resource.key], "name": row["name"]} for row in reversed(sent)]).status

        with ThreadPoolExecutor(12) as pool:
            assert set(pool.map(merge, range(36))) == {200}
        names = {row["name"] for row in Table(client, resource).walk({"limit": 500})}
        assert len(names) == 1, names
