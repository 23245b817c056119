"""`make commit-release` does a release on the newest main and pushes it."""

import pytest

ZERO = {"purser": "registry.example.org/purser/purser:main-0000000",
        "postgres0": "registry.example.org/purser/postgres0:main-0000000"}
FILES = ["install/dev.yaml", "kustomize/overlays/dev/kustomization.yaml"]


def release(checkout, tag, image="purser", **settings):
    return checkout.call("install/commit", "release", TAG=tag, IMAGE=image, **settings)


def ours(checkout):
    """The tag of this checkout's commit."""
    return f"main-{checkout.git('rev-parse', 'HEAD')}"


def tip(checkout):
    """The checkout brought to what the remote has."""
    checkout.git("fetch", "--quiet")
    checkout.git("reset", "--quiet", "--hard", "origin/main")
    return checkout.git("rev-parse", "HEAD")


def names_in(checkout, revision):
    return checkout.git("show", "--format=", "--name-only", revision).split()


def test_the_release_is_one_commit_of_two_files_on_main(checkout):
    before, tag = checkout.git("rev-parse", "HEAD"), ours(checkout)
    done = checkout.make("commit-release", TAG=tag, IMAGE="purser postgres0")
    assert done.returncode == 0, done.stderr
    assert tip(checkout) != before == checkout.git("rev-parse", "HEAD^")
    assert names_in(checkout, "HEAD") == FILES
    assert {name.rpartition(":")[2] for name in checkout.images("dev").values()} == {tag}
    assert checkout.git("log", "-1", "--format=%s") == f"Release purser and postgres0 {tag} to dev"


def test_the_message_lets_a_version_tag_on_the_commit_start_its_workflow(checkout):
    release(checkout, ours(checkout))
    tip(checkout)
    message = checkout.git("log", "-1", "--format=%B").lower()
    words = ("skip ci", "ci skip", "no ci", "skip actions", "actions skip", "skip-checks")  # GitHub's
    assert [word for word in words if word in message] == []


def test_the_commit_leads_to_no_other_release(checkout):
    release(checkout, ours(checkout), "purser postgres0")
    tip(checkout)
    assert checkout.call("install/changed").returncode == 1


def test_this_checkout_is_not_touched(checkout):
    checkout.write("README.md", "half a change\n")
    before = checkout.git("rev-parse", "HEAD")
    assert release(checkout, ours(checkout)).returncode == 0
    assert (checkout.git("rev-parse", "HEAD"), checkout.changed()) == (before, ["README.md"])
    assert len(checkout.git("worktree", "list").splitlines()) == 1


def test_what_was_pushed_in_the_meantime_stays(checkout, tmp_path):
    tag = ours(checkout)
    (tmp_path / "other").mkdir()
    other = checkout.copy(tmp_path / "other")
    other.git("remote", "set-url", "origin", checkout.remote)
    theirs = other.append("README.md", "theirs\n")
    assert release(checkout, tag).returncode == 0
    tip(checkout)
    assert checkout.git("rev-parse", "HEAD^") == theirs


def hook(checkout, text):
    """Runs before the remote takes a push, once."""
    path = checkout.remote / "hooks" / "pre-receive"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_a_push_that_was_overtaken_is_made_again(checkout, tmp_path):
    tag = ours(checkout)
    theirs = checkout.git("commit-tree", "-p", "HEAD", "-m", "Theirs", "HEAD^{tree}")
    checkout.git("push", "--quiet", "origin", f"{theirs}:refs/heads/theirs")
    # Somebody else's push comes in while ours is under way.
    hook(checkout, f'test "$(git rev-parse main)" = {theirs} && exit 0\n'
                   f"unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n"
                   f"git update-ref refs/heads/main {theirs}")
    done = release(checkout, tag)
    assert done.returncode == 0, done.stderr
    assert "once more" in done.stdout
    tip(checkout)
    assert (checkout.git("rev-parse", "HEAD^"), names_in(checkout, "HEAD")) == (theirs, FILES)


def test_a_remote_that_refuses_is_a_fault_at_once(checkout):
    hook(checkout, "echo 'main is protected' >&2; exit 1")
    done = release(checkout, ours(checkout))
    assert done.returncode == 2 and "main is protected" in done.stderr


def test_the_same_release_again_pushes_nothing(checkout):
    tag = ours(checkout)
    release(checkout, tag)
    before = tip(checkout)
    assert release(checkout, tag).returncode == 0
    assert tip(checkout) == before


def test_an_older_image_does_not_take_the_place_of_a_newer_one(checkout):
    older = ours(checkout)
    checkout.append("fcgi/main.c")
    newer = ours(checkout)
    release(checkout, newer)
    done = release(checkout, older, "purser postgres0")
    assert done.returncode == 0 and "it stays" in done.stdout
    tip(checkout)
    assert {name: image.rpartition(":")[2] for name, image in checkout.images("dev").items()} == {
        "purser": newer, "postgres0": older}


def test_a_release_that_changes_another_file_is_not_pushed(checkout):
    before = checkout.append("install/manifests", 'echo >>"$root/README.md"\n')
    done = release(checkout, ours(checkout))
    assert done.returncode == 2 and "README.md" in done.stderr
    assert tip(checkout) == before


def test_a_release_that_fails_pushes_nothing(checkout):
    before = checkout.append("kustomize/base/kustomization.yaml", "no-such-field: 1\n")
    done = release(checkout, ours(checkout))
    assert done.returncode == 2 and "no-such-field" in done.stderr
    assert tip(checkout) == before and checkout.images("dev") == ZERO


@pytest.mark.parametrize("branch, remote", [("no-such-branch", "origin"), ("main", "no-such-remote")])
def test_a_branch_that_is_not_there_is_named(checkout, branch, remote):
    done = release(checkout, ours(checkout), BRANCH=branch, REMOTE=remote)
    assert done.returncode == 2 and "no-such" in done.stderr
