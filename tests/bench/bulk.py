"""Ten thousand rows in one request, as CSV and as JSON, beside psql's \\copy of the same rows into the same table.

Everyone begins with an empty table behind a checkpoint. Of psql only the \\copy counts, by its own clock, and of a
request all of it, from the connecting on.
"""

import csv
import functools
import io
import json
import re
import subprocess
import time

import bigtable
import memory
import rows
import turns
from check import Client
from cluster import COLUMNS
from item import COLLECTION
from load import Refused, median
from settings import BULK_ROUNDS, BULK_ROWS

TYPES = {"bulk_csv": "text/csv", "bulk_json": "application/json"}


def made(passengers):
    """As many rows as are wanted: the passengers again and again, each with an id of its own."""
    return [{**passengers[n % len(passengers)], "uuid": rows.uuid(n + 1)} for n in range(BULK_ROWS)]


def as_csv(objects, names, null=""):
    """With a header line."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    words = {None: null, True: "true", False: "false"}
    writer.writerows([words[value] if value is None or isinstance(value, bool) else value for value in one.values()]
                     for one in objects)
    return text.getvalue().encode()


def bodies(objects, names, null=""):
    """By the work."""
    named = [dict(zip(names, one.values())) for one in objects]
    return {"bulk_csv": as_csv(objects, names, null), "bulk_json": json.dumps(named).encode()}


def copy(tables, file):
    """By psql; seconds."""
    command = f"\\timing on\n\\copy passengers ({COLUMNS}) FROM '{file}' WITH (FORMAT csv, HEADER)\n"
    done = subprocess.run([tables.bin / "psql", "-X", "-v", "ON_ERROR_STOP=1", tables.url], input=command, text=True,
                          capture_output=True, check=False)
    took = re.search(r"^Time: ([\d.]+) ms", done.stdout, re.MULTILINE)
    if done.returncode != 0 or not took:
        raise Refused(f"psql failed: {done.stderr.strip()[-300:]}")
    return float(took[1]) / 1e3


def post(port, path, kind, body):
    """By a request; seconds."""
    start = time.monotonic()
    with Client(port) as client:
        client.ask("POST", path, body, {"Content-Type": kind, "Prefer": "return=minimal"}, status=201)
    return time.monotonic() - start


def one_round(tables, expected, load):
    """The load into an empty table; what it says it took. All rows must be there afterwards."""
    tables.empty()
    seconds = load()
    found = tables.objects("ORDER BY uuid")
    if found != expected:
        raise Refused(f"{len(found)} rows are there, and not the {len(expected)} that were sent")
    return seconds


def loads(services, tables, directory, objects):
    """Callables by work and name, and how many bytes the bodies have."""
    named = {"purser": bodies(objects, rows.KEYS)}
    file = directory / "bulk.csv"
    file.write_bytes(named["purser"]["bulk_csv"])
    paths = {"purser": COLLECTION, "postgrest": "/passengers"}
    if "postgrest" in services:
        named["postgrest"] = bodies(objects, COLUMNS.split(", "), null="NULL")
    made_of = {("bulk_csv", "copy_in"): functools.partial(copy, tables, file)}
    for work, kind in TYPES.items():
        for name, service in services.items():
            made_of[work, name] = functools.partial(post, service.port, paths[name], kind, named[name][work])
    return made_of, {work: len(body) for work, body in named["purser"].items()}


def measure(services, tables, directory, passengers, diary):
    """The works "bulk_csv" and "bulk_json", and the worker's highest memory meanwhile. Leaves the table empty."""
    objects = made(passengers)
    callables, sizes = loads(services, tables, directory, objects)
    runs = {key: functools.partial(one_round, tables, objects, load) for key, load in callables.items()}
    turns.take(runs, 1, turns.Diary())  # uncounted: connections are made, statements prepared
    pids = bigtable.workers(services["purser"].roots())
    for pid in pids:
        memory.forget_peak(pid)
    works = {work: dict.fromkeys([*services, "copy_in"], {}) for work in TYPES}
    for (work, name), seconds in turns.take(runs, BULK_ROUNDS, diary).items():
        works[work][name] = {} if not seconds else {
            "rows": BULK_ROWS, "bytes": sizes[work], "seconds": median(seconds), "runs_s": seconds}
    works["bulk_json"]["copy_in"] = works["bulk_csv"]["copy_in"]
    tables.empty()
    return works, max(map(memory.peak, pids))
