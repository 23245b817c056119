"""PostgreSQL goes away, in all the ways that it has, and comes back."""

import os
import shutil
import signal
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from harness import wait

from ..fault import fault

PATIENT_MS = 40_000  # a deadline that no outage on a slow disk reaches; postgres_away has what comes then
READY = "database system is ready to accept connections"


# --- what is done to it; the soak does it, too ---


def restart(scene):
    """Seconds for which it was away."""
    began = time.monotonic()
    scene.cluster.restart()
    return time.monotonic() - began


def kill(scene):
    """As restart(), by SIGKILL to its first process. The others go by themselves, and then it can be started again."""
    began = time.monotonic()
    scene.cluster.stop(signal.SIGKILL)

    def starts():
        try:
            scene.cluster.start()
        except RuntimeError:  # one of them is still there
            return False
        return True

    wait.until(starts, "PostgreSQL to start after a crash")
    return time.monotonic() - began


def kill_session(scene):
    """SIGKILL to a session of a worker: PostgreSQL ends all the others and recovers. Seconds for which it was away."""
    recovered = scene.cluster.log.read_text().count(READY)
    began = time.monotonic()
    os.kill(int(scene.database.lines(sessions("pid", scene.database) + " LIMIT 1")[0]), signal.SIGKILL)
    wait.until(lambda: scene.cluster.log.read_text().count(READY) > recovered, "PostgreSQL to recover")
    return time.monotonic() - began


def terminate(scene):
    """How many sessions of the workers were ended."""
    return int(scene.database.sql(sessions("count(pg_terminate_backend(pid))", scene.database)))


def sessions(what, database):
    return f"SELECT {what} FROM pg_stat_activity WHERE datname = '{database.name}' AND usename LIKE 'purser_worker%'"


# --- the faults ---


class Outages:
    """One after the other, and for each: nobody waits longer than it was away, and a second."""

    def __init__(self, scene, load):
        self.scene = scene
        self.load = load
        self.seen = []  # (seconds away, the longest answer)

    def play(self, end):
        """`end` breaks it and says for how long it was away."""
        began = time.monotonic()
        away = end(self.scene)
        self.load.await_all_answered()
        self.seen.append((away, self.load.longest(began)))
        self.load.await_more()

    def assert_short(self):
        self.scene.seen(f"{len(self.seen)} outages of up to {max(self.seen)[0]:.2f} s")
        for away, longest in self.seen:
            assert longest <= away + self.scene.within(1), f"an answer took {longest:.2f} s, the outage {away:.2f} s"


@fault("PostgreSQL restarted (fast)", full={"times": 10}, short={"times": 2})
def postgres_restarted(scene, times):
    with scene.load(PURSER_DEADLINE_MS=PATIENT_MS) as load:
        outages = Outages(scene, load)
        for _ in range(times):
            outages.play(restart)
    outages.assert_short()


@fault("PostgreSQL killed with -9, recovers", full={"times": 5}, short={"times": 1})
def postgres_killed(scene, times):
    with scene.load(PURSER_DEADLINE_MS=PATIENT_MS) as load:
        outages = Outages(scene, load)
        for _ in range(times):
            outages.play(kill)
            outages.play(kill_session)
    outages.assert_short()


class Health:
    """Asks for the service's health all the time: the statuses of /healthz and /readyz, and the longest answer."""

    def __init__(self, scene):
        self.scene = scene
        self.seen = {"/healthz": set(), "/readyz": set()}
        self.longest = 0.0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._ask, daemon=True)

    def _ask(self):
        while not self.ended.wait(0.05):
            for path, statuses in self.seen.items():
                began = time.monotonic()
                statuses.add(self.scene.status(path))
                self.longest = max(self.longest, time.monotonic() - began)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(wait.PATIENCE_S)


@fault("PostgreSQL away for longer than the deadline",
       full={"deadline_ms": 10_000, "deadlines": 1.5}, short={"deadline_ms": 2000, "deadlines": 1.5})
