"""The pods of the manifests, on the engine: the images do what base/ and the components make of them."""

import os
import ssl
import sys
import urllib.error
import urllib.request

import pytest
from harness import wait
from harness.certificate import make_certificate
from harness.engine import docker
from harness.pods import Pod, decoded
from harness.process import ROOT
from manifests.builds import objects
from manifests.walk import get as find
from manifests.walk import template_of

sys.path.insert(0, str(ROOT / "kustomize/components/generated-secret"))


def get(url, **options):
    """The status of the answer to a GET; None where nobody answers."""
    try:
        return urllib.request.urlopen(url, timeout=15, **options).status
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return None


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """(directory, Secrets, options of the engine): what all pods have in common."""
    from make_secrets import database_secrets  # as the component makes them

    directory = tmp_path_factory.mktemp("pods")
    directory.parent.chmod(0o755)
    certificate, key = make_certificate(directory, "tls")
    secrets = {secret["metadata"]["name"]: decoded(secret) for secret in database_secrets()}
    secrets["purser-tls"] = {"tls.crt": certificate.read_text(), "tls.key": key.read_text()}
    network = f"purser-pods-{os.getpid()}"
    docker("network", "create", network)
    yield directory, secrets, ("--network", network)
    docker("network", "rm", network)


@pytest.fixture(scope="module")
def postgres0(place):
    directory, secrets, network = place
    template = template_of(find(objects("local"), "StatefulSet", "postgres0"))
    with Pod(template, directory / "postgres0", secrets, *network, "--network-alias", "postgres0",
             "-v", "/var/lib/purser") as pod:
        pod.await_probe(get, "readinessProbe", 0)
        yield pod


@pytest.fixture(scope="module")
def purser(place, postgres0):
    """The service, with TLS, before the migration has run."""
    directory, secrets, network = place
    with Pod(template_of(find(objects("tls"), "Deployment", "purser")), directory / "purser", secrets, *network) as pod:
        pod.await_probe(get, "startupProbe", 201)
        yield pod


def run(build, kind, name, place, **options):
    """A Job's or CronJob's pod to its end; its exit code and what it said."""
    directory, secrets, network = place
    with Pod(template_of(find(objects(build), kind, name)), directory / name, secrets, *network, **options) as pod:
        return pod.await_end(), pod.logs()


@pytest.fixture(scope="module")
def migrated(place, purser):
    before = purser.answers(get, "livenessProbe"), purser.answers(get, "readinessProbe")
    code, said = run("local", "Job", "purser-migrate", place)
    assert code == 0, said
    purser.await_probe(get, "readinessProbe", 200)
    return before


def psql(postgres0, query):
    return postgres0.exec("psql", "-XAtq", "-U", "postgres0", "-d", "purser", "-c", query).stdout.strip()


def test_without_the_schema_a_pod_lives_but_is_not_ready(migrated):
    assert migrated == (200, 503)


def test_the_migration_brings_the_sample_data_to_a_local_cluster(migrated, postgres0):
    assert int(psql(postgres0, "SELECT count(*) FROM passengers")) > 0


def test_a_second_migration_changes_nothing(migrated, place, postgres0):
    before = psql(postgres0, "SELECT count(*) FROM employees")
    code, said = run("local", "Job", "purser-migrate", place)
    assert (code, psql(postgres0, "SELECT count(*) FROM employees")) == (0, before), said


def test_a_pod_takes_the_connections_that_the_autoscaler_counts_on(migrated, purser, postgres0):
    (variable,) = [entry for entry in purser.container["env"] if entry["name"] == "PURSER_WORKERS"]
    counted = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'purser_worker'"
    wait.until(lambda: int(psql(postgres0, counted)) == int(variable["value"]) * 5, "5 connections of each worker")


def test_a_hung_database_takes_readiness_and_nothing_else(migrated, purser, postgres0):
    docker("pause", postgres0.name)
    try:
        purser.await_probe(get, "readinessProbe", 503)
        assert (purser.answers(get, "livenessProbe"), purser.answers(get, "startupProbe")) == (200, 201)
    finally:
        docker("unpause", postgres0.name)
    purser.await_probe(get, "readinessProbe", 200)


def test_the_tls_port_speaks_with_the_mounted_certificate(migrated, purser, place):
    _, secrets, _ = place
    trusting = ssl.create_default_context(cadata=secrets["purser-tls"]["tls.crt"])
    trusting.check_hostname = False  # the certificate is for another address
    assert get(f"https://{purser.address}:8443/hello", context=trusting) == 201


def test_a_backup_comes_back_while_the_service_runs(migrated, place, purser, postgres0):
    claims = {"backup": f"purser-pods-{os.getpid()}-backup"}
    docker("volume", "create", claims["backup"])
    try:
        saved = run("backup", "CronJob", "postgres0-backup", place, claims=claims)
        psql(postgres0, "DELETE FROM passengers")
        restored = run("backup", "CronJob", "postgres0-restore", place, claims=claims)
    finally:
        docker("volume", "rm", claims["backup"])
    assert (saved[0], restored[0]) == (0, 0), (saved, restored)
    assert int(psql(postgres0, "SELECT count(*) FROM passengers")) > 0
    assert [get(f"http://{purser.address}:8080/{path}") for path in ("readyz", "passengerlist")] == [200, 200]


def test_the_images_python_runs_the_script_that_makes_secrets(place):
    script = {"make_secrets.py": (ROOT / "kustomize/components/generated-secret/make_secrets.py").read_text()}
    name = find(objects("local"), "Job", "purser-secrets")["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"]
    code, said = run("local", "Job", "purser-secrets", place, config_maps={name: script})
    assert (code, said) == (1, "make_secrets: KUBERNETES_SERVICE_HOST is not set\n")


def test_a_pod_stops_by_itself_within_its_grace_period(migrated, place):
    directory, secrets, network = place
    template = template_of(find(objects("production"), "Deployment", "purser"))
    with Pod(template, directory / "stopped", secrets, *network) as pod:
        pod.await_probe(get, "readinessProbe", 200)
        assert pod.stop(pod.spec["terminationGracePeriodSeconds"] - 10) == 0


def test_postgres0_stops_by_itself(place):
    directory, secrets, network = place
    template = template_of(find(objects("local"), "StatefulSet", "postgres0"))
    with Pod(template, directory / "stopping", secrets, *network, "-v", "/var/lib/purser") as pod:
        pod.await_probe(get, "readinessProbe", 0)
        assert pod.stop(template["spec"]["terminationGracePeriodSeconds"]) == 0
