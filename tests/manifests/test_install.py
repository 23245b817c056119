"""install/manifests and what it writes, tried in copies of the checkout; and the edit that a release makes."""

import difflib
import re
import shutil
import subprocess

import pytest

from .builds import INSTALL, KUSTOMIZE, ROOT, run_kustomize, tool

DIGEST = "sha256:" + 64 * "1"


@pytest.fixture
def checkout(tmp_path):
    """What install/manifests needs of a checkout, with a test that passes in the place of these."""
    for name in ("install", "kustomize"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("ansible"))
    (tmp_path / "tests/manifests").mkdir(parents=True)
    shutil.copy(ROOT / "tests/run", tmp_path / "tests")
    (tmp_path / "tests/manifests/test_nothing.py").write_text("def test_nothing():\n    pass\n")
    return tmp_path


def manifests(checkout, *words):
    return subprocess.run([checkout / "install/manifests", *words], capture_output=True, text=True, check=False)


def set_image(checkout, overlay, image):
    subprocess.run([tool("kustomize"), "edit", "set", "image", image], check=True,
                   cwd=checkout / "kustomize/overlays" / overlay)


def changed(before, after):
    """The lines of a text that are not in another one any more, and those that are new."""
    lines = [line for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")][2:]
    return [line[1:].strip() for line in lines if line[0] == "-"], [line[1:].strip() for line in lines if line[0] == "+"]


def test_what_is_committed_is_what_kustomize_prints(checkout):
    done = manifests(checkout, "check")
    assert (done.returncode, done.stderr) == (0, "")


def test_check_says_the_first_difference(checkout):
    path = checkout / "install/dev.yaml"
    path.write_text(path.read_text().replace("replicas: 2", "replicas: 5").replace("cpu: 500m", "cpu: 900m"))
    done = manifests(checkout, "check")
    assert done.returncode == 1
    assert "install/dev.yaml is not what kustomize prints of kustomize/overlays/dev" in done.stderr
    assert "-  replicas: 5\n+  replicas: 2\n" in done.stderr
    assert "900m" not in done.stderr


def test_check_names_a_file_that_is_missing(checkout):
    (checkout / "install/local.yaml").unlink()
    done = manifests(checkout, "check")
    assert (done.returncode, "there is no install/local.yaml" in done.stderr) == (1, True)


def test_check_fails_when_a_test_fails(checkout):
    (checkout / "tests/manifests/test_nothing.py").write_text("def test_something():\n    assert False\n")
    assert manifests(checkout, "check").returncode == 1


def test_write_gives_the_same_bytes_again(checkout):
    assert manifests(checkout, "write").stdout.count("is as it was") == 3
    for path in INSTALL.values():
        copied = checkout / path.relative_to(ROOT)
        copied.unlink()
    assert manifests(checkout, "write").stdout.count("is written") == 3
    for path in INSTALL.values():
        assert (checkout / path.relative_to(ROOT)).read_bytes() == path.read_bytes()


def test_write_takes_the_overlays_to_write(checkout):
    for path in INSTALL.values():
        (checkout / path.relative_to(ROOT)).write_text("old\n")
    assert manifests(checkout, "write", "production").returncode == 0
    assert (checkout / "install/purser.yaml").read_bytes() == INSTALL["production"].read_bytes()
    assert (checkout / "install/dev.yaml").read_text() == "old\n"


def test_an_overlay_that_is_not_there_is_refused(checkout):
    done = manifests(checkout, "write", "staging")
    assert (done.returncode, 'there is no overlay "staging"' in done.stderr) == (1, True)


def test_a_broken_overlay_leaves_its_file_alone(checkout):
    (checkout / "kustomize/overlays/dev/kustomization.yaml").write_text("resources: [missing.yaml]\n")
    done = manifests(checkout, "write", "dev")
    assert (done.returncode, "missing.yaml" in done.stderr) == (1, True)
    assert (checkout / "install/dev.yaml").read_bytes() == INSTALL["dev"].read_bytes()


def test_a_warning_of_kustomize_is_a_failure(checkout):
    path = checkout / "kustomize/overlays/dev/kustomization.yaml"
    path.write_text(path.read_text() + "commonLabels:\n  team: crew\n")
    done = manifests(checkout, "write", "dev")
    assert (done.returncode, "commonLabels" in done.stderr) == (1, True)


@pytest.mark.parametrize("overlay", INSTALL)
def test_the_file_starts_with_version_images_and_how_it_was_made(overlay):
    text = INSTALL[overlay].read_text()
    comment = text[:text.index("apiVersion:")]
    images = sorted(set(re.findall(r"^ +image: (.*)$", text, re.M)))
    tag = next(re.search(r"(?:^|/)purser:([^@]*)", image).group(1) for image in images if "postgres0" not in image)
    assert comment.splitlines()[0].startswith(f"# Purser, version {tag}.")
    assert comment.count("\n#     ") == 1 + len(images)
    assert all(f"#     {image}\n" in comment for image in images)
    assert f"#     kubectl apply -f {INSTALL[overlay].relative_to(ROOT)}\n" in comment
    assert f"`make manifests` from kustomize/overlays/{overlay}" in comment


def test_a_new_tag_changes_what_follows_from_it_and_nothing_else(checkout):
    paths = checkout / "kustomize/overlays/dev/kustomization.yaml", checkout / "install/dev.yaml"
    texts = []
    for tag in ("main-0123abc", "main-4567def"):
        set_image(checkout, "dev", f"purser=registry.example.org/purser/purser:{tag}")
        assert "is written" in manifests(checkout, "write", "dev").stdout
        texts.append([path.read_text() for path in paths])
    overlay, install = (changed(*pair) for pair in zip(*texts))
    assert overlay == (["newTag: main-0123abc"], ["newTag: main-4567def"])
    without_tags = [{re.sub("main-[0-9a-f]{7}|-[a-z0-9]{10}$", "…", line) for line in lines} for lines in install]
    assert without_tags[0] == without_tags[1] == {
        "# Purser, version …. To put it into a cluster, or to bring what is there to this version:",
        "#     registry.example.org/purser/purser:…", "app.kubernetes.io/version: …",
        "image: registry.example.org/purser/purser:…", "name: purser-migrate…", "name: purser-secrets…"}


def test_a_digest_goes_with_its_tag(checkout):
    set_image(checkout, "production", f"postgres0=registry.example.org/purser/postgres0:1.2.0@{DIGEST}")
    built = run_kustomize(checkout / "kustomize/overlays/production")
    assert f"image: registry.example.org/purser/postgres0:1.2.0@{DIGEST}\n" in built
    assert "app.kubernetes.io/version: 1.2.0\n" in built


def job_names(directory):
    return set(re.findall(r"^  name: (purser-(?:migrate|secrets)-[a-z0-9]+)$", run_kustomize(directory), re.M))


@pytest.mark.parametrize("image", ["purser:1.2.0", f"purser:main-0000000@{DIGEST}"], ids=["tag", "digest"])
def test_another_image_gives_its_jobs_other_names(checkout, image):
    overlay = checkout / "kustomize/overlays/dev"
    before = job_names(overlay)
    set_image(checkout, "dev", f"purser=registry.example.org/purser/{image}")
    assert len(before) == 2
    assert job_names(overlay) & before == set()


def test_another_database_image_leaves_the_jobs_alone(checkout):
    overlay = checkout / "kustomize/overlays/dev"
    before = job_names(overlay)
    set_image(checkout, "dev", "postgres0=registry.example.org/purser/postgres0:1.2.0")
    assert job_names(overlay) == before


@pytest.mark.parametrize("path, job", [
    ("base/migration/job.yaml", "purser-migrate"),
    ("components/generated-secret/job.yaml", "purser-secrets"),
    ("components/generated-secret/make_secrets.py", "purser-secrets"),
])
def test_another_job_gets_another_name(checkout, path, job):
    overlay = checkout / "kustomize/overlays/dev"
    before = job_names(overlay)
    changed_file = checkout / "kustomize" / path
    changed_file.write_text(changed_file.read_text() + "\n")
    assert {name.rsplit("-", 1)[0] for name in before - job_names(overlay)} == {job}


def test_kustomizations_use_no_deprecated_field():
    deprecated = r"^(bases|commonLabels|patchesStrategicMerge|patchesJson6902|vars|imageTags|helmCharts\w*):"
    found = [path for path in KUSTOMIZE.rglob("kustomization.yaml") if re.search(deprecated, path.read_text(), re.M)]
    assert found == []
