"""The contract and the program have the same routes, problems, statuses and headers; what differs is found by asking."""

import json
import re

import pytest
from harness.contract import ADA, EVERYWHERE, GRACE, WORLD, description, encode, examples, operations
from harness.process import ROOT
from harness.web import send_raw

STATIC = ["/openapi.yaml", "/openapi.json", "/docs", "/docs/", "/docs/{file}"]  # nginx's own, not in the program's list
NOBODY = "01970c4e-5d2a-7b3c-8f1e-000000000000"
MISSING = {"uuid": NOBODY, "id": NOBODY, "email": "nobody@example.org", "slug": "nothing", "file": "nothing"}
SAFE = ("GET", "HEAD", "OPTIONS")
TAKEN = f"INSERT INTO employees (id, name, age, email) VALUES ('{GRACE[:-1]}3', 'X', 1, 'taken@example.org');"
# Faults of the service, which the other suites bring about.
OF_THE_SERVICE = {500, 502, 503, 504}
# No request can have these: nginx closes the connection of a client that went silent, limits no rate by itself, and
# answers a method that a path doesn't have, which is no operation.
OF_NO_OPERATION = {"request-timeout", "too-many-requests", "method-not-allowed"}


def paths_of_the_program(http):
    return {(route["method"], route["path"]) for route in http("GET", "/").json["routes"]}


def test_every_route_is_in_the_contract_and_the_other_way_round(http):
    documented = {(operation.method, re.sub(r"{\w+}", "*", operation.path)) for operation in operations().values()
                  if operation.path not in STATIC and operation.method not in ("HEAD", "OPTIONS")}  # fmt: skip
    assert documented == paths_of_the_program(http)


def test_a_path_allows_what_is_documented(http):
    for path, item in description()["paths"].items():
        documented = {method.upper() for method in item} - {"PARAMETERS"}
        target = re.sub(r"{(\w+)}", lambda match: MISSING[match.group(1)], path)
        for method in {"GET", "PUT", "POST", "PATCH", "DELETE"} - documented:
            answer = http(method, target)
            assert answer.status == 405, (method, path, answer)
            assert set(answer.headers["allow"].split(", ")) == documented, path
        assert set(http("OPTIONS", target).headers["allow"].split(", ")) == documented, path


# --- problems ---


def slugs_of_the_program():
    source = (ROOT / "fcgi" / "problem.c").read_text(encoding="utf-8")
    return set(re.findall(r'= +{"([a-z-]+)", \d+,', re.sub(r"\s+", " ", source)))


def narrowed(response):
    """The problem types that a response names."""
    schema = response.get("content", {}).get("application/problem+json", {}).get("schema", {"allOf": []})
    return {slug.removeprefix("/problems/") for part in schema["allOf"] for slug in
            part.get("properties", {}).get("type", {}).get("enum", [])}  # fmt: skip


def test_every_problem_is_in_the_contract_and_the_other_way_round():
    slugs = slugs_of_the_program()
    assert len(slugs) > 20
    assert set(description()["components"]["schemas"]["Slug"]["enum"]) == slugs
    named = {slug for operation in operations().values() for response in operation.responses.values()
             for slug in narrowed(response)}  # fmt: skip
    assert named == slugs - OF_NO_OPERATION


def test_the_examples_of_problems_have_the_titles_of_their_pages(http):
    for name, example in description()["components"]["examples"].items():
        page = http("GET", example["value"]["type"]).json
        assert (example["value"]["title"], example["value"]["status"]) == (page["title"], page["status"]), name


# --- statuses and headers ---


class Question:
    """One request of an operation, good as it is; each provocation changes something."""

    def __init__(self, operation):
        self.operation = operation
        self.values = {each["name"]: next(iter(examples(each).values())) for each in operation.parameters
                       if each["in"] == "path"}  # fmt: skip
        self.query = []
        self.headers = {}
        self.body = None
        for media_type, content in list(operation.bodies.items())[:1]:
            self.headers["Content-Type"] = media_type
            self.body = encode(media_type, next(iter(examples(content).values())))

    def ask(self, http):
        operation = self.operation
        return http(operation.method, operation.target(self.values, self.query), self.body, self.headers)


def names_nobody(question):
    question.values = {name: MISSING[name] for name in question.values}


def asks_for_a_picture(question):
    question.headers["Accept"] = "image/webp"


