"""Settings, from both sides: what is set is known (checks_names.known_settings does it for manifests), what is known is set."""

import re

import pytest
import yaml

from . import program
from .builds import NAMES, ROOT, objects
from .walk import containers, environment

# Of the program's settings those that no manifest sets, and why.
LEFT = {
    "PURSER_NGINX_PROCESSES": "the default follows the processor limit",
    "PURSER_PORT": "8080, where the Service, the probes and the policies lead",
    "PURSER_RATE_LIMIT": "a limit is for the ingress, which knows its clients",
    "PURSER_TRUSTED_PROXIES": "only for that limit",
    "PURSER_MAX_BODY_BYTES": "the default fits the memory's limit",
    "PURSER_MAX_WAITING": "the default is far above a normal load",
    "PURSER_DEADLINE_MS": "the default is below what proxies wait",
    "PURSER_DRAIN_MS": "the default is what terminationGracePeriodSeconds is worked out from",
    "PURSER_DB_READERS": "the default is what the autoscaler's limit is worked out from",
    "PURSER_DB_SEARCHERS": "likewise",
    "PURSER_DB_WRITERS": "likewise",
    "PURSER_LOG_LEVEL": "a user's to patch",
}
# What the images set for others than our own programs.
SYSTEM = {"PATH": "the shell", "LC_ALL": "the C library", "PGHOST": "libpq", "NODE_EXTRA_CA_CERTS": "npm"}


def test_every_setting_of_the_program_is_set_or_left_for_a_reason():
    used = {name for build in NAMES for _, container, _ in containers(objects(build)) for name in environment(container)}
    assert {name for name in used if name.startswith("PURSER_")} == set(program.settings()) - set(LEFT)
    assert set(LEFT) < set(program.settings())


@pytest.mark.parametrize("dockerfile, sources", [
    ("Dockerfile", ("fcgi/config*.c", "supervisord/start")),
    ("schema/Dockerfile", ("schema/postgres0", "schema/backup")),
])
def test_what_an_image_sets_its_programs_know(dockerfile, sources):
    lines = re.sub(r"\\\n", " ", program.source(dockerfile))
    names = {name for line in re.findall(r"^ENV (.*)$", lines, re.M) for name in re.findall(r"(\w+)=", line)}
    text = "\n".join(map(program.source, sources))
    assert names
    assert {name for name in names - set(SYSTEM) if not re.search(rf"\b{name}\b", text)} == set()


@pytest.mark.parametrize("path", sorted(ROOT.glob("compose.yaml")), ids=lambda path: path.name)
def test_what_compose_sets_its_programs_know(path):
    services = yaml.safe_load(path.read_text())["services"]
    assert set(services) == {"purser", "migrate", "postgres0"}
    unknown = {(service, name) for service, content in services.items() for name in content["environment"]
               if not program.knows(service, name) and not (service == "postgres0" and program.knows("backup", name))}
    assert unknown == set()
