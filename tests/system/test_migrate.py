"""`purser migrate`: brings a database to the schema of this build, once, whatever stands in the way."""

import subprocess
import time

import pytest
from harness import wait
from harness.postgres import Cluster
from harness.process import ROOT, environment, run

pytestmark = pytest.mark.checkout

FILES = sorted(path.name for path in (ROOT / "schema").glob("[0-9]*.sql"))


@pytest.fixture
def empty(cluster):
    """The name of a database of the owner's with nothing in it."""
    name = f"empty_{next(cluster.numbers)}"
    cluster.sql(f"CREATE DATABASE {name} OWNER purser_owner")
    yield name
    cluster.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def migrate(binary, cluster, empty):
    def call(user="purser_owner", **settings):
        settings.setdefault("DATABASE_URL", cluster.url(empty, user))
        return run([binary, "migrate"], check=False, env=environment(**settings))

    return call


def start(binary, url):
    return subprocess.Popen([binary, "migrate"], env=environment(DATABASE_URL=url), text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process):
    out, err = process.communicate(timeout=wait.PATIENCE_S)
    return process.returncode, out, err


def test_an_empty_database_gets_every_migration_once(migrate, cluster, empty):
    first = migrate()
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.splitlines() == [f"applied {name}" for name in FILES]
    assert cluster.lines("SELECT name FROM purser_migrations ORDER BY version", empty) == FILES

    second = migrate()
    assert (second.returncode, second.stdout, second.stderr) == (0, "nothing to do\n", "")


def test_the_record_is_the_sha256_of_the_file(migrate, cluster, empty):
    migrate()
    for name in FILES:
        expected = run(["sha256sum", ROOT / "schema" / name]).stdout.split()[0]
        assert cluster.sql(f"SELECT checksum FROM purser_migrations WHERE name = '{name}'", empty) == expected


def test_ten_at_once_are_harmless(binary, cluster, empty):
    ten = [start(binary, cluster.url(empty, "purser_owner")) for _ in range(10)]
    results = [finish(process) for process in ten]
    assert [code for code, _, _ in results] == [0] * 10
    assert sorted(out.count("applied") for _, out, _ in results) == [0] * 9 + [len(FILES)]
    assert cluster.lines("SELECT name FROM purser_migrations ORDER BY version", empty) == FILES


def test_it_waits_for_another_that_is_at_work(binary, cluster, empty):
    url = cluster.url(empty, "purser_owner")
    with subprocess.Popen(["psql", "-XAtq", "-d", url], env=environment(), text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdin.write("SELECT pg_advisory_lock(123649733649778);\n\\echo locked\n")
        other.stdin.flush()
        assert "locked\n" in iter(other.stdout.readline, "")
        process = start(binary, url)
        assert process.stderr.readline() == "purser: another migration is at work: waiting for it to end\n"
        assert cluster.sql("SELECT to_regclass('purser_migrations')", empty) == ""
        other.stdin.close()
        assert finish(process)[0] == 0


def test_the_worker_may_touch_rows_and_nothing_else(migrate, cluster, empty):
    migrate()
    worker = "purser_worker"
    cluster.sql("SELECT * FROM passengers, employees, ledger, purser_migrations; DELETE FROM passengers", empty, worker)
    for forbidden in ("CREATE TABLE t ()", "DROP TABLE passengers", "TRUNCATE passengers",
                      "DELETE FROM purser_migrations"):
        with pytest.raises(RuntimeError, match="permission denied|must be owner"):
            cluster.sql(forbidden, empty, worker)


def test_a_later_role_gets_its_rights_when_there_is_nothing_to_do(migrate, cluster, empty):
    migrate()
    cluster.sql("REVOKE ALL ON passengers FROM purser_worker", empty)
    assert migrate().stdout == "nothing to do\n"
    cluster.sql("SELECT * FROM passengers", empty, "purser_worker")


@pytest.mark.parametrize("damage, sentence", [
    ("INSERT INTO purser_migrations VALUES (99, '0099_future.sql', 'x')",
     "purser: the database has migration 99 (0099_future.sql), which this purser does not know\n"),
    ("UPDATE purser_migrations SET checksum = 'x' WHERE version = 2",
     "purser: 0002_employees.sql is not what it was when it was applied: leave it as it was, and add a new one\n"),
    ("UPDATE purser_migrations SET name = '0002_staff.sql' WHERE version = 2",
     "purser: migration 2 is 0002_staff.sql in the database, but 0002_employees.sql in this purser\n"),
    ("DELETE FROM purser_migrations WHERE version = 2",
     "purser: the database has migration 3, but not migration 2 before it\n"),
])
def test_records_that_do_not_fit_are_refused(migrate, cluster, empty, damage, sentence):
    migrate()
    cluster.sql(damage, empty)
    before = cluster.sql("SELECT * FROM purser_migrations", empty)
    refused = migrate()
    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", sentence)
    assert cluster.sql("SELECT * FROM purser_migrations", empty) == before


def test_a_migration_that_fails_leaves_nothing_of_itself(migrate, cluster, empty):
    cluster.sql("CREATE TABLE employees ()", empty)
    failed = migrate()
    assert failed.returncode == 1
    assert failed.stdout == "applied 0001_passengers.sql\n"
    assert failed.stderr == 'purser: 0002_employees.sql: relation "employees" already exists\n'
    assert cluster.lines("SELECT name FROM purser_migrations", empty) == ["0001_passengers.sql"]

    cluster.sql("DROP TABLE employees", empty)
    assert migrate().stdout.splitlines() == [f"applied {name}" for name in FILES[1:]]


def test_a_fault_is_named_with_its_line(migrate, cluster, empty):
    """Somebody's type `text` hides PostgreSQL's: the first rule that asks for a text's length can't be made."""
    cluster.sql("CREATE TABLE purser_migrations (version integer, name text, checksum text);"
                "CREATE TYPE public.text AS ENUM ();"
                "GRANT ALL ON purser_migrations TO purser_owner;"
                f"ALTER DATABASE {empty} SET search_path = public, pg_catalog", empty)
    lines = (ROOT / "schema" / FILES[0]).read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "char_length" in text)
    failed = migrate()
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith(f"purser: {FILES[0]}, line {line}: function char_length(text) does not exist")


