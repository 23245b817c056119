"""`seal` of the component sealed-secret, with the real kubeseal and a key of this file's own."""

import base64
import json
import subprocess

import pytest
import yaml
from harness.certificate import make_certificate

from .builds import KUSTOMIZE, build_overlay, load, tool
from .checks_wiring import SECRETS
from .walk import of_kind

SEAL = KUSTOMIZE / "components/sealed-secret/seal"
NAMES = ("purser-database", "purser-database-owner")


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("key"), "sealed-secrets")


def seal(directory, certificate, **variables):
    return subprocess.run([SEAL, directory, "--cert", certificate], env={"KUBESEAL": tool("kubeseal"), **variables},
                          capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def sealed(key, tmp_path_factory):
    """A directory with what `seal` has written."""
    directory = tmp_path_factory.mktemp("sealed")
    done = seal(directory, key[0])
    assert done.returncode == 0, done.stderr
    return directory


def opened(path, private_key):
    """The Secret that the controller would make of it."""
    done = subprocess.run([tool("kubeseal"), "--recovery-unseal", "--recovery-private-key", private_key, "-o", "json"],
                          input=path.read_text(), check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_the_controller_gets_the_secret_of_the_contract(sealed, key, name):
    secret = opened(sealed / f"{name}.yaml", key[1])
    values = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    assert set(values) == SECRETS[name]
    assert values["uri"] == f"postgresql://{values['username']}:{values['password']}@postgres0:5432/purser"
    assert (secret["metadata"]["name"], secret["metadata"]["namespace"]) == (name, "purser")


@pytest.mark.parametrize("name", NAMES)
def test_the_files_show_no_password(sealed, key, name):
    text = (sealed / f"{name}.yaml").read_text()
    password = opened(sealed / f"{name}.yaml", key[1])["data"]["password"]
    assert password not in text
    assert base64.b64decode(password).decode() not in text
    assert set(yaml.safe_load(text)["spec"]["encryptedData"]) == SECRETS[name]


def test_files_that_are_there_stay(sealed, key):
    before = [(sealed / f"{name}.yaml").read_bytes() for name in NAMES]
    done = seal(sealed, key[0])
    assert done.stdout.count("is there already") == 2
    assert [(sealed / f"{name}.yaml").read_bytes() for name in NAMES] == before


def test_without_a_key_nothing_is_written(tmp_path, key):
    done = seal(tmp_path, tmp_path / "missing.crt")
    assert done.returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_sealed_secrets_take_the_place_of_generated_ones(sealed):
    text = yaml.safe_dump({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "resources": ["../../kustomize/overlays/production"],
        "components": ["../../kustomize/components/sealed-secret"],
    })
    items = load(build_overlay(text, **{f"{name}.yaml": (sealed / f"{name}.yaml").read_text() for name in NAMES}))
    assert {item["metadata"]["name"] for item in of_kind(items, "SealedSecret")} == set(NAMES)
    assert [item for item in items if item["metadata"]["name"].startswith("purser-secrets")] == []
