"""Requests that PostgreSQL keeps waiting: for a locked row, for a statement that takes long."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from harness import wait
from harness.samples import employee, passenger
from harness.session import Session

from ..fault import fault
from ..load import MIX

# A transaction that doesn't end keeps PostgreSQL from clearing away what is dead: what goes through whole tables
# becomes slower for that reason alone.
SINGLE = {**MIX, "find": 0, "page": 0, "list_all": 0}
NEW = "held@held.example"  # an address that a transaction which doesn't end has taken
TAKE_NEW = f"""INSERT INTO employees (id, name, age, email, created_at, updated_at)
               VALUES (gen_random_uuid(), 'Held', 1, '{NEW}', now(), now())"""


def timed(call):
    """Its answer's status, and the seconds that it took."""
    began = time.monotonic()
    status = call().status
    return status, time.monotonic() - began


@contextmanager
def a_row(scene, name):
    """The path of a passenger who is not the load's."""
    answer = scene.stack.http("POST", "/v1/passengers", passenger(name=name))
    assert answer.status == 201, answer
    yield answer.headers["location"]
    scene.database.sql(f"DELETE FROM passengers WHERE uuid = '{answer.json['uuid']}'")


def rate(load, seconds):
    """Answers a second, for so many seconds."""
    began, before = time.monotonic(), load.answered
    wait.until(lambda: time.monotonic() >= began + seconds, "the time to pass", timeout=seconds + wait.PATIENCE_S)
    return (load.answered - before) / (time.monotonic() - began)


def lock_of(path):
    """SQL that begins a transaction and locks this passenger."""
    return f"BEGIN; SELECT FROM passengers WHERE uuid = '{path.rpartition('/')[2]}' FOR UPDATE"


def waiting_for(scene, session):
    """How many sessions wait until this one ends its transaction."""
    query = f"SELECT count(*) FROM pg_stat_activity WHERE {session.pid} = ANY (pg_blocking_pids(pid))"
    return int(scene.database.sql(query))


@fault("a row locked by another session", full={"deadline_ms": 3000, "askers": 12, "times": 4, "part": 0.8},
       short={"deadline_ms": 1000, "askers": 6, "times": 1, "part": 0})
def row_locked(scene, deadline_ms, askers, times, part):
    """Whoever wants the row waits, and whoever wants an e-mail that another one is about to take; nobody else does."""
    deadline, before, meanwhile, answers = deadline_ms / 1000, 0, 0, []
    with scene.load(mix=SINGLE, PURSER_DEADLINE_MS=deadline_ms) as load, a_row(scene, "held.row") as path:
        http = scene.stack.http
        wants = [lambda: http("PATCH", path, {"age": 40}), lambda: http("PUT", path, passenger(name="held.row")),
                 lambda: http("DELETE", path), lambda: http("POST", "/v1/employees", employee(email=NEW))]  # fmt: skip
        for _ in range(times):
            before += rate(load, deadline * 0.8) / times
            with Session(scene.database) as session, ThreadPoolExecutor(askers) as pool:
                session.sql(f"{lock_of(path)}; {TAKE_NEW}")
                waiting = [pool.submit(timed, wants[number % len(wants)]) for number in range(askers)]
                meanwhile += rate(load, deadline * 0.8) / times
                assert http("GET", path).status == 200, "a locked row can't be read"
                answers += [answer.result() for answer in waiting]
                wait.until(lambda: waiting_for(scene, session) == 0, "PostgreSQL to end what nobody waits for")
            assert http("PATCH", path, {"age": 41}).status == 200, "the row is still locked"
        load.await_more()
    waits = [seconds for _, seconds in answers]
    scene.seen(f"{len(waits)} waited {min(waits):.2f} to {max(waits):.2f} s; "
               f"the others: {before:,.0f} answers/s before, {meanwhile:,.0f} then")
    assert {status for status, _ in answers} == {504}, answers
    assert deadline - 0.05 <= min(waits) and max(waits) <= deadline + scene.within(1), waits
    assert meanwhile >= part * before, f"{meanwhile:.0f} answers/s while the row was locked, {before:.0f} before"


SLOW = """
    CREATE FUNCTION wait_long() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$;
    CREATE TRIGGER wait_long BEFORE UPDATE ON passengers FOR EACH ROW
        WHEN (NEW.name = 'slow.statement') EXECUTE FUNCTION wait_long()"""


def slow(database):
    """To give a passenger this name takes ten minutes."""
    database.sql(SLOW)
    return database.url


def sleepers(session):
    """How many statements are at it; a session answers faster than psql starts."""
    return int(session.sql("""SELECT count(*) FROM pg_stat_activity
                              WHERE datname = current_database() AND wait_event = 'PgSleep'"""))


def seconds_until_cancelled(session):
    began = time.monotonic()
    wait.until(lambda: sleepers(session) == 0, "PostgreSQL to end a statement for which nobody waits")
    return time.monotonic() - began


@fault("a statement slower than the deadline",
       full={"deadline_ms": 5000, "times": 5}, short={"deadline_ms": 1000, "times": 1})
def statement_slow(scene, deadline_ms, times):
    """504, and the statement is ended in PostgreSQL."""
    deadline, waits, ends = deadline_ms / 1000, [], []
    with (scene.load(url=slow, PURSER_DEADLINE_MS=deadline_ms) as load, a_row(scene, "slow.row") as path,
          Session(scene.database) as session):
        for _ in range(times):
            status, seconds = timed(lambda: scene.stack.http("PATCH", path, {"name": "slow.statement"}))
            ends.append(seconds_until_cancelled(session))
            waits.append(seconds)
            assert status == 504, status
        assert scene.stack.http("GET", path).json["name"] == "slow.row"
        load.await_more()
    scene.seen(f"504 after {min(waits):.2f} to {max(waits):.2f} s, ended in PostgreSQL {max(ends):.2f} s later")
    assert deadline - 0.05 <= min(waits) and max(waits) <= deadline + scene.within(1), waits
    assert max(ends) <= scene.within(1), f"the statement went on for {max(ends):.2f} s"


@fault("a client goes away from a slow statement", full={"times": 20}, short={"times": 3})
def client_gone(scene, times):
    """The statement is ended long before the deadline."""
    ends = []
    with (scene.load(url=slow, PURSER_DEADLINE_MS=600_000) as load, a_row(scene, "slow.row") as path,
          Session(scene.database) as session):
        body = json.dumps({"name": "slow.statement"})
        lines = [f"PATCH {path} HTTP/1.1", "Host: x", "Content-Type: application/json",
                 f"Content-Length: {len(body)}", "", body]
        for _ in range(times):
            with socket.create_connection(("127.0.0.1", scene.stack.port), timeout=wait.PATIENCE_S) as client:
                client.sendall("\r\n".join(lines).encode())
                wait.until(lambda: sleepers(session) == 1, "the statement to begin")
            ends.append(seconds_until_cancelled(session))
        assert scene.stack.http("GET", path).json["name"] == "slow.row"
        load.await_more()
    scene.seen(f"{times} statements, ended in PostgreSQL within {max(ends):.2f} s")
    assert max(ends) <= scene.within(1), f"a statement went on for {max(ends):.2f} s"
