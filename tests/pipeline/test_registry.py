"""`make push`, `make join` and `make pull`, with a registry."""

import hashlib
import json

import pytest
from harness.engine import docker
from harness.process import run
from harness.registry import Registry

SHA = "0123456789abcdef0123456789abcdef01234567"
TAG = f"main-{SHA}"


def push(checkout, place, local, tag=TAG, image="purser", **settings):
    return checkout.call("install/push", "push", IMAGE=image, FROM=local, TAG=tag, REGISTRY=place, **settings)


def join(checkout, place, tag=TAG):
    return checkout.call("install/push", "join", TAG=tag, REGISTRY=place)


def last_line(done):
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def pulled_id(name):
    """The id of what the registry gives for this name."""
    docker("pull", "-q", name)
    found = docker("image", "inspect", "-f", "{{.Id}}", name).stdout.strip()
    docker("rmi", name)
    return found


def local_id(image, tag):
    return docker("image", "inspect", "-f", "{{.Id}}", f"{image}:{tag}").stdout.strip()


def both(checkout, place, small_image, tag=TAG):
    """Both architectures' images are pushed; their local tags."""
    made = {name: small_image("purser", SHA, architecture=name) for name in ("amd64", "arm64")}
    for name, local in made.items():
        assert push(checkout, place, local, f"{tag}-{name}").returncode == 0
    return made


# --- push ---


def test_the_pushed_image_can_be_pulled_by_the_digest_that_is_printed(checkout, registry, place, small_image):
    local = small_image("purser", SHA)
    digest = last_line(push(checkout, place, local))
    assert digest == registry.digest("purser", TAG)
    assert pulled_id(f"{place}/purser@{digest}") == local_id("purser", local)


def test_make_pushes_what_make_image_tagged(checkout, registry, place, small_image):
    done = checkout.make("push", IMAGE="postgres0", FROM=small_image("postgres0", SHA), TAG=TAG, REGISTRY=place)
    assert last_line(done) == registry.digest("postgres0", TAG) and registry.digest("purser", TAG) is None


def test_no_second_name_of_the_image_stays_behind(checkout, place, small_image):
    push(checkout, place, small_image("purser", SHA))
    assert docker("images", "-q", f"{place}/purser").stdout == ""


def test_the_same_push_again_says_the_same_digest(checkout, place, small_image):
    local = small_image("purser", SHA)
    assert last_line(push(checkout, place, local)) == last_line(push(checkout, place, local))


def test_a_tag_never_moves(checkout, registry, place, small_image):
    digest = last_line(push(checkout, place, small_image("purser", SHA)))
    done = push(checkout, place, small_image("purser", SHA))
    assert done.returncode == 2 and "a tag never moves" in done.stderr
    assert registry.digest("purser", TAG) == digest


def test_an_architecture_can_be_tried_again_until_it_is_joined(checkout, registry, place, small_image):
    both(checkout, place, small_image)
    before = registry.digest("purser", f"{TAG}-amd64")
    digest = last_line(push(checkout, place, small_image("purser", SHA), f"{TAG}-amd64"))
    assert digest == registry.digest("purser", f"{TAG}-amd64") != before
    last_line(join(checkout, place))
    assert push(checkout, place, small_image("purser", SHA), f"{TAG}-amd64").returncode == 2
    assert registry.digest("purser", f"{TAG}-amd64") == digest


def test_an_image_of_another_commit_is_refused(checkout, registry, place, small_image):
    done = push(checkout, place, small_image("purser", "f" * 40))
    assert done.returncode == 2 and f"was built from the commit {'f' * 40}" in done.stderr
    assert registry.digest("purser", TAG) is None


@pytest.mark.parametrize("settings, sentence", [
    ({"TAG": "v1.2.3"}, 'TAG is "v1.2.3"'), ({"TAG": ""}, "TAG is not set"), ({"REGISTRY": ""}, "REGISTRY is not set"),
    ({"FROM": "no-such-tag"}, "no image purser:no-such-tag"), ({"IMAGE": "nginx"}, 'no image "nginx"'),
])  # fmt: skip
def test_a_wrong_setting_is_named(checkout, place, small_image, settings, sentence):
    right = {"IMAGE": "purser", "FROM": small_image("purser", SHA), "TAG": TAG, "REGISTRY": place}
    done = checkout.call("install/push", "push", **{**right, **settings})
    assert done.returncode == 2 and sentence in done.stderr


def test_a_registry_that_is_away_is_no_missing_tag(checkout, small_image):
    done = push(checkout, "127.79.0.1/purser", small_image("purser", SHA))
    assert done.returncode == 2 and "can't be read" in done.stderr and "connection refused" in done.stderr


