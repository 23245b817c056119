"""What the linker has written into a program: whether it is as hard to abuse as the compiler can make it."""

import re

from .process import run


def _readelf(option, path):
    return run(["readelf", "--wide", option, path]).stdout


def segments(path):
    """The program headers: (type, flags)."""
    return re.findall(r"^ +([A-Z][A-Z_]+) +(?:0x[0-9a-f]+ +){5}([RWE ]{3}) ", _readelf("--program-headers", path), re.M)


def assert_hardened(path):
    """It is loaded anywhere, what the loader fills in is read-only then, nothing is both written and run, and the C
    library's checks of buffers and the stack are in it.
    """
    found = segments(path)
    kinds = dict(found)
    assert re.search(r"Type: +DYN ", _readelf("--file-header", path))
    dynamic = _readelf("--dynamic", path)
    assert re.search(r"\(FLAGS\) .*\bBIND_NOW\b", dynamic) and re.search(r"\(FLAGS_1\) .*\bNOW\b.*\bPIE\b", dynamic), dynamic
    assert "TEXTREL" not in dynamic and "RPATH" not in dynamic and "RUNPATH" not in dynamic, dynamic
    assert "GNU_RELRO" in kinds
    assert kinds["GNU_STACK"] == "RW "
    assert {flags for kind, flags in found if kind == "LOAD"} <= {"R  ", "R E", "RW "}, found
    imported = set(re.findall(r" UND (\w+)@", _readelf("--dyn-syms", path)))
    assert "__stack_chk_fail" in imported
    assert {"__snprintf_chk", "__fprintf_chk"} <= imported
