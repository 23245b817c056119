"""The two ways to start the service: from copies of the repository's files, or from the image PURSER_IMAGE."""

import os
import re
import shutil
import signal
import uuid

from .engine import docker
from .process import BINARY, IMAGE, ROOT, children, environment, run

WWW = ROOT / "build" / "www"  # what nginx serves by itself; make www lays it out
CONTROL_ENV = {"STOP_WAIT_S": "20"}  # supervisorctl reads the whole configuration, which names it


class Checkout:
    """supervisord/start, as an ordinary user, on copies of what runs."""

    def __init__(self, settings, directory):
        self.directory = directory
        self.env = environment(
            **settings, RUN_DIR=directory / "state",
            PATH=f"{directory / 'bin'}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )  # fmt: skip
        (directory / "bin").mkdir()
        (directory / "state").mkdir()
        shutil.copy(BINARY, directory / "bin" / "purser")
        for name in ("supervisord", "nginx"):
            shutil.copytree(ROOT / name, directory / name)
        if WWW.exists():
            shutil.copytree(WWW, directory / "www")
        self.configuration = directory / "supervisord" / "supervisord.conf"
        self.command = [directory / "supervisord" / "start", self.configuration]
        if os.geteuid() == 0:
            self.command = ["--reuid=nobody", "--regid=nogroup", "--clear-groups", *self.command]
            for path in [directory, *directory.rglob("*")]:
                shutil.chown(path, "nobody", "nogroup")

    def find_pid(self, process):
        return process.pid

    def control(self, *words):
        return run(["supervisorctl", "-c", self.configuration, *words], check=False, env={**self.env, **CONTROL_ENV},
                   cwd=self.directory)

    def kill(self, process):
        """The workers and nginx go with it as far as they can be found."""
        orphans = children(process.pid, "purser") + children(process.pid, "nginx")
        process.kill()
        for pid in orphans:
            os.kill(pid, signal.SIGKILL)

    def remove(self):
        """Nothing but the directory, which is the caller's."""


class Image:
    """`docker run` in the foreground, which passes signals on: a container on the machine's own network, with nothing
    to write to but a tmpfs.
    """

    CONFIGURATION = "/usr/lib/purser/supervisord/supervisord.conf"

    def __init__(self, settings, options):
        self.name = f"purser-test-{uuid.uuid4().hex[:12]}"
        self.env = environment()
        words = ["--rm", "--pull=never", "--name", self.name, "--network=host", "--read-only"]
        words += ["--tmpfs=/tmp:size=16m", *options]
        if os.geteuid() != 0:  # so that the test may send its processes signals
            words.append(f"--user={os.geteuid()}:{os.getegid()}")
        words += [f"--env={name}={value}" for name, value in settings.items() if value is not None]
        for place in re.findall(r"host=(/[^&]+)", str(settings["DATABASE_URL"])):  # PostgreSQL's socket
            words.append(f"--volume={place}:{place}")
        self.command = ["docker", "run", *words, IMAGE]

    def find_pid(self, _):
        """Of process 1 in the container, as it is called outside."""
        return int(docker("inspect", "--format={{.State.Pid}}", self.name).stdout)

    def control(self, *words):
        env = [f"--env={name}={value}" for name, value in CONTROL_ENV.items()]
        return docker("exec", *env, self.name, "supervisorctl", "-c", self.CONFIGURATION, *words, check=False)

    def kill(self, process):
        self.remove()
        process.kill()

    def remove(self):
        docker("rm", "--force", self.name, check=False)
