"""nginx is reloaded; all of the service ends."""

import contextlib
import os
import signal
import time
from pathlib import Path

from harness import wait
from harness.launch import children

from ..fault import fault


def serving(scene):
    """nginx's processes that take connections; old ones only finish what they have."""
    found = set()
    for pid in children(scene.stack.nginx(), "nginx"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0 ") == b"nginx: worker process":
                found.add(pid)
    return found


def reload_nginx(scene):
    """Return when new processes have taken over, whatever the old ones still have to do."""
    old = serving(scene)
    os.kill(scene.stack.nginx(), signal.SIGHUP)

    def have_taken_over():
        new = serving(scene)
        return len(new) == len(old) and not new & old

    wait.until(have_taken_over, "new processes of nginx", pause=0.02)


@fault("nginx reloaded", full={"times": 10}, short={"times": 3})
def nginx_reloaded(scene, times):
    with scene.load() as load:
        nginx = scene.stack.nginx()
        for _ in range(times):
            reload_nginx(scene)
            load.await_more()
        assert scene.stack.nginx() == nginx
    scene.seen(f"{times} reloads")


@fault("SIGTERM to the whole service", full={"times": 3}, short={"times": 1})
def service_ended(scene, times):
    """Whoever was accepted is answered. Who got not one byte met nobody who listened, and nothing was done for him."""
    seconds = []
    for _ in range(times):
        with scene.load() as load:
            load.may_leave = True
            with load.allowing("unheard"):
                began = time.monotonic()
                scene.stack.process.send_signal(signal.SIGTERM)
                code = scene.stack.process.wait(2 * wait.PATIENCE_S)
                seconds.append(time.monotonic() - began)
                load.join()
            assert code == 0, f"exit code {code}"
    scene.seen(f"exit 0 within {max(seconds):.1f} s")
    assert max(seconds) <= max(15, scene.within(1.5))
