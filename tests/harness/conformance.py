"""Schemathesis: requests made from openapi.yaml, good ones and bad ones, and checks that each answer is what it says."""

import os
import subprocess

from .process import ROOT, environment, run

FOLDER = ROOT / "tests" / "contract"
DOCUMENT = ROOT / "openapi.yaml"
SEED = 20250520
PHASES = "examples,coverage,fuzzing,stateful"
LIMIT_S = 1800


def examples():
    """How many requests of each kind are made for an operation: enough for each change, or what CONTRACT_EXAMPLES says."""
    return int(os.environ.get("CONTRACT_EXAMPLES", "10"))


def seed():
    return int(os.environ.get("CONTRACT_SEED", SEED))


def program():
    """Where it is; it is installed where it is missing."""
    return run([ROOT / "install" / "tool", "schemathesis"], timeout=600).stdout.strip()


def check(port, directory, *choice, phases=PHASES, document=DOCUMENT):
    """Ask the service on `port` about the operations that `choice`, options of `schemathesis run`, leaves.

    Returns the exit code and the whole report, which names each failed request as a line for curl.
    """
    words = [program(), "--no-color", "--config-file", FOLDER / "schemathesis.toml", "run", document,
             "--url", f"http://127.0.0.1:{port}", "--phases", phases, "--seed", seed(),
             "--max-examples", examples(), *choice]  # fmt: skip
    done = subprocess.run([str(word) for word in words], cwd=directory, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=LIMIT_S, check=False,
                          env=environment(CONTRACT_HOOKS=FOLDER / "hooks.py", PYTHONDONTWRITEBYTECODE=1, COLUMNS=120))
    return done.returncode, done.stdout + done.stderr
