"""Waiting for a condition, bounded in time."""

import time

PATIENCE_S = 30.0  # for anything that is expected to happen; several times this long under a sanitizer is still wrong


def until(condition, what, timeout=PATIENCE_S, pause=0.01):
    """Call `condition` until it returns something true, and return that; fail with `what` when the time is up."""
    end = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise TimeoutError(f"waited {timeout} s for {what}")
        time.sleep(pause)
