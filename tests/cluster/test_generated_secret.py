"""The program that makes the Secrets, as its ServiceAccount, against a real API."""

import base64
from urllib.parse import urlsplit

import pytest
from harness.certificate import Certificate
from harness.kubernetes import ControlPlane
from harness.process import ROOT, run

SCRIPT = ROOT / "kustomize" / "components" / "generated-secret" / "make_secrets.py"


@pytest.fixture(scope="module")
def purser():
    with ControlPlane() as cluster:
        cluster.apply("-f", ROOT / "install" / "purser.yaml")
        yield cluster


@pytest.fixture
def installed(purser):
    yield purser
    purser.kubectl("delete", "secrets", "--all", "-n", "purser")


def make(cluster, account, check=True, trusted=None, **settings):
    """Run the program as its pod would, with what a pod finds mounted."""
    directory = cluster.account(account, "purser")
    if trusted:
        (directory / "ca.crt").write_text(trusted)
    env = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(cluster.port),
           "ACCOUNT_DIR": str(directory), "DB_URL": "postgres0:5432", "DB_NAME": "purser", **settings}  # fmt: skip
    return run(["/usr/bin/python3", "-B", SCRIPT], check=check, env=env)


def may(cluster, account):
    """What an account may do in the namespace, as kubectl lists it."""
    done = cluster.kubectl("auth", "can-i", "--list", "-n", "purser", user=cluster.log_in(account, "purser"))
    return set(done.stdout.splitlines())


def values(cluster, name):
    (secret,) = cluster.get("secret", name, "-n", "purser")
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def test_both_secrets_are_made(installed):
    make(installed, "purser-secrets")
    assert installed.names("secrets", "-n", "purser") == ["secret/purser-database", "secret/purser-database-owner"]
    worker, owner = values(installed, "purser-database"), values(installed, "purser-database-owner")
    assert (worker["username"], owner["username"]) == ("purser_worker", "purser_owner")
    assert worker["password"] != owner["password"]


def test_a_secret_has_the_keys_of_the_contract(installed):
    make(installed, "purser-secrets")
    found = values(installed, "purser-database")
    uri = urlsplit(found["uri"])
    assert (uri.scheme, uri.username, uri.password) == ("postgresql", found["username"], found["password"])
    assert (uri.hostname, str(uri.port), uri.path) == (found["host"], found["port"], f"/{found['dbname']}")
    assert (found["host"], found["port"], found["dbname"]) == ("postgres0", "5432", "purser")


def test_the_database_may_be_elsewhere(installed):
    make(installed, "purser-secrets", DB_URL="purser-db-rw:5433", DB_NAME="people")
    found = values(installed, "purser-database")
    assert found["uri"].endswith("@purser-db-rw:5433/people")
    assert (found["host"], found["port"], found["dbname"]) == ("purser-db-rw", "5433", "people")


def test_passwords_are_long_new_each_time_and_not_said(installed):
    passwords = []
    for _ in range(2):
        done = make(installed, "purser-secrets")
        passwords += [values(installed, name)["password"] for name in ("purser-database", "purser-database-owner")]
        assert not any(password in done.stdout + done.stderr for password in passwords)
        installed.kubectl("delete", "secrets", "--all", "-n", "purser")
    assert len(set(passwords)) == 4
    assert min(map(len, passwords)) >= 32


def test_one_that_is_missing_is_made(installed):
    make(installed, "purser-secrets")
    owner = installed.get("secret", "purser-database-owner", "-n", "purser")
    installed.kubectl("delete", "secret", "purser-database", "-n", "purser")
    make(installed, "purser-secrets")
    assert installed.names("secret", "purser-database", "-n", "purser") == ["secret/purser-database"]
    assert installed.get("secret", "purser-database-owner", "-n", "purser") == owner


def test_secrets_that_are_there_stay(installed):
    make(installed, "purser-secrets")
    before = installed.get("secrets", "-n", "purser")
    assert make(installed, "purser-secrets").stdout.count("is there already") == 2
    assert installed.get("secrets", "-n", "purser") == before


def test_an_apply_leaves_the_secrets_alone(installed):
    make(installed, "purser-secrets")
    before = installed.get("secrets", "-n", "purser")
    installed.apply("-f", ROOT / "install" / "purser.yaml")
    assert installed.get("secrets", "-n", "purser") == before


def test_the_account_may_create_secrets_and_nothing_else(installed):
    # besides what every account may ask about itself and about the API
    allowed, everybody = may(installed, "purser-secrets"), may(installed, "default")
    assert [line.split() for line in allowed - everybody] == [["secrets", "[]", "[]", "[create]"]]


def test_another_account_may_not_even_that(installed):
    done = make(installed, "purser", check=False)
    assert done.returncode == 1
    assert "The Secret purser-database-owner can't be made: the API answered 403" in done.stderr
    assert installed.names("secrets", "-n", "purser") == []


def test_an_api_that_the_clusters_authority_does_not_vouch_for_gets_nothing(installed):
    with Certificate() as other:
        done = make(installed, "purser-secrets", check=False, trusted=other.text)
    assert done.returncode == 1
    assert "certificate verify failed" in done.stderr
    assert installed.names("secrets", "-n", "purser") == []
