"""/v1 as a client of another make calls it (requests), and what each of its answers and errors must have."""

import csv
import io
import json
from urllib.parse import quote, urlencode

import requests

from . import wait
from .web import INSIDE, PROBLEM_KEYS, Answer, assert_request_id

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
NDJSON = "application/x-ndjson"
CSV = "text/csv"
CSV_ANSWER = "text/csv; charset=utf-8; header=present"


class Client:
    """client(method, target, body, headers, params): one request. Connections are kept; one thread at a time.

    A dictionary or list as the body is sent as JSON. `params` are a dictionary or pairs, encoded with %20 for a blank. No
    header goes out that is not asked for, but those without which there is no request.
    """

    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.clear()

    def __call__(self, method, target, body=None, headers=None, params=None):
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", JSON)
        if isinstance(body, str):
            body = body.encode()
        url = self.base + target + ("?" + encoded(params) if params else "")
        answer = self.session.request(method, url, data=body, headers=headers, allow_redirects=False,
                                      timeout=wait.PATIENCE_S)
        return Answer(answer.status_code, answer.headers.items(), answer.content)

    def close(self):
        self.session.close()


def encoded(params):
    """A query, without its question mark."""
    return urlencode(params, quote_via=quote, doseq=isinstance(params, dict))


def assert_rest_problem(answer, status, slug, faults=None):
    """An error of /v1; `faults` are what `errors` must have besides the details, in any order. Returns the members."""
    assert answer.status == status, answer
    assert answer.type == "application/problem+json", answer
    assert_request_id(answer)
    problem = answer.json
    assert list(problem)[:5] == PROBLEM_KEYS and set(problem) <= {*PROBLEM_KEYS, "errors", "more"}, problem
    assert problem["type"] == f"/problems/{slug}", problem
    assert problem["status"] == status
    assert problem["instance"] == answer.headers["x-request-id"]
    assert problem["title"] and problem["detail"]
    assert not INSIDE.search(answer.body.decode()), problem
    for error in problem.get("errors", []):
        assert set(error) <= {"row", "pointer", "parameter", "header", "detail"} and error["detail"], problem
    if faults is not None:
        assert _sorted(places(problem)) == _sorted(faults), problem
    return problem


def places(problem):
    """Its errors without their details."""
    return [{name: value for name, value in error.items() if name != "detail"} for error in problem.get("errors", [])]


def details(problem):
    """All that it says to a person, as one text."""
    return " ".join([problem["detail"], *(error["detail"] for error in problem.get("errors", []))])


def _sorted(faults):
    return sorted(faults, key=lambda fault: json.dumps(fault, sort_keys=True))


class Table:
    """A resource of /v1 as one client sees it."""

    def __init__(self, client, resource):
        self.client = client
        self.resource = resource
        self.path = resource.path

    def at(self, key):
        return f"{self.path}/{key}"

    def key(self, row):
        return row[self.resource.key]

    def create(self, **changed):
        """A new row, as it was answered."""
        return self.create_answer(**changed).json

    def create_answer(self, **changed):
        answer = self.post(self.resource.body(**changed))
        assert answer.status == 201, answer
        return answer

    def post(self, body, headers=None, params=None):
        return self.client("POST", self.path, body, headers, params)

    def get(self, key, headers=None, params=None):
        return self.client("GET", self.at(key), None, headers, params)

    def put(self, key, body, headers=None):
        return self.client("PUT", self.at(key), body, headers)

    def patch(self, key, body, headers=None):
        return self.client("PATCH", self.at(key), body, {"Content-Type": MERGE_PATCH, **(headers or {})})

    def delete(self, key, headers=None):
        return self.client("DELETE", self.at(key), None, headers)

    def patch_many(self, rows, headers=None):
        return self.client("PATCH", self.path, rows, headers)

    def list(self, params=None, headers=None):
        return self.client("GET", self.path, None, headers, params)

    def items(self, params=None):
        """The rows of the first page."""
        answer = self.list(params)
        assert answer.status == 200, answer
        return answer.json["items"]

    def pages(self, params=None):
        """Each page's rows, by `next`, until there is no more."""
        answer = self.list(params)
        while True:
            assert answer.status == 200, answer
            yield answer.json["items"]
            following = answer.json["next"]
            if following is None:
                return
            answer = self.client("GET", following)

    def walk(self, params=None):
        """All rows, page by page."""
        return [row for page in self.pages(params) for row in page]

    def count(self):
        """How many rows there are, whatever is on the page."""
        answer = self.list({"limit": 1}, {"Prefer": "count=exact"})
        assert answer.status == 200, answer
        return answer.json["total"]


# Rows as the body of a bulk request.


def body_of(kind, rows):
    """The rows in one of the three formats; CSV has the fields of all rows."""
    if kind == JSON:
        return json.dumps(rows)
    if kind == NDJSON:
        return "".join(json.dumps(row) + "\n" for row in rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    writer.writerow(names)
    writer.writerows([csv_field(row.get(name)) for name in names] for row in rows)
    return lines.getvalue()


def csv_field(value):
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
