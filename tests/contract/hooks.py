"""What Schemathesis can't know from the document: how CSV and NDJSON are written, and which rules JSON Schema has no words
for. Each failure that is dropped here has its reason beside it.
"""

import csv
import io
import json
import re

import schemathesis

CSV, NDJSON = "text/csv", "application/x-ndjson"
MOST_FILTERS = 16
LONG_LOCAL_PART = "(?![^@]{65})"
EMPTY = ("if-match", "if-none-match", "idempotency-key", "prefer")
PATTERNS = {}  # of the headers that a request may have


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """The document calls CSV and NDJSON texts. Here they are the rows, as in JSON, which the serializers below write."""
    for item in raw_schema["paths"].values():
        content = item.get("post", {}).get("requestBody", {}).get("content", {})
        if CSV in content:  # a collection of /v1
            (rows,) = [choice for choice in content["application/json"]["schema"]["oneOf"] if choice.get("type") == "array"]
            content[CSV]["schema"] = content[NDJSON]["schema"] = rows
    schemas = raw_schema["components"]["schemas"]
    PATTERNS.update({"prefer": schemas["Preferences"]["pattern"], "if-match": schemas["EntityTags"]["pattern"],
                     "if-none-match": schemas["EntityTags"]["pattern"]})  # fmt: skip
    # The look-ahead for at most 64 characters before the @ takes the generator fifteen seconds for each operation.
    email = schemas["Email"]
    assert LONG_LOCAL_PART in email["pattern"]
    email["pattern"] = email["pattern"].replace(LONG_LOCAL_PART, "")


def _columns(case):
    """The fields that rows of this collection may have."""
    return {
        "createPassengers": ["survived", "passengerClass", "name", "sex", "age", "siblingsOrSpousesAboard",
                             "parentsOrChildrenAboard", "fare"],
        "createEmployees": ["name", "age", "email"],
    }[case.operation.definition.raw["operationId"]]  # fmt: skip


def _field(value):
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@schemathesis.serializer(CSV)
def write_csv(context, value):
    """Rows with a header. The key is a column only where each row has one: an empty field is null."""
    if isinstance(value, (str, bytes)):
        return value.encode() if isinstance(value, str) else value
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        return json.dumps(value).encode()
    every = list(dict.fromkeys(name for row in value for name in row)) or _columns(context.case)
    names = [name for name in every if name not in ("uuid", "id") or all(name in row for row in value)]
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    writer.writerow(names)
    writer.writerows([_field(row.get(name)) for name in names] for row in value)
    return lines.getvalue().encode()


@schemathesis.serializer(NDJSON)
def write_ndjson(context, value):
    if isinstance(value, (str, bytes)):
        return value.encode() if isinstance(value, str) else value
    if not isinstance(value, list):
        return json.dumps(value).encode()
    return "".join(json.dumps(row) + "\n" for row in value).encode()


@schemathesis.hook
def map_case(context, case):
    """Good requests stay within two rules of the whole query that no parameter's schema can say; and are good ones."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return case
    # With bad requests asked for, too, coverage takes 0 for a good value of these headers, whose patterns it doesn't fit.
    for name, pattern in PATTERNS.items():
        if name in (case.headers or {}) and not re.search(pattern, str(case.headers[name])):
            del case.headers[name]
    if not isinstance(case.query, dict):
        return case
    # Only the service makes cursors; those that it made are followed in test_pages.py. Bad ones are still tried.
    case.query.pop("cursor", None)
    room = MOST_FILTERS
    for name, values in list(case.query.items()):
        if isinstance(values, list):
            case.query[name] = values[:room]
            room -= len(case.query[name])
            if not case.query[name]:
                del case.query[name]
    return case


def _problem(response):
    try:
        return json.loads(response.content)
    except ValueError:
        return {}


def _said(problem):
    return [error.get("detail", "") for error in problem.get("errors", [])]


def _filters(query):
    """How many filters it has, those of one column counted each."""
    return sum(len(values) if isinstance(values, list) else 1 for name, values in query.items()
               if name not in ("limit", "cursor", "order", "fields", "q", "by"))  # fmt: skip


def _pointers(problem):
    return {error.get("pointer") for error in problem.get("errors", [])}


def _long(body):
    """Whether there is an address with more than 64 characters before the @."""
    rows = body if isinstance(body, list) else [body]
    return any(isinstance(row, dict) and str(row.get("email")).find("@") > 64 for row in rows)


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Whether a failure stands."""
    kind, problem = type(failure).__name__, _problem(response)
    if kind == "RejectedPositiveData":
        # A link, or an earlier answer, has given a filter more to a query that had as many as there may be.
        if _filters(case.query or {}) > MOST_FILTERS:
            return False
        # A key of an earlier request's with another body: that it was used before is in no schema.
        if problem.get("type") == "/problems/idempotency-mismatch":
            return False
        # Two rows of one body with the same key or address: JSON Schema's uniqueItems compares whole rows.
        if problem.get("type") == "/problems/invalid-fields" and all("same as in row" in said for said in _said(problem)):
            return False
        # The look-ahead that before_load_schema has taken out.
        if problem.get("type") == "/problems/invalid-fields" and _pointers(problem) == {"/email"} and _long(case.body):
            return False
    if kind == "AcceptedNegativeData":
        # CSV has no types: the text "1" and the number 1 are one field, as are null and an empty text. The faults of CSV
        # have tests of their own (test_bulk.py).
        if case.media_type == CSV:
            return False
        # A header without a value is as one that was not sent: FastCGI tells a worker no difference.
        if any(name.lower() in EMPTY and not str(value).strip() for name, value in (case.headers or {}).items()):
            return False
        # OPTIONS is about the path's methods (RFC 9110, 9.3.7): it looks at no row, and so at no key.
        if case.method.upper() == "OPTIONS" and response.status_code == 204:
            return False
    # OPTIONS looks at no row, so none is too much for it.
    if kind == "UseAfterFree" and case.method.upper() == "OPTIONS":
        return False
    # OpenAPI has no way to say that a 201 may have a body or none, as the client likes.
    if kind in ("MissingContentType", "MalformedJson") and response.status_code == 201 and not response.content:
        return "return=minimal" not in response.headers.get("preference-applied", [""])[0]
    return True
