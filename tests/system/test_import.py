"""`purser import`: all rows of a CSV file or none, and every fault with its line and column."""

import contextlib
import csv
import json
import os
import pty
import re
import subprocess
import uuid

import pytest
from harness import wait
from harness.process import ROOT, environment, run, sanitized

pytestmark = pytest.mark.checkout

TITANIC = ROOT.parent / "shared" / "data" / "titanic.csv"
HEADER = "survived,passengerClass,name,sex,age,siblingsOrSpousesAboard,parentsOrChildrenAboard,fare\n"
ROW = "true,1,Miss Ada Ashcombe,female,20,0,0,7.25\n"
COLUMNS = ("survived::int, passenger_class, name, sex, age, siblings_or_spouses_aboard, parents_or_children_aboard, "
           "fare")


@pytest.fixture(scope="module")
def private(cluster):
    """A database that no worker is connected to."""
    fresh = cluster.copy_template()
    yield fresh
    fresh.drop()


@pytest.fixture
def table(private):
    private.empty()
    return private


@pytest.fixture
def load(binary, table, tmp_path):
    """Write `text` as a file and import it; the messages come back with FILE for its name."""

    def call(text, what="passengers", url=None, **options):
        path = tmp_path / "rows.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        done = run([binary, "import", what, path], check=False, env=environment(DATABASE_URL=url or table.url),
                   **options)
        done.stdout = done.stdout.replace(str(path), "FILE")
        done.stderr = done.stderr.replace(str(path), "FILE")
        return done

    return call


def refused(done, *faults):
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [*faults, "nothing was imported"]


def count(table, what="passengers"):
    return int(table.sql(f"SELECT count(*) FROM {what}"))


@pytest.mark.skipif(not TITANIC.exists(), reason=f"{TITANIC} is not there")
def test_the_real_data_set_comes_out_as_it_went_in(binary, table):
    done = run([binary, "import", "passengers", TITANIC], env=environment(DATABASE_URL=table.url))
    assert re.fullmatch(rf"imported 887 passengers from {TITANIC} in \d+\.\d s\n", done.stdout)
    with open(TITANIC, encoding="utf-8", newline="") as file:
        expected = list(csv.DictReader(file))
    rows = [json.loads(line) for line in table.lines(f"SELECT json_build_array({COLUMNS}) FROM passengers ORDER BY uuid")]
    assert len(rows) == len(expected) == 887
    for row, line in zip(rows, expected):
        survived, passenger_class, name, sex, age, siblings, parents, fare = line.values()
        assert row == [int(survived), int(passenger_class), name, sex, float(age), int(siblings), int(parents), float(fare)]


@pytest.mark.parametrize("what, number", [("passengers", 1316), ("employees", 885)])
def test_the_sample_goes_in(binary, table, what, number):
    path = ROOT / "schema" / "sample" / f"{what}.csv"
    done = run([binary, "import", what, path], env=environment(DATABASE_URL=table.url))
    assert done.stdout.startswith(f"imported {number} {what} from {path} in ")
    assert done.stderr == ""
    with open(path, encoding="utf-8", newline="") as file:
        names = [row["name"] for row in csv.DictReader(file)]
    key = {"passengers": "uuid", "employees": "id"}[what]
    assert table.lines(f"SELECT name FROM {what} ORDER BY {key}") == names


def test_keys_are_version_7(load, table):
    load(HEADER + ROW)
    assert uuid.UUID(table.sql("SELECT uuid FROM passengers")).version == 7


def test_columns_in_any_order_with_a_byte_order_mark_and_crlf(load, table):
    done = load(b"\xef\xbb\xbfname,Fare,Survived,Pclass,Sex,age,Siblings_Spouses_Aboard,parentsOrChildrenAboard\r\n"
                b'"Mr. ""Red"", Bob",,1,3,,0.42,2,1\r\n')
    assert done.stdout.startswith("imported 1 passenger from FILE in ")
    assert table.sql(f"SELECT json_build_array({COLUMNS}) FROM passengers") == \
        '[1, 3, "Mr. \\"Red\\", Bob", null, 0.42, 2, 1, null]'


