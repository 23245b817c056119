"""If-Match and If-None-Match in all spellings (RFC 9110, 13.1)."""

import pytest
from harness.rest import MERGE_PATCH, assert_rest_problem
from harness.samples import NOBODY

WRITES = ["PUT", "PATCH", "DELETE"]

# What is made of the row's own tag, a quoted string: a header that has it.
STRONG = {
    "itself": "{tag}", "in a list": '"x", {tag}, "y"', "in a list without blanks": '"x",{tag},"y"',
    "last in a list": 'W/"x",\t{tag}', "beside empty members": ", , {tag}, ", "any": "*", "beside a comma": '"a,b", {tag}',
    "beside a backslash": '"a\\", {tag}', "beside an empty tag": '"", {tag}',
}  # fmt: skip
WEAK = {"weak": "W/{tag}", "weak in a list": '"x", W/{tag}, "y"', "both": 'W/{tag}, {tag}'}
OTHER = {
    "another": '"x"', "several others": '"x", "y"', "weak other": 'W/"x"', "empty": '""', "a part": '"{inner}0"',
    "with a comma in it": '"a,{inner},b"',
}  # fmt: skip
MALFORMED = {
    "without quotes": "{inner}", "open": '"{inner}', "closed": '{inner}"', "lower-case weak": "w/{tag}", "weak alone": "W/",
    "no comma": '{tag} "x"', "star in a list": '*, {tag}', "list with a star": "{tag}, *", "two stars": "**", "text": "abc def",
    "blank in a tag": '"a b"', "quoted star": '"*" *',
}  # fmt: skip


def spelt(spelling, tag):
    return spelling.format(tag=tag, inner=tag.strip('"'))


@pytest.fixture
def row(table):
    return table.create()


def write(table, method, key, headers):
    body = None if method == "DELETE" else table.resource.body(name="written") if method == "PUT" else {"name": "written"}
    kind = {"Content-Type": MERGE_PATCH} if method == "PATCH" else {}
    return table.client(method, table.at(key), body, {**kind, **headers})


def assert_written(table, method, key, answer):
    assert answer.status == (204 if method == "DELETE" else 200), answer
    after = table.get(key)
    if method == "DELETE":
        assert after.status == 404
    else:
        assert after.json["name"] == "written" and after.headers["etag"] == answer.headers["etag"]


def assert_kept(table, row):
    assert table.get(table.key(row)).json == row


# Reads.


@pytest.mark.parametrize("spelling", [*STRONG, *WEAK])
def test_what_the_client_has_is_not_sent_again(table, row, spelling):
    tag = table.get(table.key(row)).headers["etag"]
    answer = table.get(table.key(row), {"If-None-Match": spelt({**STRONG, **WEAK}[spelling], tag)})
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == tag and answer.headers["cache-control"] == "no-cache"
    assert "content-type" not in answer.headers


@pytest.mark.parametrize("spelling", OTHER)
def test_what_the_client_has_is_old(table, row, spelling):
    tag = table.get(table.key(row)).headers["etag"]
    answer = table.get(table.key(row), {"If-None-Match": spelt(OTHER[spelling], tag)})
    assert answer.status == 200 and answer.json == row and answer.headers["etag"] == tag


def test_an_old_tag_is_no_longer_good(table, row):
    key = table.key(row)
    old = table.get(key).headers["etag"]
    table.patch(key, {"name": "changed"})
    assert table.get(key, {"If-None-Match": old}).status == 200


@pytest.mark.parametrize("value", ["*", '"x"'])
def test_nobody_is_not_there_whatever_the_client_has(table, value):
    assert_rest_problem(table.get(NOBODY, {"If-None-Match": value}), 404, "no-such-row")
    assert_rest_problem(table.get(NOBODY, {"If-Match": value}), 404, "no-such-row")


@pytest.mark.parametrize("spelling", MALFORMED)
@pytest.mark.parametrize("header", ["If-None-Match", "If-Match"])
@pytest.mark.parametrize("method", ["GET", *WRITES])
def test_a_header_that_is_malformed(table, row, method, header, spelling):
    tag = table.get(table.key(row)).headers["etag"]
    headers = {header: spelt(MALFORMED[spelling], tag)}
    answer = table.get(table.key(row), headers) if method == "GET" else write(table, method, table.key(row), headers)
    assert_rest_problem(answer, 400, "malformed-header", [{"header": header}])
    assert_kept(table, row)


