"""The whole of a big table as CSV, to /dev/null: a request by curl beside psql's COPY of the same columns."""

import csv
import functools
import http.client
import io
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
from pages import AS_KEYS
from settings import REPEATS

STATEMENT = f"COPY (SELECT {COLUMNS} FROM passengers) TO STDOUT (FORMAT csv)"
PATHS = {"purser": COLLECTION, "postgrest": f"/passengers?select={AS_KEYS}"}


def check(port, path, count, in_order):
    """Reads it whole once: all rows are there, whole, with the columns in their order."""
    with Client(port) as client:
        answer = client.open("GET", path, headers={"Accept": "text/csv"})
        try:
            lines = csv.reader(io.TextIOWrapper(answer, encoding="utf-8", newline=""))
            header = next(lines, None)
            ids = [line[0] for line in lines if len(line) == len(rows.KEYS)]
        except (OSError, ValueError, csv.Error, http.client.HTTPException) as error:
            raise Refused(f"the export broke off: {error!r}") from error
    if header != list(rows.KEYS):
        raise Refused(f"the export's header is {header}")
    if (ids if in_order else sorted(ids)) != [rows.uuid(n) for n in range(1, count + 1)]:
        raise Refused(f"the export has {len(ids)} rows that are whole, and not the {count} of the table")


def by_curl(port, path):
    """Bytes and seconds."""
    curl = ["curl", "-sS", "--fail", "-o", "/dev/null", "-w", "%{http_code} %{size_download} %{time_total}",
            "-H", "Accept: text/csv", f"http://127.0.0.1:{port}{path}"]
    done = subprocess.run(curl, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(f"curl failed: {done.stderr.strip()}")
    status, size, seconds = done.stdout.split()
    if status != "200":
        raise Refused(f"the export was answered with {status}")
    return int(size), float(seconds)


def command(tables):
    """The program itself: Debian's psql is a script that looks for it."""
    return [tables.bin / "psql", "-X", "-c", STATEMENT, tables.url]


def by_psql(tables, size):
    """Bytes and seconds; psql counts no bytes, so they were counted before."""
    start = time.monotonic()
    done = subprocess.run(command(tables), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Refused(f"psql failed: {done.stderr.strip()[-300:]}")
    return size, time.monotonic() - start


def size_of_copy(tables):
    with subprocess.Popen(command(tables), stdout=subprocess.PIPE) as process:
        size = 0
        while piece := process.stdout.read(1 << 18):
            size += len(piece)
    return size


def highest(service, name):
    """Of the processes that may have made the export: the most that one of them had resident."""
    pids = bigtable.workers(service.roots()) if name == "purser" else service.roots()
    return max(map(memory.peak, pids))


def measure(services, tables, count, diary):
    """The work "export" of a table of `count` rows, and the highest memory of each service's processes meanwhile."""
    runs = {("export", "copy_out"): functools.partial(by_psql, tables, size_of_copy(tables))}
    for name, service in services.items():
        for pid in (pid for root in service.roots() for pid in memory.tree(root)):
            memory.forget_peak(pid)
        try:
            check(service.port, PATHS[name], count, in_order=name == "purser")
        except Refused as fault:
            diary.refuse(diary.title(("export", name)), fault)
            continue
        runs["export", name] = functools.partial(by_curl, service.port, PATHS[name])
    work = dict.fromkeys([*services, "copy_out"], {})
    for (_, name), figures in turns.take(runs, REPEATS, diary).items():
        work[name] = {} if not figures else {
            "rows": count, "bytes": figures[0][0], "seconds": median([seconds for _, seconds in figures]),
            "runs_s": [seconds for _, seconds in figures]}
    return {"export": work}, {name: highest(service, name) for name, service in services.items()}
