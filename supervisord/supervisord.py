"""Debian's supervisord, started with six changes.

It ends when a program can't be kept running (FATAL): by itself it would go on without that program, and look healthy.
The others are stopped as on SIGTERM, the reason is the last line of the log, and the exit code is 1. A program that
ended by itself, and is started again, is said in the log, too; what it had started is stopped.

A worker that was killed from outside (SIGKILL: by an operator, or because memory ran out) is started again, however
often; only one that ends by itself at its start is given up in the end. And what has ended is started again within a
tenth of a second. By itself supervisord looks for it once a second.

It hears a signal at once. By itself it looks for one once a second, as poll(2) is taken up again after a signal. One
that came before supervisord was there ends it before anything is started.

It holds on to the workers' socket. By itself supervisord closes it when no worker is left, so that two crashes in a row
turn clients away; held, connections wait in the backlog for the second until a worker is back. Workers that were stopped
on purpose release it: nginx answers 502 at once. A closed socket leaves no file behind.

It takes half the memory, without the modules that it would load for nothing here. pkg_resources, a large one, serves
only to find the object that a name in the configuration stands for. (A newer supervisord has dropped it; then nothing
changes.) There is no TLS here, and hashlib does without OpenSSL.

Last, it makes the pipe that is its standard output a large one, for nginx's log.
"""

import contextlib
import fcntl
import importlib
import json
import os
import signal
import sys
import time
import types

for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: os._exit(0))  # until supervisord takes them over
signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))  # `start` has blocked them


class EntryPoint:
    """What supervisord calls: EntryPoint.parse("x=module:object").resolve()."""

    def __init__(self, module, name):
        self.module, self.name = module, name

    @classmethod
    def parse(cls, text):
        return cls(*text.partition("=")[2].strip().split(":"))

    def resolve(self):
        return getattr(importlib.import_module(self.module), self.name)


sys.modules["pkg_resources"] = types.ModuleType("pkg_resources")
sys.modules["pkg_resources"].EntryPoint = EntryPoint
sys.modules["ssl"] = sys.modules["_hashlib"] = None  # importing these fails, as on a Python built without OpenSSL

from supervisor import events, supervisord  # noqa: E402 (after the modules above are in their place)
from supervisor.options import decode_wait_status  # noqa: E402
from supervisor.process import FastCGISubprocess, Subprocess  # noqa: E402
from supervisor.socket_manager import SocketManager  # noqa: E402
from supervisor.states import ProcessStates, SupervisorStates  # noqa: E402

OUTPUT_BYTES = 1 << 20  # as much as pipe(7) allows an ordinary user
RESTART_S = 0.1
SETTLE_S = 0.2  # what was written to standard error before has then been read by whoever merges the two


def log(level, message):
    """A line as nginx and the workers write them."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03}Z"
    line = json.dumps({"ts": stamp, "level": level, "program": "supervisord", "msg": message}, separators=(",", ":"))
    with contextlib.suppress(OSError):
        os.write(1, line.encode() + b"\n")


class Wakeup:
    """Ends supervisord's poll when a signal comes: one of the things that it polls."""

    def __init__(self, polled):
        self.polled = polled
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        os.set_blocking(self.writer, False)
        signal.set_wakeup_fd(self.writer, warn_on_full_buffer=False)
        polled[self.reader] = self

    def readable(self):
        return True

    def writable(self):
        return False

    def handle_read_event(self):
        with contextlib.suppress(BlockingIOError):
            os.read(self.reader, 4096)

    def close(self):
        signal.set_wakeup_fd(-1)
        del self.polled[self.reader]
        os.close(self.reader)
        os.close(self.writer)


class Supervisor(supervisord.Supervisor):
    """One that knows why it stops."""

    reason = None  # where nobody asked it to

    def runforever(self):
        wakeup = Wakeup(self.options.get_socket_map())
        poller = self.options.poller
        poller.poll = lambda timeout, poll=poller.poll: poll(self.patience(timeout))
        events.subscribe(events.ProcessStateStartingEvent, self.forget_complaint)
        events.subscribe(events.ProcessLogStderrEvent, self.note_complaint)
        events.subscribe(events.ProcessStateFatalEvent, self.give_up)
        try:
            super().runforever()
        finally:
            wakeup.close()

    def patience(self, timeout):
        """How long it may wait for something to happen: not as long as usual while a program is to be started again."""
        ended = (ProcessStates.EXITED, ProcessStates.BACKOFF)
        processes = [process for group in self.process_groups.values() for process in group.processes.values()]
        waits = self.options.mood == SupervisorStates.RUNNING and any(each.state in ended for each in processes)
        return RESTART_S if waits else timeout

    def forget_complaint(self, event):
        event.process.complaint = None

    def note_complaint(self, event):
        """The last line that it wrote to standard error."""
        lines = event.data.decode(errors="replace").splitlines()
        event.process.complaint = next(filter(str.strip, reversed(lines)), "")[:1000]

    def give_up(self, event):
        if self.options.mood < SupervisorStates.RUNNING:
            return  # it was to be started once more when everything was stopped
        process = event.process
        reason = f"{process.config.name} can't be kept running, after {process.config.startretries + 1} tries"
        for said in (process.spawnerr, process.complaint):
            reason += f": {said}" if said else ""
        log("error", f"{reason}; stopping everything")
        Supervisor.reason = reason
        self.options.mood = SupervisorStates.SHUTDOWN


def finish(process, pid, status, finish=Subprocess.finish):
    """Called when a process has ended."""
    was_stopped = process.killing
    ending = decode_wait_status(status)[1]
    if isinstance(process, FastCGISubprocess) and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        process.laststart = 0  # no start that failed, however short it was
    finish(process, pid, status)
    if process.state == ProcessStates.BACKOFF:
        process.spawnerr = ending  # by itself: that it ended too quickly
    if not was_stopped:
        log("warn", f"{process.config.name} (process {pid}) ended by itself: {ending}")
        # nginx's workers would serve on without their master, and nobody would stop them.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, process.config.stopsignal)


def release_when_stopped(process):
    """Called when a worker has ended. One that will be started again keeps its share in the socket until then."""
    if process.state == ProcessStates.STOPPED:
        process.fcgi_sock = None


def close_and_remove(manager, close=SocketManager._close):
    """Called when nobody has a share in the socket any more."""
    close(manager)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(manager.socket_config.path)


# nginx writes more at once than is sure to stay whole in a pipe; a large one has room for it, unless nobody reads.
with contextlib.suppress(OSError):  # it is none
    fcntl.fcntl(1, fcntl.F_SETPIPE_SZ, OUTPUT_BYTES)

Subprocess.complaint = None
Subprocess.finish = finish
FastCGISubprocess.after_finish = release_when_stopped
SocketManager._close = close_and_remove
supervisord.Supervisor = Supervisor

supervisord.main()
if Supervisor.reason:
    time.sleep(SETTLE_S)
    log("error", f"stopped: {Supervisor.reason}")
    sys.exit(1)