def test_a_user_without_rights_is_told_so(migrate):
    refused = migrate(user="purser_worker")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("purser: the table of the migrations can't be made: permission denied")


def test_another_encoding_is_refused(migrate, cluster):
    cluster.sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0 OWNER purser_owner")
    try:
        refused = migrate(DATABASE_URL=cluster.url("latin", "purser_owner"))
    finally:
        cluster.sql("DROP DATABASE latin")
    assert (refused.returncode, refused.stderr) == (1, "purser: the database's encoding is LATIN1: it must be UTF8\n")


def test_a_database_that_is_not_there_fails_at_once(migrate, cluster):
    began = time.monotonic()
    refused = migrate(DATABASE_URL=cluster.url("nowhere", "purser_owner"))
    assert time.monotonic() - began < 10
    assert refused.returncode == 1
    assert refused.stderr.startswith("purser: no connection to the database: ")
    assert 'database "nowhere" does not exist' in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_server_that_starts_beside_us_is_waited_for(binary):
    with Cluster() as late:
        late.sql("CREATE DATABASE purser")
        late.stop()
        process = start(binary, late.url("purser"))
        assert process.stderr.readline().startswith("purser: the database does not answer yet, trying for 30 s: ")
        late.start()
        code, out, err = finish(process)
    assert (code, err) == (0, "")
    assert out.count("applied") == len(FILES)


@pytest.mark.parametrize("url", ["postgresql://u:hunter2@[::1/d", "postgresql://u:hunter2@h/d%zz", "host=h hunter2"])
def test_a_broken_connection_string_is_refused_without_its_secret(migrate, url):
    refused = migrate(DATABASE_URL=url)
    assert refused.returncode != 0
    assert "DATABASE_URL" in refused.stderr
    assert "hunter2" not in refused.stderr + refused.stdout


def test_the_employee_apps_variables_reach_the_database(migrate, cluster, empty):
    done = migrate(DATABASE_URL=None, DB_USERNAME="purser_owner", DB_URL=cluster.directory, DB_NAME=empty)
    assert done.returncode == 0, done.stderr


def test_libpqs_variables_reach_the_database(migrate, cluster, empty):
    done = migrate(DATABASE_URL=None, PGUSER="purser_owner", PGHOST=cluster.directory, PGDATABASE=empty)
    assert done.returncode == 0, done.stderr


def test_of_several_hosts_the_one_that_answers_is_taken(migrate, cluster, empty):
    several = f"postgresql:///{empty}?user=purser_owner&host=/nowhere,{cluster.directory}&port=5432"
    done = migrate(DATABASE_URL=several)
    assert (done.returncode, done.stderr) == (0, "")
