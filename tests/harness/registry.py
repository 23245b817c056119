"""A registry for images, Debian's docker-registry, on an address of loopback: there the engine speaks HTTP."""

import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from . import wait
from .process import tied

CONFIGURATION = """version: 0.1
storage: {{filesystem: {{rootdirectory: {directory}/data}}}}
http: {{addr: "{host}:80"}}
log: {{level: warn}}
"""
AUTHENTICATION = "auth: {{htpasswd: {{realm: purser, path: {directory}/passwords}}}}\n"


class Registry:
    """`with Registry() as registry:` answers at `registry.host`; with a password, to that of the user "purser" alone.

    Port 80, since the name of an image in an overlay has no port; that takes root or sudo.
    """

    def __init__(self, password=None):
        self.directory = Path(tempfile.mkdtemp(prefix="purser-registry-"))
        self.host = f"127.78.{int.from_bytes(os.urandom(1), 'big')}.{1 + os.urandom(1)[0] % 254}"
        self.path = f"{self.host}/purser"  # what REGISTRY is
        text = CONFIGURATION
        if password:
            text += AUTHENTICATION
            # Perl is in every Debian, and its crypt knows bcrypt.
            salted = subprocess.check_output(["perl", "-e", 'print crypt($ENV{WORD}, "\\$2b\\$05\\$" . "a" x 22)'],
                                             env={"WORD": password}, text=True)
            (self.directory / "passwords").write_text(f"purser:{salted}\n")
        (self.directory / "config.yml").write_text(text.format(directory=self.directory, host=self.host))
        self.process = None

    def __enter__(self):
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                [*sudo, *tied("TERM", ["docker-registry", "serve", self.directory / "config.yml"])],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        wait.until(self._answers, "the registry")
        return self

    def _answers(self):
        assert self.process.poll() is None, (self.directory / "log").read_text()
        try:
            urllib.request.urlopen(f"http://{self.host}/v2/", timeout=5).close()
        except urllib.error.HTTPError as error:
            return error.code == 401
        except OSError:
            return False
        return True

    def __exit__(self, *_):
        if os.geteuid() == 0:
            self.process.terminate()
        else:
            subprocess.run(["sudo", "-n", "kill", str(self.process.pid)], check=False)
        self.process.wait(timeout=30)
        shutil.rmtree(self.directory, ignore_errors=True)

    def digest(self, image, tag):
        """The digest of a tag as the registry tells it; None where there is no such tag."""
        accept = "application/vnd.{0}, application/vnd.{1}, application/vnd.{2}, application/vnd.{3}".format(
            "docker.distribution.manifest.v2+json", "docker.distribution.manifest.list.v2+json",
            "oci.image.manifest.v1+json", "oci.image.index.v1+json")  # fmt: skip
        ask = urllib.request.Request(f"http://{self.path.replace('/', '/v2/', 1)}/{image}/manifests/{tag}",
                                     method="HEAD", headers={"Accept": accept})
        try:
            with urllib.request.urlopen(ask, timeout=10) as answer:
                return answer.headers["Docker-Content-Digest"]
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise
