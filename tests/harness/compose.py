"""compose.yaml at work: a project of its own, from a fresh clone of the checkout, by either Compose."""

import json
import shutil
import tempfile
import uuid
from pathlib import Path

from . import engine, wait, web
from .process import ROOT, environment, run
from .stack import free_port

INSTALLED = "installed"  # the machine's own: docker-compose, v1.29 on Debian 12, or the engine's `docker compose`
CONTAINED = "contained"  # v2 of Debian 13, in a container
CONTAINED_IMAGE = "purser-test-compose:local"


def clone(directory):
    """What a user has after git clone: the last commit and nothing else."""
    run(["git", "-c", "safe.directory=*", "clone", "-q", ROOT, directory], env=environment())
    return Path(directory)


def build_contained():
    """The image with Compose v2; quick when it is there."""
    engine.docker("build", "-q", "-t", CONTAINED_IMAGE, "-f", ROOT / "tests" / "stack" / "compose.Dockerfile",
                  ROOT / "tests" / "stack")


class Images:
    """`with Images() as tag:` the two images under test have this one tag, as compose.yaml wants it."""

    def __init__(self):
        self.tag = f"test-{uuid.uuid4().hex[:12]}"
        self.names = {f"purser:{self.tag}": engine.PURSER, f"postgres0:{self.tag}": engine.POSTGRES0}

    def __enter__(self):
        try:
            for name, image in self.names.items():
                engine.docker("tag", image, name)
        except BaseException:
            self.__exit__()
            raise
        return self.tag

    def __exit__(self, *_):
        for name in self.names:
            engine.docker("rmi", name, check=False)


class Project:
    """`with Project(TAG=tag) as project:` has a fresh clone and free ports; it is gone after the block, with its volumes.

    `settings` are variables of compose.yaml as the caller's environment has them; write_env() puts them into a file.
    """

    def __init__(self, which=INSTALLED, **settings):
        self.which = which
        self.name = f"pursertest{uuid.uuid4().hex[:12]}"
        self.directory = Path(tempfile.mkdtemp(prefix="purser-c-", dir="/tmp"))
        self.port = free_port()
        self.settings = {"PURSER_PORT": self.port, "POSTGRES0_PORT": free_port(), **settings}
        self.options = []

    def write_env(self, name=".env", **settings):
        (self.directory / name).write_text("".join(f"{key}={value}\n" for key, value in settings.items()))

    def compose(self, *words, check=True, timeout=300):
        command = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
        if self.which == CONTAINED:
            passed = [word for key in self.settings for word in ("-e", key)]
            here = ["-v", "/var/run/docker.sock:/var/run/docker.sock", "-v", f"{self.directory}:{self.directory}"]
            command = ["docker", "run", "--rm", *passed, *here, "-w", self.directory, CONTAINED_IMAGE, "docker", "compose"]
        return run([*command, "-p", self.name, *self.options, *words], check=check, timeout=timeout, cwd=self.directory,
                   env=environment(**self.settings))

    def up(self, *words):
        """docker compose up, and wait until the service is ready."""
        self.compose("up", "-d", *words)
        self.await_ready()

    def await_ready(self):
        wait.until(self.is_ready, "the service to be ready", timeout=60, pause=0.1)

    def is_ready(self):
        try:
            return self.http("GET", "/readyz").status == 200
        except OSError:
            return False

    def down(self, *words):
        self.compose("down", *words)

    def http(self, method, path, body=None):
        return web.fetch(self.port, method, path, body)

    def rows(self):
        """How many passengers and employees there are."""
        return len(self.http("GET", "/passengerlist").json), len(self.http("GET", "/employees/get").json["employees"])

    def container(self, service):
        """The id of a service's container, whether it runs or not."""
        filters = [word for label in (f"project={self.name}", f"service={service}")
                   for word in ("--filter", f"label=com.docker.compose.{label}")]
        return engine.docker("ps", "-aq", *filters).stdout.strip()

    def inspect(self, service):
        return json.loads(engine.docker("inspect", self.container(service)).stdout)[0]

    def exec(self, service, *command, check=True, **settings):
        names = [word for name, value in settings.items() for word in ("-e", f"{name}={value}")]
        return engine.docker("exec", *names, self.container(service), *command, check=check)

    def sql(self, text, database="purser"):
        """Run SQL in postgres0 as its administrator."""
        done = self.exec("postgres0", "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", text)
        return done.stdout.rstrip("\n")

    def login(self, user, password, database):
        """What psql says when `user` comes by TCP."""
        done = self.exec("postgres0", "psql", "-XAtq", "-h", "127.0.0.1", "-U", user, "-d", database,
                         "-c", "SELECT current_user", check=False, PGPASSWORD=password)
        return done.stdout + done.stderr

    def __enter__(self):
        try:
            clone(self.directory)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.compose("down", "-v", "--remove-orphans", check=False)
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)
