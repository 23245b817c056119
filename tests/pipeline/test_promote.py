"""`make promote` makes a version of tested images without building them."""

import pytest
from harness.engine import docker

PRODUCTION = ["install/purser.yaml", "kustomize/overlays/production/kustomization.yaml"]
VERSION = "1.2.3"


@pytest.fixture
def versioned(checkout):
    """A checkout whose VERSION is 1.2.3."""
    checkout.commit("Version", VERSION=f"{VERSION}\n")
    return checkout


def publish(checkout, place, small_image, *images):
    """An image of this commit in the registry; the tag."""
    sha = checkout.git("rev-parse", "HEAD")
    for image in images or ("purser", "postgres0"):
        done = checkout.call("install/push", "push", IMAGE=image, FROM=small_image(image, sha), TAG=f"main-{sha}",
                             REGISTRY=place)  # fmt: skip
        assert done.returncode == 0, done.stderr
    return f"main-{sha}"


def promote(checkout, place, tag, to=f"v{VERSION}", **settings):
    return checkout.call("install/release", "promote", FROM=tag, TO=to, REGISTRY=place, **settings)


def refused(checkout, registry, done, sentence):
    """It said so, and did nothing."""
    assert (done.returncode, checkout.changed()) == (2, [])
    assert sentence in done.stderr
    assert registry.digest("purser", f"v{VERSION}") is None


def test_a_version_is_both_images_by_the_digests_that_were_tested(versioned, registry, place, small_image):
    tag = publish(versioned, place, small_image)
    done = versioned.make("promote", FROM=tag, TO=f"v{VERSION}", REGISTRY=place)
    assert done.returncode == 0, done.stderr
    assert versioned.changed() == PRODUCTION
    for image, name in versioned.images("production").items():
        digest = registry.digest(image, tag)
        assert digest == registry.digest(image, f"v{VERSION}")
        assert name == f"{place}/{image}:v{VERSION}@{digest}"
        assert f"image: {name}\n" in versioned.read("install/purser.yaml")


def test_what_production_names_is_the_image_that_was_tested(versioned, place, small_image):
    sha = versioned.git("rev-parse", "HEAD")
    local = small_image("purser", sha)
    versioned.call("install/push", "push", IMAGE="purser", FROM=local, TAG=f"main-{sha}", REGISTRY=place)
    assert promote(versioned, place, f"main-{sha}", IMAGE="purser").returncode == 0
    name = versioned.images("production")["purser"]
    docker("pull", "-q", name)
    ids = [docker("image", "inspect", "-f", "{{.Id}}", each).stdout for each in (name, f"purser:{local}")]
    docker("rmi", name)
    assert ids[0] == ids[1]


def test_both_architectures_are_promoted(versioned, registry, place, small_image):
    sha = versioned.git("rev-parse", "HEAD")
    for name in ("amd64", "arm64"):
        local = small_image("purser", sha, architecture=name)
        versioned.call("install/push", "push", FROM=local, TAG=f"main-{sha}-{name}", REGISTRY=place)
    versioned.call("install/push", "join", TAG=f"main-{sha}", REGISTRY=place)
    assert promote(versioned, place, f"main-{sha}", IMAGE="purser").returncode == 0
    assert registry.digest("purser", f"v{VERSION}") == registry.digest("purser", f"main-{sha}") is not None


def test_an_image_whose_files_are_the_same_is_the_one_that_was_built_last(versioned, registry, place, small_image):
    older = publish(versioned, place, small_image)
    versioned.append("fcgi/main.c")
    newer = publish(versioned, place, small_image, "purser")
    versioned.append("README.md")  # as the commit of the release is: nothing was built of it
    assert promote(versioned, place, f"main-{versioned.git('rev-parse', 'HEAD')}").returncode == 0
    assert registry.digest("purser", f"v{VERSION}") == registry.digest("purser", newer)
    assert registry.digest("postgres0", f"v{VERSION}") == registry.digest("postgres0", older)


