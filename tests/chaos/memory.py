"""Whether what the service takes of the machine grows while a load is on it."""

import os
import time
from dataclasses import dataclass

from harness.process import descriptors, sanitized

from .footprint import nginx_processes, pss

SETTLED_S = 300  # what is there after this, or a tenth of the time, may stay
GROWTH = 1.15  # of memory, from then to the end
GROWTH_KIB = 2048  # and so much: pages that are touched now and then
GROWTH_DESCRIPTORS = 16  # connections come and go


@dataclass(frozen=True)
class Sample:
    """At one time: of the worker that nobody touches, and of all of nginx."""

    at: float
    worker_kib: int
    worker_descriptors: int
    nginx_kib: int
    nginx_descriptors: int


class Series:
    """Samples of one service; of its workers, this one."""

    def __init__(self, stack, worker):
        self.stack = stack
        self.worker = worker
        self.samples = []
        self.sample()

    def sample(self):
        try:
            nginx = nginx_processes(self.stack)
            self.samples.append(Sample(
                time.monotonic(), pss(self.worker) // 1024, descriptors(self.worker),
                sum(map(pss, nginx)) // 1024, sum(map(descriptors, nginx)),
            ))  # fmt: skip
        except (FileNotFoundError, ProcessLookupError):
            pass  # one of nginx's has just gone; the next sample is soon

    def windows(self):
        """The samples from when it had settled, for a tenth of the time, and those of the last tenth."""
        first, last = self.samples[0].at, self.samples[-1].at
        tenth = (last - first) / 10
        settled = first + min(SETTLED_S, tenth)
        return ([sample for sample in self.samples if settled <= sample.at <= settled + tenth] or self.samples[:1],
                [sample for sample in self.samples if sample.at >= last - tenth])

    def growth(self):
        """(name, before, after): the median of each window."""
        before, after = self.windows()
        for name in ("worker_kib", "worker_descriptors", "nginx_kib", "nginx_descriptors"):
            yield name, *(sorted(getattr(sample, name) for sample in part)[len(part) // 2] for part in (before, after))

    def complaints(self):
        """What has grown."""
        if not os.path.exists(f"/proc/{self.worker}"):
            yield "The worker that nobody touched has gone."
        for name, before, after in self.growth():
            bound = before * GROWTH + GROWTH_KIB if name.endswith("kib") else before + GROWTH_DESCRIPTORS
            if after > bound and not (name.endswith("kib") and sanitized()):  # which keeps what was freed
                yield f"{name} has grown from {before:,} to {after:,}"

    def summary(self):
        return ", ".join(f"{name.replace('_', ' ')} {before:,} → {after:,}" for name, before, after in self.growth())

    def latest(self):
        now = self.samples[-1]
        return (f"worker {now.worker_kib:,} KiB, {now.worker_descriptors} descriptors, "
                f"nginx {now.nginx_kib:,} KiB, {now.nginx_descriptors} descriptors")
