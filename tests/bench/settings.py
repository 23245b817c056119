"""What can be moved from outside, by the environment, and where things are."""

import os
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RESULT = ROOT / "build" / "bench.json"


def number(name, default):
    text = os.environ.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise SystemExit(f"bench: {name} must be a whole number above 0, not \"{text}\"")
    return int(text)


SECONDS_PER_RUN = number("SECONDS_PER_RUN", 6)
WARMUP_SECONDS = number("WARMUP_SECONDS", 1)
REPEATS = number("REPEATS", 3)
CONNECTIONS = number("CONNECTIONS", 64)
BIG_ROWS = number("BIG_ROWS", 1_000_000)
LIST_CLIENTS = number("LIST_CLIENTS", 1)
STACKS = os.environ.get("STACKS", "purser,flask,tuned,go,pgbench").split(",")

# What the project promises: the least ratio of purser to each peer, by work.
TARGETS = {
    "get": {"flask": 10, "go": 1.5, "pgbench": 0.5},
    "list": {"flask": 4.5, "go": 1.5, "pgbench": 0.4},
    "create": {"flask": 10, "go": 2.5, "pgbench": 1.0},
}
MEMORY_MIB = 40
BIG_WORKER_MIB = 32
BIG_P99_RATIO = 5


def in_force():
    return {name: globals()[name] for name in (
        "SECONDS_PER_RUN", "WARMUP_SECONDS", "REPEATS", "CONNECTIONS", "BIG_ROWS", "LIST_CLIENTS")}