def test_an_image_that_is_not_tested_yet_is_refused(versioned, registry, place, small_image):
    publish(versioned, place, small_image)
    sha = versioned.append("fcgi/main.c")
    refused(versioned, registry, promote(versioned, place, f"main-{sha}"), "fcgi/main.c has changed since")


def test_nothing_is_promoted_when_one_image_is_missing(versioned, registry, place, small_image):
    publish(versioned, place, small_image)
    versioned.append("schema/postgres0")
    tag = publish(versioned, place, small_image, "purser")
    refused(versioned, registry, promote(versioned, place, tag), "schema/postgres0 has changed since")


def test_an_empty_registry_is_refused(versioned, registry, place):
    tag = f"main-{versioned.git('rev-parse', 'HEAD')}"
    refused(versioned, registry, promote(versioned, place, tag), f"{place}/purser")


def test_one_architecture_alone_is_not_a_tested_image(versioned, registry, place, small_image):
    sha = versioned.git("rev-parse", "HEAD")
    versioned.call("install/push", "push", FROM=small_image("purser", sha), TAG=f"main-{sha}-amd64", REGISTRY=place)
    refused(versioned, registry, promote(versioned, place, f"main-{sha}"), "has no tested image")


def test_a_version_is_never_another_image(versioned, registry, place, small_image):
    assert promote(versioned, place, publish(versioned, place, small_image)).returncode == 0
    before = registry.digest("purser", f"v{VERSION}")
    versioned.git("checkout", "--quiet", ".")
    versioned.append("fcgi/main.c")
    done = promote(versioned, place, publish(versioned, place, small_image))
    assert done.returncode == 2 and "a tag never moves" in done.stderr
    assert (registry.digest("purser", f"v{VERSION}"), versioned.changed()) == (before, [])


def test_the_same_promotion_again_changes_nothing(versioned, place, small_image):
    tag = publish(versioned, place, small_image)
    assert promote(versioned, place, tag).returncode == 0
    versioned.commit("Release")
    assert promote(versioned, place, tag).returncode == 0
    assert versioned.changed() == []


def test_the_tag_is_the_version_that_the_program_says(versioned, registry, place, small_image):
    tag = publish(versioned, place, small_image)
    refused(versioned, registry, promote(versioned, place, tag, "v1.2.4"), "VERSION says 1.2.3")


@pytest.mark.parametrize("settings, sentence", [
    ({"FROM": ""}, "FROM is not set"), ({"FROM": "latest"}, 'FROM is "latest"'), ({"TO": ""}, "TO is not set"),
    ({"TO": "latest"}, 'TO is "latest"'), ({"FROM": "main-" + "f" * 40}, "knows no commit"),
    ({"IMAGE": "nginx"}, 'no image "nginx"'),
])  # fmt: skip
def test_a_wrong_setting_is_named(versioned, registry, place, settings, sentence):
    right = {"FROM": f"main-{versioned.git('rev-parse', 'HEAD')}", "TO": f"v{VERSION}", "REGISTRY": place}
    done = versioned.call("install/release", "promote", **{**right, **settings})
    refused(versioned, registry, done, sentence)


def test_a_promotion_is_committed_on_main(versioned, place, small_image):
    tag = publish(versioned, place, small_image)
    done = versioned.make("commit-promote", FROM=tag, TO=f"v{VERSION}", REGISTRY=place)
    assert done.returncode == 0, done.stderr
    versioned.git("pull", "--quiet", "origin", "main")
    assert versioned.git("show", "--format=%s", "--name-only").split("\n") == [
        f"Release purser and postgres0 v{VERSION} to production", "", *PRODUCTION]


def test_a_commit_that_is_not_on_main_is_not_promoted(versioned, registry, place, small_image):
    publish(versioned, place, small_image)
    versioned.git("checkout", "--quiet", "-b", "aside")
    sha = versioned.commit("Aside", push=False)
    done = versioned.call("install/commit", "promote", FROM=f"main-{sha}", TO=f"v{VERSION}", REGISTRY=place)
    refused(versioned, registry, done, "is not on the branch")
