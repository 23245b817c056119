"""The schemas of the newest three Kubernetes versions that a package carries, strictly: no field that they don't know."""

import functools
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from .builds import NAMES, objects, tool

# Kinds of other projects, which the package has no schemas for. tests/cluster asks a real API server about HTTPRoute,
# by the Gateway API's own definition. No schema ever checks CloudNativePG's Cluster: its definition can't be had here,
# and tests/cluster takes any field of it. test_overlays.py looks only at what the other objects need of it.
FOREIGN = {"HTTPRoute", "Cluster"}


def carried_versions():
    """The versions that the package has the strict schemas of, the newest last."""
    script = "import kubernetes_validate, os; print(*os.listdir(os.path.join(os.path.dirname(kubernetes_validate.__file__), " \
             "'kubernetes-json-schema')))"
    python = Path(tool("kubernetes-validate")).with_name("python")
    names = subprocess.run([python, "-c", script], check=True, stdout=subprocess.PIPE, text=True).stdout
    found = re.findall(r"v(\d+)\.(\d+)\.(\d+)-local-strict", names)
    assert len(found) >= 3, names
    return [".".join(version) for version in sorted(found, key=lambda version: [int(part) for part in version])]


@pytest.fixture(scope="module", params=[-1, -2, -3], ids=["newest", "one-before", "two-before"])
def version(request):
    return carried_versions()[request.param]


def validate(version, text, tmp_path):
    path = tmp_path / "objects.yaml"
    path.write_text(text)
    return subprocess.run([tool("kubernetes-validate"), "-k", version, "--strict", path], capture_output=True, text=True,
                          check=False)


@functools.cache
def own_objects():
    """Every object of every build, once."""
    seen = {yaml.dump(item, Dumper=yaml.CSafeDumper): None
            for name in NAMES for item in objects(name) if item["kind"] not in FOREIGN}
    return "---\n".join(seen)


def test_every_object_is_valid(version, tmp_path):
    done = validate(version, own_objects(), tmp_path)
    assert (done.returncode, [line for line in done.stdout.splitlines() if "passed" not in line], done.stderr) == (0, [], "")


def test_a_field_that_kubernetes_does_not_know_is_refused(version, tmp_path):
    done = validate(version, own_objects().replace("failureThreshold:", "failureTreshold:", 1), tmp_path)
    assert done.returncode != 0
    assert "failureTreshold" in done.stdout + done.stderr
