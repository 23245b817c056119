"""Every part of the bench that is about /v1, on a small table and without a clock, so that none of them rots."""

import collections
import dataclasses
import functools
import http.server
import json
import os
import shutil
import tempfile
import threading
from pathlib import Path

import pytest
from harness.stack import Stack

import bulk
import check
import export
import item
import load
import pages
import postgrest
import report
import rows
import settings
import turns
from cluster import Tables
from parts import Bench
from stacks import Postgrest

BIG = 1200  # more than a page on the way


@dataclasses.dataclass
class Service:
    port: int
    pid: int

    def roots(self):
        return [self.pid]


class Once:
    """Asks as wrk does, each thing once; and stands for pgbench, whose statements it tries."""

    def __init__(self, tables):
        self.tables = tables
        self.clients = {}

    def ask_for(self, numbers):
        assert numbers

    def run(self, *_):
        return load.Figures(1, 1, 1, 1)

    def ask(self, port, requests, _, least_bytes=0, most_bytes=10**9):
        with check.Client(port) as client:
            for path, headers in requests:
                answer, body = client.ask("GET", path, headers=headers, status=304 if headers else 200)
                assert least_bytes <= item.size("HTTP/1.1 200 OK", answer, body) <= most_bytes
        return self.run()

    def add(self, work, sql):
        assert self.tables.sql(sql).count("\n") == pages.LIMIT - 1
        self.clients[work] = 1

    def choose(self, work, *_):
        assert work in self.clients


@pytest.fixture(name="tables")
def find_tables(database):
    return Tables(database.cluster.url(database.name))


@pytest.fixture(name="place", scope="module")
def make_place():
    """A directory that other users can enter."""
    with tempfile.TemporaryDirectory(prefix="purser-bench-", dir="/tmp") as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)


@pytest.fixture(name="services", scope="module")
def start_services(database, place):
    """Purser, and PostgREST where one is at hand already."""
    with Stack(database.url) as stack:
        started = {"purser": Service(stack.port, stack.pid)}
        other = Postgrest(place, database.cluster.url(database.name))
        try:
            if os.environ.get("POSTGREST") or shutil.which("postgrest") or postgrest.is_right(postgrest.KEPT):
                other.start()
                started["postgrest"] = other
            yield started
        finally:
            other.stop()


@pytest.fixture(name="diary")
def open_diary():
    """Nothing may be refused."""
    diary = turns.Diary()
    yield diary
    assert diary.refused == []


@pytest.fixture(name="bench")
def make_bench(tables, services, place, diary, monkeypatch):
    """All of the bench but its loads and its sizes."""
    for name, value in {"BIG_ROWS": BIG, "STACKS": ["purser", "postgrest", "pgbench"]}.items():
        monkeypatch.setattr(settings, name, value)
    monkeypatch.setattr(bulk, "BULK_ROWS", 900)
    monkeypatch.setattr(bulk, "BULK_ROUNDS", 1)
    passengers = rows.read(rows.source())
    tables.fill(passengers)
    bench = Bench(tables, passengers, services, (Once(tables), Once(tables)), place, diary)
    bench.result.update(machine=collections.defaultdict(str), rows="some rows")
    return bench


def assert_whole(bench, kind, peers):
    """There are figures of these peers and, for each work but "item", of all the services; and they can be shown."""
    assert {work: set(names) for work, names in bench.result[kind].items()} == {
        work: {*(["purser"] if work in ("item", "unchanged") else bench.services), *names}
        for work, names in peers.items()}
    assert all(all(names.values()) for names in bench.result[kind].values())
    text = report.as_text(bench.result)
    assert all(line.split(" | ")[1] in text for line in report.as_markdown(bench.result).splitlines() if "|" in line
               and "---" not in line)


def test_items_are_measured(bench):
    bench.measure(["item"])
    assert_whole(bench, "works", {"item": ["before"], "unchanged": ["plain"]})


def test_pages_are_measured(bench):
    bench.measure(["pages"])
    others = ["first", "pgbench"]
    assert_whole(bench, "works", {"first": ["pgbench"], "deep": others, "filtered": others})
    assert (bench.result["walk"]["depth"], bench.result["walk"]["requests"]) == (1080, 3)


def test_bulk_inserts_are_measured(bench):
    bench.measure(["bulk"])
    assert_whole(bench, "transfers", {"bulk_csv": ["copy_in"], "bulk_json": ["copy_in"]})
    assert bench.result["bulk_worker_bytes"] > 0


def test_exports_are_measured(bench):
    bench.measure(["export"])
    assert_whole(bench, "transfers", {"export": ["copy_out"]})
    assert min(bench.result["export_bytes"].values()) > 0


