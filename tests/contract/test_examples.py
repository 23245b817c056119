"""Every example of the contract is true: requests are sent, and answers fit their schemas."""

import json

import pytest
from harness.contract import WORLD, encode, examples, faults, operations, resolve
from harness.web import Answer

SAFE = ("GET", "HEAD", "OPTIONS")


def requests(operation):
    """Each example of a request: its name, path values, query, headers and body."""
    paths = {each["name"]: examples(each) for each in operation.parameters if each["in"] == "path"}
    first = {name: next(iter(values.values())) for name, values in paths.items()}
    bodies = [(f"{media_type} {name}", {"Content-Type": media_type}, encode(media_type, value))
              for media_type, content in operation.bodies.items() for name, value in examples(content).items()]  # fmt: skip
    bodies = bodies or [("", {}, None)]
    for name, headers, body in bodies:
        yield name or "plain", first, [], headers, body
    _, headers, body = bodies[0]
    for name, values in paths.items():
        for example, value in values.items():
            yield f"{name}={example}", {**first, name: value}, [], headers, body
    for parameter in operation.parameters:
        for example, value in examples(parameter).items():
            label = f"{parameter['name']}={example}"
            if parameter["in"] == "query":
                yield label, first, [(parameter["name"], value)], headers, body
            if parameter["in"] == "header":
                yield label, first, [], {**headers, parameter["name"]: value}, body


@pytest.mark.parametrize("operation", operations().values(), ids=str)
def test_the_examples_of_requests_are_answered_as_documented(http, database, operation):
    """None of them is refused."""
    for count, (name, path_values, query, headers, body) in enumerate(requests(operation)):
        if count == 0 or operation.method not in SAFE:
            database.sql(WORLD)
        answer = http(operation.method, operation.target(path_values, query), body, headers)
        assert answer.status < 400, (name, answer)
        operation.check(answer)


@pytest.mark.parametrize("operation", operations().values(), ids=str)
def test_the_examples_of_answers_fit_their_schemas(operation):
    for status, response in operation.responses.items():
        for media_type, content in response.get("content", {}).items():
            for name, value in examples(content).items():
                assert faults(content["schema"], value) == [], (status, media_type, name)
                if isinstance(value, dict) and "status" in value and status >= 400:
                    assert value["status"] == status
        for name, header in response.get("headers", {}).items():
            header = resolve(header)
            assert faults(header["schema"], header["example"]) == [], (status, name)
    for parameter in operation.parameters:
        for name, value in examples(parameter).items():
            assert faults(parameter["schema"], value) == [], (parameter["name"], name)
    for media_type, content in operation.bodies.items():
        for name, value in examples(content).items():
            assert faults(content["schema"], value) == [], (media_type, name)


def follow(pointer, answer):
    """What a link's expression stands for; only $response.body#/… is used."""
    value = answer.json
    for part in pointer.removeprefix("$response.body#/").split("/"):
        value = value[int(part) if isinstance(value, list) else part]
    return value


LINKED = [operation for operation in operations().values() if any("links" in each for each in operation.responses.values())]


@pytest.mark.parametrize("operation", LINKED, ids=str)
def test_links_lead_to_what_was_made(http, database, operation):
    """From the first example; PUT is asked to create."""
    for name, link in [pair for each in operation.responses.values() for pair in each.get("links", {}).items()]:
        database.sql(WORLD)
        if operation.method == "PUT":
            database.sql("TRUNCATE passengers, employees")
        _, path_values, query, headers, body = next(requests(operation))
        headers = {**headers, "If-None-Match": "*"} if operation.method == "PUT" else headers
        answer = http(operation.method, operation.target(path_values, query), body, headers)
        linked = operations()[link["operationId"]]
        try:
            values = {name: follow(pointer, answer) for name, pointer in link["parameters"].items()}
        except (KeyError, IndexError):
            assert "items" in json.dumps(link), (name, answer)  # the link is for the other form of the answer
            continue
        _, _, query, headers, body = next(requests(linked))
        then = http(linked.method, linked.target(values, query), body, headers)
        assert then.status < 300, (name, then)
        linked.check(then)


def test_an_answer_that_is_not_as_documented_is_found():
    operation = operations()["getPassenger"]
    row = examples(operation.responses[200]["content"]["application/json"])["ada"]
    headers = [("X-Request-Id", "0" * 32), ("Content-Type", "application/json"), ("ETag", '"1"')]
    operation.check(Answer(200, headers, json.dumps(row).encode()))
    for status, more, body in [(202, [], row), (200, [("Age", "1")], row), (200, [], {**row, "age": 151}), (200, [], {})]:
        with pytest.raises(AssertionError):
            operation.check(Answer(status, headers + more, json.dumps(body).encode()))
    with pytest.raises(AssertionError):
        operation.check(Answer(200, headers[1:], json.dumps(row).encode()))
