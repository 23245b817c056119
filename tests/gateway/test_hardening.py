"""The program as it was built is hard to abuse, and so is it when it runs."""

from pathlib import Path

import pytest
from harness.elf import assert_hardened, segments
from harness.process import BINARY, sanitized


def instrumented():
    """Built to be watched, not to be delivered."""
    return sanitized() or b"__gcov" in BINARY.read_bytes()


pytestmark = pytest.mark.skipif(instrumented(), reason="built for tests")


def test_the_file():
    assert_hardened(BINARY)


def test_a_file_that_is_not_hardened_is_found_out(tmp_path):
    """The checks of this file can fail: on a copy whose stack may be run."""
    copy = tmp_path / "purser"
    copy.write_bytes(BINARY.read_bytes())
    data = bytearray(copy.read_bytes())
    offset, size, count = (int.from_bytes(data[at:at + length], "little") for at, length in ((32, 8), (54, 2), (56, 2)))
    for header in range(offset, offset + size * count, size):
        if data[header:header + 4] == (0x6474E551).to_bytes(4, "little"):
            data[header + 4] |= 1
    copy.write_bytes(data)
    assert dict(segments(copy))["GNU_STACK"] == "RWE"
    with pytest.raises(AssertionError):
        assert_hardened(copy)


def test_no_memory_of_a_worker_is_both_written_and_run(worker):
    assert worker.request("GET", "/readyz").status == 200
    if Path(f"/proc/{worker.pid}/exe").resolve() != BINARY.resolve():
        pytest.skip("something runs it that has memory of its own")
    maps = Path(f"/proc/{worker.pid}/maps").read_text().splitlines()
    assert maps and not [line for line in maps if "w" in line.split()[1] and "x" in line.split()[1]]
