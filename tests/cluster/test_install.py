"""The files of install/, as one who installs Purser uses them: kubectl apply, again, with other images, and delete."""

import pytest
import yaml
from harness import wait
from harness.kubernetes import ControlPlane, asked, changed
from harness.process import ROOT

OVERLAYS = {"purser.yaml": "production", "dev.yaml": "dev", "local.yaml": "local"}
# What the cluster writes by itself.
OWN = ("events", "leases", "endpoints", "componentstatuses")

each_file = pytest.mark.parametrize("file", OVERLAYS)


@pytest.fixture(scope="module", params=OVERLAYS)
def installed(request):
    """A cluster, a file, and what the first apply of the file to it said."""
    path = ROOT / "install" / request.param
    with ControlPlane() as cluster:
        yield cluster, path, cluster.apply("-f", path)


def everything(cluster):
    """Every object in the cluster by kind, namespace and name."""
    kinds = cluster.kubectl("api-resources", "--verbs=list", "-o", "name").stdout.split()
    kinds = [kind for kind in kinds if kind.partition(".")[0] not in OWN]
    columns = "custom-columns=KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name"
    lines = cluster.kubectl("get", ",".join(kinds), "-A", "--no-headers", "-o", columns).stdout.splitlines()
    return {tuple(line.split()) for line in lines}


def pods(cluster):
    """How many pods there are, by what they do."""
    does = [pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in cluster.get("pods", "-n", "purser")]
    return {name: does.count(name) for name in does}


def await_pods(cluster):
    expected = {"service": 2, "database": 1, "migration": 1, "secrets": 1}
    wait.until(lambda: pods(cluster) == expected, "the controllers' pods", pause=0.5)


def test_every_file_is_tried_here():
    assert {path.name for path in (ROOT / "install").glob("*.yaml")} == set(OVERLAYS)


def test_a_file_applies_to_an_empty_cluster_in_one_go(installed):
    _, path, said = installed
    assert len(said) == len(list(yaml.safe_load_all(path.read_text())))
    assert [line for line in said if not line.endswith(" created")] == []


def test_a_second_apply_changes_nothing(installed):
    cluster, path, _ = installed
    before = asked(cluster.get("-f", path))
    assert changed(cluster.apply("-f", path)) == []
    assert asked(cluster.get("-f", path)) == before


def test_between_a_file_and_the_cluster_there_is_no_difference(installed):
    cluster, path, _ = installed
    assert cluster.kubectl("diff", "-f", path).stdout == ""


def test_pod_security_admits_every_pod(installed):
    cluster, *_ = installed
    await_pods(cluster)
    assert cluster.get("events", "-n", "purser", "--field-selector=reason=FailedCreate") == []


def test_all_that_a_file_brings_is_in_its_namespace(installed):
    cluster, path, _ = installed
    outside = [item["kind"] for item in cluster.get("-f", path) if item["metadata"].get("namespace") != "purser"]
    assert outside == ["Namespace"]


@each_file
def test_a_server_side_apply_can_be_repeated_too(cluster, file):
    path = ROOT / "install" / file
    cluster.apply("--server-side", "-f", path)
    before = asked(cluster.get("-f", path))
    cluster.apply("--server-side", "-f", path)
    assert asked(cluster.get("-f", path)) == before
    assert cluster.kubectl("diff", "--server-side", "-f", path).stdout == ""


@each_file
def test_a_release_applies_over_the_one_before_and_back(cluster, overlay, file):
    path, newer = ROOT / "install" / file, overlay(OVERLAYS[file], tag="main-1111111")
    cluster.apply("-f", path)
    before = asked(cluster.get("-f", path))
    said = cluster.apply("-k", newer)
    assert {"deployment.apps/purser configured", "statefulset.apps/postgres0 configured"} <= set(said)
    assert [line.partition("/")[0] for line in said if line.endswith(" created")] == ["job.batch", "job.batch"]
    assert changed(cluster.apply("-k", newer)) == []
    cluster.apply("-f", path)
    assert asked(cluster.get("-f", path)) == before


def test_delete_leaves_nothing_behind(cluster):
    before = everything(cluster)
    cluster.apply("-f", ROOT / "install" / "purser.yaml")
    await_pods(cluster)
    assert ("PersistentVolumeClaim", "purser", "data-postgres0-0") in everything(cluster)
    cluster.kubectl("delete", "-f", ROOT / "install" / "purser.yaml", timeout=120)
    assert everything(cluster) == before
