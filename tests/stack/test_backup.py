"""Backups: every row comes back, and what is not whole is never taken for it."""

import re
import subprocess

import pytest
from harness import wait
from harness.compose import Images, Project
from harness.engine import PURSER, Container, docker
from harness.postgres0 import BACKUP, Postgres0
from harness.samples import employee, passenger

OWNER = "owner's: 100%@/?#"
OWNER_URL = "postgresql://purser_owner:owner%27s%3a%20100%25%40%2F%3F%23@127.0.0.1/purser"
TABLES = ["employees", "ledger", "passengers", "purser_migrations"]


def contents(sql):
    """Every row of every table, what the tables are like, and who may do what with them."""
    tables = sql("SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'")
    assert tables.split() == TABLES
    rows = {table: sorted(sql(f"SELECT to_json(t) FROM {table} t").splitlines()) for table in TABLES}
    rights = sql("SELECT relname, relkind, pg_get_userbyid(relowner), (SELECT array_agg(a::text ORDER BY a::text) FROM "
                 "unnest(relacl) a) FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1")
    rules = sql("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace "
                "UNION ALL SELECT relname, pg_get_indexdef(oid) FROM pg_class WHERE relkind = 'i' AND "
                "relnamespace = 'public'::regnamespace ORDER BY 1, 2")
    return {**rows, "rights": rights, "rules": rules}


def test_a_volume_that_was_dropped_comes_back_row_by_row(tmp_path):
    """Saved, carried out, everything dropped, up again, carried in: as it was, under a service that goes on."""
    with Images() as tag, Project(TAG=tag) as project:
        project.up()
        uuid = project.http("POST", "/postpassenger", passenger(name="Ünïque 'quoted' \\ \t name")).json[0]["uuid"]
        mail = project.http("POST", "/employees/add", employee()).json["employee"]["email"]
        assert project.http("DELETE", f"/employees/delete/{mail}").status == 204  # the ledger has a row
        before = contents(project.sql)
        assert all(before[table] for table in TABLES)
        name = project.exec("postgres0", BACKUP, "save").stdout.strip()
        with open(tmp_path / "dump", "wb") as file:
            subprocess.run(["docker", "exec", project.container("postgres0"), "cat", name], stdout=file, check=True)

        project.down("-v")
        project.up()
        assert contents(project.sql)["passengers"] != before["passengers"]
        with open(tmp_path / "dump", "rb") as file:
            restore = ["docker", "exec", "-i", project.container("postgres0"), BACKUP, "restore", "-"]
            subprocess.run(restore, stdin=file, check=True)
        assert contents(project.sql) == before
        assert project.http("GET", f"/getpassenger/{uuid}").json["name"] == "Ünïque 'quoted' \\ \t name"
        assert project.http("POST", "/postpassenger", passenger()).status == 200


def beside(database, user, password):
    """The options of a container that finds the database at 127.0.0.1."""
    return ["--network", f"container:{database.name}", "-e", "DB_URL=127.0.0.1", "-e", "DB_NAME=purser",
            "-e", f"DB_USERNAME={user}", "-e", f"DB_PASSWORD={password}"]


@pytest.fixture(scope="module")
def filled():
    """A database with the sample data."""
    with Postgres0("-v", "/backup", DB_PASSWORD="worker", DB_OWNER_PASSWORD=OWNER) as running:
        docker("run", "--rm", *beside(running, "purser_owner", OWNER), "-e", "SAMPLE_DATA=1", PURSER,
               "/usr/lib/purser/schema/fill")
        yield running


@pytest.fixture
def database(filled):
    """The same for each test, with no backups."""
    filled.exec("sh", "-c", "rm -rf /backup/* /backup/.purser*")
    return filled


def listed(database):
    return [line.split()[1] for line in database.backup("list").stdout.splitlines()]


def test_a_backup_is_saved_listed_and_restored(database):
    before = contents(database.sql)
    name = database.backup("save").stdout.strip()
    assert re.fullmatch(r"/backup/purser-\d{8}T\d{6}\.\d{3}Z\.dump", name)
    assert listed(database) == [name]
    assert database.exec("stat", "-c", "%a", name).stdout == "600\n"
    database.sql("DELETE FROM employees; UPDATE passengers SET name = 'x'; DROP TABLE ledger")
    assert f"restored {name}" in database.backup("restore", "latest").stderr
    assert contents(database.sql) == before


