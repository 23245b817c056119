"""What no linter knows: each check, on all that kustomize prints."""

import pytest

from .builds import NAMES, objects, printed
from .checks_names import NAME_CHECKS, TAG_CHECKS, by_digest, qualified
from .checks_pods import POD_CHECKS
from .checks_wiring import WIRING_CHECKS

OVERLAYS = [name for name in NAMES if name != "base"]
PRODUCTION = [name for name in OVERLAYS if name not in ("local", "dev")]


def findings(check, builds):
    """{build: what the check finds there}, without those where it finds nothing."""
    return {build: found for build in builds if (found := list(check(objects(build))))}


@pytest.mark.parametrize("check", POD_CHECKS + WIRING_CHECKS + NAME_CHECKS, ids=lambda check: check.__name__)
def test_all_builds_pass(check):
    assert findings(check, NAMES) == {}


@pytest.mark.parametrize("check", TAG_CHECKS, ids=lambda check: check.__name__)
def test_all_overlays_have_tags(check):
    assert findings(check, OVERLAYS) == {}


def test_dev_takes_its_images_from_a_registry():
    assert findings(qualified, ["dev"]) == {}


def test_production_takes_its_images_by_digest():
    assert findings(by_digest, PRODUCTION) == {}


def test_the_base_builds_alone_with_bare_image_names():
    images = {line.split()[-1] for line in printed("base").splitlines() if " image: " in line}
    assert images == {"purser", "postgres0"}
