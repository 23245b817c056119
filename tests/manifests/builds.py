"""What kustomize prints of the overlays, of each component, and of components together, as lists of objects."""

import copy
import functools
import os
import subprocess
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
KUSTOMIZE = ROOT / "kustomize"
INSTALL = {"local": ROOT / "install/local.yaml", "dev": ROOT / "install/dev.yaml", "production": ROOT / "install/purser.yaml"}
COMPONENTS = sorted(path.name for path in (KUSTOMIZE / "components").iterdir())

# Built on top of the production overlay, as a user does; each component alone, and what goes together.
TOGETHER = [
    ("ingress", "tls", "hpa", "backup"),
    ("httproute", "hpa", "sealed-secret", "backup"),
    ("external-database", "loadbalancer", "tls", "hpa"),
    ("cloudnative-pg", "ingress", "backup", "hpa"),
    ("cloudnative-pg", "sealed-secret", "httproute"),
]
# generated-secret is in the overlays already; without-postgres0 is only a part of others, and leaves no database at
# all.
ON_PRODUCTION = [(name,) for name in COMPONENTS if name not in ("generated-secret", "without-postgres0")] + TOGETHER
NAMES = ["base", *INSTALL, *("+".join(components) for components in ON_PRODUCTION)]


@functools.cache
def tool(name):
    """The path of a pinned tool."""
    done = subprocess.run([ROOT / "install/tool", name], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


def run_kustomize(directory):
    """What `kustomize build` prints; a warning is a failure."""
    done = subprocess.run([tool("kustomize"), "build", directory], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == "", f"kustomize build {directory}: {done.stderr}"
    return done.stdout


def build_overlay(text, **files):
    """What kustomize prints of a user's own kustomization: its paths to ours begin with ../../kustomize/.

    `files` are further resources, by name.
    """
    with tempfile.TemporaryDirectory() as directory:
        top = os.path.relpath(KUSTOMIZE, os.path.realpath(directory))
        overlay = yaml.safe_load(text.replace("../../kustomize", top))
        overlay["resources"] += files
        for name, content in {**files, "kustomization.yaml": yaml.safe_dump(overlay)}.items():
            (Path(directory) / name).write_text(content)
        return run_kustomize(directory)


@functools.cache
def printed(name):
    """The text of one of NAMES."""
    if name == "base":
        return run_kustomize(KUSTOMIZE / "base")
    if name in INSTALL:
        return run_kustomize(KUSTOMIZE / "overlays" / name)
    return build_overlay(yaml.safe_dump({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["../../kustomize/overlays/production"],
        "components": [f"../../kustomize/components/{component}" for component in name.split("+")],
    }))


def load(text):
    return list(yaml.load_all(text, Loader=yaml.CSafeLoader))


@functools.cache
def parsed(name):
    return load(printed(name))


def objects(name):
    """The objects of one of NAMES, to be changed at will."""
    return copy.deepcopy(parsed(name))
