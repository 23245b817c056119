"""The components, on top of production: what goes together in an empty cluster, and each in one that runs."""

import json

import pytest
from harness import wait
from harness.kubernetes import ControlPlane, asked, changed
from manifests.builds import ON_PRODUCTION, TOGETHER, printed

# The operator's own definition can't be had here, so this one takes any field: what is tried is all that is around it.
CLOUDNATIVE_PG = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "clusters.postgresql.cnpg.io"},
    "spec": {
        "group": "postgresql.cnpg.io",
        "scope": "Namespaced",
        "names": {"kind": "Cluster", "plural": "clusters"},
        "versions": [{
            "name": "v1", "served": True, "storage": True,
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        }],
    },
}  # fmt: skip


def resources(cluster):
    return cluster.kubectl("api-resources", "--cached=false", "-o", "name").stdout.splitlines()


def extend(cluster):
    """Make the kinds known that components bring in."""
    cluster.apply("--server-side", "-f", cluster.built / "crds")
    cluster.apply("-f", "-", input=json.dumps(CLOUDNATIVE_PG))
    kinds = {"httproutes", "sealedsecrets", "clusters"}
    wait.until(lambda: kinds <= {line.partition(".")[0] for line in resources(cluster)}, "the new kinds", pause=0.5)


@pytest.fixture(scope="module")
def running():
    with ControlPlane() as cluster:
        extend(cluster)
        yield cluster


@pytest.fixture
def in_production(running):
    """A cluster that has the production overlay, whatever it had before."""
    running.apply("-f", "-", input=printed("production"))
    return running


@pytest.mark.parametrize("name", map("+".join, TOGETHER))
def test_components_apply_to_an_empty_cluster_in_one_go(cluster, name):
    extend(cluster)
    said = cluster.apply("-f", "-", input=printed(name))
    assert [line for line in said if not line.endswith(" created")] == []


@pytest.mark.parametrize("name", map("+".join, ON_PRODUCTION))
def test_components_come_and_go_while_it_runs(in_production, name):
    before = asked(in_production.get("-f", "-", input=printed("production")))
    in_production.apply("-f", "-", input=printed(name))
    assert changed(in_production.apply("-f", "-", input=printed(name))) == []
    in_production.apply("-f", "-", input=printed("production"))
    assert asked(in_production.get("-f", "-", input=printed("production"))) == before
