"""Debian's supervisord, started with two changes.

It holds on to the workers' socket. By itself supervisord closes it when no worker is left, so that two crashes in a row
turn clients away; held, connections wait in the backlog for the second until a worker is back. Workers that were stopped
on purpose release it: nginx answers 502 at once. A closed socket leaves no file behind.

And it takes half the memory, without the modules that it would load for nothing here. pkg_resources, a large one, serves
only to find the object that a name in the configuration stands for. (A newer supervisord has dropped it; then nothing
changes.) There is no TLS here, and hashlib does without OpenSSL.
"""

import contextlib
import importlib
import os
import sys
import types


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

from supervisor import supervisord  # noqa: E402 (after the modules above are in their place)
from supervisor.process import FastCGISubprocess  # noqa: E402
from supervisor.socket_manager import SocketManager  # noqa: E402
from supervisor.states import ProcessStates  # noqa: E402


def release_when_stopped(process):
    """Called when a worker has ended. One that will be started again keeps its share in the socket until then."""
    if process.state == ProcessStates.STOPPED:
        process.fcgi_sock = None


def close_and_remove(manager, close=SocketManager._close):
    """Called when nobody has a share in the socket any more."""
    close(manager)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(manager.socket_config.path)


FastCGISubprocess.after_finish = release_when_stopped
SocketManager._close = close_and_remove

supervisord.main()