def test_the_newest_ones_are_kept_and_the_newest_is_the_latest(database):
    names = [database.backup("save", BACKUP_KEEP=2).stdout.strip() for _ in range(4)]
    assert listed(database) == [names[3], names[2]]
    assert names[3] in database.backup("restore", "latest").stderr


def test_backups_of_a_clock_that_was_ahead_are_older_than_the_next(database):
    """Nothing new is removed for them, and they are not the latest."""
    ahead = database.backup("save").stdout.strip()
    database.exec("mv", ahead, "/backup/purser-29991231T235959.500Z.dump")
    done = [database.backup("save", BACKUP_KEEP=2) for _ in range(2)]
    assert [save.stdout for save in done] == [f"/backup/purser-30000101T00000{second}.500Z.dump\n" for second in (0, 1)]
    assert "purser-29991231T235959.500Z.dump is later than the clock" in done[0].stderr
    assert listed(database) == [done[1].stdout.strip(), done[0].stdout.strip()]
    assert done[1].stdout.strip() in database.backup("restore", "latest").stderr


def test_a_file_of_another_name_is_neither_the_latest_nor_removed(database):
    database.exec("mv", database.backup("save").stdout.strip(), "/backup/purser-mine.dump")
    name = database.backup("save", BACKUP_KEEP=1).stdout.strip()
    assert listed(database) == [name]
    assert name in database.backup("restore", "latest").stderr
    database.backup("restore", "purser-mine.dump")


@pytest.mark.parametrize("keep", ["0", "-1", "all", "01"])
def test_the_last_backup_is_never_removed(database, keep):
    name = database.backup("save").stdout.strip()
    done = database.backup("save", check=False, BACKUP_KEEP=keep)
    assert (done.returncode, done.stderr) == \
        (2, f'schema/backup: BACKUP_KEEP is "{keep}": it must be a whole number from 1 on.\n')
    assert listed(database) == [name]


