"""Fixtures: a copy of the repository, a registry, and images of a few bytes."""

import uuid

import pytest
from harness.checkout import Checkout
from harness.engine import docker
from harness.registry import Registry


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    return Checkout.make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def checkout(template, tmp_path):
    """A copy of this repository, clean, with a remote."""
    return template.copy(tmp_path)


@pytest.fixture(scope="session")
def registry():
    """An empty registry; each test has a path of its own in it (`place`)."""
    with Registry() as running:
        yield running


@pytest.fixture
def place(registry):
    """REGISTRY for one test."""
    registry.path = f"{registry.host}/t{uuid.uuid4().hex[:12]}"
    return registry.path


@pytest.fixture
def small_image(tmp_path):
    """Makes IMAGE:TAG of a few bytes, as if from that commit; returns the tag."""
    made = []

    def make(image, revision, text="", architecture="amd64"):
        tag, folder = f"pipeline-{uuid.uuid4().hex[:12]}", tmp_path / uuid.uuid4().hex
        folder.mkdir()
        (folder / "text").write_text(text or tag)
        (folder / "Dockerfile").write_text(
            f"FROM scratch\nCOPY text /\nLABEL org.opencontainers.image.revision={revision}\n")
        docker("build", "-q", "--platform", f"linux/{architecture}", "-t", f"{image}:{tag}", folder)
        made.append(f"{image}:{tag}")
        return tag

    yield make
    for name in made:
        docker("rmi", "-f", name, check=False)
