"""`make release` changes an overlay and its install file, and nothing else."""

import re

import pytest

DIGEST = "sha256:" + "5a" * 32
DEV = ["install/dev.yaml", "kustomize/overlays/dev/kustomization.yaml"]
PRODUCTION = ["install/purser.yaml", "kustomize/overlays/production/kustomization.yaml"]


def released(checkout, **settings):
    """`make release`, which must go well."""
    done = checkout.make("release", **settings)
    assert done.returncode == 0, done.stderr
    return done


def lines_of(text):
    return [line.strip("- ").strip() for line in text.splitlines()]


@pytest.mark.parametrize("image", ["purser", "postgres0"])
def test_a_development_tag_goes_to_dev_alone(checkout, image):
    before = checkout.images("dev")
    released(checkout, TAG="main-0123456789ab", IMAGE=image)
    assert checkout.changed() == DEV
    name = f"registry.example.org/purser/{image}:main-0123456789ab"
    assert checkout.images("dev") == {**before, image: name}
    assert f"image: {name}" in lines_of(checkout.read("install/dev.yaml"))


def test_the_image_is_purser_where_none_is_named(checkout):
    released(checkout, TAG="main-0123456789ab")
    assert checkout.images("dev")["purser"].endswith("/purser:main-0123456789ab")
    assert not checkout.images("dev")["postgres0"].endswith("main-0123456789ab")


def test_only_lines_that_speak_of_the_image_change(checkout):
    before = checkout.read("install/dev.yaml").splitlines()
    released(checkout, TAG="main-0123456789ab")
    changed = [line for line in checkout.read("install/dev.yaml").splitlines() if line not in before]
    # The tag, or the migration Job's name, which is made of it.
    assert [line for line in changed if not re.search(r"main-0123456789ab|name: purser-\w+-\w+$", line)] == []


def test_both_images_go_together(checkout):
    released(checkout, TAG="main-0123456789ab", IMAGE="purser postgres0")
    assert {name.rpartition(":")[2] for name in checkout.images("dev").values()} == {"main-0123456789ab"}
    assert checkout.changed() == DEV


def test_a_version_goes_to_production_by_digest(checkout):
    released(checkout, TAG="v1.2.3", DIGEST=DIGEST)
    assert checkout.changed() == PRODUCTION
    name = f"registry.example.org/purser/purser:v1.2.3@{DIGEST}"
    assert checkout.images("production")["purser"] == name
    assert f"image: {name}" in lines_of(checkout.read("install/purser.yaml"))


def test_the_registry_goes_along_where_it_is_set(checkout):
    released(checkout, TAG="main-0123456789ab", REGISTRY="other.example.org/a/b")
    assert checkout.images("dev")["purser"] == "other.example.org/a/b/purser:main-0123456789ab"


def test_a_development_tag_may_have_a_digest_and_the_next_one_without_clears_it(checkout):
    released(checkout, TAG="main-0123456789ab", DIGEST=DIGEST)
    assert checkout.changed() == DEV
    name = f"registry.example.org/purser/purser:main-0123456789ab@{DIGEST}"
    assert checkout.images("dev")["purser"] == name
    assert f"image: {name}" in lines_of(checkout.read("install/dev.yaml"))
    released(checkout, TAG="main-ba9876543210")
    assert checkout.images("dev")["purser"] == "registry.example.org/purser/purser:main-ba9876543210"
    assert [path for path in DEV if DIGEST in checkout.read(path)] == []


@pytest.mark.parametrize("settings", [{"TAG": "main-0123456789ab"}, {"TAG": "v1.2.3", "DIGEST": DIGEST}])
def test_the_same_release_again_changes_nothing(checkout, settings):
    released(checkout, **settings)
    checkout.commit("Release")
    released(checkout, **settings)
    assert checkout.changed() == []


def test_what_is_released_is_what_kustomize_prints(checkout):
    released(checkout, TAG="main-0123456789ab")
    before = checkout.read("install/dev.yaml")
    assert checkout.call("install/manifests", "write", "dev").returncode == 0
    assert checkout.read("install/dev.yaml") == before


WRONG = [
    ({}, "TAG is not set"),
    ({"TAG": "latest"}, 'TAG is "latest"'),
    ({"TAG": "main-xyz"}, 'TAG is "main-xyz"'),
    ({"TAG": "main-0123456789ab\nnewTag: x"}, "TAG is"),
    ({"TAG": "1.2.3", "DIGEST": DIGEST}, 'TAG is "1.2.3"; it is main-<sha> for dev, vX.Y.Z for production.'),
    ({"TAG": "v1.2.3"}, "set DIGEST"),
    ({"TAG": "v1.2.3", "DIGEST": "sha256:5a"}, 'DIGEST is "sha256:5a"'),
    ({"TAG": "v1.2.3", "DIGEST": DIGEST, "IMAGE": "purser postgres0"}, "DIGEST is one image's"),
    ({"TAG": "main-0123456789ab", "IMAGE": "nginx"}, 'no image "nginx"'),
    ({"TAG": "main-0123456789ab", "REGISTRY": "Example.org/A"}, 'REGISTRY is "Example.org/A"'),
    ({"TAG": "main-0123456789ab", "REGISTRY": "example.org:5000/a"}, "has no port"),
]


@pytest.mark.parametrize("settings, sentence", WRONG, ids=[sentence for _, sentence in WRONG])
def test_a_wrong_setting_is_named_and_nothing_changes(checkout, settings, sentence):
    done = checkout.call("install/release", "set", **settings)
    assert (done.returncode, checkout.changed()) == (2, [])
    assert sentence in done.stderr and len(done.stderr.splitlines()) <= 2


def test_nothing_changes_when_kustomize_fails_after_the_overlay_was_edited(checkout):
    checkout.append("kustomize/base/kustomization.yaml", "no-such-field: 1\n")
    done = checkout.make("release", TAG="main-0123456789ab")
    assert done.returncode != 0 and "no-such-field" in done.stderr
    assert checkout.changed() == []
