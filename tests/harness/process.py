"""Child processes that never outlive the tests."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGE = os.environ.get("PURSER_IMAGE")  # where it is set, service and commands are this container image's
BINARY = ROOT / (Path(__file__).parent / "purser" if IMAGE else os.environ.get("BINARY", "build/purser"))

# What a test process inherits of the caller's environment. Everything else, a PURSER_* or PG* variable above all, is
# the test's to set.
KEPT = ("PATH", "HOME", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "GCOV_PREFIX", "GCOV_PREFIX_STRIP",
        *(["PURSER_IMAGE"] if IMAGE else []))


def environment(**settings):
    """The environment of a process under test: little that is inherited, and `settings`; None leaves one out."""
    env = {name: os.environ[name] for name in KEPT if name in os.environ}
    env.update({name: str(value) for name, value in settings.items() if value is not None})
    return env


def tied(signal_name, command):
    """`command`, which the kernel sends `signal_name` when the test process dies, however it dies."""
    return ["setpriv", "--pdeathsig", signal_name, *map(str, command)]


def run(command, timeout=60, check=True, **options):
    """Run to the end and return the CompletedProcess, output as text; with `check`, a failure shows that output."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=timeout, **options)
    if check and done.returncode != 0:
        raise RuntimeError(f"{command} exited {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def children(pid, name):
    """The processes called `name` that `pid` has started."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stat:
                head, _, tail = stat.read().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, parent = tail.split()[:2]
        if head.split("(", 1)[1] == name and int(parent) == pid and state != "Z":
            found.append(int(entry))
    return sorted(found)


def descriptors(pid):
    """How many file descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def peak_memory_kib(pid):
    """The most memory that a process ever had resident (VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise RuntimeError(f"process {pid} has no VmHWM")


def sanitized():
    """Whether AddressSanitizer or valgrind is at work in the program under test: its memory figures then say nothing."""
    return b"__asan_init" in BINARY.read_bytes() or BINARY.name == "valgrind"
