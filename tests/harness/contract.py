"""openapi.yaml as the tests read it: its operations, what they take, and whether an answer is as it says."""

import json
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote, urlencode

import yaml
from jsonschema import Draft202012Validator

from .process import ROOT

METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
DESCRIPTION = ROOT / "openapi.yaml"

# Headers that nginx adds to every answer, or that HTTP itself needs; info.description and RFC 9110 have them.
EVERYWHERE = {
    "server", "date", "connection", "content-length", "transfer-encoding", "content-type", "content-encoding", "vary",
    "x-content-type-options", "content-security-policy",
}  # fmt: skip


READERS = {"application/json": json.loads, "application/problem+json": json.loads, "application/yaml": yaml.safe_load}


@cache
def description():
    """The whole document."""
    return yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))


def resolve(node):
    """What a reference leads to; anything else is itself."""
    while isinstance(node, dict) and "$ref" in node:
        found = description()
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


def faults(schema, value):
    """What a schema says against a value, as sentences."""
    validator = Draft202012Validator({**schema, "components": description()["components"]})
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in validator.iter_errors(value)]


@dataclass(frozen=True)
class Operation:
    path: str
    method: str  # in upper case
    text: dict

    def __str__(self):
        return self.id

    @property
    def id(self):
        return self.text["operationId"]

    @property
    def parameters(self):
        shared = description()["paths"][self.path].get("parameters", [])
        return [resolve(parameter) for parameter in [*shared, *self.text.get("parameters", [])]]

    @property
    def bodies(self):
        """What a body may be, by its media type."""
        return resolve(self.text.get("requestBody", {})).get("content", {})

    @property
    def responses(self):
        """By status, as numbers."""
        return {int(status): resolve(response) for status, response in self.text["responses"].items()}

    def target(self, path_values, query=()):
        """The request target; a query parameter whose value is a list is there more than once."""
        path = self.path
        for name, value in path_values.items():
            path = path.replace("{%s}" % name, quote(str(value), safe=""))
        text = urlencode(list(query), doseq=True, quote_via=quote)
        return f"{path}?{text}" if text else path

    def check(self, answer):
        """An answer has a status, a type, a body and headers that this operation's description has."""
        assert answer.status in self.responses, f"{self.id} may not answer {answer}"
        response = self.responses[answer.status]
        self._check_headers(response, answer)
        content = response.get("content", {})
        if not answer.body:
            return
        media_type = (answer.type or "").partition(";")[0]
        assert media_type in content, f"{self.id} may not answer {answer.status} as {answer.type}"
        read = READERS.get(media_type, lambda body: body.decode("latin-1"))
        found = faults(content[media_type]["schema"], read(answer.body))
        assert not found, f"{self.id}: {answer}\n" + "\n".join(found)

    def _check_headers(self, response, answer):
        headers = {name.lower(): resolve(header) for name, header in response.get("headers", {}).items()}
        unknown = set(answer.headers) - set(headers) - EVERYWHERE
        assert not unknown, f"{self.id} may not have {unknown} in {answer}"
        for name, header in headers.items():
            value = answer.headers.get(name)
            assert value is not None or not header.get("required"), f"{self.id} must have {name} in {answer}"
            if value is not None:
                value = int(value) if header["schema"].get("type") == "integer" else value
                assert not faults(header["schema"], value), f"{name}: {value}"


@cache
def operations():
    """All of them, by their ids."""
    found = [
        Operation(path, method.upper(), item[method])
        for path, item in description()["paths"].items() for method in METHODS if method in item
    ]  # fmt: skip
    return {operation.id: operation for operation in found}


def examples(node):
    """The examples of a parameter or a media type: their names and values."""
    return {name: resolve(example)["value"] for name, example in node.get("examples", {}).items()}


# --- the rows that the examples are about ---

ADA = "01970c4e-5d2a-7b3c-8f1e-2a6b9c4d7e01"
GRACE = "01970c4e-5d2a-7b3c-8f1e-2a6b9c4d7e02"

WORLD = f"""
    TRUNCATE passengers, employees, ledger;
    INSERT INTO passengers (uuid, survived, passenger_class, name, sex, age, siblings_or_spouses_aboard,
                            parents_or_children_aboard, fare)
    VALUES ('{ADA}', true, 1, 'Ada Lovelace', 'female', 36, 1, 0, 71.2833);
    INSERT INTO employees (id, name, age, email, created_at, updated_at)
    VALUES ('{GRACE}', 'Grace Hopper', 85, 'grace@example.org', '2025-05-20 22:22:46.243212+00',
            '2025-05-20 22:22:46.243212+00');
"""


def encode(media_type, value):
    """An example of a body as the bytes that are sent."""
    return json.dumps(value).encode() if media_type.endswith("json") and "ndjson" not in media_type else value.encode()