def is_taken(question):
    """Another employee has the address; or many rows at once, whose key is taken, or not there."""
    path, method = question.operation.path, question.operation.method
    row = {"name": "Alan Turing", "age": 41, "email": "grace@example.org"}
    if path == "/v1/passengers":
        row = {"uuid": ADA, **examples(operations()["createPassengers"].bodies["application/json"])["one"]}
    if method == "POST":
        question.body = json.dumps([row] if path == "/v1/passengers" else row)
    elif path.startswith("/v1/") and "{" not in path:
        question.body = json.dumps([{"uuid" if "uuid" in row else "id": NOBODY, "age": 1}])
    else:
        question.body = json.dumps({**(row if method == "PUT" else {}), "email": "taken@example.org"})


def is_of_another_version(question):
    question.headers["If-Match"] = '"999"'


def is_text(question):
    question.headers["Content-Type"] = "text/plain"


def has_wrong_fields(question):
    question.body = b"{}"


def is_known(question):
    question.headers["If-None-Match"] = '"1"' if question.operation.path.startswith("/v1/") else question.etag


def wants_no_body(question):
    question.headers["Prefer"] = "return=minimal"


def merges(question):
    question.headers["Prefer"] = "resolution=merge-duplicates"


def merges_and_wants_no_body(question):
    question.headers["Prefer"] = "resolution=merge-duplicates, return=minimal"


def creates(question):
    question.values = {name: NOBODY for name in question.values}
    question.headers["If-None-Match"] = "*"


def is_good(_):
    """As the example is."""


# What brings a status about; those of one request line or header are sent by hand.
PROVOCATIONS = {
    200: [is_good], 201: [is_good], 204: [is_good], 304: [is_known], 308: [is_good], 404: [names_nobody],
    406: [asks_for_a_picture], 409: [is_taken], 412: [is_of_another_version], 415: [is_text], 422: [has_wrong_fields],
}  # fmt: skip
SPECIAL = {
    ("PUT", 201): [creates], ("PUT", 204): [wants_no_body], ("PATCH", 204): [wants_no_body],
    ("POST", 200): [is_good, merges], ("POST", 204): [merges_and_wants_no_body],
}  # fmt: skip
BY_HAND = {
    400: "{method} {target} HTTP/1.1\r\n\r\n",  # no Host
    413: "{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
    414: "{method} {target}?{long} HTTP/1.1\r\nHost: x\r\n\r\n",
    431: "{method} {target} HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n",
    501: "{method} {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    505: "{method} {target} HTTP/3.0\r\nHost: x\r\n\r\n",
}


def provoke(stack, operation, status):
    """The answers to what should have this status."""
    question = Question(operation)
    if status in BY_HAND:
        line = BY_HAND[status].format(method=operation.method, target=operation.target(question.values), long="x" * 9000)
        return [send_raw(stack.port, line.encode(), operation.method)]
    answers = []
    for change in SPECIAL.get((operation.method, status), PROVOCATIONS[status]):
        question = Question(operation)
        if change is is_known and operation.path in STATIC:
            question.etag = question.ask(stack.http).headers["etag"]
        change(question)
        answers.append(question.ask(stack.http))
    return answers


@pytest.fixture(scope="module")
def answers(stack, system_database):
    """What was answered to all provocations: by operation, then by the status that was meant."""
    def ask(operation, status):
        if status == min(operation.responses) or (operation.method not in SAFE and status not in BY_HAND):
            system_database.sql(WORLD + TAKEN)
        return provoke(stack, operation, status)

    return {operation.id: {status: ask(operation, status) for status in sorted(set(operation.responses) - OF_THE_SERVICE)}
            for operation in operations().values()}  # fmt: skip


@pytest.mark.parametrize("operation", operations().values(), ids=str)
def test_every_status_is_answered_as_documented(answers, operation):
    for status, provoked in answers[operation.id].items():
        for answer in provoked:
            operation.check(answer)
            if answer.status >= 400 and operation.method != "HEAD":
                slug = answer.json["type"].removeprefix("/problems/")
                assert slug in narrowed(operation.responses[answer.status]), answer
        assert status in [answer.status for answer in provoked], (status, provoked)


def headers_of(response):
    return {name.lower() for name in response.get("headers", {})} - EVERYWHERE


ONCE = ("POST", "/v1/employees", {"name": "A", "age": 1, "email": "a@example.org"}, {"Idempotency-Key": "k"})
MORE = [ONCE, ONCE]  # requests for headers that the others don't bring about


def test_every_documented_header_is_sent_somewhere(http, answers, database):
    """Retry-After comes with the service's own faults."""
    sent = {name for statuses in answers.values() for provoked in statuses.values() for answer in provoked
            for name in answer.headers}  # fmt: skip
    database.sql(WORLD)
    for method, target, body, headers in MORE:
        sent |= set(http(method, target, body, headers).headers)
    documented = {name for operation in operations().values() for response in operation.responses.values()
                  for name in headers_of(response)}  # fmt: skip
    assert documented - sent == {"retry-after"}
