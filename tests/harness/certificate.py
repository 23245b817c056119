"""Certificates for nginx: real ones, as a Secret of the type kubernetes.io/tls holds them."""

import shutil
import ssl
import tempfile
from pathlib import Path

from .process import run


def make_certificate(directory, name):
    """A certificate for 127.0.0.1 that signs itself, and its RSA key, in files of this name."""
    paths = directory / f"{name}.crt", directory / f"{name}.key"
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={name}",
         "-addext", "subjectAltName=IP:127.0.0.1", "-out", paths[0], "-keyout", paths[1]])
    return paths


class Certificate:
    """A directory with tls.crt and tls.key, for 127.0.0.1, that any user can read; gone after the `with` block."""

    def __enter__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="purser-tls-", dir="/tmp"))
        self.directory.chmod(0o755)
        self.renew()
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory)

    @property
    def text(self):
        return (self.directory / "tls.crt").read_text()

    def is_served(self, port):
        """Whether a client of this machine's `port` is shown this certificate."""
        return ssl.get_server_certificate(("127.0.0.1", port)) == self.text

    def renew(self):
        """Another key and certificate in the place of the old ones."""
        new = [self.directory / f"new.{ending}" for ending in ("crt", "key")]
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "1", "-subj", "/CN=purser", "-addext", "subjectAltName=IP:127.0.0.1",
             "-out", new[0], "-keyout", new[1]])
        for file in new:
            file.chmod(0o644)
            file.rename(self.directory / f"tls{file.suffix}")
