"""`make run`, `make up` and `make down`, by the scripts behind them: from an empty directory to the sample data."""

import os
import shutil
import signal
import socket
import subprocess

import pytest
from harness import wait, web
from harness.process import BINARY, ROOT, environment, run, tied
from harness.samples import passenger
from harness.stack import free_port

pytestmark = pytest.mark.checkout


@pytest.fixture(scope="module")
def checkout(binary, tmp_path_factory):
    """What the scripts need of a checkout, with the binary under test as what was built."""
    place = tmp_path_factory.mktemp("checkout")
    for name in ("supervisord", "nginx", "schema"):
        shutil.copytree(ROOT / name, place / name)
    (place / "build").mkdir()
    shutil.copy(BINARY, place / "build" / "purser")
    (place / "build" / "www" / "docs").mkdir(parents=True)  # a stand-in for what nginx/docs/build makes
    (place / "build" / "www" / "openapi.yaml").write_text("openapi: 3.1.0\n")
    (place / "build" / "www" / "docs" / "index.html").write_text("<!doctype html>\n")
    return place


class Service:
    """What `make up` starts."""

    def __init__(self, checkout, run_dir):
        self.script = checkout / "supervisord" / "run"
        self.run_dir = run_dir
        self.port = free_port()

    def env(self, **settings):
        return environment(RUN_DIR=self.run_dir, PORT=self.port, **settings)

    def command(self, word, check=True):
        return run([self.script, word], env=self.env(), timeout=120, check=check, stdin=subprocess.DEVNULL)

    def http(self, method, path, body=None):
        return web.fetch(self.port, method, path, body)


@pytest.fixture(scope="module")
def service(checkout):
    """A directory of its own under /tmp: a socket's path must be short."""
    run_dir = f"/tmp/purser-run-{os.getpid()}"
    made = Service(checkout, run_dir)
    yield made
    made.command("down")
    shutil.rmtree(run_dir)


@pytest.fixture
def up(service):
    """The running service."""
    service.command("up")
    return service


def test_up_tells_what_to_try(service):
    """It returns when the service is ready, and names the address and three calls."""
    done = service.command("up")
    said = done.stdout + done.stderr
    assert f"http://127.0.0.1:{service.port}" in said
    assert said.count("curl ") == 3
    assert service.http("GET", "/readyz").status == 200


def test_up_twice_is_harmless(up):
    assert "already" in up.command("up").stderr


def test_sample_data_are_there(up):
    rows = up.http("GET", "/passengerlist").json
    assert len(rows) == 1316 and sum(row["survived"] for row in rows) == 499
    assert len(up.http("GET", "/employees/get").json["employees"]) == 885


def test_the_contract_and_its_page_are_there(up):
    assert up.http("GET", "/openapi.yaml").body == b"openapi: 3.1.0\n"
    assert up.http("GET", "/docs/").body == b"<!doctype html>\n"


def test_down_and_up_again_keeps_the_rows(up):
    """And does not load the sample data a second time."""
    uuid = up.http("POST", "/postpassenger", passenger()).json[0]["uuid"]
    up.command("down")
    with pytest.raises(ConnectionRefusedError):
        up.http("GET", "/hello")
    up.command("up")
    assert up.http("GET", f"/getpassenger/{uuid}").status == 200
    assert up.http("DELETE", f"/deletepassenger/{uuid}").status == 200
    assert len(up.http("GET", "/passengerlist").json) == 1316


def test_nothing_runs_as_root(up):
    """PostgreSQL refuses it, and the rest does not need it."""
    for pid in processes_of(up.run_dir):
        assert os.stat(f"/proc/{pid}").st_uid != 0


def test_down_leaves_nothing_running(up):
    assert processes_of(up.run_dir)
    up.command("down")
    assert processes_of(up.run_dir) == []
    assert up.command("down").returncode == 0  # harmless when nothing runs


def processes_of(run_dir):
    """Processes whose working directory or command line is in `run_dir`."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if run_dir.encode() in file.read() or os.readlink(f"/proc/{pid}/cwd").startswith(run_dir):
                    found.append(int(pid))
        except OSError:
            pass  # it has gone, or is not ours to look at
    return found


def test_taken_port_is_a_clear_error(service):
    service.command("down")
    with socket.create_server(("127.0.0.1", service.port)):
        done = service.command("up", check=False)
    assert done.returncode != 0
    assert f"Port {service.port} is taken" in done.stderr


FOREGROUND = ["env", "--default-signal=INT"]  # a shell lets what it starts in the background ignore Ctrl-C


def test_run_in_the_foreground_until_ctrl_c(service, tmp_path):
    """SIGINT stops everything in order; the exit code is 0."""
    service.command("down")
    output = tmp_path / "output"
    with open(output, "wb") as file:
        process = subprocess.Popen(
            tied("TERM", FOREGROUND + [service.script, "run"]), env=service.env(), stdin=subprocess.DEVNULL, stdout=file,
            stderr=file,
        )
    try:
        wait.until(lambda: "Purser is ready" in output.read_text(), "the service to be ready", timeout=60)
        assert service.http("GET", "/hello").status == 201
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, output.read_text()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)
    assert processes_of(service.run_dir) == []