def test_what_means_something_to_copy_is_only_text(load, table):
    name = "tab\tback\\slash \\N \\. line\nend cr\r\n ü ∀"
    load(HEADER + ROW.replace("Miss Ada Ashcombe", f'"{name}"') + ROW.replace("Miss Ada Ashcombe", "\\."))
    rows = table.lines("SELECT to_json(name) FROM passengers ORDER BY uuid")
    assert [json.loads(row) for row in rows] == [name, "\\."]


def test_a_key_that_is_given_is_kept_and_a_missing_one_made(load, table):
    key = "0190163d-8694-739b-aea5-966c26f8ad91"
    load("uuid," + HEADER + f"{key.upper()},{ROW},{ROW}")
    keys = table.lines("SELECT uuid FROM passengers")
    assert len(keys) == 2 and key in keys


def test_times_are_utc(load, table):
    load("name,age,email,created_at,updated_at\n"
         "A,20,a@b.example,2025-05-20 22:22:46.243212,2025-05-21 00:00:00\n", "employees")
    assert table.sql("SELECT created_at AT TIME ZONE 'UTC', updated_at AT TIME ZONE 'UTC' FROM employees") == \
        "2025-05-20 22:22:46.243212|2025-05-21 00:00:00"


def test_every_fault_is_told_with_its_line_and_column(load, table):
    done = load(HEADER + ROW + "\n" + ROW.replace("true", "yes").replace(",20,", ",150.5,")
                + ROW.replace("female", '"two\nlines"') + ROW.replace(",0,0,", ",0,,") + "true,1\n" + ROW)
    refused(
        done,
        'FILE:4: column "survived": must be true, false or null',
        'FILE:4: column "age": must be a number from 0 to 150 or null',
        'FILE:5: column "sex": must be "male", "female" or null',
        'FILE:7: column "parentsOrChildrenAboard": must not be empty',
        "FILE:8: the row has 2 values, but the header has 8",
    )
    assert count(table) == 0


def test_the_file_s_own_title_names_the_column(load):
    header = HEADER.replace("age", "Age")
    refused(load(header + ROW.replace("20", "old")), 'FILE:2: column "Age": must be a number from 0 to 150 or null')


def test_only_twenty_faults_are_shown(load, table):
    done = load(HEADER + ROW + 25 * ROW.replace("true", "maybe"))
    lines = done.stderr.splitlines()
    assert lines[:20] == [f'FILE:{n}: column "survived": must be true, false or null' for n in range(3, 23)]
    assert lines[20:] == ["and 5 more", "nothing was imported"]
    assert count(table) == 0


@pytest.mark.parametrize("header, faults", [
    ("", ["FILE: it is empty: the first row must name the columns"]),
    (HEADER.replace("fare", "Fares"),
     ['FILE:1: there is no column "Fares" in passengers', 'FILE:1: the column "fare" is missing']),
    (HEADER.replace("fare", "Age"),
     ['FILE:1: the column "Age" is there twice', 'FILE:1: the column "fare" is missing']),
    (HEADER.replace("sex", "SEX"),
     ['FILE:1: there is no column "SEX" in passengers', 'FILE:1: the column "sex" is missing']),
    (HEADER.replace("sex", '"sex'), ["FILE:1: the quote that begins field 4 is never closed"]),
])
def test_a_header_that_does_not_fit(load, header, faults):
    refused(load(header and header + ROW), *faults)


def test_a_header_alone_imports_nothing_and_is_no_fault(load):
    done = load(HEADER)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("imported 0 passengers from FILE in ")


def test_a_file_that_is_not_csv(load, table):
    refused(load(HEADER.encode() + ROW.encode() + b"true,1,\xff,,,,,\n" + ROW.encode()),
            "FILE:3: field 3 is not valid UTF-8; the rest was not read")
    assert count(table) == 0


EMPLOYEES = "name,age,email\nA,20,a@b.example\n\nB,21,b@b.example\n"


def test_an_address_twice_in_the_file_is_named(load, table):
    refused(load(EMPLOYEES + "C,22,A@B.example\nD,23,d@b.example\n", "employees"),
            'FILE:5: column "email": another row, in the file or in the database, has a@b.example')
    assert count(table, "employees") == 0


def test_an_address_that_is_in_the_database_is_named(load, table):
    assert load(EMPLOYEES, "employees").returncode == 0
    refused(load("email,name,age\nc@b.example,C,20\nB@b.example,B,20\n", "employees"),
            'FILE:3: column "email": another row, in the file or in the database, has b@b.example')
    assert count(table, "employees") == 2


