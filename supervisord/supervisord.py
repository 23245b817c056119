"""supervisord in half the memory: starts Debian's, without the modules that it would load for nothing here.

It uses pkg_resources, a large module, for one thing: to find the object that a name in its configuration stands for. (A
newer supervisord has dropped it; then nothing changes.) It never speaks TLS, and hashlib does without OpenSSL.
"""

import importlib
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

from supervisor.supervisord import main  # noqa: E402 (after the modules above are in their place)

main()
