"""More requests than the service can do: it says so at once, and does as much as ever for the rest."""

import statistics
import time

from harness.postgres import person_uuid

from .. import crowd, wrk
from ..crowd import percentile, statuses
from ..fault import fault
from .load import CALLS, ROWS, note

LEAST = 0.8  # of the best throughput
SLEEP_S = 0.1  # of a slow search; each of the two workers does one at a time
WORKERS, PAGES = 2, 3  # of the service; of a list
SURPLUS = 100  # clients
LIST = crowd.get("/passengerlist")
BEST = 64  # connections with which the service does the most


@fault("more lists than it can do: twice as many", full={"seconds": 8, "turns": 3, "most": 256},
       short={"seconds": 1, "turns": 1, "most": 32})
def overload_lists(scene, seconds, turns, most):
    """Who is refused comes again after a second, as it is told, so as many clients as the best lists of a second are
    always away, beside those that wait for one of a list's three pages. In turns with the best, because the machine may
    do other things.
    """
    calls = [("GET", "/passengerlist")]
    with scene.service(PURSER_MAX_WAITING=most) as stack:
        scene.database.fill_passengers(ROWS)
        refuse_early(scene.database, stack.port, WORKERS * most)
        clients = int(wrk.measure(stack.port, calls, BEST, 1).rate) + WORKERS * PAGES * most
        results = [[wrk.measure(stack.port, calls, count, seconds) for count in (BEST, clients)] for _ in range(turns)]
        waited = wait_of_refused(stack)
    note(scene.line, *(result for pair in results for result in pair))
    kept = statistics.median(over.rate / best.rate for best, over in results)
    best, over = results[-1]
    scene.seen(f"{best.rate:,.0f} lists/s by {BEST} clients, {over.rate:,.0f} by {clients:,} ({kept:.0%} of it in the "
               f"median of {turns}), and {over.refused / over.seconds:,.0f} times 503 a second, p99 "
               f"{percentile(waited, 0.99) * 1000:.0f} ms")
    assert not any(result.other or result.broken for pair in results for result in pair), results
    if scene.form == "full":
        assert over.refused and percentile(waited, 0.99) <= 1, "it is said too late, or not at all"
        assert kept >= LEAST, f"only {kept:.0%} of the best throughput is left"


def refuse_early(database, port, room):
    """While no list gets on, those for which there is no room are told so; the others are answered once they may."""
    with crowd.Crowd(port) as clients:
        clients.add(2 * room + SURPLUS)
        with database.locked("passengers"):
            clients.ask_all(LIST)
            refused = clients.collect(room + SURPLUS)
        rest = clients.collect(len(clients.callers) - len(refused))
    assert len(refused) >= room + SURPLUS and set(statuses(refused)) == {503}, statuses(refused)
    assert statuses(rest)[200] and set(statuses(rest)) <= {200, 503}, statuses(rest)


def wait_of_refused(stack):
    """Seconds until each 503, by nginx's log."""
    return [line["duration_s"] for line in stack.log() if line.get("status") == 503]


@fault("more slow searches than it can do: twice as many", full={"deadline_ms": 10_000, "seconds": 30},
       short={"deadline_ms": 6_000, "seconds": 4})
def overload_searches(scene, deadline_ms, seconds):
    """Lookups go on beside."""
    search = crowd.get("/v1/employees?limit=10")
    with scene.service(PURSER_DEADLINE_MS=deadline_ms) as stack, crowd.Crowd(stack.port) as clients:
        scene.database.fill_passengers(ROWS)
        make_slow(scene.database)
        best = wrk.measure(stack.port, [("GET", "/v1/employees?limit=10")], 8, max(2, seconds // 5))
        alone = wrk.measure(stack.port, CALLS, 16, max(1, seconds // 5))
        with wrk.running(stack.port, CALLS, 16, seconds) as lookups:
            began = time.monotonic()
            answers = clients.offer(search, 2 * 2 / SLEEP_S, seconds)
            took = time.monotonic() - began
            beside = lookups.result()
    count, line = statuses(answers), scene.line
    refused = [answer.seconds for answer in answers if answer.status == 503]
    good = [answer.seconds for answer in answers if answer.status == 200]
    note(line, best, alone, beside)
    line.sent += len(answers)
    line.answered += len(good) + len(refused)
    line.listed = len(refused)
    kept = count[200] / took / best.rate
    scene.seen(f"{best.rate:.0f} searches/s at best, {count[200] / took:.0f} ({kept:.0%} of it) when "
               f"{len(answers) / seconds:.0f} a second came, the others refused, p99 "
               f"{percentile(refused, 0.99) * 1000:.0f} ms; lookups p99 {alone.p99 * 1000:.0f} ms, beside {beside.p99 * 1000:.0f} ms")
    assert set(count) == {200, 503}, f"the searches got {count}"
    for result in (best, alone, beside):
        assert not (result.refused or result.other or result.broken), result
    assert percentile(refused, 0.99) <= scene.within(0.5), "it is said too late"
    assert all(answer.retry_after for answer in answers if answer.status == 503)
    if scene.form == "full":
        assert kept >= LEAST, f"only {kept:.0%} of the best throughput is left"


def make_slow(database):
    """Whatever reads the employees waits a moment: a policy looks at each row, and there is one."""
    database.sql(f"""INSERT INTO employees (id, name, age, email)
                     VALUES ('{person_uuid(1)}', 'Slow', 50, 'slow@example.org');
                     ALTER TABLE employees ENABLE ROW LEVEL SECURITY;
                     CREATE POLICY slow ON employees USING (pg_sleep({SLEEP_S}) IS NOT NULL)""")
