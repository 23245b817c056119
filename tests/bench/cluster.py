"""A private PostgreSQL for the bench, the same for every stack, gone afterwards."""

import json
import os
import pathlib
import subprocess
import time

import rows
from settings import ROOT

COLUMNS = ("uuid, survived, passenger_class, name, sex, age, "
           "siblings_or_spouses_aboard, parents_or_children_aboard, fare")
SELECTED = ", ".join(column if column == key else f'{column} AS "{key}"'  # the columns, called as the API does
                     for column, key in zip(COLUMNS.split(", "), rows.KEYS))
# Vacuum, analyze and checkpoint are run by hand between the runs, so that none of them falls into one stack's run.
# All else is PostgreSQL's default: commits are flushed.
CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{directory}'
max_connections = 200
autovacuum = off
max_wal_size = '4GB'
checkpoint_timeout = '1h'
"""
# Who is female has nothing to do with the age, or a filter by both would be easier than it is with real people.
BIG = """
TRUNCATE passengers;
INSERT INTO passengers ({columns})
SELECT ('01890000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, n % 3 = 0, n % 3 + 1,
       'Passenger Number ' || n, CASE n / 80 % 2 WHEN 0 THEN 'male' ELSE 'female' END,
       n % 80, n % 4, n % 3, n % 500 + 0.25
FROM generate_series(1, {count}) AS n;
"""


def programs():
    """The directory of the newest PostgreSQL; Debian keeps it out of PATH."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if not found:
        raise SystemExit("bench: no PostgreSQL server here; run install/packages bench")
    return found[-1].parent


class Tables:
    """The passengers of the database that `url` names, and what its server's programs can do to them."""

    def __init__(self, url):
        self.url = url
        self.bin = programs()
        self.copy = ""

    def sql(self, text):
        """What psql prints."""
        psql = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.url]
        done = subprocess.run(psql, input=text, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"bench: PostgreSQL refused:\n{done.stderr}")
        return done.stdout.strip()

    def count(self):
        return int(self.sql("SELECT count(*) FROM passengers"))

    def objects(self, clauses):
        """Rows as the API shows them; `clauses` follow FROM: which of them, and in what order."""
        query = f"SELECT {SELECTED} FROM passengers {clauses}"
        return json.loads(self.sql(f"SELECT coalesce(json_agg(found), '[]') FROM ({query}) AS found"))

    def fill(self, passengers):
        self.copy = f"COPY passengers ({COLUMNS}) FROM stdin (FORMAT csv);\n{rows.as_copy(passengers)}\\.\n"
        self.reset()

    def reset(self):
        """Back to the rows of the file. A request that a load left behind may still add one: then once more."""
        for _ in range(5):
            self.sql("TRUNCATE passengers;\n" + self.copy)
            self.tidy()
            time.sleep(0.2)
            if self.count() == rows.COUNT:
                return
        raise SystemExit("bench: rows keep coming though no load is running")

    def fill_big(self, count):
        self.sql(BIG.format(columns=COLUMNS, count=count))
        self.tidy()

    def tidy(self):
        self.sql("VACUUM ANALYZE passengers;\nCHECKPOINT;")

    def empty(self):
        self.sql("TRUNCATE passengers;\nCHECKPOINT;")


class Cluster(Tables):
    """The server itself."""

    def __init__(self, directory):
        self.directory = directory / "postgresql"
        self.user = "postgres"
        super().__init__(f"postgresql://{self.user}@/purser?host={self.directory}")
        self.owner = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}

    def run(self, program, *arguments, **options):
        return subprocess.run([self.bin / program, *arguments], check=True, text=True, cwd="/",
                              stdout=subprocess.PIPE, **options)

    def start(self):
        self.directory.mkdir()
        if self.owner:
            import shutil
            shutil.chown(self.directory, "postgres", "postgres")
        data = self.directory / "data"
        self.run("initdb", "-D", data, "-U", self.user, "-A", "trust", "-E", "UTF8", "--no-locale", **self.owner)
        with open(data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(directory=self.directory))
        self.control("start", "-w", "-l", self.directory / "log")
        self.run("createdb", "-h", self.directory, "-U", self.user, "purser")

    def control(self, *arguments):
        # pg_ctl's children inherit its standard output: a pipe would stay open for as long as the server lives.
        subprocess.run([self.bin / "pg_ctl", "-D", self.directory / "data", "-s", *arguments], check=True, cwd="/",
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **self.owner)

    def stop(self):
        if (self.directory / "data" / "postmaster.pid").exists():
            self.control("stop", "-m", "fast", "-w")

    def create_tables(self):
        """By purser, whose workers serve only a schema that it made; by hand where purser isn't measured."""
        program = ROOT / "build" / "purser"
        if program.exists():
            subprocess.run([program, "migrate"], check=True, stdout=subprocess.DEVNULL,
                           env={**os.environ, "DATABASE_URL": self.url})
        else:
            for file in sorted((ROOT / "schema").glob("[0-9]*.sql")):
                self.sql(file.read_text(encoding="utf-8"))