@pytest.mark.parametrize("damage", ["head -c -1", "head -c 20000", "head -c 500", "head -c 0", "tr e f", "flip"])
def test_a_damaged_backup_touches_nothing(database, damage):
    """`flip`: one bit in the middle of the rows, which no list of contents shows."""
    before = contents(database.sql)
    name = database.backup("save").stdout.strip()
    flip = "perl -0777 -pe 'substr($_, length($_) / 2, 1) ^= chr(1)'"
    database.exec("sh", "-c", f"{flip if damage == 'flip' else damage} <{name} >/backup/damaged.dump")
    done = database.backup("restore", "damaged.dump", check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == ("schema/backup: /backup/damaged.dump is damaged: pg_restore can't read it to its "
                                            "end. Nothing was touched.")
    assert contents(database.sql) == before


def test_a_backup_of_something_else_touches_nothing(database):
    before = contents(database.sql)
    database.exec("pg_dump", "-Fc", "-d", "postgres", "-f", "/backup/other.dump")
    done = database.backup("restore", "other.dump", check=False)
    assert (done.returncode, done.stderr) == (1, "schema/backup: /backup/other.dump has no table purser_migrations in it: "
                                                 "it is not a backup of Purser. Nothing was touched.\n")
    assert contents(database.sql) == before


def test_a_restore_that_fails_half_way_is_undone(database):
    database.backup("save")
    database.sql("CREATE VIEW mine AS SELECT name FROM passengers; DELETE FROM employees")
    done = database.backup("restore", "latest", check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("The restore failed, the lines above say why; the database is as it was before.\n")
    assert database.sql("SELECT count(*) FROM mine") == "1316"
    assert database.sql("SELECT count(*) FROM employees") == "0"
    database.sql("DROP VIEW mine")
    database.backup("restore", "latest")


def test_a_failure_after_the_commit_takes_nothing_back(database):
    """A table of somebody's own can't be analyzed."""
    before = contents(database.sql)
    database.backup("save")
    database.sql("CREATE SCHEMA own; CREATE FUNCTION own.f(n int) RETURNS int IMMUTABLE LANGUAGE sql RETURN n; "
                 "CREATE TABLE mine AS SELECT 1 AS n; ALTER TABLE mine OWNER TO purser_owner; "
                 "CREATE INDEX ON mine (own.f(n)); CREATE OR REPLACE FUNCTION own.f(n int) RETURNS int IMMUTABLE LANGUAGE sql RETURN n / 0; "
                 "DELETE FROM employees")
    done = database.backup("restore", "latest", check=False)
    database.sql("DROP TABLE mine; DROP SCHEMA own CASCADE")
    assert "division by zero" in done.stderr
    assert (done.returncode, done.stderr.splitlines()[-1].split()[1]) == (0, "restored")
    assert contents(database.sql) == before


def test_a_commit_without_an_answer_is_not_called_undone(database):
    """It waits for a standby that is not there, when the connection is cut."""
    name = database.backup("save").stdout.strip()
    database.sql("DELETE FROM employees")
    database.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    try:
        database.sql("SELECT pg_reload_conf()")
        command = ["docker", "exec", database.name, BACKUP, "restore", name]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as restore:
            cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            wait.until(lambda: database.sql(cut) == "1", "the commit to wait")
            said = restore.stderr.read().decode()
    finally:
        database.sql("ALTER SYSTEM RESET synchronous_standby_names")
        database.sql("SELECT pg_reload_conf()")
    assert restore.returncode == 1
    assert said.splitlines()[-1] == ("schema/backup: The restore may have failed, the lines above say why: the database "
                                     f"is as it was before, or as in {name}.")
    assert database.sql("SELECT count(*) FROM employees") == "885"


def test_a_backup_of_an_older_schema_is_restored_migrated_and_served():
    """By the documented road; the workers have their rights with what is there, before the migration too."""
    with Postgres0("-v", "/backup", DB_PASSWORD="worker", DB_OWNER_PASSWORD=OWNER) as old:
        fill = ["run", "--rm", *beside(old, "purser_owner", OWNER), "-e", "SAMPLE_DATA=1", PURSER,
                "/usr/lib/purser/schema/fill"]
        docker(*fill)
        current = contents(old.sql)
        old.sql("DROP TABLE ledger; DROP EXTENSION pg_trgm CASCADE; DROP INDEX passengers_name, passengers_age, "
                "passengers_fare, employees_name, employees_age, employees_created_at; "
                "DELETE FROM purser_migrations WHERE version > 2")
        old.backup("save")
        old.sql("DROP DATABASE purser WITH (FORCE)", "postgres")
        docker("restart", old.name)
        old.await_ready()
        assert old.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"

        assert "restored" in old.backup("restore", "latest").stderr
        assert old.login("purser_worker", "worker", "SELECT count(*) FROM employees").stdout == "885\n"
        docker(*fill)
        after = contents(old.sql)
        assert {name: after[name] for name in ("passengers", "employees", "ledger", "rights", "rules")} == \
            {name: current[name] for name in ("passengers", "employees", "ledger", "rights", "rules")}
        with Container(PURSER, *beside(old, "purser_worker", "worker")) as service:
            wait.until(lambda: service.exec("purser", "probe", check=False).returncode == 0, "the service to be ready")


def test_a_backup_of_an_older_schema_wants_an_empty_database(database):
    database.backup("save")
    database.sql("INSERT INTO purser_migrations VALUES (99, '0099_later.sql', '')")
    done = database.backup("restore", "latest", check=False)
    database.sql("DELETE FROM purser_migrations WHERE version = 99")
    assert done.returncode == 1
    assert re.search(r"The database has migration 99, the backup only \d+: restore it into an empty database", done.stderr)


def test_a_save_that_is_killed_leaves_nothing_that_looks_whole(database):
    docker("exec", "-d", database.name, "psql", "-d", "purser", "-c", "BEGIN; LOCK TABLE passengers; SELECT pg_sleep(600)")
    locks = "SELECT count(*) FROM pg_locks WHERE relation = 'passengers'::regclass AND {}"
    wait.until(lambda: database.sql(locks.format("granted")) != "0", "the lock")
    docker("exec", "-d", database.name, BACKUP, "save")
    wait.until(lambda: database.sql(locks.format("NOT granted")) != "0", "pg_dump to wait for it")
    database.exec("pkill", "-KILL", "-x", "backup")
    database.exec("pkill", "-KILL", "-x", "pg_dump")
    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(6%' AND "
                 "pid <> pg_backend_pid()")
    wait.until(lambda: database.sql(locks.format("true")) == "0", "the lock to go")
    assert database.exec("sh", "-c", "ls -A /backup").stdout.split()[-1].endswith(".dump.part")
    assert listed(database) == []
    done = database.backup("restore", "latest", check=False)
    assert (done.returncode, done.stderr) == (1, "schema/backup: There is no backup in /backup.\n")
    name = database.backup("save").stdout.strip()
    assert f"/backup/{database.exec('ls', '-A', '-I', '.lock', '/backup').stdout.strip()}" == name


def test_a_save_leaves_a_running_restore_its_file(database):
    before = contents(database.sql)
    database.backup("save")
    database.sql("DELETE FROM employees")
    copy = ["docker", "exec", database.name, "sh", "-c", "cat /backup/purser-*"]
    dump = subprocess.run(copy, capture_output=True, check=True)
    command = ["docker", "exec", "-i", database.name, BACKUP, "restore", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as restore:
        restore.stdin.write(dump.stdout[:1000])
        restore.stdin.flush()
        wait.until(lambda: database.exec("pgrep", "-x", "cat", check=False).returncode == 0, "the restore to read")
        database.backup("save")
        restore.stdin.write(dump.stdout[1000:])
        restore.stdin.close()
    assert restore.returncode == 0
    assert contents(database.sql) == before
    assert all(name.endswith(".dump") for name in database.exec("ls", "-A", "-I", ".lock", "/backup").stdout.split())


def test_a_copy_can_be_had_by_way_of_the_databases_own_volume(database):
    """Where there is no other one, as in a pod that has no volume for backups."""
    before = contents(database.sql)
    name = database.backup("save", "/var/lib/purser").stdout.strip()
    dump = subprocess.run(["docker", "exec", database.name, "cat", name], capture_output=True, check=True).stdout
    database.sql("DELETE FROM employees")
    restore = ["docker", "exec", "-i", database.name, BACKUP, "restore", "-", "/var/lib/purser"]
    subprocess.run(restore, input=dump, check=True)
    database.exec("rm", name)
    assert contents(database.sql) == before


def test_a_save_that_fails_keeps_what_was_saved(database):
    name = database.backup("save").stdout.strip()
    done = database.backup("save", check=False, BACKUP_KEEP=1, PGDATABASE="nowhere")
    assert done.returncode == 1 and done.stderr.endswith("schema/backup: pg_dump failed; nothing was saved.\n")
    assert listed(database) == [name]
    assert database.exec("ls", "-A", "-I", ".lock", "/backup").stdout.split() == [name.removeprefix("/backup/")]


def test_the_owner_does_it_from_elsewhere_into_an_empty_database(database):
    """With a URL, whose password is on no command line."""
    before = contents(database.sql)
    name = database.backup("save", DATABASE_URL=OWNER_URL).stdout.strip()
    database.sql("CREATE DATABASE other OWNER purser_owner")
    database.sql("ALTER SCHEMA public OWNER TO purser_owner", "other")
    url = OWNER_URL.removesuffix("/purser") + "/other"
    database.exec("sh", "-c", 'printf "%s\\n" "$0" >/backup/url', url)
    database.backup("restore", name, DATABASE_URL_FILE="/backup/url")
    assert contents(lambda text: database.sql(text, "other")) == before
    database.sql("DROP DATABASE other")


def test_a_password_that_would_be_on_a_command_line_is_refused(database):
    for url in ("host=127.0.0.1 user=purser_owner password=x", "postgresql://purser_owner@127.0.0.1/purser?password=x"):
        done = database.backup("save", check=False, DATABASE_URL=url)
        assert (done.returncode, done.stderr) == (2, "schema/backup: DATABASE_URL must not have password= in it: "
                                                     "give PGPASSWORD or PGPASSFILE instead.\n")


@pytest.mark.parametrize("url", [
    "host=127.0.0.1 password = x", "password=x", "postgresql://127.0.0.1/purser?user=a&password=x",
    "postgresql://127.0.0.1/purser?sslpassword=x",
])
def test_wherever_it_is_in_the_url(database, url):
    assert "must not have password= in it" in database.backup("save", check=False, DATABASE_URL=url).stderr


def test_a_password_that_is_called_so_is_none_of_that(database):
    database.sql("CREATE ROLE saver SUPERUSER LOGIN PASSWORD 'mypassword'")
    url = "postgresql://saver:mypassword@127.0.0.1/purser?sslmode=prefer"
    done = database.backup("save", check=False, DATABASE_URL=url)
    database.sql("DROP ROLE saver")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [[], ["restore"], ["forget"], ["save", "/backup", "/backup"]])
def test_words_that_mean_nothing_show_the_usage(database, words):
    done = database.backup(*words, check=False)
    assert done.returncode == 2 and "usage: schema/backup save|list [DIRECTORY]" in done.stderr
