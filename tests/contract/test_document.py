"""The contract by itself: valid, free of everything that a linter can find, and strict."""

import re
import subprocess

import pytest
from harness.contract import DESCRIPTION, METHODS, description, operations, resolve
from harness.process import ROOT
from jsonschema import Draft202012Validator

NPM = ROOT / "tests" / "contract" / "npm"


@pytest.fixture(scope="module")
def node_modules():
    """Where the packages of tests/contract/npm are installed."""
    tool = subprocess.run([ROOT / "install" / "tool", "node_modules"], capture_output=True, text=True, check=True)
    return tool.stdout.strip()


def lint(node_modules, path):
    """What the rules say of a description, warnings included."""
    command = ["node", "-", NPM / "redocly.yaml", path]
    done = subprocess.run(command, input=(NPM / "lint.js").read_text(encoding="utf-8"), capture_output=True, text=True,
                          env={"PATH": "/usr/local/bin:/usr/bin:/bin", "NODE_PATH": node_modules}, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_nothing_is_said_against_it(node_modules):
    assert lint(node_modules, DESCRIPTION) == []


@pytest.mark.parametrize("old, new, rule", [
    ("summary: The routes", "x-nothing: 1", "operation-summary"),
    ("operationId: headRoutes", "operationId: listRoutes", "operation-operationId-unique"),
    ("tags: [service]", "tags: [services]", "operation-tag-defined"),
    ("survived: true", "survived: 1", "no-invalid-media-type-examples"),
    ("openapi: 3.1.0", "openapi: 3.1.0\nnothing: 1", "struct"),
    ("#/components/schemas/Alive", "#/components/schemas/Dead", "no-unresolved-refs"),
])  # fmt: skip
def test_the_rules_find_what_is_wrong(node_modules, tmp_path, old, new, rule):
    text = DESCRIPTION.read_text(encoding="utf-8")
    assert old in text
    wrong = tmp_path / "openapi.yaml"
    wrong.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert any(line.startswith(f"error {rule} ") for line in lint(node_modules, wrong))


def schemas(node, place=""):
    """Every schema of the document, with its place; no further into them than to their parts."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "schema" or place.endswith("/schemas") or place.endswith("/properties") or key == "items":
                if isinstance(value, dict) and "$ref" not in value:
                    yield f"{place}/{key}", value
            if key not in ("example", "examples", "value"):
                yield from schemas(value, f"{place}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from schemas(value, f"{place}/{index}")


def test_every_schema_is_one():
    for place, schema in schemas(description()):
        Draft202012Validator.check_schema(schema), place


def test_objects_are_closed_and_texts_and_numbers_have_bounds():
    """The document of the contract itself (/openapi.json) and tables of any size are left open."""
    for place, schema in schemas(description()["components"]["schemas"], "/schemas"):
        types = schema.get("type")
        types = types if isinstance(types, list) else [types]
        if "object" in types:
            assert schema.get("additionalProperties") is False, place
        if "integer" in types or "number" in types:
            assert "minimum" in schema, place
        if "string" in types and not place.endswith(("/parameter", "/Sex")):
            assert {"pattern", "enum", "const", "minLength"} & set(schema), place


def test_every_operation_is_told_in_full():
    for operation in operations().values():
        assert operation.text["summary"] and operation.text["description"], operation
        assert min(operation.responses) < 400, operation
        assert operation.text.get("deprecated", False) == (operation.text["tags"] == ["seeds"]), operation
        for parameter in operation.parameters:
            assert parameter["description"] and parameter["schema"], operation
            assert parameter.get("examples") or parameter["name"] == "cursor", (operation, parameter["name"])
        for status, response in operation.responses.items():
            for media_type, content in response.get("content", {}).items():
                assert media_type == "image/png" or content["examples"], (operation, status)
                assert (media_type == "application/problem+json") == (status >= 400), (operation, status)


def test_each_error_names_its_problem_types():
    for name, response in description()["components"]["responses"].items():
        content = response.get("content", {}).get("application/problem+json")
        if content is None:
            continue
        problem, narrowed = content["schema"]["allOf"]
        assert resolve(problem) is description()["components"]["schemas"]["Problem"], name
        shown = {resolve(example)["value"]["type"] for example in content["examples"].values()}
        assert shown == set(narrowed["properties"]["type"]["enum"]), name


def test_every_path_has_its_methods_and_nothing_else():
    for path, item in description()["paths"].items():
        assert set(item) <= {*METHODS, "parameters"}, path
        assert ("get" in item) == ("head" in item), path
        assert "options" in item, path
        assert set(re.findall(r"{(\w+)}", path)) == {resolve(each)["name"] for each in item.get("parameters", [])}, path
