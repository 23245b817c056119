"""A private PostgreSQL cluster: its own directory and unix socket, no TCP, gone when the tests end."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from . import wait
from .process import BINARY, ROOT, children, environment, run, tied

PORT = 5432  # only names the socket's file: nothing listens on TCP

SETTINGS = {
    "listen_addresses": "",
    "port": PORT,
    "max_connections": 60,
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
    "timezone": "Asia/Kolkata",  # the API's times are UTC whatever the server's zone is
}


def programs():
    """The directory of the newest PostgreSQL server that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise RuntimeError("no PostgreSQL server under /usr/lib/postgresql")
    return found[-1].parent


def person_uuid(number):
    """The uuid of the row that Database.fill_passengers gave this number."""
    return f"00000000-0000-7000-8000-{number:012x}"


def psql(url, text):
    """Run SQL; the rows come back as psql -At prints them, without the newline at the end."""
    command = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", "-"]
    return run(command, input=text, env=environment()).stdout.rstrip("\n")


class Cluster:
    """One cluster. `with Cluster() as cluster:` starts it and leaves nothing behind.

    `settings` are the server's own, by name; `initdb` are more options of initdb.
    """

    def __init__(self, initdb=(), **settings):
        self.initdb = initdb
        self.settings = {**SETTINGS, **settings}
        # A unix socket's path has 107 bytes at most: keep it short.
        self.directory = Path(tempfile.mkdtemp(prefix="purser-pg-", dir="/tmp"))
        self.directory.chmod(0o755)
        self.data = self.directory / "data"
        self.log = self.directory / "log"
        self.process = None
        self.as_user = []  # options of setpriv
        self.programs = programs()
        self.numbers = itertools.count(1)
        try:
            self._initialize()
        except BaseException:
            self.destroy()
            raise

    def _initialize(self):
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            self.as_user = ["--reuid=postgres", "--regid=postgres", "--init-groups"]
            shutil.chown(self.directory, "postgres", "postgres")
        self._make_data()

    def _make_data(self):
        self._call("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8",
                   "--pgdata", self.data, *self.initdb)

    def _call(self, program, *words):
        """One of PostgreSQL's programs, as the server's user."""
        run(tied("KILL", [*self.as_user, self.programs / program, *words]), cwd="/")

    def start(self):
        options = [f"--{name}={value}" for name, value in self.settings.items()]
        command = [self.programs / "postgres", "-D", self.data, "-k", self.directory, *options]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                tied("INT", [*self.as_user, *command]),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=environment(),
            )
        wait.until(self._accepts, "PostgreSQL to accept connections", pause=0.02)

    def _accepts(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"PostgreSQL exited {self.process.returncode}:\n{self.log.read_text()}")
        ask = [self.programs / "pg_isready", "-q", "-h", self.directory, "-p", PORT]
        return run(ask, check=False).returncode == 0

    def stop(self, how=signal.SIGINT):
        """Stop it: SIGINT cuts its clients off (fast), SIGTERM waits for them, SIGQUIT is a crash to recover from."""
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(timeout=wait.PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process = None

    def restart(self, how=signal.SIGINT):
        self.stop(how)
        self.start()

    def kill(self):
        """As when the power goes: no good-bye to anybody."""
        self.stop(signal.SIGQUIT)

    def signal_all(self, number):
        """Send a signal to each of its processes; it starts no others meanwhile."""
        self.process.send_signal(signal.SIGSTOP)
        for pid in [*children(self.process.pid, "postgres"), self.process.pid]:
            os.kill(pid, number)

    @contextmanager
    def silent(self):
        """It neither answers nor goes away inside the block: all of its processes stand still."""
        try:
            self.signal_all(signal.SIGSTOP)
            yield
        finally:
            self.signal_all(signal.SIGCONT)

    def url(self, database="postgres", user="postgres"):
        return f"postgresql://{user}@/{database}?host={self.directory}&port={PORT}"

    def sql(self, text, database="postgres", user="postgres"):
        """Run SQL; see psql."""
        return psql(self.url(database, user), text)

    def lines(self, text, database="postgres"):
        """The rows as a list of lines."""
        return self.sql(text, database).splitlines()

    def make_template(self, name="purser_template"):
        """A database of the owner's with the schema as `purser migrate` makes it, for copies."""
        self.sql((ROOT / "schema" / "roles.sql").read_text())
        self.sql((ROOT / "schema" / "database.sql").read_text(), "template1")  # and so every database made from it
        self.sql(f"CREATE DATABASE {name} OWNER purser_owner")
        run([BINARY, "migrate"], env=environment(DATABASE_URL=self.url(name, "purser_owner")))
        return name

    def copy_template(self, template="purser_template"):
        """A fresh database; returns its Database."""
        name = f"purser_{next(self.numbers)}"
        self.sql(f"CREATE DATABASE {name} OWNER purser_owner TEMPLATE {template}")
        return Database(self, name)

    def destroy(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.destroy()
            raise
        return self

    def __exit__(self, *_):
        self.destroy()


class Database:
    """One migrated database of a cluster."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name

    @property
    def url(self):
        """As the workers reach it: they may read and write rows, nothing else."""
        return self.cluster.url(self.name, "purser_worker")

    @property
    def owner_url(self):
        return self.cluster.url(self.name, "purser_owner")

    def sql(self, text):
        return self.cluster.sql(text, self.name)

    def lines(self, text):
        return self.cluster.lines(text, self.name)

    def empty(self):
        self.sql("TRUNCATE passengers, employees, ledger")

    def fill_passengers(self, count):
        """`count` rows whose list is in the order of their numbers; person_uuid(n) is the n-th one's, from 1."""
        self.sql(
            f"""INSERT INTO passengers (uuid, survived, passenger_class, name, sex, age, siblings_or_spouses_aboard,
                                        parents_or_children_aboard, fare)
                SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, n % 2 = 0, n % 3 + 1,
                       'Person ' || n, CASE n % 2 WHEN 0 THEN 'male' ELSE 'female' END, n % 90 + 0.5, n % 5, n % 4,
                       n % 500 + 0.25
                FROM generate_series(1, {count}) AS n"""
        )

    @contextmanager
    def holding(self, text):
        """Inside the block another session has run this SQL in a transaction that is open; it then gives it up."""
        command = tied("KILL", ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.cluster.url(self.name)])
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
        ) as session:
            session.stdin.write(f"BEGIN; {text};\n\\echo held\n")
            session.stdin.flush()
            try:
                assert session.stdout.readline() == "held\n"
                yield
            finally:
                session.stdin.close()

    def locked(self, table):
        """Nobody reads or writes `table` inside the block."""
        return self.holding(f"LOCK TABLE {table}")

    def await_waiting(self, count=1):
        """Return when `count` sessions wait for a lock."""
        ask = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        wait.until(lambda: int(self.sql(ask)) >= count, f"{count} sessions to wait for a lock")

    def drop(self):
        self.cluster.sql(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
