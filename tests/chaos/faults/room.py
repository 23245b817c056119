"""There is no room: on PostgreSQL's disks, for nginx's temporary files, for another connection."""

import json
import pwd
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

from harness import disk, wait
from harness.postgres import Cluster
from harness.process import run
from harness.samples import passenger
from harness.session import Refused, Session

from ..fault import fault, leave_out
from .postgres import sessions

ALLOWED = (503, 507)


@contextmanager
def small_disk(owner, mebibytes):
    """A Disk in a directory of its own."""
    leave_out(disk.why_not())
    with tempfile.TemporaryDirectory(prefix="purser-d-", dir="/tmp") as directory:
        Path(directory).chmod(0o755)
        place = Path(directory) / "disk"
        place.mkdir()
        with disk.Disk(place, pwd.getpwnam(owner), mebibytes) as mounted:
            yield mounted


def statuses(load):
    """What was seen instead of good answers."""
    return ", ".join(f"{count} x {kind}" for kind, count in sorted(load.kinds().items(), key=str)) or "no failure"


def await_failures(load, count):
    wait.until(lambda: len(load.failures()) >= count, "clients to be turned away", timeout=120)


# --- PostgreSQL's disks ---


@contextmanager
def tablespace(scene, mounted):
    """A function that moves a database to this disk."""
    name = "small"
    scene.cluster.sql(f"CREATE TABLESPACE {name} LOCATION '{mounted.directory}'")
    try:
        yield lambda database: scene.cluster.sql(f"ALTER DATABASE {database.name} SET TABLESPACE {name}")
    finally:
        if scene.database is not None:
            scene.database.drop()
        scene.cluster.sql(f"DROP TABLESPACE {name}")


@fault("the disk of PostgreSQL's tables full", full={"refused": 2000}, short={"refused": 60})
def tables_disk_full(scene, refused):
    """What needs room is refused, the rest goes on; so does everything as soon as there is room."""
    with small_disk("postgres", 128) as mounted, tablespace(scene, mounted) as move:
        def url(database):
            move(database)
            return database.url

        with scene.load(url=url) as load:
            with load.allowing(*ALLOWED):
                mounted.fill()
                await_failures(load, refused)
                mounted.make_room()
            load.await_more()
            failed = [failure for failure in load.failures() if failure.call.startswith("GET ")]
            assert not failed, f"reads failed, too: {failed[:3]}"
            scene.seen(statuses(load))


@fault("the disk of PostgreSQL's WAL full",
       full={"deadline_ms": 5000, "fsync": "on"}, short={"deadline_ms": 3000, "fsync": "off"})
def wal_disk_full(scene, deadline_ms, fsync):
    """PostgreSQL panics; it is started again when there is room, if it has not come back by itself."""
    with small_disk("postgres", 64) as mounted:
        place = mounted.directory / "wal"
        run(["install", "-d", "-o", "postgres", place])
        with Cluster(["--waldir", place, "--wal-segsize=1"], min_wal_size="2MB", max_wal_size="8MB",
                     fsync=fsync) as cluster:
            cluster.make_template()
            with scene.load(cluster=cluster, PURSER_DEADLINE_MS=deadline_ms) as load:
                with load.allowing(*ALLOWED):
                    mounted.fill()
                    write_wal(cluster)
                    await_failures(load, len(load.clients))
                    mounted.make_room()
                    began = time.monotonic()
                    with load.allowing(504):  # of a statement that has just been sent when its deadline comes
                        wait.until(lambda: is_back(scene, cluster), "PostgreSQL and the service to be back")
                    took = time.monotonic() - began
                load.await_more()
                scene.seen(f"{statuses(load)}; ready {took:.2f} s after there was room")


def is_back(scene, cluster):
    """PostgreSQL has come back by itself, or has ended, and is started."""
    if cluster.process.poll() is not None:
        try:
            cluster.start()
        except RuntimeError:  # one of its processes is still there
            return False
    return scene.status("/readyz") == 200


