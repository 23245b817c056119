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
BULK_ROWS = number("BULK_ROWS", 10_000)
BULK_ROUNDS = number("BULK_ROUNDS", 9)
STACKS = os.environ.get("STACKS", "purser,flask,tuned,go,postgrest,pgbench").split(",")
PARTS = os.environ.get("PARTS", "get,list,create,item,bulk,big,pages,export").split(",")

# What the project promises: the least ratio of purser to each peer, by work. The other names are report.py's.
TARGETS = {
    "get": {"flask": 10, "go": 1.5, "pgbench": 0.5},
    "list": {"flask": 4.5, "go": 1.5, "pgbench": 0.4},
    "create": {"flask": 10, "go": 2.5, "pgbench": 1.0},
    "unchanged": {"plain": 1.0},
    "deep": {"first": 0.8},
    "bulk_csv": {"copy_in": 0.5},
    "bulk_json": {"copy_in": 0.5},
    "export": {"copy_out": 0.4},
}
MEMORY_MIB = 40
BIG_WORKER_MIB = 32
BIG_P99_RATIO = 5
EXPORT_WORKER_MIB = 32


def in_force():
    return {name: globals()[name] for name in (
        "SECONDS_PER_RUN", "WARMUP_SECONDS", "REPEATS", "CONNECTIONS", "BIG_ROWS", "LIST_CLIENTS",
        "BULK_ROWS", "BULK_ROUNDS")}
