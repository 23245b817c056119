"""What changed, push, release and commit share: settings, git, the Dockerfiles, the overlays and the registry.

A Fault is a sentence for the person who typed the command; `main` prints it and ends with exit code 2.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILES = {"purser": "Dockerfile", "postgres0": "schema/Dockerfile"}
INSTALL_FILES = {"dev": "install/dev.yaml", "production": "install/purser.yaml"}
LABEL = "org.opencontainers.image"


class Fault(Exception):
    """What is wrong, as a sentence."""


def main(function):
    """Run a command; its exit code is what `function` returns, or 2 after a fault."""
    try:
        sys.exit(function())
    except Fault as fault:
        print(f"{Path(sys.argv[0]).name}: {fault}", file=sys.stderr)
        sys.exit(2)


def run(*command, cwd=ROOT, check=True, **options):
    """A program's finished run, its streams as text; with `check`, a failure is a fault that says what it said."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              **options)
    except OSError as error:
        raise Fault(f"{words[0]} can't be run: {error.strerror}.") from error
    if check and done.returncode != 0:
        raise Fault(f"{' '.join(words[:3])} failed: {(done.stderr or done.stdout).strip()}")
    return done


def git(*words, **options):
    """git in this checkout, whoever owns it."""
    return run("git", "-c", "safe.directory=*", *words, **options)


# --- settings ---


def setting(name, example):
    """A variable that must be set."""
    value = os.environ.get(name, "")
    if not value:
        raise Fault(f"{name} is not set; it is {example}.")
    return value


def images(default):
    """The images that IMAGE names, one or several words."""
    names = os.environ.get("IMAGE", "").split() or list(default)
    for name in names:
        if name not in DOCKERFILES:
            raise Fault(f'there is no image "{name}"; IMAGE is {" or ".join(DOCKERFILES)}.')
    return list(dict.fromkeys(names))


def development_tag(name):
    """The tag in the variable `name`, main-<sha>, and its commit's digits."""
    tag = setting(name, "main- and the commit, as in main-0123456789ab")
    match = re.fullmatch(r"main-([0-9a-f]{7,40})", tag)
    if not match:
        raise Fault(f'{name} is "{tag}"; it is main- and the commit, as in main-0123456789ab.')
    return tag, match.group(1)


def registry():
    """REGISTRY, host/path."""
    value = setting("REGISTRY", "the registry's host and path, as in registry.example.org/purser")
    if not re.fullmatch(r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*", value):
        raise Fault(f'REGISTRY is "{value}"; it is the registry\'s host and path in small letters, '
                    "as in registry.example.org/purser.")
    return value


# --- git and the Dockerfiles ---


def commit_of(name):
    """The whole id of a commit, or None where this clone doesn't know it."""
    done = git("rev-parse", "--quiet", "--verify", "--end-of-options", f"{name}^{{commit}}", check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def _sources(dockerfile):
    """What the COPY and ADD lines of a Dockerfile take from the checkout."""
    found = []
    lines = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", dockerfile)).splitlines()
    for line in lines:
        match = re.match(r"\s*(?:COPY|ADD)\s+((?:--\S+\s+)*)(.*\S)", line, re.I)
        if match and "--from=" not in match.group(1):
            words = match.group(2)
            words = json.loads(words) if words.startswith("[") else words.split()
            found += [re.sub(r"^(\./)+|/+$", "", word) for word in words[:-1]]
    return found


def _pattern(line):
    """One line of .dockerignore as a regular expression."""
    translated = ""
    for part in re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", line.strip("/")):
        translated += {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part) or re.escape(part)
    return re.compile(translated)


def _is_ignored(path, dockerignore):
    """Whether the builder never sees this file: the last line that matches it, or a folder above it, decides."""
    result = False
    ancestors = [path, *map(str, Path(path).parents)][:-1]
    for line in filter(None, map(str.strip, dockerignore.splitlines())):
        if not line.startswith("#") and any(map(_pattern(line.lstrip("!")).fullmatch, ancestors)):
            result = not line.startswith("!")
    return result


def changed_files(image, since, until="HEAD"):
    """The files of an image that differ between two commits.

    They are what its Dockerfile copies, less what .dockerignore leaves out, and what says how: the Dockerfile,
    .dockerignore, and VERSION, which is in the image's labels.
    """
    dockerfile = git("show", f"{until}:{DOCKERFILES[image]}").stdout
    dockerignore = git("show", f"{until}:.dockerignore", check=False).stdout
    always = [DOCKERFILES[image], ".dockerignore", "VERSION"]
    paths = [f":(top,glob){path}" for path in _sources(dockerfile) if path not in ("", ".")]
    if len(paths) < len(_sources(dockerfile)):
        paths = [":(top)"]  # COPY . takes all of it
    names = git("diff", "--name-only", "-z", "--no-renames", since, until, "--", *paths, *always).stdout
    return [name for name in names.split("\0") if name and (name in always or not _is_ignored(name, dockerignore))]


# --- the overlays ---


def images_of(kustomization):
    """The images that a kustomization names: {name: {"newName": …, "newTag": …, "digest": …}}."""
    return {entry["name"]: entry for entry in yaml.safe_load(kustomization).get("images") or []}


def overlay_images(overlay):
    """The images of an overlay of this checkout."""
    path = ROOT / "kustomize" / "overlays" / overlay / "kustomization.yaml"
    try:
        return images_of(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Fault(f"{path.relative_to(ROOT)} can't be read: {error.strerror}.") from error


# --- the registry ---


def _skopeo(*words, check=True):
    return run("skopeo", *words, check=check)


def plain_http(reference, prefix=""):
    """The options for a registry on loopback, which speaks HTTP, as the engine takes it to do."""
    return [f"--{prefix}tls-verify=false"] if re.match(r"(127\.[0-9.]+|localhost)(:|/)", reference) else []


def digest_of(raw):
    """The digest of a manifest."""
    return "sha256:" + hashlib.sha256(raw.encode()).hexdigest()


def manifest(reference):
    """The manifest, as text, that a tag in the registry has; None where there is no such tag."""
    done = _skopeo("inspect", "--raw", *plain_http(reference), f"docker://{reference}", check=False)
    if done.returncode == 0:
        return done.stdout
    if re.search(r"manifest unknown|name unknown|not known to registry|not found", done.stderr, re.I):
        return None
    raise Fault(f"{reference} can't be read: {done.stderr.strip()}")


def configuration(reference):
    """The configuration of an image in the registry: architecture, labels, …"""
    return json.loads(_skopeo("inspect", "--config", "--raw", *plain_http(reference), f"docker://{reference}").stdout)


def tags(repository):
    """All tags of a repository in the registry."""
    done = _skopeo("list-tags", *plain_http(repository), f"docker://{repository}", check=False)
    if done.returncode != 0:
        raise Fault(f"the tags of {repository} can't be read: {done.stderr.strip()}")
    return json.loads(done.stdout)["Tags"]


def copy(source, target, *options):
    """Copy an image, byte by byte; `source` and `target` are skopeo's names."""
    _skopeo("copy", "--preserve-digests", *options, *plain_http(source.removeprefix("docker://"), "src-"),
            *plain_http(target.removeprefix("docker://"), "dest-"), source, target)
