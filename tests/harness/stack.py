"""The service as it is run: supervisord, the workers and nginx; launch.py says from where."""

import json
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from . import wait, web
from .launch import Checkout, Image
from .process import IMAGE, children, tied


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stack:
    """`with Stack(database.url) as stack:` is ready inside the block, and gone after it.

    Settings go in as environment variables; None leaves one to its default. `ready` False waits for nginx only, for a
    service whose database is away. `options` are more options of `docker run`, where the service is an image's.
    """

    def __init__(self, database_url, ready=True, options=(), **settings):
        self.directory = Path(tempfile.mkdtemp(prefix="purser-s-", dir="/tmp"))
        self.directory.chmod(0o755)
        self.output = self.directory / "output"  # standard output: log lines in JSON
        self.errors = self.directory / "errors"  # standard error
        self.port = free_port()
        self.wait_ready = ready
        self.process = None
        self.pid = None  # supervisord's
        self.output.touch()
        self.errors.touch()
        settings = {"DATABASE_URL": database_url, "PURSER_WORKERS": 2, "PURSER_PORT": self.port, **settings}
        self.launcher = Image(settings, options) if IMAGE else Checkout(settings, self.directory)

    def start(self):
        with open(self.output, "ab") as output, open(self.errors, "ab") as errors:
            self.process = subprocess.Popen(
                tied("TERM", self.launcher.command), stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                cwd=self.directory, env=self.launcher.env,
            )  # fmt: skip
        path = "/readyz" if self.wait_ready else "/healthz"
        wait.until(lambda: self._answers(path), f"{path} of the service")
        self.pid = self.launcher.find_pid(self.process)
        return self

    def _answers(self, path):
        assert self.process.poll() is None, f"supervisord exited {self.process.returncode}:\n{self.text()}"
        try:
            return self.http("GET", path, timeout=5).status == 200
        except OSError:
            return False

    def http(self, method, target, body=None, headers=None, **options):
        """One request on a connection of its own; see web.fetch."""
        return web.fetch(self.port, method, target, body, headers, **options)

    def workers(self):
        """The process ids of the workers."""
        return children(self.pid, "purser")

    def nginx(self):
        """The process id of nginx's first process."""
        (pid,) = children(self.pid, "nginx")
        return pid

    def control(self, *words):
        """What supervisorctl says to these words."""
        done = self.launcher.control(*words)
        return done.stdout + done.stderr

    def text(self):
        """All that the service wrote, for a person."""
        return self.output.read_text(errors="replace") + self.errors.read_text(errors="replace")

    def complaints(self):
        """The end of what it wrote to standard error."""
        return self.errors.read_text(errors="replace")[-3000:]

    def log(self):
        """Its log lines, parsed; a whole line that is no JSON is an error."""
        whole = self.output.read_bytes().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def await_line(self, wanted):
        """The first log line for which wanted(line) is true, once it is there."""
        return wait.until(lambda: next(filter(wanted, self.log()), None), "a log line")

    def stop(self):
        """SIGTERM to supervisord stops everything in order; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=2 * wait.PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.launcher.kill(self.process)
            self.process.wait()
            raise

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.destroy()
            raise

    def __exit__(self, kind, *_):
        code = self.destroy()
        assert kind is not None or code == 0, f"supervisord exited {code}"

    def destroy(self):
        code = 0
        try:
            if self.process is not None:
                code = self.stop()
        finally:
            self.launcher.remove()
            shutil.rmtree(self.directory, ignore_errors=True)
        return code
