"""Parts of the service go away and come back: what its clients see meanwhile."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import wait
from harness.postgres import Cluster, person_uuid
from harness.samples import employee, new_email, passenger
from harness.stack import Stack
from harness.web import assert_json, assert_problem

DEADLINE_MS = 1000

CALLS = [
    ("GET", "/passengerlist", None), ("GET", f"/getpassenger/{person_uuid(1)}", None), ("POST", "/postpassenger", passenger()),
    ("PUT", f"/putpassenger/{person_uuid(1)}", passenger()), ("DELETE", f"/deletepassenger/{person_uuid(1)}", None),
    ("GET", "/employees/get", None), ("POST", "/employees/add", employee()), ("GET", f"/employees/get/{new_email()}", None),
    ("PATCH", f"/employees/update/{new_email()}", {"age": 1}), ("DELETE", f"/employees/delete/{new_email()}", None),
]  # fmt: skip


@pytest.fixture(scope="module")
def own_cluster():
    """A PostgreSQL that these tests may stop."""
    with Cluster() as cluster:
        cluster.make_template()
        yield cluster


@pytest.fixture(scope="module")
def impatient(own_cluster):
    """A service with a short deadline."""
    database = own_cluster.copy_template()
    with Stack(database.url, PURSER_DEADLINE_MS=DEADLINE_MS) as stack:
        yield stack


def await_ready(stack):
    wait.until(lambda: stack.http("GET", "/readyz").status == 200, "the service to be ready")


class Load:
    """A few clients that read and write until the block ends; every answer must be a good one.

    What was acknowledged is then in the table exactly once.
    """

    def __init__(self, stack, database, clients=12):
        self.stack = stack
        self.database = database
        self.bad = []
        self.created = []
        self.count = 0
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self._work, args=(number,)) for number in range(clients)]

    def _work(self, number):
        turn = 0
        while not self.ended.is_set():
            turn += 1
            try:
                answer = self.stack.http("POST", "/postpassenger", passenger(name=f"Load {number} {turn}"))
                if answer.status != 200:
                    self.bad.append(answer)
                    continue
                uuid = answer.json[0]["uuid"]
                self.created.append(uuid)
                answer = self.stack.http("GET", f"/getpassenger/{uuid}")
                if answer.status != 200:
                    self.bad.append(answer)
                self.count += 2
            except Exception as error:  # noqa: BLE001 - a broken connection is a bad answer like any other
                self.bad.append(repr(error))

    def await_more(self, count=20):
        """Return when so many more requests have been answered."""
        goal = self.count + count
        wait.until(lambda: self.count >= goal or self.bad, "the load to go on")

    def __enter__(self):
        self.database.empty()
        for thread in self.threads:
            thread.start()
        self.await_more()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(wait.PATIENCE_S)
        assert not self.bad, f"{len(self.bad)} of {self.count}: {self.bad[:3]}\n{self.stack.complaints()}"
        stored = self.database.lines("SELECT uuid FROM passengers ORDER BY 1")
        assert stored == sorted(self.created)


def test_database_away(impatient, own_cluster):
    """Past the deadline a 503 that says when to come again; what needs no database is served."""
    own_cluster.stop()
    began = time.monotonic()
    with ThreadPoolExecutor(len(CALLS)) as pool:
        answers = list(pool.map(lambda call: impatient.http(*call), CALLS))
    assert time.monotonic() - began < DEADLINE_MS / 1000 + 4
    for answer in answers:
        assert_problem(answer, 503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
    assert_json(impatient.http("GET", "/hello"), 201)
    assert_json(impatient.http("GET", "/healthz"), 200)
    assert "database" in assert_problem(impatient.http("GET", "/readyz"), 503, "not-ready")["detail"].lower()
    assert_problem(impatient.http("POST", "/postpassenger", passenger(age=-1)), 422, "invalid-fields", ["/age"])
    assert_problem(impatient.http("GET", "/getpassenger/x"), 400, "malformed-uuid")
    own_cluster.start()
    await_ready(impatient)
    assert_json(impatient.http("POST", "/postpassenger", passenger()), 200)


def test_workers_stopped(impatient):
    """nginx says so by itself."""
    assert "stopped" in impatient.control("stop", "purser:*")
    for method, path in [("GET", "/hello"), ("POST", "/postpassenger"), ("GET", "/healthz"), ("OPTIONS", "/hello")]:
        answer = impatient.http(method, path, passenger() if method == "POST" else None)
        assert_problem(answer, 502, "bad-gateway")
        assert int(answer.headers["retry-after"]) > 0
    # A body that is as large as only a collection takes it: the page of the error has no smaller limit.
    assert_problem(impatient.http("POST", "/v1/passengers", " " * 2_000_000), 502, "bad-gateway")
    assert "started" in impatient.control("start", "purser:*")
    await_ready(impatient)


def test_workers_that_hang(impatient):
    """They take connections and never answer: nginx gives them a second longer than the deadline."""
    workers = impatient.workers()
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        answer = impatient.http("GET", "/hello")
        assert DEADLINE_MS / 1000 + 1 <= time.monotonic() - began < DEADLINE_MS / 1000 + 4
        assert_problem(answer, 504, "gateway-timeout")
        assert int(answer.headers["retry-after"]) > 0
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
    await_ready(impatient)
    assert impatient.workers() == workers


def test_database_restarted_under_load(stack, database, cluster):
    with Load(stack, database) as load:
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGINT):
            cluster.restart(how)
            load.await_more()


def test_database_sessions_ended_under_load(stack, database, cluster):
    with Load(stack, database) as load:
        for _ in range(10):
            cluster.sql(
                f"""SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                    WHERE datname = '{database.name}' AND usename = 'purser_worker'"""
            )
            load.await_more(10)


def test_workers_killed_under_load(stack, database):
    """supervisord starts each again, on the same socket; nginx asks the next one."""
    with Load(stack, database) as load:
        for turn in range(4):
            await_running(stack)
            workers = stack.workers()
            os.kill(workers[turn % 2], signal.SIGKILL)
            load.await_more()
            await_running(stack)
            assert workers[(turn + 1) % 2] in stack.workers() and workers[turn % 2] not in stack.workers()


def await_running(stack):
    """Return when supervisord counts both workers as started: who dies before is started again only after a while."""
    wait.until(lambda: stack.control("status", "purser:*").count("RUNNING") == 2, "both workers to run", pause=0.1)


def test_worker_restarted_under_load(stack, database):
    """SIGTERM: it goes when nginx has closed its connections, which takes as long as they are kept (10 s)."""
    with Load(stack, database) as load:
        said = stack.control("restart", "purser:purser_0")
        assert "started" in said, said
        load.await_more()


def test_nginx_reloaded_under_load(stack, database):
    """New nginx processes take over from the old ones."""
    nginx = stack.nginx()
    with Load(stack, database) as load:
        for _ in range(3):
            os.kill(nginx, signal.SIGHUP)
            load.await_more()


def test_everything_stops_in_order(cluster):
    """nginx first, with the requests that it has; then the workers; supervisord's exit code is 0."""
    database = cluster.copy_template()
    with Stack(database.url) as stack:
        answers = []
        client = threading.Thread(target=lambda: answers.append(stack.http("POST", "/postpassenger", passenger())))
        with database.locked("passengers"):
            client.start()
            database.await_waiting()
            pids = [*stack.workers(), stack.nginx()]
            stack.process.send_signal(signal.SIGTERM)
            wait.until(lambda: refuses(stack), "nginx to take no new connections")
        assert stack.process.wait(wait.PATIENCE_S) == 0
        client.join(wait.PATIENCE_S)
        assert answers[0].status == 200
        assert not [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
    database.drop()


def refuses(stack):
    """Whether nobody listens on the service's port."""
    try:
        stack.http("GET", "/hello", timeout=5)
    except ConnectionRefusedError:
        return True
    except OSError:
        pass
    return False
