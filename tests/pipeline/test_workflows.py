"""The workflow files: what actionlint says of them, and what no linter knows."""

import os
import re

import pytest
from harness import workflow
from harness.process import ROOT, run

JOBS = workflow.all_jobs()
NAMES = [f"{file}: {name}" for file, name, _ in JOBS]
FILES = sorted({file for file, _, _ in JOBS})
# The jobs that may have more than the right to read, or a secret.
WRITERS = {"pipeline.yaml: release", "promote.yaml: promote"}
PUSHERS = {"pipeline.yaml: push-images"} | WRITERS

each_job = pytest.mark.parametrize("file, name, job", JOBS, ids=NAMES)


def pull_request(**more):
    """What a pull request's run knows, at the best: all images have changed, and the variables are there."""
    return {"github.event_name": "pull_request", "github.ref": "refs/pull/1/merge",
            "vars.REGISTRY": "registry.example.org/a",
            "needs.changed.outputs.purser": "true", "needs.changed.outputs.postgres0": "true", **more}


def steps_with(job, key):
    return [step for step in job["steps"] if key in step]


def engine_targets():
    """The make targets that need a container engine: the images', and each kind of tests that speaks to one."""
    speaks = re.compile(r"^from harness(\.engine import|\.compose import| import .*\bengine\b)", re.M)
    kinds = {path.parent.name for path in (ROOT / "tests").glob("*/*.py") if speaks.search(path.read_text())}
    assert {"stack", "cluster", "pipeline"} <= kinds
    return {"image", "push", "pull", *(f"test-{kind}" for kind in kinds - {"harness"})}


def targets_of(job):
    return {word for step in steps_with(job, "run") for word in re.findall(r"^make ([a-z0-9-]+)", step["run"], re.M)}


def tools():
    return run([ROOT / "install" / "tool", "actionlint"]).stdout.strip()


