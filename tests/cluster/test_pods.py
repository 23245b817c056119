"""kubectl apply -f install/local.yaml, on a cluster whose node runs the images: it is all that a user types."""

import threading

import pytest
from harness import engine, wait, web
from harness.kubernetes import Node, changed
from harness.process import ROOT
from manifests.builds import run_kustomize

FILE = ROOT / "install" / "local.yaml"
SAMPLE = len((ROOT / "schema" / "sample" / "passengers.csv").read_text().splitlines()) - 1
CLIENTS = 4


@pytest.fixture(scope="module")
def node():
    images = {"purser:local": engine.PURSER, "purser:next": engine.PURSER, "postgres0:local": engine.POSTGRES0}
    with Node(images) as started:
        started.apply("-f", FILE)
        started.name_services("purser")
        yield started


@pytest.fixture
def installed(node):
    """The cluster when everything in it is ready."""
    await_rollout(node, "statefulset/postgres0")
    await_rollout(node, "deployment/purser")
    return node


def await_rollout(node, what):
    node.kubectl("rollout", "status", what, "-n", "purser", "--timeout=180s", timeout=200)


def get(node, path):
    return web.fetch(node.port, "GET", path)


def await_service(node):
    """Wait until /readyz is 200. While no pod is ready, what publishes the node's port accepts and then resets."""

    def ready():
        try:
            return get(node, "/readyz").status == 200
        except OSError:
            return False

    wait.until(ready, "the service")


def restarts(node):
    pods = node.get("pods", "-n", "purser")
    return sum(status["restartCount"] for pod in pods for status in pod["status"].get("containerStatuses", []))


def test_an_apply_ends_in_ready_pods(installed):
    installed.kubectl("wait", "jobs", "--all", "-n", "purser", "--for=condition=Complete", "--timeout=60s", timeout=70)
    assert restarts(installed) == 0


def test_the_service_answers_at_the_nodes_port(installed):
    assert get(installed, "/readyz").status == 200
    assert len(get(installed, "/passengerlist").json) == SAMPLE


def test_a_second_apply_changes_nothing(installed):
    assert changed(installed.apply("-f", FILE)) == []


def test_a_database_pod_that_is_deleted_comes_back_with_its_data(installed):
    before = get(installed, "/passengerlist").body
    installed.kubectl("delete", "pod", "postgres0-0", "-n", "purser", timeout=150)
    await_rollout(installed, "statefulset/postgres0")
    await_service(installed)
    assert get(installed, "/passengerlist").body == before


def test_an_apply_takes_back_an_update_of_the_database_that_does_not_start(installed, overlay):
    """Of an image that is nowhere: its pod is never ready."""
    installed.apply("-f", "-", input=run_kustomize(overlay("local", tag="nowhere", images=("postgres0",))))

    def waits():
        pods = installed.get("pods", "-n", "purser", "-l", "app.kubernetes.io/component=database")
        return [status["image"] for pod in pods for status in pod["status"].get("containerStatuses", [])
                if "waiting" in status["state"]] == ["postgres0:nowhere"]

    wait.until(waits, "the broken pod", timeout=90, pause=0.5)
    installed.apply("-f", FILE)
    await_rollout(installed, "statefulset/postgres0")
    await_service(installed)


def test_an_upgrade_loses_no_request(installed, overlay):
    done, answers = threading.Event(), []

    def ask():
        while not done.is_set():
            try:
                answers.append(get(installed, "/passengerlist").status)
            except OSError as error:
                answers.append(repr(error))

    clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        text = run_kustomize(overlay("local", tag="next", images=("purser",)))
        assert "deployment.apps/purser configured" in installed.apply("-f", "-", input=text)
        await_rollout(installed, "deployment/purser")
        wait.until(lambda: len(installed.get("pods", "-n", "purser", "-l", "app.kubernetes.io/component=service")) == 2,
                   "the old pods to be gone", timeout=90, pause=0.5)  # fmt: skip
    finally:
        done.set()
        for client in clients:
            client.join()
    assert len(answers) > 100
    assert set(answers) == {200}