def test_a_password_stays_where_the_engine_keeps_it(checkout, small_image):
    word, local = "swordfish-swordfish", small_image("purser", SHA)
    with Registry(password=word) as closed:
        assert push(checkout, closed.path, local).returncode == 2
        login = ["docker", "login", "--username", "purser", "--password-stdin", closed.host]
        run(login, env=checkout.env, input=word)
        done = checkout.make("push", IMAGE="purser", FROM=local, TAG=TAG, REGISTRY=closed.path)
        assert last_line(done).startswith("sha256:")
        assert word not in done.stdout + done.stderr
        assert checkout.changed() == []


# --- join ---


def test_the_joined_tag_is_both_architectures(checkout, registry, place, small_image):
    both(checkout, place, small_image)
    digest = last_line(join(checkout, place))
    assert digest == registry.digest("purser", TAG)
    words = ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{place}/purser:{TAG}"]
    entries = json.loads(run(words).stdout)["manifests"]
    assert {entry["platform"]["architecture"]: entry["digest"] for entry in entries} == {
        name: registry.digest("purser", f"{TAG}-{name}") for name in ("amd64", "arm64")}


def test_this_machine_gets_its_own_architecture_of_the_joined_tag(checkout, place, small_image):
    machine = docker("version", "-f", "{{.Server.Arch}}").stdout.strip()
    made = both(checkout, place, small_image)
    digest = last_line(join(checkout, place))
    assert pulled_id(f"{place}/purser@{digest}") == local_id("purser", made[machine])


def test_joining_again_says_the_same_digest(checkout, place, small_image):
    both(checkout, place, small_image)
    assert last_line(join(checkout, place)) == last_line(join(checkout, place))


def test_nothing_is_joined_while_an_architecture_is_missing(checkout, registry, place, small_image):
    push(checkout, place, small_image("purser", SHA), f"{TAG}-amd64")
    done = join(checkout, place)
    assert done.returncode == 2 and f"{TAG}-arm64 isn't in the registry" in done.stderr
    assert registry.digest("purser", TAG) is None


def test_the_wrong_architecture_is_refused(checkout, registry, place, small_image):
    for name in ("amd64", "arm64"):
        push(checkout, place, small_image("purser", SHA), f"{TAG}-{name}")
    done = join(checkout, place)
    assert done.returncode == 2 and "is an image for amd64, not for arm64" in done.stderr
    assert registry.digest("purser", TAG) is None


def test_what_a_newer_engine_pushes_is_joined_too(checkout, registry, place, small_image, tmp_path):
    """It pushes an index of the image and of what it attests of the build; both are in the joined one."""
    both(checkout, place, small_image)
    plain = registry.digest("purser", f"{TAG}-arm64")
    name = f"docker://{place}/purser:{TAG}-arm64"
    size = len(run(["skopeo", "inspect", "--raw", "--tls-verify=false", name]).stdout)
    entry = {"mediaType": "application/vnd.docker.distribution.manifest.v2+json", "digest": plain, "size": size}
    entries = [{**entry, "platform": {"architecture": "arm64", "os": "linux"}},
               {**entry, "platform": {"architecture": "unknown", "os": "unknown"}}]
    folder = tmp_path / "index"
    folder.mkdir()
    (folder / "version").write_text("Directory Transport Version: 1.1\n")
    (folder / "manifest.json").write_text(json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
        "manifests": entries}))  # fmt: skip
    run(["skopeo", "copy", "--multi-arch=index-only", "--preserve-digests", "--dest-tls-verify=false",
         f"dir:{folder}", name])  # fmt: skip
    last_line(join(checkout, place))
    raw = run(["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{place}/purser:{TAG}"]).stdout
    assert [each["platform"]["architecture"] for each in json.loads(raw)["manifests"]] == ["amd64", "arm64", "unknown"]
    assert "sha256:" + hashlib.sha256(raw.encode()).hexdigest() == registry.digest("purser", TAG)


# --- pull ---


def test_the_partner_of_a_test_is_what_dev_has(checkout, place, small_image):
    local = small_image("postgres0", SHA)
    last_line(push(checkout, place, local, image="postgres0"))
    checkout.make("release", IMAGE="postgres0", TAG=TAG, REGISTRY=place)
    target = f"pipeline-{local[-12:]}-pulled"
    done = checkout.call("install/push", "pull", IMAGE="postgres0", TO=target)
    assert done.returncode == 0, done.stderr
    assert local_id("postgres0", target) == local_id("postgres0", local)
    docker("rmi", f"postgres0:{target}")


def test_there_is_no_partner_before_the_first_release(checkout):
    done = checkout.call("install/push", "pull", IMAGE="postgres0", TO="pipeline-none")
    assert done.returncode == 2 and "docker pull" in done.stderr
