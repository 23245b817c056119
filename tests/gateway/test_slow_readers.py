"""Many clients that read a long answer slowly: what waits for them has its limit, and each gets all of it."""

import pytest
from harness import wait
from harness.fastcgi import message
from harness.process import peak_memory_kib, sanitized

SETTINGS = {"PURSER_DEADLINE_MS": 60_000}
ROWS = 5_000
READERS = 100
MOST_KIB = 40 * 1024  # of the worker; two usual pages for each of them would be more


ACTIVE = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"


@pytest.fixture(scope="module")
def rows(database):
    database.fill_passengers(ROWS)


@pytest.fixture
def readers(worker):
    """They have asked for all rows, and read nothing."""
    connections = [worker.connect(timeout=wait.PATIENCE_S * 4) for _ in range(READERS)]
    for connection in connections:
        connection.send(message("GET", "/v1/passengers", HTTP_ACCEPT="application/x-ndjson"))
    yield connections
    for connection in connections:
        connection.close()


def await_full(database, readers):
    """Return when PostgreSQL has nothing to do any more: whatever the readers' sockets take is in them."""
    quiet = []

    def is_quiet():
        quiet.append(database.sql(ACTIVE))
        return len(quiet) > 10 and set(quiet[-10:]) == {"1"}  # this question's own

    readers[-1].socket.recv(1, 2)  # MSG_PEEK: the last one is being answered
    wait.until(is_quiet, "the answers to wait for their readers", pause=0.02)


@pytest.mark.skipif(sanitized(), reason="AddressSanitizer keeps what is freed")
def test_what_waits_for_slow_readers_has_its_limit(worker, database, rows, readers):
    await_full(database, readers)
    assert worker.request("GET", "/readyz").status == 200
    assert peak_memory_kib(worker.pid) < MOST_KIB


def test_each_slow_reader_gets_all_rows(database, rows, readers):
    await_full(database, readers)
    for connection in readers:
        assert connection.read_response().body.count(b"\n") == ROWS
