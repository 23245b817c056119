"""Parts of the service go away and come back: what each call gets meanwhile. tests/chaos has the same under load."""

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
