"""The loads: wrk for whatever speaks HTTP, pgbench for the ceiling. A run with any error yields no figure."""

import dataclasses
import json
import re
import subprocess
import tempfile
from pathlib import Path

import rows
from settings import CONNECTIONS, HERE

SAMPLED = 0.02  # the part of pgbench's transactions whose time is logged; all of them would slow it down
CLIENTS = (4, 8, 16, 32, 64)
SCRIPTS = 100  # pgbench can't draw a uuid: it draws one of as many scripts (128 at most), each with its own


class Refused(Exception):
    """The run had errors: what it measured is not to be shown."""


@dataclasses.dataclass
class Figures:
    rps: float
    p50_ms: float
    p99_ms: float
    requests: int


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def medians(runs):
    return {name: median([getattr(run, name) for run in runs]) for name in ("rps", "p50_ms", "p99_ms")}


def read_summary(output, least_bytes, most_bytes=None):
    """What wrk/summary.lua printed, or Refused. The bytes are those of an answer, its head included."""
    match = re.search(r"^SUMMARY (.*)$", output, re.MULTILINE)
    if not match:
        raise Refused(f"wrk gave no summary: {output.strip()[-300:]}")
    summary = json.loads(match[1])
    faults = {"status": "answers that were not 2xx", "connect": "connections refused", "read": "read errors",
              "write": "write errors", "timeout": "timeouts"}
    seen = [f"{summary[kind]} {text}" for kind, text in faults.items() if summary[kind]]
    if summary["requests"] == 0:
        seen.append("no answer at all")
    if summary["bytes"] < summary["requests"] * least_bytes:
        seen.append("answers that are too short")
    if most_bytes and summary["bytes"] > (summary["requests"] + CONNECTIONS) * most_bytes:  # some ended uncounted
        seen.append("answers that are too long")
    if seen:
        raise Refused(", ".join(seen))
    return Figures(rps=summary["requests"] * 1e6 / summary["duration_us"], p50_ms=summary["p50_us"] / 1e3,
                   p99_ms=summary["p99_us"] / 1e3, requests=summary["requests"])


class Wrk:
    """Drives one stack; `files` holds what to ask for and the body to post."""

    def __init__(self, files):
        self.ids = files / "ids"
        self.paths = files / "paths"
        self.body = files / "body.json"
        self.body.write_text(json.dumps(rows.NEW), encoding="utf-8")

    def ask_for(self, numbers):
        self.ids.write_text("".join(rows.uuid(n) + "\n" for n in numbers), encoding="utf-8")

    def run(self, port, work, seconds, least_bytes=0, connections=CONNECTIONS, pace_ms=None):
        arguments = {"get": [self.ids], "list": [], "create": [self.body]}[work]
        if pace_ms:
            arguments.append(str(pace_ms))
        return read_summary(self.drive(work, port, seconds, connections, arguments), least_bytes)

    def ask(self, port, requests, seconds, least_bytes=0, most_bytes=None):
        """GET of paths drawn from `requests`, pairs of a path and its headers."""
        lines = ("\t".join([path, *(f"{name}: {value}" for name, value in headers.items())])
                 for path, headers in requests)
        self.paths.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return read_summary(self.drive("paths", port, seconds, CONNECTIONS, [self.paths]), least_bytes, most_bytes)

    @staticmethod
    def drive(script, port, seconds, connections, arguments):
        command = ["wrk", "-t", str(min(2, connections)), "-c", str(connections), "-d", f"{seconds}s",
                   "-s", f"{script}.lua", f"http://127.0.0.1:{port}", "--", *arguments]
        done = subprocess.run(command, cwd=HERE / "wrk", capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Refused(f"wrk failed: {done.stderr.strip()}")
        return done.stdout


class Pgbench:
    """The same statements with no service in between, prepared, at the client count that suits it best."""

    def __init__(self, cluster, files):
        self.cluster = cluster
        self.files = files
        self.clients = {}
        directory = HERE / "pgbench"
        self.scripts = {"list": [directory / "list.sql"], "create": [directory / "create.sql"], "get": []}
        text = (directory / "get.sql").read_text(encoding="ascii")
        for n in range(1, rows.COUNT + 1, -(-rows.COUNT // SCRIPTS)):
            self.scripts["get"].append(files / f"get-{n}.sql")
            self.scripts["get"][-1].write_text(text.replace("@ID@", rows.uuid(n)), encoding="ascii")

    def add(self, work, sql):
        """One more work: a statement."""
        self.scripts[work] = [self.files / f"{work}.sql"]
        self.scripts[work][0].write_text(f"{sql};\n", encoding="ascii")

    def choose(self, work, seconds, reset=lambda: None):
        """Tries the client counts shortly, keeps the best; where none does, the first, whose run then says why."""
        best, chosen = 0.0, CLIENTS[0]
        for clients in CLIENTS:
            self.clients[work] = clients
            try:
                rps = self.run(work, seconds).rps
            except Refused:
                rps = 0.0
            reset()
            if rps > best:
                best, chosen = rps, clients
        self.clients[work] = chosen

    def run(self, work, seconds):
        with tempfile.TemporaryDirectory() as logs:
            scripts = [word for script in self.scripts[work] for word in ("-f", script)]
            command = [self.cluster.bin / "pgbench", "-n", "-M", "prepared", *scripts,
                       "-c", str(self.clients[work]), "-j", "2", "-T", str(seconds),
                       "-l", "--log-prefix", f"{logs}/log", "--sampling-rate", str(SAMPLED), self.cluster.url]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Refused(f"pgbench failed: {done.stderr.strip()[-300:]}")
            times = sorted(int(line.split()[2]) for log in Path(logs).iterdir()
                           for line in log.read_text(encoding="ascii").splitlines())
        failed = re.search(r"number of failed transactions: (\d+)", done.stdout)
        if failed and failed[1] != "0":
            raise Refused(f"{failed[1]} transactions failed")
        tps = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
        requests = int(re.search(r"actually processed: (\d+)", done.stdout)[1])
        if not tps or not times:
            raise Refused("too short a run for its times to be known; raise SECONDS_PER_RUN")
        return Figures(rps=float(tps[1]), p50_ms=times[len(times) // 2] / 1e3, p99_ms=times[len(times) * 99 // 100] / 1e3,
                       requests=requests)