def write_wal(cluster):
    """Until PostgreSQL dies of it."""
    def dies():
        try:
            cluster.sql("SELECT pg_logical_emit_message(false, '', repeat('x', 500000))")
        except RuntimeError:
            return "PANIC" in cluster.log.read_text()
        return False

    wait.until(dies, "PostgreSQL to find no room for its WAL", pause=0)


# --- nginx's ---

LARGE_ROWS = 2000  # some 300 KiB: more than nginx keeps in memory


@fault("the disk of nginx's temporary files full", full={"bodies": 200}, short={"bodies": 10})
def nginx_disk_full(scene, bodies):
    """Bodies that don't fit into memory are refused, whole; small requests are fine all along."""
    rows = [passenger(name=f"large.{number}") for number in range(LARGE_ROWS)]
    large = json.dumps(rows).encode()
    headers = {"Content-Type": "application/json", "Prefer": "return=minimal"}

    def post(chunked):
        body = iter([large[:100_000], large[100_000:]]) if chunked else large
        return scene.stack.http("POST", "/v1/passengers", body, headers).status

    leave_out(disk.why_not())
    with scene.load() as load:
        place = scene.stack.directory / "state" / "tmp" / "body"
        with disk.Disk(place, pwd.getpwnam("nobody"), 2) as mounted:
            assert post(chunked=False) == 201
            mounted.fill()
            seen = Counter(post(chunked=number % 2 == 1) for number in range(bodies))
            load.await_more()
            mounted.make_room()
            again = [post(chunked) for chunked in (False, True)]
        stored = int(scene.database.sql("SELECT count(*) FROM passengers WHERE name LIKE 'large.%'"))
        scene.database.sql("DELETE FROM passengers WHERE name LIKE 'large.%'")
    scene.seen("large bodies: " + ", ".join(f"{count} x {status}" for status, count in seen.items()))
    assert set(seen) <= set(ALLOWED), seen
    assert again == [201, 201], again
    assert stored == 3 * LARGE_ROWS, f"{stored} rows are there of three bodies with {LARGE_ROWS} each"


# --- connections ---

FULL = "53300"
SAID = ("too many clients", "connection slots are reserved")  # in PostgreSQL's log
LEFT = 2  # connections that the service keeps
LANES = 10  # that it wants
QUICK, PAUSE_S = 6, 0.25  # attempts until a lane makes the longest pause between two, and how short that is at least


class Others:
    """Sessions that take the slots which are free."""

    def __init__(self, database):
        self.database = database
        self.sessions = []

    def take_all(self):
        try:
            while True:
                self.sessions.append(Session(self.database, "purser_owner"))
        except Refused as refused:
            assert refused.state == FULL, refused

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for session in self.sessions:
            session.close()


def count_refused(scene):
    """Connects that PostgreSQL has refused."""
    return sum(any(words in line for words in SAID) for line in scene.cluster.log.read_text().splitlines())


@fault("max_connections reached",
       full={"deadline_ms": 5000, "deadlines": 3}, short={"deadline_ms": 2000, "deadlines": 2})
def connections_taken(scene, deadline_ms, deadlines):
    """The service's sessions end, and others take their places. It asks again and again, but quietly."""
    with scene.load(PURSER_DEADLINE_MS=deadline_ms) as load:
        with load.allowing(503):
            with Others(scene.database) as others, Session(scene.database) as session:
                began, refused = time.monotonic(), count_refused(scene)

                def has_few():
                    session.sql(sessions("count(pg_terminate_backend(pid))", scene.database))
                    others.take_all()
                    return int(session.sql(sessions("count(*)", scene.database))) <= LEFT

                wait.until(has_few, "the slots to be taken", pause=0)
                await_failures(load, (deadlines - 1) * len(load.clients))
                assert scene.status("/healthz") == 200
                refused, took = count_refused(scene) - refused, time.monotonic() - began
            back = scene.await_ready()
        load.await_more()
    scene.seen(f"{refused} refused connects in {took:.1f} s; ready {back:.2f} s after there were slots")
    most = LANES * (QUICK + took / PAUSE_S)
    assert refused <= most, f"{refused} connects were refused in {took:.1f} s: a storm"
    assert back <= scene.within(1), f"it took {back:.2f} s to be ready again"
