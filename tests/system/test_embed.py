"""schema/embed: what the program carries is the schema's files, and a file that does not fit stops the build."""

import shutil

import pytest
from harness.process import ROOT, run

pytestmark = pytest.mark.checkout

NEXT = f"{len(list((ROOT / 'schema').glob('0*.sql'))) + 1:04}"


@pytest.fixture
def schema(tmp_path):
    """A copy of schema/ to spoil."""
    shutil.copytree(ROOT / "schema", tmp_path / "schema")
    return tmp_path / "schema"


def embed(schema, out):
    return run([schema / "embed", out], check=False)


def carried(schema, directory):
    """The migrations and the grants as a program sees them, by way of the compiler."""
    show = directory / "show.c"
    show.write_text("""
        #include "schema.h"
        #include <stdio.h>
        int main(void)
        {
            for (int i = 0; i < schema_migration_count; i++)
                printf("%d %s %s\\n%s", schema_migrations[i].version, schema_migrations[i].name,
                       schema_migrations[i].checksum, schema_migrations[i].sql);
            fputs(schema_grants, stdout);
        }
    """)
    assert embed(schema, directory / "embedded.c").returncode == 0
    run(["cc", "-Wall", "-Wextra", "-Werror", "-I", ROOT / "fcgi", show, directory / "embedded.c", "-o",
         directory / "show"])
    return run([directory / "show"]).stdout


def test_every_byte_is_carried(schema, tmp_path):
    (schema / f"{NEXT}_odd.sql").write_text("SELECT '\"\\n??/ \t%d é … 012';\r\n-- no newline at the end", newline="")
    expected = ""
    for version, path in enumerate(sorted(schema.glob("0*.sql")), 1):
        checksum = run(["sha256sum", path]).stdout.split()[0]
        expected += f"{version} {path.name} {checksum}\n" + path.read_bytes().decode()
    expected += (schema / "grants.sql").read_text()
    assert carried(schema, tmp_path).encode() == expected.replace("\r\n", "\n").encode()


@pytest.mark.parametrize("spoil, sentence", [
    (lambda schema: (schema / "0002_employees.sql").unlink(),
     "schema/embed: 0003_ledger.sql: the next migration's name must begin with 0002_"),
    (lambda schema: shutil.copy(schema / "0002_employees.sql", schema / "0002_again.sql"),
     "schema/embed: 0002_employees.sql: the next migration's name must begin with 0003_"),
    (lambda schema: (schema / "9_short.sql").write_text("SELECT 1;"),
     f"schema/embed: 9_short.sql: the next migration's name must begin with {NEXT}_"),
    (lambda schema: (schema / f'{NEXT}_"quoted".sql').write_text("SELECT 1;"),
     f"schema/embed: {NEXT}_\"quoted\".sql: a migration's name is made of a-z, 0-9 and _"),
    (lambda schema: (schema / f"{NEXT}_empty.sql").write_text(""), f"schema/embed: {NEXT}_empty.sql is empty"),
    (lambda schema: (schema / "grants.sql").unlink(), "schema/embed: grants.sql is missing or empty"),
])
def test_a_schema_that_does_not_fit_stops_the_build(schema, tmp_path, spoil, sentence):
    spoil(schema)
    refused = embed(schema, tmp_path / "embedded.c")
    assert refused.returncode == 1
    assert refused.stderr.strip() == sentence
    assert not list(tmp_path.glob("embedded*"))