def test_a_key_twice_in_the_file_is_named(load):
    key = "0190163d-8694-739b-aea5-966c26f8ad91"
    refused(load("uuid," + HEADER + f"{key},{ROW}{key},{ROW}"),
            f'FILE:3: column "uuid": another row, in the file or in the database, has {key}')


def test_a_time_that_no_calendar_has_is_the_database_s_to_refuse(load):
    done = load("name,age,email,created_at\nA,20,a@b.example,2025-02-30 00:00:00\n", "employees")
    refused(done, 'FILE:2: the database refuses the row: date/time field value out of range: "2025-02-30 00:00:00"')


def test_standard_input(load, binary, table):
    done = run([binary, "import", "passengers", "-"], input=HEADER + ROW, env=environment(DATABASE_URL=table.url))
    assert done.stdout.startswith("imported 1 passenger from standard input in ")
    bad = run([binary, "import", "passengers", "-"], check=False, input=HEADER + "x\n",
              env=environment(DATABASE_URL=table.url))
    refused(bad, "standard input:2: the row has 1 value, but the header has 8")


def test_a_file_that_is_not_there(binary, table, tmp_path):
    done = run([binary, "import", "passengers", "/nowhere.csv"], check=False, env=environment(DATABASE_URL=table.url))
    assert (done.returncode, done.stderr) == (1, "purser: /nowhere.csv: No such file or directory\n")
    done = run([binary, "import", "passengers", tmp_path], check=False, env=environment(DATABASE_URL=table.url))
    refused(done, f"{tmp_path}:1: the file can't be read: Is a directory")


def test_a_database_without_the_tables(load, cluster):
    refused(load(HEADER + ROW, url=cluster.url()),
            "purser: the database does not have the tables of this purser: run `purser migrate` first")


def test_a_role_that_may_not_write(load, table, cluster):
    table.sql("REVOKE INSERT ON passengers FROM purser_worker")
    try:
        refused(load(HEADER + ROW), "purser: the database refuses the rows: permission denied for table passengers")
    finally:
        table.sql("GRANT INSERT ON passengers TO purser_worker")


def test_a_database_that_is_away_fails_at_once(load):
    done = load(HEADER + ROW, url="postgresql:///purser?host=/nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("purser: no connection to the database: ")


class Feed:
    """An import whose standard input is ours."""

    def __init__(self, binary, table, option=None, **options):
        words = [binary, "import", *([option] if option else []), "passengers", "-"]
        self.process = subprocess.Popen(words, env=environment(DATABASE_URL=table.url), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, **options)
        self.process.stdin.write(HEADER.encode())

    def rows(self, number):
        self.process.stdin.write(ROW.encode() * number)
        self.process.stdin.flush()

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        out = self.process.stdout.read().decode()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return out, usage.ru_maxrss


def test_a_connection_that_is_lost_leaves_nothing(binary, table):
    feed = Feed(binary, table, stderr=subprocess.PIPE)
    feed.rows(5000)  # more than one piece: the server is in the middle of it
    table.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'purser' AND "
              f"datname = '{table.name}'")
    with contextlib.suppress(BrokenPipeError):  # it may stop reading at once
        feed.rows(5000)
    out, _ = feed.end()
    messages = feed.process.stderr.read().decode()
    assert (feed.process.returncode, out) == (1, "")
    assert re.fullmatch("purser: the connection to the database was lost: .*\nnothing was imported\n", messages)
    assert count(table) == 0


def test_a_kill_in_the_middle_leaves_nothing(binary, table):
    feed = Feed(binary, table)
    feed.rows(5000)
    feed.process.kill()
    feed.end()
    assert count(table) == 0


def test_progress_is_drawn_over_on_a_terminal_only(binary, table):
    """The clock decides when a line is due, so feed rows until one has come."""
    for terminal in (True, False):
        reader, writer = pty.openpty() if terminal else os.pipe()
        feed = Feed(binary, table, stderr=writer)
        os.close(writer)
        os.set_blocking(reader, False)
        seen = b""
        while b"rows/s" not in seen:
            feed.rows(1024)
            try:
                seen += os.read(reader, 4096)
            except BlockingIOError:
                pass
        assert re.fullmatch(rb"\r\d+ rows, \d+ rows/s  .*" if terminal else rb"\d+ rows, \d+ rows/s\n.*", seen, re.S)
        out, _ = feed.end()
        assert feed.process.returncode == 0 and out.startswith("imported ")
        os.close(reader)
        table.empty()


