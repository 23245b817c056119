"""Programs that end: one is started again, and one that can't be kept running ends the service, which says why."""

import contextlib
import os
import re
import signal
import socket
import time

import pytest
from harness import wait
from harness.process import children
from harness.process import BINARY, ROOT, environment, run
from harness.stack import Stack

pytestmark = pytest.mark.checkout  # tests/stack/test_image.py has this of the container


@pytest.fixture
def service(cluster):
    """A service that a test may break."""
    database = cluster.copy_template()
    stack = Stack(database.url).start()
    yield stack
    stack.destroy()
    database.drop()


def await_ready(stack):
    def is_ready():
        try:
            return stack.http("GET", "/readyz").status == 200
        except OSError:
            return False

    wait.until(is_ready, "the service to be ready")


def last_line(stack):
    """The last line of the log, once the service has ended by itself; the exit code is not 0."""
    assert stack.process.wait(2 * wait.PATIENCE_S) == 1
    line = stack.log()[-1]
    assert line["level"] == "error" and line["program"] == "supervisord", line
    return line["msg"]


def test_nginx_that_was_killed_comes_back(service):
    """All of it: the workers that it leaves behind would take connections for ever."""
    nginx = service.nginx()
    orphans = children(nginx, "nginx")
    os.kill(nginx, signal.SIGKILL)
    service.await_line(lambda line: line["msg"] == f"nginx (process {nginx}) ended by itself: terminated by SIGKILL")
    wait.until(lambda: not [pid for pid in orphans if os.path.exists(f"/proc/{pid}")], "its workers to end")
    await_ready(service)


def test_a_worker_that_ends_is_said(service):
    worker = service.workers()[0]
    os.kill(worker, signal.SIGKILL)
    line = service.await_line(lambda line: f"(process {worker}) ended by itself: terminated by SIGKILL" in line["msg"])
    assert line["level"] == "warn" and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["ts"])
    wait.until(lambda: len(set(service.workers()) - {worker}) == 2, "another worker")


def test_a_worker_that_is_killed_again_and_again_comes_back(service):
    """However soon after its start: that is nothing that it did. Meanwhile requests wait, and are answered."""
    killed = set()
    for turn in range(30):
        workers = wait.until(lambda: len(new := service.workers()) == 2 and not killed & set(new) and new, "two workers")
        os.kill(workers[turn % 2], signal.SIGKILL)
        killed.add(workers[turn % 2])
        assert service.http("GET", "/passengerlist").json == []
    wait.until(lambda: service.control("status", "purser:*").count("RUNNING") == 2, "both to run", pause=0.1)
    assert len(killed) == 30 and not killed & set(service.workers())
    assert not [line for line in service.log() if "can't be kept running" in line["msg"]]


def test_both_workers_killed_at_once(service):
    """A request that comes then waits for the next one, which is soon there."""
    workers = service.workers()
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    assert service.http("GET", "/hello").status == 201
    wait.until(lambda: len(set(service.workers()) - set(workers)) == 2, "two others")


def test_a_worker_that_ends_by_itself_at_its_start(cluster):
    """The service ends, and says what the worker said."""
    database = cluster.copy_template()
    stack = Stack(database.url)
    edit(stack.directory / "supervisord" / "purser.conf", "startretries=5", "startretries=1")  # as five take 15 s
    try:
        stack.start()
        program = stack.directory / "bin" / "purser"
        program.unlink()
        program.write_text("#!/bin/sh\necho this is why >&2\nexit 3\n")
        program.chmod(0o755)
        os.kill(stack.workers()[0], signal.SIGKILL)
        assert re.fullmatch(r"stopped: purser_\d can't be kept running, after 2 tries: exit status 3: this is why", last_line(stack))
    finally:
        stack.destroy()
        database.drop()


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_nginx_that_dies_again_and_again(service):
    def kill():
        for pid in children(service.pid, "nginx"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return service.process.poll() is not None

    wait.until(kill, "the service to end")
    reason = "nginx can't be kept running, after 4 tries: terminated by SIGKILL"
    assert last_line(service) == f"stopped: {reason}"
    assert [line for line in service.log() if line["msg"] == f"{reason}; stopping everything"]
    assert service.workers() == []


def test_nginx_whose_port_is_taken(service):
    """The reason has what nginx itself said last."""
    service.control("stop", "nginx")
    with socket.create_server(("", service.port)):
        service.control("start", "nginx")
        said = last_line(service)
    assert said.startswith("stopped: nginx can't be kept running, after 4 tries: exit status 1: ")
    assert f":{service.port} failed (98: Address already in use)" in said or "still could not bind()" in said


def test_a_signal_is_heard_at_once(service):
    """Not when supervisord next looks, a second later."""
    nginx = service.nginx()
    for _ in range(3):  # it has nothing else to do meanwhile
        assert service.http("GET", "/hello").status == 201
    began = time.monotonic()
    service.process.send_signal(signal.SIGTERM)
    wait.until(lambda: not os.path.exists(f"/proc/{nginx}"), "nginx to end")
    assert time.monotonic() - began < 0.5
    assert service.process.wait(wait.PATIENCE_S) == 0


@pytest.mark.parametrize("name", ["PURSER_PORT", "PURSER_WORKERS", "PURSER_TYPO"])
def test_a_wrong_setting_is_the_last_line(tmp_path, name):
    path = f"{BINARY.parent}:{os.environ['PATH']}:/usr/sbin"
    env = environment(PATH=path, RUN_DIR=tmp_path, **{name: "wrong"})
    done = run([ROOT / "supervisord" / "start", ROOT / "supervisord" / "supervisord.conf"], check=False, env=env)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"purser: {name} is ")
