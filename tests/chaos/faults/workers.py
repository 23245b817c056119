"""Workers die, hang and are restarted."""

import os
import signal
import time

from harness import wait

from ..fault import fault


def kill_one(scene, number=0):
    """Return when another one has come in its place."""
    workers = scene.stack.workers()
    victim = workers[number % len(workers)]
    os.kill(victim, signal.SIGKILL)

    def is_replaced():
        now = scene.stack.workers()
        return len(now) == len(workers) and victim not in now

    wait.until(is_replaced, "another worker", pause=0.02)


@fault("a worker killed with -9", full={"times": 100}, short={"times": 10})
def worker_killed(scene, times):
    with scene.load() as load:
        began = time.monotonic()
        for number in range(times):
            kill_one(scene, number)
            load.await_more(20)
        took = time.monotonic() - began
    scene.seen(f"{times} kills in {took:.1f} s")


@fault("a worker stopped with SIGSTOP", full={"deadline_ms": 10_000, "seconds": 30}, short={"deadline_ms": 1000, "seconds": 4})
def worker_stopped(scene, deadline_ms, seconds):
    """Requests that were on their way to it are 504 a second after the deadline; the other one does the rest."""
    deadline = deadline_ms / 1000
    with scene.load(PURSER_DEADLINE_MS=deadline_ms) as load:
        victim = scene.stack.workers()[0]
        with load.allowing(504):
            os.kill(victim, signal.SIGSTOP)
            began = time.monotonic()
            try:
                before = load.answered
                wait.until(lambda: time.monotonic() - began >= seconds, "the time to pass", timeout=seconds + wait.PATIENCE_S)
                meanwhile = load.answered - before
            finally:
                os.kill(victim, signal.SIGCONT)
        load.await_more()
        waits = [failure.ended - failure.sent for failure in load.failures()]
        assert victim in scene.stack.workers()
    scene.seen(f"stopped for {seconds} s: {meanwhile:,} answers meanwhile, {len(waits)} times 504 at up to {max(waits, default=0):.2f} s")
    assert meanwhile > 100 * seconds / scene.within(1)
    # No more than wait at once: a connection that went silent is not used again.
    assert len(waits) <= len(load.clients), waits
    assert all(deadline <= waited <= deadline + 1 + scene.within(1) for waited in waits), waits


@fault("workers restarted one by one", full={"workers": (0, 1)}, short={"workers": (0,)})
def workers_restarted(scene, workers):
    """Each goes when nginx has closed its connections, which takes as long as they are kept (10 s)."""
    times = []
    with scene.load() as load:
        for number in workers:
            began = time.monotonic()
            said = scene.stack.control("restart", f"purser:purser_{number}")
            times.append(time.monotonic() - began)
            assert "started" in said, said
            load.await_more()
    scene.seen("each in " + ", ".join(f"{seconds:.1f} s" for seconds in times))
