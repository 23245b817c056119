"""Clusters, each with nothing in it; a start takes a few seconds."""

import shutil

import pytest
import yaml
from harness.kubernetes import ControlPlane
from harness.process import ROOT


@pytest.fixture
def cluster():
    with ControlPlane() as started:
        yield started


@pytest.fixture
def overlay(tmp_path):
    """A function that copies an overlay and gives its images another tag, as a release does."""

    def copy(name, tag, images=("purser", "postgres0")):
        shutil.copytree(ROOT / "kustomize", tmp_path / "kustomize")
        file = tmp_path / "kustomize" / "overlays" / name / "kustomization.yaml"
        content = yaml.safe_load(file.read_text())
        for image in filter(lambda image: image["name"] in images, content["images"]):
            image.pop("digest", None)
            image["newTag"] = tag
        file.write_text(yaml.safe_dump(content))
        return file.parent

    return copy
