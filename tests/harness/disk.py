"""A small disk of memory that can be full."""

import errno
import os
import shutil
import tempfile
from pathlib import Path

from .process import run


class Disk:
    """`with Disk(directory, "postgres") as disk:` is mounted there, and gone after the block.

    `directory` is there already, and empty; `owner` may write to it.
    """

    def __init__(self, directory, owner, mebibytes):
        self.directory = Path(directory)
        self.options = f"size={mebibytes}m,mode=700,uid={owner.pw_uid},gid={owner.pw_gid}"
        self.ballast = self.directory / "ballast"

    def mount(self):
        run(["mount", "-t", "tmpfs", "-o", self.options, "purser-test", self.directory])
        return self

    def unmount(self):
        run(["umount", "--lazy", self.directory])

    def fill(self):
        """No byte is left."""
        with open(self.ballast, "ab", buffering=0) as file:
            try:
                while file.write(bytes(1 << 16)):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def make_room(self):
        self.ballast.unlink()

    def __enter__(self):
        return self.mount()

    def __exit__(self, *_):
        self.unmount()


def why_not():
    """Why no disk can be mounted here; None if one can."""
    if os.geteuid() != 0:
        return "only root may mount a small disk"
    directory = tempfile.mkdtemp(prefix="purser-disk-", dir="/tmp")
    try:
        done = run(["mount", "-t", "tmpfs", "-o", "size=1m", "purser-test", directory], check=False)
        if done.returncode != 0:
            return f"a small disk can't be mounted here: {done.stderr.strip()}"
        run(["umount", directory])
        return None
    finally:
        shutil.rmtree(directory)
