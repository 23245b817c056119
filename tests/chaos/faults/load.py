"""More connections, more requests, slower clients and longer answers than usual."""

import json
import time

from harness.postgres import person_uuid
from harness.samples import passenger

from .. import crowd, footprint, wrk
from ..fault import fault
from ..footprint import MIB

ROWS = 887
KEYS = 200  # rows that are looked up
CALLS = [("GET", f"/getpassenger/{person_uuid(number)}") for number in range(1, KEYS + 1)]
CREATE = ("POST", "/postpassenger", json.dumps(passenger(name="Busy")))
MIXED = CALLS + 20 * [("GET", "/v1/passengers?limit=50"), CREATE]
READ = crowd.get(CALLS[0][1])


def note(line, *results):
    """What the clients of wrk saw goes into the line; nothing but good answers, or 503 where that is listed."""
    line.sent = line.answered = sum(result.good + result.refused + result.other for result in results)
    line.listed = sum(result.refused for result in results)
    line.unlisted = sum(result.other + result.broken for result in results)
    line.longest = max(result.longest for result in results)


@fault("10,000 idle connections and 1,000 busy ones", full={"idle": 10_000, "busy": 1_000, "seconds": 20},
       short={"idle": 1_000, "busy": 100, "seconds": 1})
def idle_and_busy(scene, idle, busy, seconds):
    for processes in (1, 2):
        with scene.service(PURSER_NGINX_PROCESSES=processes) as stack:
            scene.database.fill_passengers(ROWS)
            wrk.measure(stack.port, MIXED, busy, max(1, seconds // 4))  # what is taken for so many and kept
            keep_idle(scene, stack, idle, busy, seconds, processes)


def keep_idle(scene, stack, idle, busy, seconds, processes):
    before = footprint.look(stack)
    with crowd.Crowd(stack.port) as clients:
        clients.add(idle)
        first = crowd.statuses(clients.ask_each(READ))
        beside = footprint.look(stack)
        began = time.monotonic()
        with footprint.Watch(stack) as watch, wrk.running(stack.port, MIXED, busy, seconds) as load:
            result = load.result()
        middle, end = (began + time.monotonic()) / 2, time.monotonic()
        last = crowd.statuses(clients.ask_each(READ))
    note(scene.line, result)
    scene.line.sent += 2 * idle
    scene.line.answered += first[200] + last[200]
    scene.seen(f"{processes} nginx: p99 {result.p99 * 1000:.0f} ms at {result.rate:,.0f}/s; MiB with {busy} "
               f"{before.memory / MIB:.0f}, and {idle} idle {beside.memory / MIB:.0f}, under load "
               f"{watch.between(began, middle) / MIB:.0f}, later {watch.between(middle, end) / MIB:.0f}")
    assert first == last == {200: idle}, f"the idle ones got {first}, and at the end {last}"
    assert not (result.refused or result.other or result.broken), result
    if scene.form == "full":
        assert watch.between(middle, end) <= 1.1 * watch.between(began, middle) + MIB, "memory grows under load"
