"""The service and openapi.yaml say the same: Schemathesis makes requests of the document, good ones and bad ones.

The seed is fixed; CONTRACT_EXAMPLES= asks for more requests, CONTRACT_SEED= for others.
"""

import pytest
from harness.conformance import DOCUMENT, PHASES, check
from harness.stack import Stack
from harness.tables import RESOURCES

GROUPS = {
    "passengers": ["--include-path", "/v1/passengers", "--include-path", "/v1/passengers/{uuid}"],
    "stats": ["--include-path", "/v1/passengers/stats"],
    "employees": ["--include-tag", "employees"],
    "seeds": ["--include-tag", "seeds"],
    "health and documents": ["--include-tag", "service", "--include-tag", "documents"],
}

# The rows of the document's examples.
EXAMPLES = {
    "passengers": {"uuid": "01970c4e-5d2a-7b3c-8f1e-2a6b9c4d7e01", "survived": True, "passengerClass": 1, "name": "Ada Lovelace",
                   "sex": "female", "age": 36, "siblingsOrSpousesAboard": 1, "parentsOrChildrenAboard": 0, "fare": 71.2833},
    "employees": {"id": "01970c4e-5d2a-7b3c-8f1e-2a6b9c4d7e02", "name": "Grace Hopper", "age": 85, "email": "Grace@example.org",
                  "created_at": "2025-05-20T22:22:46.243212Z", "updated_at": "2025-05-20T22:22:46.243212Z"},
}  # fmt: skip


@pytest.fixture
def service(cluster):
    """A service of its own, with rows to find and those of the examples."""
    database = cluster.copy_template()
    for resource in RESOURCES:
        resource.fill(database, [*resource.rows(20), EXAMPLES[resource.name]])
    with Stack(database.url) as stack:
        yield stack
    database.drop()


def ask(service, tmp_path, *choice, **options):
    """Fail with Schemathesis' own report, or with what a worker wrote when it ended."""
    before = service.workers()
    code, report = check(service.port, tmp_path, *choice, **options)
    if service.workers() != before or "Sanitizer" in service.complaints() or "runtime error" in service.complaints():
        pytest.fail(f"A worker ended, or complained:\n{service.text()[-5000:]}\n{report}", pytrace=False)
    if code != 0:
        pytest.fail(f"Schemathesis exited {code}:\n{report}", pytrace=False)


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_of_routes(service, tmp_path, group):
    phases = "examples,coverage,fuzzing" if group == "stats" else PHASES  # no link leads to one of them from another
    ask(service, tmp_path, *GROUPS[group], phases=phases)


def test_all_routes_together(service, tmp_path):
    """Links lead from one group to another: what one has made, the other one reads."""
    ask(service, tmp_path, phases="stateful")


@pytest.mark.parametrize("operation, old, new, finding", [
    ("getPassenger", "format: uuid\n      pattern: '^[0-9a-fA-F]{8}(", "pattern: '^[0-9a-fA-F]{7}(", "Schema-valid request rejected"),
    ("seedCreatePassenger", "minimum: 0, maximum: 150 }", "minimum: 0, maximum: 100 }", "Schema-violating request accepted"),
    ("getHealth", "const: alive", "const: well", "Response violates schema"),
    ("getHealth", "pattern: '^[0-9a-f]{32}$'", "pattern: '^[0-9]{3}$'", "Response header does not conform to the schema"),
    ("getHealth", "'200':\n          description: A worker answers.", "'202':\n          description: A worker answers.",
     "Undocumented status code"),
], ids=["path", "body", "answer", "header", "status"])  # fmt: skip
def test_it_finds_what_is_wrong(stack, tmp_path, operation, old, new, finding):
    """The document is changed, not the service: they no longer say the same."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert old in text
    wrong = tmp_path / "openapi.yaml"
    wrong.write_text(text.replace(old, new), encoding="utf-8")
    status, report = check(stack.port, tmp_path, "--include-operation-id", operation, phases="examples,coverage", document=wrong)
    assert status == 1 and finding in report, report