def postgres_away(scene, deadline_ms, deadlines):
    deadline = scene.deadline_ms(deadline_ms) / 1000
    with scene.load(PURSER_DEADLINE_MS=scene.deadline_ms(deadline_ms)) as load:
        with load.allowing(503):
            scene.cluster.stop()
            wait.until(lambda: scene.status("/readyz") == 503, "/readyz to say that the database is away")
            with Health(scene) as health:
                enough = (deadlines - 1) * len(load.clients)
                wait.until(lambda: len(load.failures()) >= enough, "clients to be turned away", 2 * deadline + 30)
            with load.allowing(504):  # of a statement that has just been sent when its deadline comes
                scene.cluster.start()
                back = scene.await_ready()
        load.await_more()
        waits = [failure.ended - failure.sent for failure in load.failures()]
    scene.seen(f"503 after {min(waits):.2f} to {max(waits):.2f} s; ready {back:.2f} s after its return")
    assert health.seen == {"/healthz": {200}, "/readyz": {503}}, health.seen
    assert deadline - 0.05 <= min(waits), f"a 503 came after {min(waits):.2f} s, before the deadline of {deadline} s"
    assert max(waits) <= deadline + scene.within(1), f"a 503 came after {max(waits):.2f} s, not at {deadline} s"
    assert health.longest <= scene.within(1), f"health took {health.longest:.2f} s"
    assert back <= scene.within(1), f"it took {back:.2f} s to be ready again"


@fault("all sessions ended (pg_terminate_backend)", full={"times": 10}, short={"times": 3})
def sessions_ended(scene, times):
    with scene.load() as load:
        count = 0
        for _ in range(times):
            count += terminate(scene)
            load.await_more()
    scene.seen(f"{count} sessions ended in {times} times")
    assert count >= 2 * times


class Rotation:
    """A login whose password is in a file, with the address: for DATABASE_URL_FILE."""

    LOGIN = "purser_worker_rotated"

    def __init__(self, scene):
        self.cluster = scene.cluster
        self.directory = Path(tempfile.mkdtemp(prefix="purser-r-", dir="/tmp"))
        self.directory.chmod(0o755)
        self.file = self.directory / "url"
        self.number = 0

    def change_password(self):
        self.number += 1
        self.cluster.sql(f"ALTER ROLE {self.LOGIN} PASSWORD 'secret {self.number}'")

    def write_file(self, database):
        new = self.directory / "new"
        new.write_text(self.cluster.url(database.name, f"{self.LOGIN}:secret%20{self.number}") + "\n")
        new.replace(self.file)


@contextmanager
def rotation(scene):
    """PostgreSQL asks this login, and no other one, for its password."""
    rules = scene.cluster.data / "pg_hba.conf"
    before = rules.read_text()
    rotation = Rotation(scene)
    try:
        rules.write_text(f"local all {rotation.LOGIN} scram-sha-256\n{before}")
        scene.cluster.sql(f"CREATE ROLE {rotation.LOGIN} LOGIN IN ROLE purser_worker; SELECT pg_reload_conf()")
        rotation.change_password()
        yield rotation
    finally:
        rules.write_text(before)
        scene.cluster.sql(f"DROP ROLE IF EXISTS {rotation.LOGIN}; SELECT pg_reload_conf()")
        shutil.rmtree(rotation.directory)


@fault("password rotated in the file", full={"times": 5}, short={"times": 2})
def password_rotated(scene, times):
    """The role's first, then the sessions end, and the file is the last to have the new one."""
    with rotation(scene) as login:
        def write_url(database):
            login.write_file(database)  # and DATABASE_URL isn't set

        with scene.load(url=write_url, DATABASE_URL_FILE=login.file) as load:
            for _ in range(times):
                login.change_password()
                assert terminate(scene) > 0
                load.await_all_waiting(0.1)
                login.write_file(scene.database)
                load.await_more()
    scene.seen(f"{times} passwords")
