"""Memory of process trees, from /proc: PSS counts a page that n processes share as one n-th for each."""

import pathlib
import threading

MIB = 1024 * 1024
PROC = pathlib.Path("/proc")


def tree(root):
    """The process and all its descendants."""
    children = {}
    for entry in PROC.glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # it has ended meanwhile
        parent = int(stat.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def field(pid, file, name):
    """A "Name:  123 kB" line of one of the process's files, in bytes; 0 once the process has ended."""
    try:
        for line in (PROC / str(pid) / file).read_text(encoding="utf-8").splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
    except PermissionError as error:
        raise SystemExit(f"bench: may not read the memory of process {pid}; run the bench as root") from error
    except OSError:
        pass
    return 0


def pss(pids):
    return sum(field(pid, "smaps_rollup", "Pss") for pid in pids)


def peak(pid):
    """The most that was ever resident."""
    return field(pid, "status", "VmHWM")


def forget_peak(pid):
    (PROC / str(pid) / "clear_refs").write_text("5", encoding="utf-8")


def command(pid):
    try:
        return (PROC / str(pid) / "comm").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


class Sampler(threading.Thread):
    """Keeps the highest PSS of some process trees seen between start and stop."""

    def __init__(self, roots, interval_s=0.7):
        super().__init__(daemon=True)
        self.roots = roots
        self.interval_s = interval_s
        self.highest = 0
        self.enough = threading.Event()

    def run(self):
        while not self.enough.wait(self.interval_s):
            self.highest = max(self.highest, pss(pid for root in self.roots for pid in tree(root)))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.enough.set()
        self.join()
