"""Inside the limits that the replaced application's pod had, half a processor and 128 MiB: it works, and is still the
faster one.
"""

import re

import pytest
from harness import wait
from harness.engine import docker

import check
import rows
from cluster import COLUMNS
from load import Wrk, median
from stacks import Flask

LIMITS = ("--cpus=0.5", "--memory=128m", "--memory-swap=128m")
RUNS = 5
RUN_S = 3
RATIO = 4


@pytest.fixture(scope="module")
def passengers():
    return rows.read(rows.source())


@pytest.fixture(scope="module")
def table(database, passengers):
    """The bench's rows."""
    database.sql(f"COPY passengers ({COLUMNS}) FROM stdin (FORMAT csv);\n{rows.as_copy(passengers)}\\.\n"
                 "VACUUM ANALYZE passengers;")
    return database


@pytest.fixture(scope="module")
def limited(container, table):
    """The container with its limits, and as many processes as it takes by itself."""
    with container(table.url, options=LIMITS, PURSER_WORKERS=None) as stack:
        yield stack


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory that other users can enter."""
    directory = tmp_path_factory.mktemp("limits")
    for path in (directory, directory.parent, directory.parent.parent):
        path.chmod(0o755)
    return directory


@pytest.fixture(scope="module")
def wrk(place):
    made = Wrk(place)
    made.ask_for(range(1, rows.COUNT + 1))
    return made


@pytest.fixture
def flask(place, table):
    """The stack that Purser takes the place of, with the whole machine to itself."""
    service = Flask(place, table.url)
    try:
        service.start()
        yield service
    finally:
        service.stop()


def figure(stack, *files):
    """The number in the container's cgroup, by version 1's name or by version 2's."""
    text = docker("exec", stack.launcher.name, "sh", "-c", f"cat {' '.join(files)} 2>/dev/null", check=False).stdout
    return int(re.search(r"^(?:oom_kill )?(\d+)$", text, re.M)[1])


def test_it_answers_four_times_what_flask_answers_without_limits(limited, flask, wrk, passengers, measured):
    """One passenger by id, 64 connections, each in turn; a run with any error has no figure, and fails here."""
    services = {"purser": limited, "flask": flask}
    figures = {name: [] for name in services}
    for service in services.values():
        check.answers(service.port, "get", passengers)
        wrk.run(service.port, "get", 1)
    for _ in range(RUNS):
        for name, service in services.items():
            figures[name].append(wrk.run(service.port, "get", RUN_S).rps)
    purser, plain = (median(figures[name]) for name in services)
    measured("/getpassenger, 0.5 CPU and 128 MiB, 64 connections", f"{purser:,.0f} requests/s")
    measured("/getpassenger, Flask without limits", f"{plain:,.0f} requests/s: purser is {purser / plain:.2f} ×")
    assert purser / plain >= RATIO, figures


@pytest.mark.parametrize("work", ["list", "create"])
def test_lists_and_writes_are_answered_inside_the_limits(limited, wrk, measured, passengers, work):
    figures = wrk.run(limited.port, work, RUN_S)
    measured(f"{dict(list='/passengerlist', create='/postpassenger')[work]}, 0.5 CPU and 128 MiB, 64 connections",
             f"{figures.rps:,.0f} requests/s")
