"""One real worker, without nginx: `purser serve` with a listening unix socket as descriptor 0."""

import json
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from . import fastcgi, wait
from .process import BINARY, environment, tied

ANSWER_S = 15.0  # for the next bytes of an answer


class Worker:
    """`with Worker(database.url) as worker:` is ready inside the block, and has exited after it.

    Settings go in as environment variables: Worker(url, PURSER_DEADLINE_MS=500). `ready` False doesn't wait for
    /readyz, for a worker whose database is away.
    """

    def __init__(self, database_url=None, ready=True, command=("serve",), **settings):
        self.command = [BINARY, *command]
        self.directory = Path(tempfile.mkdtemp(prefix="purser-w-", dir="/tmp"))
        self.path = self.directory / "socket"
        self.output = self.directory / "log"
        self.settings = {"DATABASE_URL": database_url, **settings}
        self.wait_ready = ready
        self.process = None
        self.ticker = None
        # The test holds the socket too, as supervisord would: it outlives the worker.
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(self.path))
        self.listener.listen(4096)

    def start(self):
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(
                tied("KILL", self.command), stdin=self.listener, stdout=output, stderr=subprocess.STDOUT,
                env=environment(**self.settings), cwd="/",
            )
        if self.wait_ready:
            wait.until(self.is_ready, "the worker to be ready")
        return self

    @property
    def pid(self):
        return self.process.pid

    def is_ready(self):
        self.assert_alive()
        return self.request("GET", "/readyz").status == 200

    def assert_alive(self):
        assert self.process.poll() is None, f"the worker exited {self.process.returncode}:\n{self.text()}"

    def connect(self, timeout=ANSWER_S):
        return fastcgi.Connection(self.path, timeout)

    def request(self, method, uri, body=b"", **options):
        """One request on a connection of its own."""
        with self.connect() as connection:
            return connection.request(method, uri, body, **options)

    def tick(self):
        """Return after the worker's loop has gone round: what was sent to it before has been looked at."""
        if self.ticker is None:
            self.ticker = self.connect()
        assert self.ticker.request("GET", "/healthz").status == 200

    def text(self):
        """All that the worker wrote, as it is."""
        return self.output.read_text(errors="replace")

    def log(self):
        """Its log lines, parsed: each must be one JSON object."""
        return [json.loads(line) for line in self.text().splitlines()]

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, timeout=wait.PATIENCE_S):
        """Its exit code, once it has gone."""
        return self.process.wait(timeout=timeout)

    def stop(self):
        """SIGTERM must end it with 0 (a sanitizer's complaint would show here)."""
        self._close_ticker()
        if self.process.poll() is None:
            self.terminate()
        code = self.wait()
        assert code == 0, f"the worker exited {code}:\n{self.text()}"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self._clear()
            raise

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.stop()
        finally:
            self._clear()

    def _close_ticker(self):
        if self.ticker is not None:
            self.ticker.close()
            self.ticker = None

    def _clear(self):
        self._close_ticker()
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self.listener.close()
        shutil.rmtree(self.directory, ignore_errors=True)