def test_both_headers_are_malformed(table, row):
    answer = table.delete(table.key(row), {"If-Match": "x", "If-None-Match": "y"})
    assert_rest_problem(answer, 400, "malformed-header", [{"header": "If-Match"}, {"header": "If-None-Match"}])


# Writes.


@pytest.mark.parametrize("spelling", STRONG)
@pytest.mark.parametrize("method", WRITES)
def test_a_write_of_the_version_that_the_client_has(table, row, method, spelling):
    key = table.key(row)
    tag = table.get(key).headers["etag"]
    assert_written(table, method, key, write(table, method, key, {"If-Match": spelt(STRONG[spelling], tag)}))


@pytest.mark.parametrize("spelling", ["weak", "weak in a list", *OTHER])
@pytest.mark.parametrize("method", WRITES)
def test_a_write_of_another_version(table, row, method, spelling):
    """A weak tag is never the same as another, not even as itself."""
    tag = table.get(table.key(row)).headers["etag"]
    answer = write(table, method, table.key(row), {"If-Match": spelt({**WEAK, **OTHER}[spelling], tag)})
    assert_rest_problem(answer, 412, "precondition-failed")
    assert_kept(table, row)


@pytest.mark.parametrize("method", WRITES)
def test_a_write_of_an_old_version(table, row, method):
    key = table.key(row)
    old = table.get(key).headers["etag"]
    changed = table.patch(key, {"name": "changed"}).json
    assert_rest_problem(write(table, method, key, {"If-Match": old}), 412, "precondition-failed")
    assert_kept(table, changed)


@pytest.mark.parametrize("spelling", [*STRONG, *WEAK])
@pytest.mark.parametrize("method", WRITES)
def test_a_write_unless_the_client_knows_the_version(table, row, method, spelling):
    tag = table.get(table.key(row)).headers["etag"]
    answer = write(table, method, table.key(row), {"If-None-Match": spelt({**STRONG, **WEAK}[spelling], tag)})
    assert_rest_problem(answer, 412, "precondition-failed")
    assert_kept(table, row)


@pytest.mark.parametrize("spelling", OTHER)
@pytest.mark.parametrize("method", WRITES)
def test_a_write_of_a_version_that_the_client_does_not_know(table, row, method, spelling):
    key = table.key(row)
    tag = table.get(key).headers["etag"]
    assert_written(table, method, key, write(table, method, key, {"If-None-Match": spelt(OTHER[spelling], tag)}))


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("value", ["*", '"x"'])
def test_nobody_goes_before_the_condition(table, method, value):
    assert_rest_problem(write(table, method, NOBODY, {"If-Match": value}), 404, "no-such-row")
    if (method, value) != ("PUT", "*"):  # which creates
        assert_rest_problem(write(table, method, NOBODY, {"If-None-Match": value}), 404, "no-such-row")


@pytest.mark.parametrize("method", WRITES)
def test_both_conditions_must_hold(table, row, method):
    key = table.key(row)
    tag = table.get(key).headers["etag"]
    assert write(table, method, key, {"If-Match": tag, "If-None-Match": tag}).status == 412
    assert write(table, method, key, {"If-Match": '"x"', "If-None-Match": '"x"'}).status == 412
    assert_kept(table, row)
    assert_written(table, method, key, write(table, method, key, {"If-Match": tag, "If-None-Match": '"x"'}))


def test_the_tag_of_each_answer_is_good_for_the_next_write(table, resource):
    answer = table.create_answer()
    key = table.key(answer.json)
    for number in range(5):
        answer = table.patch(key, {"name": f"N {number}"}, {"If-Match": answer.headers["etag"]})
        assert answer.status == 200
        answer = table.put(key, resource.body(), {"If-Match": answer.headers["etag"], "Prefer": "return=minimal"})
        assert answer.status == 204
    assert table.delete(key, {"If-Match": answer.headers["etag"]}).status == 204



@pytest.mark.parametrize("headers", [{"If-Match": '"1"'}, {"If-Match": 'W/"1"'}, {"If-None-Match": "*"}])
def test_a_collection_has_no_version(table, headers):
    """So nothing is created, or changed, under a condition on one (RFC 9110, 13.1)."""
    row = table.create()
    change = {table.resource.key: table.key(row), "name": "Other"}
    for answer in (table.post(table.resource.body(), headers), table.post([table.resource.body()], headers),
                   table.patch_many([change], headers)):
        assert_rest_problem(answer, 412, "precondition-failed")
    assert table.get(table.key(row)).json["name"] == row["name"]
