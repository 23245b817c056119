"""The playbook, on this machine itself: the first run puts the service up, the second changes nothing."""

import json
import re
import shutil
import urllib.request
import uuid
from pathlib import Path

import pytest
from harness.engine import POSTGRES0, PURSER, docker
from harness.process import ROOT, environment, run
from harness.registry import Registry
from harness.stack import free_port

pytestmark = pytest.mark.skipif(not Path("/etc/debian_version").exists() or Path("/etc/lsb-release").exists(),
                                reason="the playbook is for Debian, and tried on this machine itself")

PLAYBOOK = ROOT / "install" / "ansible" / "playbook.yaml"


def run_whole(*command):
    """Run a command that must succeed; its output. Compose would take the caller's variables before those of .env."""
    done = run(command, timeout=900, check=False, env=environment(ANSIBLE_NOCOLOR=1))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Machine:
    """This machine as the playbook's only host, with a directory and containers of the test's own."""

    def __init__(self, directory, **variables):
        self.directory = directory
        self.project = f"purser-test-{uuid.uuid4().hex[:8]}"
        self.port = free_port()
        self.first = None
        self.tags = [self.project]
        self.variables = {
            "purser_directory": str(directory), "purser_project": self.project, "purser_port": self.port,
            "purser_tag": self.project, "purser_settings": {"POSTGRES0_PORT": free_port()},
            **variables,
        }  # fmt: skip

    def play(self, **variables):
        """One run; how many tasks were ok, changed, failed, …"""
        settings = {"ansible_python_interpreter": "/usr/bin/python3", **self.variables, **variables}
        output = run_whole("ansible-playbook", "-i", "localhost,", "-c", "local", "-e", json.dumps(settings), PLAYBOOK)
        return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", output.rpartition("PLAY RECAP")[2])}

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return answer.status, json.load(answer)

    def containers(self):
        label = f"label=com.docker.compose.project={self.project}"
        return docker("ps", "-q", "--no-trunc", "--filter", label).stdout.split()

    def clean(self):
        label = f"label=com.docker.compose.project={self.project}"
        for kind, remove in (("ps -aq", "rm -f -v"), ("volume ls -q", "volume rm -f"), ("network ls -q", "network rm")):
            found = docker(*kind.split(), "--filter", label).stdout.split()
            if found:
                docker(*remove.split(), *found)
        prefix = self.variables.get("purser_registry", "")
        images = [f"{prefix}{name}:{tag}" for name in ("purser", "postgres0") for tag in self.tags]
        docker("rmi", *images, check=False)
        shutil.rmtree(self.directory)


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """The machine after the first run."""
    host = Machine(tmp_path_factory.mktemp("playbook"))
    try:
        host.first = host.play()
        yield host
    finally:
        host.clean()


def test_the_first_run_puts_a_ready_service_up(machine):
    assert machine.first["changed"] > 0
    assert machine.get("/readyz")[0] == 200
    assert len(machine.get("/passengerlist")[1]) > 800
    assert len(machine.containers()) == 2


def test_the_second_run_changes_nothing(machine):
    before = machine.containers()
    again = machine.play()
    assert (again["changed"], again["failed"]) == (0, 0)
    assert machine.containers() == before


def test_other_settings_take_effect(machine):
    machine.port = free_port()
    machine.tags.append(f"{machine.project}-2")
    others = {"purser_port": machine.port, "purser_tag": machine.tags[-1]}
    assert machine.play(**others)["changed"] > 0
    assert machine.get("/readyz")[0] == 200
    assert docker("ps", "-q", "--filter", f"ancestor=purser:{machine.tags[-1]}").stdout
    assert machine.play(**others)["changed"] == 0
    machine.variables.update(others)


def test_a_stopped_container_is_started_again(machine):
    docker("stop", *machine.containers())
    assert machine.play()["changed"] > 0
    assert machine.get("/readyz")[0] == 200


def test_images_come_from_a_registry(tmp_path):
    with Registry() as registry:
        host = Machine(tmp_path / "purser", purser_registry=f"{registry.path}/")
        try:
            for image, name in ((PURSER, "purser"), (POSTGRES0, "postgres0")):
                pushed = f"{registry.path}/{name}:{host.project}"
                docker("tag", image, pushed)
                docker("push", "-q", pushed)
                docker("rmi", pushed)
            assert host.play()["changed"] > 0
            assert host.get("/readyz")[0] == 200
            assert host.play()["changed"] == 0
        finally:
            host.clean()


def test_the_playbook_passes_its_linter():
    run_whole("ansible-lint", "--offline", "--nocolor", PLAYBOOK)
