"""`make changed` finds the files of an image in its Dockerfile."""

import pytest

PURSER = ["fcgi/main.c", "nginx/nginx.conf.in", "supervisord/start", "schema/roles.sql", "schema/sample/passengers.csv",
          "Makefile", "VERSION", "install/packages", "Dockerfile", ".dockerignore"]
POSTGRES0 = ["schema/postgres0", "schema/backup", "schema/roles.sql", "schema/Dockerfile", "VERSION", ".dockerignore"]
NEITHER = ["README.md", "fcgi/README.md", "schema/README.md", "tests/run", "kustomize/base/names.yaml",
           "install/dev.yaml", "install/push", "LICENSE", ".github/workflows/pipeline.yaml"]


def answers(checkout, **settings):
    """What the script says for programs, of both images."""
    (checkout.home / "output").unlink(missing_ok=True)
    done = checkout.call("install/changed", "--output", checkout.home / "output", **settings)
    assert done.returncode in (0, 1), done.stderr
    return dict(line.split("=") for line in (checkout.home / "output").read_text().split())


@pytest.mark.parametrize("path", sorted({*PURSER, *POSTGRES0, *NEITHER}))
def test_a_file_counts_for_the_images_that_are_made_of_it(checkout, path):
    since = checkout.git("rev-parse", "HEAD")
    assert (checkout.directory / path).exists()
    checkout.append(path)
    assert answers(checkout, SINCE=since) == {"purser": str(path in PURSER).lower(),
                                              "postgres0": str(path in POSTGRES0).lower()}


@pytest.mark.parametrize("image", ["purser", "postgres0"])
@pytest.mark.parametrize("line", ["COPY extra /x", "COPY --chown=1:1 ./extra/ other /x/", 'COPY ["extra", "/x"]',
                                  "COPY VERSION \\\n    extra /x/", "ADD extra/*.text /x/"])
def test_what_the_dockerfile_copies_next_counts_from_then_on(checkout, image, line):
    dockerfile = {"purser": "Dockerfile", "postgres0": "schema/Dockerfile"}[image]
    checkout.append(".dockerignore", "!extra\n")
    checkout.write("extra/a.text", "1")
    since = checkout.append(dockerfile, f"{line}\n")
    assert answers(checkout, SINCE=since)[image] == "false"
    checkout.append("extra/a.text", "2")
    assert answers(checkout, SINCE=since)[image] == "true"


def test_a_file_that_is_gone_counts(checkout):
    since = checkout.git("rev-parse", "HEAD")
    checkout.git("rm", "--quiet", "fcgi/probe.h")
    checkout.commit("Remove")
    assert answers(checkout, SINCE=since) == {"purser": "true", "postgres0": "false"}


def test_a_folder_that_the_builder_never_sees_does_not_count(checkout):
    since = checkout.git("rev-parse", "HEAD")
    checkout.write("fcgi/__pycache__/a.pyc", "x")
    checkout.git("add", "--force", "fcgi/__pycache__/a.pyc")
    checkout.commit("Add")
    assert answers(checkout, SINCE=since) == {"purser": "false", "postgres0": "false"}


@pytest.mark.parametrize("since", ["0" * 40, "no-such-commit", "--help"])
def test_everything_counts_as_changed_since_a_commit_that_nobody_knows(checkout, since):
    done = checkout.call("install/changed", SINCE=since)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2)
    assert f'purser counts as changed: this clone knows no commit "{since}".' in done.stdout


def test_without_a_commit_it_is_since_the_image_that_dev_has(checkout):
    assert answers(checkout) == {"purser": "true", "postgres0": "true"}  # dev names no commit yet
    checkout.make("release", TAG=f"main-{checkout.git('rev-parse', 'HEAD')}", IMAGE="purser postgres0")
    checkout.commit("Release")
    assert answers(checkout) == {"purser": "false", "postgres0": "false"}
    checkout.append("fcgi/main.c")
    checkout.append("README.md")  # a run that failed or was dropped before this one is made up for
    assert answers(checkout) == {"purser": "true", "postgres0": "false"}


def test_another_registry_counts_as_changed(checkout):
    tag = f"main-{checkout.git('rev-parse', 'HEAD')}"
    checkout.make("release", TAG=tag, IMAGE="postgres0")
    checkout.make("release", TAG=tag, IMAGE="purser", REGISTRY="registry.example.org/b")
    checkout.commit("Release")
    assert answers(checkout) == {"purser": "false", "postgres0": "false"}
    assert answers(checkout, REGISTRY="registry.example.org/b") == {"purser": "false", "postgres0": "true"}


def test_the_exit_code_is_for_programs_and_the_sentence_for_people(checkout):
    since = checkout.git("rev-parse", "HEAD")
    checkout.append("fcgi/main.c")
    yes, no = (checkout.call("install/changed", SINCE=since, IMAGE=image) for image in ("purser", "postgres0"))
    assert (yes.returncode, yes.stdout) == (0, f"purser has changed since {since[:12]}: fcgi/main.c.\n")
    assert (no.returncode, no.stdout) == (1, f"postgres0 has not changed since {since[:12]}.\n")
    wrong = checkout.call("install/changed", SINCE=since, IMAGE="nginx")
    assert (wrong.returncode, wrong.stdout) == (2, "") and 'no image "nginx"' in wrong.stderr


def test_make_ends_well_either_way_and_badly_after_a_fault(checkout):
    since = checkout.git("rev-parse", "HEAD")
    assert checkout.make("changed", SINCE=since, OUTPUT=checkout.home / "output").returncode == 0
    assert (checkout.home / "output").read_text() == "purser=false\npostgres0=false\n"
    checkout.append("fcgi/main.c")
    assert checkout.make("changed", SINCE=since).returncode == 0
    assert checkout.make("changed", SINCE=since, IMAGE="nginx").returncode != 0