def test_a_bulk_insert_that_misses_a_row_is_refused(tables):
    with pytest.raises(load.Refused):
        bulk.one_round(tables, [{"uuid": rows.uuid(1)}], lambda: 1.0)


def test_an_export_that_misses_a_row_is_refused(tables, services):
    tables.fill_big(BIG - 1)
    with pytest.raises(load.Refused):
        export.check(services["purser"].port, export.PATHS["purser"], BIG, in_order=True)


class Pages(http.server.BaseHTTPRequestHandler):
    """Pages of the collection: the second one begins with a row that the first one ended with."""

    def do_GET(self):
        again = "cursor=" in self.path
        numbers = [500, 501] if again else range(1, 501)
        first = "/v1/passengers?limit=500"
        self.send_response(200)
        self.send_header("Link", f'<{first}>; rel="first", <{first}&cursor=A-_>; rel="next"')
        self.end_headers()
        self.wfile.write(json.dumps({"items": [{"uuid": rows.uuid(n)} for n in numbers]}).encode())

    def log_message(self, *_):
        pass


class Conditions(Pages):
    """304 to those who say what they have, and send a host; 404 to the others."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        right = self.headers["If-None-Match"] == '"1"' and self.headers["Host"] and self.path == "/a?b=c:d"
        self.send_response(304 if right else 404)
        self.end_headers()


@pytest.fixture(name="serve")
def serve_with():
    """serve(handler) is the port of a server that answers with it."""
    servers = []

    def serve(handler):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.handle_error = lambda *_: None  # wrk hangs up when its time is over
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server.server_port

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_cursor_is_that_of_the_next_page(serve):
    assert pages.walk(serve(Pages), 500)[:2] == ("A-_", 1)


def test_a_walk_that_meets_a_row_again_is_refused(serve):
    with pytest.raises(load.Refused):
        pages.walk(serve(Pages), 502)


def test_a_last_page_has_no_cursor():
    with pytest.raises(load.Refused):
        pages.cursor_behind({"Link": '</v1/passengers?limit=50>; rel="first"'})


@pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not there")
def test_wrk_sends_the_path_and_its_headers(serve, tmp_path):
    figures = load.Wrk(tmp_path).ask(serve(Conditions), [("/a?b=c:d", {"If-None-Match": '"1"'})], 1)
    assert figures.requests > 0


def test_pgbench_runs_a_statement(tables, tmp_path):
    pgbench = load.Pgbench(tables, tmp_path)
    pgbench.add("first", "SELECT 1")
    pgbench.clients["first"] = 2
    assert pgbench.run("first", 1).requests > 0


def test_a_statement_that_fails_is_refused(tables, tmp_path):
    pgbench = load.Pgbench(tables, tmp_path)
    pgbench.add("first", "SELECT 1 / 0")
    pgbench.clients["first"] = 2
    with pytest.raises(load.Refused):
        pgbench.run("first", 1)


def test_the_client_count_that_suits_best_is_chosen(tables, tmp_path, monkeypatch):
    speeds = {4: 10.0, 8: None, 16: 30.0, 32: 20.0, 64: 25.0}

    def run(self, work, _):
        if speeds[self.clients[work]] is None:
            raise load.Refused("no")
        return load.Figures(speeds[self.clients[work]], 1, 1, 1)

    monkeypatch.setattr(load.Pgbench, "run", run)
    pgbench = load.Pgbench(tables, tmp_path)
    pgbench.choose("get", 1)
    assert pgbench.clients["get"] == 16


def test_what_was_refused_is_not_run_again():
    ran = []

    def refuse():
        ran.append(1)
        raise load.Refused("no")

    diary = turns.Diary()
    assert turns.take({("a", "b"): refuse, ("a", "c"): lambda: 7}, 3, diary) == {("a", "b"): None, ("a", "c"): [7] * 3}
    assert (len(ran), diary.refused) == (1, ["a, b: no."])


def test_turns_go_forth_and_back():
    ran = []
    turns.take({("a", name): functools.partial(ran.append, name) for name in "bcd"}, 3, turns.Diary())
    assert "".join(ran) == "bcddcbbcd"


def test_there_is_a_reason_where_postgrest_is_absent(tmp_path, monkeypatch):
    monkeypatch.delenv("POSTGREST", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgrest, "KEPT", tmp_path / "postgrest")
    with pytest.raises(postgrest.Absent, match="POSTGREST="):
        postgrest.program()


def test_another_program_is_not_taken_for_postgrest(tmp_path):
    (tmp_path / "postgrest").write_text("#!/bin/sh\n")
    assert not postgrest.is_right(tmp_path / "postgrest")
