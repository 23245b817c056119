"""The clock of nginx and the workers is set, back and forth."""

import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

from harness import clock
from harness.session import Session

from ..fault import fault, leave_out
from .waiting import a_row, lock_of, timed

WALKERS = 200  # rows that are there all the time


def walk(scene, steps):
    """All the keys of a walk through the pages of the employees; after each of the first ones a step is made."""
    target, keys = "/v1/employees?limit=20&name=like.walk.*", []
    while target:
        page = scene.stack.http("GET", target).json
        keys += [item["id"] for item in page["items"]]
        target = page["next"]
        next(steps, lambda: None)()
    return keys


@fault("the clock set back an hour", full={"deadline_ms": 3000, "more": 3000}, short={"deadline_ms": 1000, "more": 200})
def clock_set_back(scene, deadline_ms, more):
    """The last seconds come again, then the last hour, then it is as late as before. Whatever waits meanwhile waits as
    long as ever, and who reads page by page sees each row once.
    """
    leave_out(clock.why_not())
    deadline, own = deadline_ms / 1000, []
    with scene.load(prepare=lambda stack: own.append(clock.Clock(stack)), PURSER_DEADLINE_MS=deadline_ms) as load:
        (own,) = own
        walkers = [{"name": f"walk.{number}", "age": 1, "email": f"{number}@walk.example"} for number in range(WALKERS)]
        walkers = {row["id"] for row in scene.stack.http("POST", "/v1/employees", walkers).json["items"]}

        def step(seconds):
            own.set_back(seconds)
            load.await_more(more)

        with a_row(scene, "held.row") as path, Session(scene.database) as session, ThreadPoolExecutor() as pool:
            session.sql(lock_of(path))
            held = pool.submit(timed, lambda: scene.stack.http("PATCH", path, {"age": 40}))
            steps = iter([lambda: step(2), lambda: step(3600), lambda: step(0), lambda: step(3600)])
            seen = walk(scene, steps)
            status, waited = held.result()
            session.sql("ROLLBACK")
        late = time.time() - parsedate_to_datetime(scene.stack.http("GET", "/hello").headers["date"]).timestamp()
        scene.database.sql("DELETE FROM employees WHERE name LIKE 'walk.%'")
    scene.seen(f"a walk through {len(seen)} rows while it was set four times; {late:,.0f} s late at the end; "
               f"504 after {waited:.2f} s")
    assert late > 3500, late
    assert set(seen) == walkers and len(seen) == WALKERS, "the walk missed rows, or saw some twice"
    assert seen == sorted(seen), "the walk was not in order"
    assert status == 504 and deadline - 0.05 <= waited <= deadline + scene.within(1), (status, waited)
