"""Containers of the real engine: everything that a test starts carries a name of its own and is gone after the test."""

import json
import os
import subprocess
import uuid

from . import wait

PURSER = os.environ.get("PURSER_IMAGE", "purser:local")
POSTGRES0 = os.environ.get("POSTGRES0_IMAGE", "postgres0:local")


def docker(*words, check=True, **options):
    """docker WORDS…, its output as text; `check` False leaves it to the caller to look at the exit code."""
    command = ["docker", *map(str, words)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options)
    assert not check or done.returncode == 0, f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}"
    return done


def kill(pid):
    """SIGKILL for a process of a container, by its number on the host: from root, who the tests need not be."""
    docker("run", "--rm", "--pid=host", "--network=none", "--user=0", PURSER, "sh", "-c", f"kill -KILL {pid}")


class Container:
    """`with Container(image, "--read-only", …) as container:` runs in the background, and is removed after the block.

    `options` go before the image, `command` after it.
    """

    def __init__(self, image, *options, command=(), env=None):
        self.name = f"purser-test-{uuid.uuid4().hex[:12]}"
        settings = [word for name, value in (env or {}).items() for word in ("-e", f"{name}={value}")]
        self.words = ["run", "-d", "--name", self.name, *settings, *options, image, *command]

    def __enter__(self):
        docker(*self.words)
        return self

    def __exit__(self, *_):
        docker("rm", "-f", "-v", self.name, check=False)

    def inspect(self):
        return json.loads(docker("inspect", self.name).stdout)[0]

    @property
    def state(self):
        """Status, Pid, ExitCode, Health, … as the engine tells them."""
        return self.inspect()["State"]

    @property
    def address(self):
        """Its address on the engine's own network."""
        return self.inspect()["NetworkSettings"]["IPAddress"]

    def exec(self, *command, check=True):
        return docker("exec", self.name, *command, check=check)

    def logs(self):
        """What it wrote, both streams as the engine kept them, in order."""
        done = subprocess.run(["docker", "logs", self.name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.stdout

    def stop(self, seconds=60):
        """docker stop; its exit code."""
        docker("stop", "-t", seconds, self.name)
        return self.state["ExitCode"]

    def await_health(self, wanted="healthy"):
        wait.until(lambda: self.state["Health"]["Status"] == wanted, f"{self.name} to be {wanted}")

    def await_end(self):
        """Its exit code, when it has ended by itself."""
        wait.until(lambda: self.state["Status"] == "exited", f"{self.name} to end")
        return self.state["ExitCode"]
