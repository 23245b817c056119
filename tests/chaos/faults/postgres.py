"""PostgreSQL goes away, in all the ways that it has, and comes back."""

import time

from ..fault import fault


@fault("PostgreSQL restarted (fast)", full={"times": 10}, short={"times": 2})
def postgres_restarted(scene, times):
    outages = []
    with scene.load() as load:
        for _ in range(times):
            began = time.monotonic()
            scene.cluster.restart()
            outages.append(time.monotonic() - began)
            load.await_more()
        longest = load.longest()
    scene.seen(f"{times} outages of up to {max(outages):.2f} s")
    assert longest <= max(outages) + scene.within(1), f"an answer took {longest:.2f} s, the outage {max(outages):.2f} s"
