"""Ctrl-C is for the program, not for the PostgreSQL and the service that it has started and still needs for a while."""

import os
import signal
import subprocess
import sys

from harness.process import tied

ALONE = "CHAOS_ALONE"


def alone():
    """Return in a session of its own; what is sent to this process reaches it as SIGINT, once."""
    if os.environ.pop(ALONE, None):
        signal.signal(signal.SIGINT, interrupt)
        return
    command = tied("INT", [sys.executable, *sys.argv])
    with subprocess.Popen(command, env={**os.environ, ALONE: "yes"}, start_new_session=True) as child:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: child.send_signal(signal.SIGINT))
        sys.exit(child.wait())


def interrupt(*_):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt
