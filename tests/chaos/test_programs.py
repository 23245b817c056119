"""`make chaos` and `make soak` themselves: what they print, and how they end."""

import json
import os
import signal
import subprocess

from harness.process import BINARY, ROOT, environment, run

CHAOS = ROOT / "tests" / "chaos"
ENV = {"BINARY": BINARY, "PATH": f"{os.environ['PATH']}:/usr/sbin"}


def test_a_run_of_one_fault(tmp_path):
    done = run([CHAOS / "run", "--short", "--json", tmp_path / "lines"], env=environment(FAULTS="nginx_reloaded", **ENV),
               timeout=300)
    assert done.stdout.splitlines()[-1] == "1 passed, 0 failed"
    assert "round 1 of 1: nginx_reloaded … held" in done.stdout
    assert "fault, under load" in done.stdout and "nginx reloaded" in done.stdout
    (line,) = json.loads((tmp_path / "lines").read_text())["nginx_reloaded"]
    assert line["found"] == line["acknowledged"] > 0 and line["unlisted"] == 0


def test_a_fault_that_nobody_knows():
    done = run([CHAOS / "run", "earthquake"], check=False, env=environment(**ENV))
    assert done.returncode == 1
    assert done.stderr.startswith("There is no fault earthquake. There are: postgres_restarted, ")


def test_a_soak_that_is_stopped():
    """It still reads the tables, and says what it found."""
    with subprocess.Popen([CHAOS / "soak"], stdout=subprocess.PIPE, text=True, env=environment(SEED=4, **ENV)) as soak:
        assert soak.stdout.readline() == "60 minutes, SEED=4\n"
        assert soak.stdout.readline() == "the load is on\n"
        soak.send_signal(signal.SIGINT)
        said = soak.stdout.read().splitlines()
    assert said[0] == "stopping" and said[-1] == "1 passed, 0 failed"
    assert [line for line in said if line.startswith("soak for 0.")], said
    assert soak.returncode == 0
