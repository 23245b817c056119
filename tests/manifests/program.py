"""What the sources of the images say of themselves: settings, routes, ports, waits."""

import functools
import re

from .builds import ROOT


@functools.cache
def source(pattern):
    """The text of the files of the checkout that match, one after the other."""
    return "\n".join(path.read_text() for path in sorted(ROOT.glob(pattern)))


@functools.cache
def settings():
    """The program's settings and their defaults, as its table has them."""
    found = re.findall(r'\{"(PURSER_\w+)", KIND_\w+, OURS\(\w+\), (\w+)', source("fcgi/config*.c"))
    assert len(found) >= 8, "the table of the settings looks otherwise than this test knows it"
    return dict(found)


def default(name):
    return int(settings()[name])


@functools.cache
def routes():
    """The paths that answer a GET."""
    found = re.findall(r'\{METHOD_GET, "([^"]+)"', source("fcgi/*.c"))
    assert "/" in found, "the tables of the routes look otherwise than this test knows them"
    return set(found)


def exposed(dockerfile):
    """The ports that an image says it has."""
    return {int(port) for line in re.findall(r"^EXPOSE (.*)$", source(dockerfile), re.M) for port in line.split()}


def postgres_setting(name):
    value = re.search(rf"^{name} = (\d+)$", source("schema/postgresql.conf"), re.M)
    assert value, f"schema/postgresql.conf has no {name}"
    return int(value.group(1))


def stop_waits():
    """How many groups of programs supervisord stops one after the other, with STOP_WAIT_S for each."""
    return len(re.findall(r"^stopwaitsecs=%\(ENV_STOP_WAIT_S\)s$", source("supervisord/purser.conf"), re.M))


def stop_wait_s(drain_ms):
    """STOP_WAIT_S, by the formula in supervisord/start."""
    formula = re.search(r"^STOP_WAIT_S=\$\(\(drain_ms / 1000 \+ (\d+)\)\)$", source("supervisord/start"), re.M)
    assert formula, "supervisord/start works STOP_WAIT_S out otherwise than this test knows it"
    return drain_ms // 1000 + int(formula.group(1))


# The sources of what a container runs: a variable that none of them names would be without effect.
RUNS = {
    "purser": ("fcgi/config*.c", "supervisord/start"),
    "migrate": ("fcgi/config*.c", "schema/fill"),
    "postgres0": ("schema/postgres0",),
    "backup": ("schema/backup",),
    "restore": ("schema/backup",),
    "secrets": ("kustomize/components/generated-secret/make_secrets.py",),
}


def knows(container, variable):
    """Whether the program of this container reads the variable. A script may add _FILE to a name by itself."""
    text = "\n".join(source(pattern) for pattern in RUNS[container])
    base = variable.removesuffix("_FILE")
    return re.search(rf"\b{variable}\b", text) is not None or (
        base != variable and "_FILE" in text and re.search(rf"\b{base}\b", text) is not None)
