"""A copy of this repository with a history, and a remote, of its own."""

import os
import shutil
import subprocess

import yaml

from .process import ROOT, environment, run

PERSON = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "A",
          "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


class Checkout:
    """The files of this checkout as one commit on main, pushed to a bare `remote` beside it.

    HOME is a directory of its own, so that the engine's passwords go there; the tools of install/tool are shared.
    """

    def __init__(self, directory):
        self.directory, self.home = directory / "checkout", directory / "home"
        self.remote = directory / "remote.git"
        cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
        self.env = environment(**{**PERSON, "HOME": self.home, "XDG_CACHE_HOME": cache, "PYTHONDONTWRITEBYTECODE": 1})

    @classmethod
    def make_template(cls, directory):
        """The first one, which the others are copies of."""
        made = cls(directory)
        made.home.mkdir(parents=True)
        names = run(["git", "-c", "safe.directory=*", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT).stdout
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file():
                (made.directory / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, made.directory / name)
        run(["git", "init", "--quiet", "--bare", "-b", "main", made.remote], env=made.env)
        run(["git", "init", "--quiet", "-b", "main", made.directory], env=made.env)
        made.git("remote", "add", "origin", "../remote.git")
        made.commit("Begin")
        return made

    def copy(self, directory):
        """Another one, history and remote included."""
        for source in (self.directory, self.remote, self.home):
            shutil.copytree(source, directory / source.name, symlinks=True)
        return Checkout(directory)

    def git(self, *words):
        """git's output, stripped."""
        return run(["git", *words], cwd=self.directory, env=self.env).stdout.strip()

    def commit(self, message="Change", push=True, **files):
        """Write `files` ({path: text}, with __ for /), commit everything, push it; the commit's id."""
        for name, text in files.items():
            self.write(name.replace("__", "/"), text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        if push:
            self.git("push", "--quiet", "origin", "main")
        return self.git("rev-parse", "HEAD")

    def write(self, name, text):
        (self.directory / name).parent.mkdir(parents=True, exist_ok=True)
        (self.directory / name).write_text(text)

    def append(self, name, text="\n"):
        """Add to a file, and commit that; the commit's id."""
        with open(self.directory / name, "a", encoding="utf-8") as file:
            file.write(text)
        return self.commit(f"Change {name}")

    def read(self, name):
        return (self.directory / name).read_text()

    def images(self, overlay):
        """The images of an overlay: {name: NAME:TAG or NAME:TAG@DIGEST}."""
        entries = yaml.safe_load(self.read(f"kustomize/overlays/{overlay}/kustomization.yaml"))["images"]
        return {entry["name"]: f"{entry.get('newName', entry['name'])}:{entry['newTag']}"
                + (f"@{entry['digest']}" if "digest" in entry else "") for entry in entries}

    def changed(self):
        """The files that git sees as changed, new ones included."""
        lines = run(["git", "status", "--porcelain", "--untracked-files=all"], cwd=self.directory, env=self.env).stdout
        return sorted(line[3:] for line in lines.splitlines())

    def call(self, *command, **settings):
        """A script of the checkout, or any command, with these variables; the finished run."""
        env = {**self.env, **{name: str(value) for name, value in settings.items()}}
        return subprocess.run([str(word) for word in command], cwd=self.directory, env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=600, check=False)

    def make(self, target, **settings):
        """A target as a person calls it: the variables on make's command line."""
        words = [f"{name}={value}" for name, value in settings.items()]
        return self.call("make", "--no-print-directory", target, *words)
