"""PostgreSQL is lost, and another one takes its place; it is there, and says nothing."""

import time

from harness import wait
from harness.pair import Pair

from ..fault import fault


@fault("primary lost, standby promoted (synchronous, two hosts)",
       full={"away_s": 3, "fsync": "on"}, short={"away_s": 0.5, "fsync": "off"})
def primary_lost(scene, away_s, fsync):
    """The standby is promoted within the deadline: nobody sees an error. The tables are those of the new primary."""
    with Pair(fsync=fsync) as pair:
        pair.make_template()
        with scene.load(cluster=pair) as load:
            began = time.monotonic()
            pair.lose_primary()
            load.await_all_waiting(away_s)
            pair.standby.promote()
            outage = time.monotonic() - began
            load.await_more()
            longest = load.longest()
            assert pair.sql("SELECT pg_is_in_recovery()") == "f"
    scene.seen(f"promoted after {outage:.2f} s")
    assert longest <= outage + scene.within(1), f"an answer took {longest:.2f} s, the outage {outage:.2f} s"


@fault("PostgreSQL silent (SIGSTOP of all its processes)",
       full={"deadline_ms": 10_000, "more_s": 3}, short={"deadline_ms": 1000, "more_s": 1.5})
def postgres_silent(scene, deadline_ms, more_s):
    """Its connections are dropped a second after the deadline, whatever TCP says."""
    deadline = deadline_ms / 1000
    silent_s = deadline + more_s
    with scene.load(PURSER_DEADLINE_MS=deadline_ms) as load:
        with load.allowing(503, 504):
            with scene.cluster.silent():
                began = time.monotonic()
                load.await_all_waiting(min(0.5, deadline / 2))
                wait.until(lambda: time.monotonic() > began + silent_s, "the time to pass", timeout=silent_s + 1)
                assert scene.status("/healthz") == 200
                assert scene.status("/readyz") == 503
                waits = [failure.ended - failure.sent for failure in load.failures()]
            back = scene.await_ready()
        load.await_more()
    scene.seen(f"turned away after {min(waits):.2f} to {max(waits):.2f} s; ready {back:.2f} s after its return")
    assert deadline - 0.05 <= min(waits) and max(waits) <= deadline + scene.within(1), waits
    assert back <= scene.within(1), f"it took {back:.2f} s to be ready again"