def test_actionlint_and_shellcheck_find_nothing():
    done = run([tools(), "-color=false", "-shellcheck=shellcheck", *workflow.DIRECTORY.iterdir()], check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_actionlint_and_shellcheck_are_awake(tmp_path):
    """Faults of both kinds are found, so that the silence above means something."""
    (tmp_path / "bad.yaml").write_text(
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n"
        "      - run: echo $GITHUB_SHA ${{ github.nothing }}\n")
    done = run([tools(), "-color=false", "-shellcheck=shellcheck", tmp_path / "bad.yaml"], check=False)
    assert "shellcheck" in done.stdout and 'property "nothing" is not defined' in done.stdout


@pytest.mark.parametrize("file", FILES)
def test_nothing_is_allowed_that_a_job_does_not_ask_for(file):
    assert workflow.load(file)["permissions"] == {}


@each_job
def test_a_job_may_read_the_files_and_no_more_unless_it_commits(file, name, job):
    wanted = "write" if f"{file}: {name}" in WRITERS else "read"
    assert job["permissions"] == {"contents": wanted}


@each_job
def test_secrets_are_where_images_are_pushed_and_nowhere_else(file, name, job):
    assert ("secrets." in str(job)) == (f"{file}: {name}" in PUSHERS)


@each_job
def test_a_secret_is_one_steps_and_goes_through_its_environment(file, name, job):
    found = [step for step in job["steps"] if "secrets." in str(step)]
    assert len(found) == (1 if f"{file}: {name}" in PUSHERS else 0)
    for step in found:
        assert step["env"]["PASSWORD"] == "${{ secrets.REGISTRY_PASSWORD }}"
        assert "--password-stdin" in step["run"] and "secrets" not in step["run"]
    assert "secrets" not in str({key: value for key, value in job.items() if key != "steps"})


def test_pull_requests_run_no_job_with_a_secret_or_the_right_to_write():
    """Each such job is left out by its own condition, or by that of one that it needs."""
    jobs = workflow.load("pipeline.yaml")["jobs"]

    def runs(name):
        job = jobs[name]
        needs = job.get("needs", [])
        return all(map(runs, [needs] if isinstance(needs, str) else needs)) and (
            "if" not in job or bool(workflow.evaluate(job["if"], pull_request())))

    assert {name for name in jobs if runs(name)} == {"test", "test-cluster", "test-pipeline", "changed", "try-images"}


def test_a_job_that_needs_one_that_was_left_out_has_no_way_round():
    """`always()` and its like would run a job in spite of its needs."""
    assert [name for _, name, job in JOBS if re.search(r"always\(|failure\(|cancelled\(|success\(", str(job))] == []


def test_pull_requests_start_nothing_but_the_pipeline_and_never_with_the_targets_rights():
    started = {file: set(workflow.triggers(workflow.load(file))) for file in FILES}
    assert started == {"pipeline.yaml": {"pull_request", "push"}, "promote.yaml": {"push"}}
    assert workflow.triggers(workflow.load("pipeline.yaml"))["push"] == {"branches": ["main"]}
    assert workflow.triggers(workflow.load("promote.yaml"))["push"] == {"tags": ["v[0-9]*"]}


@pytest.mark.parametrize("ref, registry, images, runs", [
    ("refs/heads/main", "registry.example.org/a", "true", {"push-images"}),
    ("refs/heads/main", "registry.example.org/a", "false", set()),
    ("refs/heads/main", "", "true", {"try-images"}),
    ("refs/heads/other", "registry.example.org/a", "true", set()),
])  # fmt: skip
def test_images_are_pushed_when_they_changed_on_main_and_there_is_a_registry(ref, registry, images, runs):
    values = pull_request(**{"github.event_name": "push", "github.ref": ref, "vars.REGISTRY": registry,
                             "needs.changed.outputs.purser": "false", "needs.changed.outputs.postgres0": images})
    jobs = workflow.load("pipeline.yaml")["jobs"]
    assert {name for name in ("try-images", "push-images") if workflow.evaluate(jobs[name]["if"], values)} == runs


def test_nothing_is_pushed_before_every_test_has_passed():
    jobs = workflow.load("pipeline.yaml")["jobs"]
    assert {"test", "test-cluster", "test-pipeline"} <= set(jobs["push-images"]["needs"])
    commands = [step["run"] for step in steps_with(jobs["push-images"], "run")]
    assert commands.index("make test-stack") < commands.index("make push IMAGE=purser")
    assert "push-images" in jobs["release"]["needs"]


def test_the_images_that_are_pushed_are_the_ones_that_were_tested():
    """Without their names `make test-stack` builds what was made from another commit, as a fetched image is."""
    tests = [step for step in workflow.load("pipeline.yaml")["jobs"]["push-images"]["steps"] if
             step.get("run") == "make test-stack"]
    assert [step["env"] for step in tests] == [{"PURSER_IMAGE": "purser:local", "POSTGRES0_IMAGE": "postgres0:local"}]


@each_job
def test_an_action_is_pinned_to_a_commit_and_says_its_version(file, name, job):
    text = (workflow.DIRECTORY / file).read_text()
    for step in steps_with(job, "uses"):
        assert re.fullmatch(r"actions/checkout@[0-9a-f]{40}", step["uses"])
        assert re.search(rf"uses: {re.escape(step['uses'])} # v[0-9]+\.[0-9]+\.[0-9]+\n", text)


@each_job
def test_the_token_stays_in_the_checkout_only_where_a_commit_is_pushed(file, name, job):
    kept = [step["with"]["persist-credentials"] for step in steps_with(job, "uses")]
    assert kept == [f"{file}: {name}" in WRITERS]


@each_job
def test_a_job_ends_in_time_on_a_runner_that_is_named(file, name, job):
    assert 0 < job["timeout-minutes"] <= 60
    matrix = job.get("strategy", {}).get("matrix", {})
    runners = [*matrix.get("runner", []), *(one["runner"] for one in matrix.get("include", []))]
    named = runners if job["runs-on"] == "${{ matrix.runner }}" else [job["runs-on"]]
    assert set(named) <= {"ubuntu-24.04", "ubuntu-24.04-arm"}


@each_job
def test_no_expression_is_pasted_into_a_script(file, name, job):
    assert [step["run"] for step in steps_with(job, "run") if "${{" in step["run"]] == []


@each_job
def test_every_make_target_exists(file, name, job):
    targets = targets_of(job)
    for target in targets:  # -n runs nothing, and fails where there is no such target
        run(["make", "-n", "--no-print-directory", target], cwd=ROOT, env={"PATH": os.environ["PATH"]})
    assert targets


@each_job
def test_what_needs_an_engine_is_in_no_container(file, name, job):
    """There is none in there; the runner has one."""
    assert "container" not in job or targets_of(job) & engine_targets() == set()


@each_job
def test_what_is_no_make_target_is_the_engines_login_or_a_runners_matter(file, name, job):
    others = [step for step in steps_with(job, "run") if not step["run"].startswith("make ")]
    assert {step["name"] for step in others} <= {
        "git, for the checkout, and make", "say that nothing is pushed", "log in to the registry",
        "see that there is a registry"}
    for step in others:
        assert not re.search(r"git (add|commit|push)|docker push|skopeo", step["run"])


@pytest.mark.parametrize("file", FILES)
def test_a_run_that_commits_is_never_stopped_half_way(file):
    on_main = {"github.event_name": "push", "github.ref": "refs/heads/main"}
    concurrency = workflow.load(file)["concurrency"]
    assert workflow.fill(concurrency.get("cancel-in-progress", False), on_main) == "False"


def test_runs_on_main_go_one_after_the_other():
    group = workflow.load("pipeline.yaml")["concurrency"]["group"]
    assert workflow.fill(group, {"github.ref": "refs/heads/main"}) == "pipeline-refs/heads/main"