@pytest.mark.skipif(sanitized(), reason="a sanitizer's memory says nothing")
def test_memory_does_not_grow_with_the_file(binary, table):
    peaks = []
    for number in (1000, 300_000):
        feed = Feed(binary, table)
        feed.rows(number)
        out, peak = feed.end()
        assert out.startswith(f"imported {number} passengers")
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 1024  # KiB
    table.empty()


def test_the_planner_knows_the_table_at_once(load, table):
    """PostgreSQL would count the rows by itself, minutes later; until then lists would be sorted, not read in order."""
    table.sql("UPDATE pg_class SET reltuples = -1 WHERE relname = 'passengers'")
    owner = table.cluster.url(table.name, "purser_owner")
    assert load(HEADER + ROW * 2000, url=owner).returncode == 0
    assert table.sql("SELECT reltuples FROM pg_class WHERE relname = 'passengers'") == "2000"


def test_who_does_not_own_the_table_imports_all_the_same(load, table):
    done = load(HEADER + ROW)
    assert (done.returncode, done.stderr, count(table)) == (0, "", 1)


@pytest.fixture
def load_if_empty(binary, table, tmp_path):
    """Start `purser import --if-empty` of `number` rows."""

    def call(number):
        path = tmp_path / f"{uuid.uuid4()}.csv"
        path.write_text(HEADER + ROW * number)
        return subprocess.Popen([binary, "import", "--if-empty", "passengers", path], stdout=subprocess.PIPE, text=True,
                                stderr=subprocess.STDOUT, env=environment(DATABASE_URL=table.url))

    return call


LEFT_ALONE = "passengers has rows already: they were left alone, and nothing was imported\n"


def test_an_empty_table_is_filled_once(load_if_empty, table):
    first, _ = load_if_empty(3).communicate()
    again = load_if_empty(3)
    assert first.startswith("imported 3 passengers from ")
    assert (again.communicate()[0], again.returncode) == (LEFT_ALONE, 0)
    assert count(table) == 3


def test_many_at_once_fill_an_empty_table_once(load_if_empty, table):
    """All of them are there before the first one may begin."""
    with table.locked("passengers"):
        imports = [load_if_empty(2000) for _ in range(6)]
        table.await_waiting(6)
    said = sorted(each.communicate()[0] for each in imports)
    assert said[0].startswith("imported 2000 passengers from ") and said[1:] == [LEFT_ALONE] * 5
    assert [each.returncode for each in imports] == [0] * 6
    assert count(table) == 2000


def test_an_import_into_an_empty_table_lets_others_read(binary, table):
    """The lock keeps writers out alone; whoever writes waits until the rows are in."""
    feed = Feed(binary, table, option="--if-empty")
    feed.rows(5000)
    wait.until(lambda: table.sql("SELECT count(*) FROM pg_locks WHERE mode = 'ShareRowExclusiveLock' AND granted") == "1",
               "the import to have its lock")
    assert count(table) == 0
    out, _ = feed.end()
    assert out.startswith("imported 5000 passengers") and count(table) == 5000


def test_a_fault_leaves_an_empty_table_empty(binary, table):
    done = run([binary, "import", "--if-empty", "passengers", "-"], check=False, input=HEADER + ROW + "x\n",
               env=environment(DATABASE_URL=table.url))
    refused(done, "standard input:3: the row has 1 value, but the header has 8")
    assert count(table) == 0


def test_if_empty_without_the_tables(binary, cluster):
    done = run([binary, "import", "--if-empty", "passengers", "-"], check=False, input=HEADER + ROW,
               env=environment(DATABASE_URL=cluster.url()))
    refused(done, "purser: the database does not have the tables of this purser: run `purser migrate` first")


@pytest.mark.parametrize("words", [[], ["--if-empty"], ["--if-empty", "passengers"], ["--never", "passengers", "-"],
                                   ["passengers", "-", "--if-empty"]])
def test_words_that_make_no_import_show_the_usage(binary, words):
    done = run([binary, "import", *words], check=False, env=environment())
    assert done.returncode == 2 and "import [--if-empty] passengers|employees FILE.csv" in done.stderr
