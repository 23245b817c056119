"""What a service takes of the machine: memory and descriptors of nginx and of the workers."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from harness.launch import children
from harness.process import descriptors, peak_memory_kib

MIB = 1024 * 1024


@dataclass
class Footprint:
    """At one moment: PSS in bytes (a page that n processes share counts as an n-th for each), open descriptors."""

    at: float
    nginx: int
    workers: int
    nginx_descriptors: int
    worker_descriptors: int

    @property
    def memory(self):
        return self.nginx + self.workers

    @property
    def descriptors(self):
        return self.nginx_descriptors + self.worker_descriptors


def pss(pid):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def nginx_processes(stack):
    first = stack.nginx()
    return [first, *children(first, "nginx")]


def look(stack):
    nginx, workers = nginx_processes(stack), stack.workers()
    return Footprint(time.monotonic(), sum(map(pss, nginx)), sum(map(pss, workers)), sum(map(descriptors, nginx)),
                     sum(map(descriptors, workers)))


def peak(stack):
    """The most, in bytes, that a worker ever had resident."""
    return max(map(peak_memory_kib, stack.workers())) * 1024


class Watch(threading.Thread):
    """`with Watch(stack) as watch:` looks every half second; watch.seen has all of it."""

    def __init__(self, stack, pause_s=0.5):
        super().__init__(daemon=True)
        self.stack = stack
        self.pause_s = pause_s
        self.seen = []
        self.enough = threading.Event()

    def run(self):
        while not self.enough.wait(self.pause_s):
            self.seen.append(look(self.stack))

    def between(self, since, until):
        """The most memory that was seen then."""
        return max((seen.memory for seen in self.seen if since <= seen.at <= until), default=0)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.enough.set()
        self.join()
