"""Backups: every row comes back, and what is not whole is never taken for it."""

import re
import subprocess

import pytest
from harness import wait
from harness.compose import Images, Project
from harness.engine import PURSER, docker
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


@pytest.fixture(scope="module")
def filled():
    """A database with the sample data."""
    with Postgres0("-v", "/backup", DB_PASSWORD="worker", DB_OWNER_PASSWORD=OWNER) as running:
        docker("run", "--rm", "--network", f"container:{running.name}", "-e", "DB_URL=127.0.0.1", "-e", "DB_NAME=purser",
               "-e", "DB_USERNAME=purser_owner", "-e", f"DB_PASSWORD={OWNER}", "-e", "SAMPLE_DATA=1", PURSER,
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


@pytest.mark.parametrize("words", [[], ["restore"], ["forget"], ["save", "/backup", "/backup"]])
def test_words_that_mean_nothing_show_the_usage(database, words):
    done = database.backup(*words, check=False)
    assert done.returncode == 2 and "usage: schema/backup save|list [DIRECTORY]" in done.stderr
