"""On what was measured: the figures mean little without it."""

import os
import platform
import re
import subprocess

from settings import HERE, ROOT
from stacks import PYTHON


def said(*command, pattern=r"(.+)"):
    """What a program says of its version, or "not here"."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    except OSError:
        return "not here"
    match = re.search(pattern, done.stdout + done.stderr)
    return match[1].strip() if match else "not here"


def of_file(path, pattern):
    try:
        with open(path, encoding="utf-8") as file:
            match = re.search(pattern, file.read(), re.MULTILINE)
    except OSError:
        match = None
    return match[1] if match else "unknown"


def describe(cluster):
    version = "import importlib.metadata as m; print(m.version({!r}))"
    return {
        "cpu": of_file("/proc/cpuinfo", r"^model name\s*:\s*(.+)$"),
        "cores": len(os.sched_getaffinity(0)),
        "memory": f"{int(of_file('/proc/meminfo', r'^MemTotal: +([0-9]+)')) / 2**20:.1f} GiB",
        "kernel": platform.release(),
        "system": of_file("/etc/os-release", r'^PRETTY_NAME="(.+)"$'),
        "purser": said(ROOT / "build" / "purser", "version", pattern=r"purser (.+)"),
        "nginx": said("/usr/sbin/nginx", "-v", pattern=r"nginx/(\S+)"),
        "PostgreSQL": cluster.sql("SHOW server_version").split()[0],
        "Go": said("go", "version", pattern=r"go(\d\S*)"),
        "pgx": of_file(HERE / "go" / "go.mod", r"pgx/v5 v(\S+)"),
        "Python": said(PYTHON, "--version", pattern=r"Python (\S+)"),
        "gunicorn": said("/usr/bin/gunicorn", "--version", pattern=r"version (\S+?)\)"),
        "Flask": said(PYTHON, "-c", version.format("flask")),
        "psycopg2": said(PYTHON, "-c", version.format("psycopg2")),
        "wrk": said("wrk", "-v", pattern=r"wrk (\S+)"),
    }
