"""The examples of kustomize/README.md build, and pass what our own overlays pass."""

import re

import pytest

from . import program
from .builds import COMPONENTS, KUSTOMIZE, ROOT, build_overlay, load
from .checks_names import NAME_CHECKS, TAG_CHECKS
from .checks_pods import POD_CHECKS
from .checks_wiring import WIRING_CHECKS

README = (KUSTOMIZE / "README.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", README, re.M | re.S)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_builds_and_passes(number):
    items = load(build_overlay(EXAMPLES[number]))
    found = {check.__name__: list(check(items)) for check in POD_CHECKS + WIRING_CHECKS + NAME_CHECKS + TAG_CHECKS}
    assert {check: faults for check, faults in found.items() if faults} == {}


def test_each_component_has_an_example():
    used = set(re.findall(r"kustomize/components/([\w-]+)$", "\n".join(EXAMPLES), re.M))
    assert set(COMPONENTS) - used == {"without-postgres0"}  # a part of others


def test_the_map_names_every_directory():
    mapped = set(re.findall(r"^\| `([\w/]+?)/?` \|", README, re.M))
    there = {path.name for path in KUSTOMIZE.iterdir() if path.is_dir()} - {"overlays"}
    assert mapped == there | {f"overlays/{path.name}" for path in (KUSTOMIZE / "overlays").iterdir()}


def test_the_autoscalers_limit_for_postgres0_is_the_largest_that_fits():
    most = int(re.search(r"`maxReplicas` may be (\d+)", README).group(1))
    room = program.postgres_setting("max_connections") - 3 - 2
    each = 2 * sum(program.default(f"PURSER_DB_{name}S") for name in ("READER", "SEARCHER", "WRITER"))
    assert (most + 3) * each <= room < (most + 4) * each


@pytest.mark.parametrize("path", ["kustomize/README.md", "install/README.md"])
def test_files_that_the_text_links_to_are_there(path):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / path).read_text())
    assert [link for link in links if not (ROOT / path).parent.joinpath(link).exists()] == []
