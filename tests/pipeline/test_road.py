"""The whole road: the steps of the workflow files themselves, run on a copy of the repository with a registry."""

import uuid

import pytest
from harness.engine import docker
from harness.workflow import Runner, load

PIPELINE, PROMOTE = "pipeline.yaml", "promote.yaml"
# The images' own tests are tests/stack; this is about what goes on around them.
LEFT_OUT = ["make test-stack"]
MADE = {"make image IMAGE=purser", "make image IMAGE=postgres0", "make pull IMAGE=purser", "make pull IMAGE=postgres0"}


class Road:
    """A repository on its way: `push` is a push to GitHub, which starts the pipeline."""

    def __init__(self, checkout, place, small_image):
        self.checkout, self.place, self.small_image = checkout, place, small_image
        self.local = f"pipeline-{uuid.uuid4().hex[:12]}"  # what :local is on a runner
        self.architecture = docker("version", "-f", "{{.Server.Arch}}").stdout.strip()
        self.other = {"amd64": "arm64", "arm64": "amd64"}[self.architecture]
        self.runner = None

    def begin(self):
        """Both images are in the registry and in dev."""
        sha = self.checkout.git("rev-parse", "HEAD")
        for image in ("purser", "postgres0"):
            local = self.small_image(image, sha)
            done = self.checkout.make("push", IMAGE=image, FROM=local, TAG=f"main-{sha}", REGISTRY=self.place)
            assert done.returncode == 0, done.stderr
        done = self.checkout.make("commit-release", TAG=f"main-{sha}", IMAGE="purser postgres0", REGISTRY=self.place)
        assert done.returncode == 0, done.stderr
        self.update()

    def update(self):
        self.checkout.git("pull", "--quiet", "--ff-only", "origin", "main")

    def start(self, **values):
        """A run for the commit that is checked out."""
        self.runner = Runner(self.checkout, {
            "github.sha": self.checkout.git("rev-parse", "HEAD"), "github.event_name": "push",
            "github.ref": "refs/heads/main", "github.event.pull_request.base.sha": "", "vars.REGISTRY": self.place,
            "vars.REGISTRY_USERNAME": "purser", "secrets.REGISTRY_PASSWORD": "swordfish-swordfish", **values,
        }, FROM=self.local, TO=self.local, TAG=self.local)  # fmt: skip
        return self.runner

    def answers(self):
        self.runner.run(PIPELINE, "changed")
        return [self.runner.values[f"needs.changed.outputs.{image}"] for image in ("purser", "postgres0")]

    def push_images(self):
        """The machine that is here builds; for the other architecture, which isn't built, a small image does."""
        self.runner.values["matrix.architecture"] = self.architecture
        written = self.runner.run(PIPELINE, "push-images", LEFT_OUT)
        self.runner.values["matrix.architecture"] = self.other
        sha = self.runner.values["github.sha"]
        self.runner.settings["FROM"] = self.small_image("purser", sha, architecture=self.other)
        written += self.runner.run(PIPELINE, "push-images", [*LEFT_OUT, *MADE])
        return written + self.runner.run(PIPELINE, "release")


@pytest.fixture
def road(checkout, place, small_image):
    road = Road(checkout, place, small_image)
    road.begin()
    yield road
    for image in ("purser", "postgres0"):
        docker("rmi", "-f", f"{image}:{road.local}", check=False)


def test_a_change_of_the_program_ends_as_a_new_tag_in_install_and_a_version_tag_in_production(road, registry):
    checkout, partner = road.checkout, road.checkout.images("dev")["postgres0"]
    sha = checkout.append("fcgi/main.c", "/* changed */\n")
    runner = road.start()
    assert road.answers() == ["true", "false"]
    assert not runner.wants(load(PIPELINE)["jobs"]["try-images"])
    written = road.push_images()
    assert "swordfish" not in written

    # dev has it, and nothing else was changed.
    road.update()
    assert checkout.git("show", "--format=%s", "--name-only").split("\n") == [
        f"Release purser main-{sha} to dev", "", "install/dev.yaml", "kustomize/overlays/dev/kustomization.yaml"]
    name = f"{road.place}/purser:main-{sha}"
    assert checkout.images("dev") == {"purser": name, "postgres0": partner}
    assert f"image: {name}\n" in checkout.read("install/dev.yaml")
    assert docker("run", "--rm", name, "purser", "version").stdout.count(sha[:7]) == 1

    # The commit of the release starts nothing.
    road.start()
    assert road.answers() == ["false", "false"]

    # A version tag on it.
    road.start(**{"github.ref_name": "v" + checkout.read("VERSION").strip()}).run(PROMOTE, "promote")
    road.update()
    assert checkout.git("show", "--format=", "--name-only").split() == [
        "install/purser.yaml", "kustomize/overlays/production/kustomization.yaml"]
    digest = registry.digest("purser", f"main-{sha}")
    assert checkout.images("production")["purser"].endswith(f"@{digest}")
    assert f"@{digest}\n" in checkout.read("install/purser.yaml")

    # What a cluster gets by that digest is the image that was built and tested.
    ids = []
    for each in (checkout.images("production")["purser"], f"purser:{road.local}"):
        if "@" in each:
            docker("pull", "-q", each)
        ids.append(docker("image", "inspect", "-f", "{{.Id}}", each).stdout)
    docker("rmi", "-f", name, checkout.images("production")["purser"])
    assert ids[0] == ids[1]


def test_a_change_of_the_documentation_builds_nothing(road):
    road.checkout.append("README.md")
    runner = road.start()
    assert road.answers() == ["false", "false"]
    jobs = load(PIPELINE)["jobs"]
    assert not runner.wants(jobs["push-images"]) and not runner.wants(jobs["try-images"])


def test_a_pull_request_is_compared_with_its_base_and_pushes_nothing(road):
    base = road.checkout.git("rev-parse", "HEAD")
    road.checkout.append("schema/postgres0")
    runner = road.start(**{"github.event_name": "pull_request", "github.event.pull_request.base.sha": base,
                           "github.ref": "refs/pull/1/merge"})
    assert road.answers() == ["false", "true"]
    jobs = load(PIPELINE)["jobs"]
    assert runner.wants(jobs["try-images"]) and not runner.wants(jobs["push-images"])
