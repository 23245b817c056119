"""wrk as the load: thousands of connections that ask as fast as they are answered."""

import json
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.process import tied

from .crowd import need_descriptors

SCRIPT = Path(__file__).with_suffix(".lua")


@dataclass
class Result:
    """What its clients saw; times in seconds, of all answers."""

    good: int
    refused: int  # with 503
    other: int
    seconds: float
    p50: float
    p99: float
    longest: float
    broken: int  # connections

    @property
    def rate(self):
        """Good answers a second."""
        return self.good / self.seconds


class Wrk:
    """One run, which has begun."""

    def __init__(self, port, calls, connections, seconds):
        need_descriptors(connections)
        self.calls = tempfile.NamedTemporaryFile("w", prefix="purser-calls-")
        self.calls.write("".join("\t".join(call) + "\n" for call in calls))
        self.calls.flush()
        command = ["wrk", "-t", min(2, connections), "-c", connections, "-d", f"{seconds}s", "--timeout", "60s",
                   "-s", SCRIPT, f"http://127.0.0.1:{port}", "--", self.calls.name]
        self.process = subprocess.Popen(tied("KILL", command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True)

    def runs(self):
        return self.process.poll() is None

    def result(self):
        """Once it has ended."""
        output, _ = self.process.communicate()
        assert self.process.returncode == 0, output
        return Result(**json.loads(output.splitlines()[-1]))

    def stop(self):
        if self.runs():
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.calls.close()


@contextmanager
def running(port, calls, connections, seconds):
    """A run beside what the block does; it is over after the block, done or not."""
    wrk = Wrk(port, calls, connections, seconds)
    try:
        yield wrk
    finally:
        wrk.stop()


def measure(port, calls, connections, seconds):
    """The Result of one run. `calls` are (method, path) or (method, path, body)."""
    with running(port, calls, connections, seconds) as wrk:
        return wrk.result()
