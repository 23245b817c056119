"""Workers die, hang and are restarted."""

import os
import signal
import time

from harness import wait

from ..client import STREAMED
from ..fault import fault


# --- what is done to them; the soak does it, to the first one, too ---


def pid(scene, number):
    """Of the worker with this number."""
    return int(scene.stack.control("pid", f"purser:purser_{number}"))


def kill(scene, victim):
    """Return when another one has come in its place."""
    workers = scene.stack.workers()
    os.kill(victim, signal.SIGKILL)

    def is_replaced():
        now = scene.stack.workers()
        return len(now) == len(workers) and victim not in now

    wait.until(is_replaced, "another worker", pause=0.02)


def stand_still(victim, seconds):
    """It takes what comes, and does nothing."""
    os.kill(victim, signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        os.kill(victim, signal.SIGCONT)


def restart(scene, number):
    """Seconds that it took: it goes when nginx has closed its connections, which are kept for 10 s."""
    began = time.monotonic()
    said = scene.stack.control("restart", f"purser:purser_{number}")
    assert "started" in said, said
    return time.monotonic() - began


def kill_first(scene):
    kill(scene, pid(scene, 0))


def stop_first(scene):
    stand_still(pid(scene, 0), 1)


def restart_first(scene):
    restart(scene, 0)


# --- the faults ---


@fault("a worker killed with -9", full={"times": 100}, short={"times": 10})
def worker_killed(scene, times):
    """The lists that it streams break off, visibly; nothing else shows."""
    with scene.load() as load, load.allowing("cut", calls=STREAMED):
        began = time.monotonic()
        for number in range(times):
            workers = scene.stack.workers()
            kill(scene, workers[number % len(workers)])
            load.await_more(200)
        took = time.monotonic() - began
    scene.seen(f"{times} kills in {took:.1f} s; {len(load.failures())} lists that were streamed broke off")


@fault("a worker stopped with SIGSTOP",
       full={"deadline_ms": 10_000, "seconds": 30}, short={"deadline_ms": 2000, "seconds": 5})
def worker_stopped(scene, deadline_ms, seconds):
    """Requests that were on their way to it are 504 a second after the deadline; the other one does the rest."""
    deadline = scene.deadline_ms(deadline_ms) / 1000
    with scene.load(PURSER_DEADLINE_MS=scene.deadline_ms(deadline_ms)) as load:
        victim = scene.stack.workers()[0]
        with load.allowing(503, 504):  # 503 is its own answer to what it finds when it goes on, and is too late for
            before = load.answered
            stand_still(victim, seconds)
            meanwhile = load.answered - before
        load.await_more()
        waits = [failure.ended - failure.sent for failure in load.failures()]
        assert victim in scene.stack.workers()
    scene.seen(f"for {seconds} s: {meanwhile:,} answers meanwhile, "
               f"{len(waits)} failed after up to {max(waits, default=0):.2f} s")
    assert meanwhile > 100 * seconds / scene.within(1)
    # No more than wait at once: a connection that went silent is not used again.
    assert len(waits) <= len(load.clients), waits
    assert all(deadline <= waited <= deadline + 1 + scene.within(1) for waited in waits), waits


@fault("workers restarted one by one", full={"workers": (0, 1)}, short={"workers": (0,)})
def workers_restarted(scene, workers):
    times = []
    with scene.load() as load:
        for number in workers:
            times.append(restart(scene, number))
            load.await_more()
    scene.seen("each in " + ", ".join(f"{seconds:.1f} s" for seconds in times))
