"""A client that is generated of the contract: it compiles without a complaint, and works."""

import re
import subprocess

import pytest
from harness.contract import DESCRIPTION, WORLD
from harness.process import ROOT, run

NPM = ROOT / "tests" / "contract" / "npm"
STRICT = ["--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--skipLibCheck", "--target", "es2022",
          "--module", "nodenext", "--moduleResolution", "nodenext", "--lib", "es2022,dom,dom.iterable"]  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A directory with the generated types and the packages."""
    place = tmp_path_factory.mktemp("client")
    modules = run([ROOT / "install" / "tool", "node_modules"], timeout=300).stdout.strip()
    (place / "node_modules").symlink_to(modules)
    (place / "package.json").write_text('{"type": "module"}')
    for name in ("client.ts", "wrong.ts"):
        # nodenext wants the ending of the module that will run
        text = (NPM / name).read_text(encoding="utf-8").replace('"./contract"', '"./contract.js"')
        (place / name).write_text(text, encoding="utf-8")
    run(["node", f"{modules}/openapi-typescript/bin/cli.js", DESCRIPTION, "-o", place / "contract.ts"],
        cwd=place)
    return place


def compile(project, name):
    """What the compiler says of a file."""
    command = ["node", project / "node_modules" / "typescript" / "bin" / "tsc", *STRICT, name]
    return run(command, cwd=project, check=False, timeout=120)


def test_a_client_compiles_and_does_a_round_with_each_resource(project, stack, database):
    database.sql(WORLD)
    assert compile(project, "client.ts").stdout == ""
    done = subprocess.run(["node", project / "client.js", f"http://127.0.0.1:{stack.port}"], cwd=project, timeout=60,
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def test_the_types_refuse_what_the_contract_does_not_have(project):
    said = compile(project, "wrong.ts").stdout
    lines = (project / "wrong.ts").read_text(encoding="utf-8").splitlines()
    marked = {number for number, line in enumerate(lines, 1) if line.endswith("// wrong")}
    assert marked and {int(line) for line in re.findall(r"^wrong\.ts\((\d+),", said, re.M)} == marked, said
