"""The script of the component generated-secret, against an API of this file's own that speaks TLS as the real one does."""

import base64
import contextlib
import http.server
import json
import os
import ssl
import subprocess
import threading
from urllib.parse import urlsplit

import pytest

from .builds import KUSTOMIZE, objects
from .checks_wiring import SECRETS
from .walk import get, of_kind

SCRIPT = KUSTOMIZE / "components/generated-secret/make_secrets.py"
TOKEN = "a-token"


class Api(http.server.BaseHTTPRequestHandler):
    """Keeps Secrets, for whoever has the token; says 409 to a second one of the same name."""

    def do_POST(self):
        secret = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = secret["metadata"]["name"]
        if urlsplit(self.path).path != "/api/v1/namespaces/purser/secrets":
            status = 404
        elif self.headers["Authorization"] != f"Bearer {TOKEN}":
            status = 403
        elif name in self.server.secrets:
            status = 409
        else:
            status = 201
            self.server.secrets[name] = secret
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):
        pass


def make_certificate(directory, name):
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    paths = directory / f"{name}.crt", directory / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={name}",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-out", paths[0], "-keyout", paths[1]],
                   check=True, capture_output=True)
    return paths


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"), "api")


@pytest.fixture
def account(tmp_path, certificate):
    """What a pod finds of its ServiceAccount."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "namespace").write_text("purser")
    (tmp_path / "ca.crt").write_bytes(certificate[0].read_bytes())
    return tmp_path


@pytest.fixture
def api(certificate):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.secrets = {}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    with contextlib.closing(server.socket):
        yield server
        server.shutdown()
        thread.join()


def run(api, account, **variables):
    """The script as the Job runs it, but with the account's directory here."""
    (container,) = get(objects("local"), "Job", "purser-secrets")["spec"]["template"]["spec"]["containers"]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    environment.update(KUBERNETES_SERVICE_HOST="127.0.0.1", KUBERNETES_SERVICE_PORT=str(api.server_address[1]),
                       ACCOUNT_DIR=str(account), **variables)
    return subprocess.run([*container["command"][:-1], SCRIPT], env=environment, capture_output=True, text=True, check=False)


def values(secret):
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def test_both_secrets_are_made_with_the_keys_of_the_contract(api, account):
    done = run(api, account)
    assert (done.returncode, done.stderr) == (0, "")
    for name, username in (("purser-database", "purser_worker"), ("purser-database-owner", "purser_owner")):
        made = values(api.secrets[name])
        assert set(made) == SECRETS[name]
        assert made["uri"] == f"postgresql://{username}:{made['password']}@postgres0:5432/purser"
        assert (made["username"], made["host"], made["port"], made["dbname"]) == (username, "postgres0", "5432", "purser")


def test_no_two_passwords_are_the_same(api, account):
    for _ in range(2):
        run(api, account)
        api.kept = [*getattr(api, "kept", []), *(values(secret)["password"] for secret in api.secrets.values())]
        api.secrets.clear()
    assert len(set(api.kept)) == 4
    assert all(len(password) >= 32 for password in api.kept)


def test_a_second_run_changes_nothing(api, account):
    run(api, account)
    before = json.dumps(api.secrets)
    done = run(api, account)
    assert done.returncode == 0
    assert done.stdout.count("is there already") == 2
    assert json.dumps(api.secrets) == before


def test_one_that_is_missing_is_made(api, account):
    run(api, account)
    kept = api.secrets["purser-database-owner"]
    del api.secrets["purser-database"]
    assert run(api, account).returncode == 0
    assert set(api.secrets) == {"purser-database", "purser-database-owner"}
    assert api.secrets["purser-database-owner"] is kept


def test_the_database_may_be_elsewhere(api, account):
    run(api, account, DB_URL="purser-db-rw:5433", DB_NAME="people")
    made = values(api.secrets["purser-database"])
    assert made["uri"].endswith("@purser-db-rw:5433/people")
    assert (made["host"], made["port"], made["dbname"]) == ("purser-db-rw", "5433", "people")


def test_no_password_is_said(api, account):
    done = run(api, account)
    for secret in api.secrets.values():
        assert values(secret)["password"] not in done.stdout + done.stderr


def test_without_the_right_to_make_secrets_it_fails_and_says_so(api, account):
    (account / "token").write_text("another")
    done = run(api, account)
    assert done.returncode == 1
    assert "The Secret purser-database-owner can't be made: the API answered 403" in done.stderr


def test_an_api_that_is_not_the_clusters_gets_nothing(api, account, tmp_path):
    other, _ = make_certificate(tmp_path, "other")
    (account / "ca.crt").write_bytes(other.read_bytes())
    done = run(api, account)
    assert done.returncode == 1
    assert "certificate verify failed" in done.stderr
    assert api.secrets == {}


def test_outside_of_a_cluster_it_says_what_is_missing(account):
    done = subprocess.run(["/usr/bin/python3", "-B", SCRIPT], env={"ACCOUNT_DIR": str(account)}, capture_output=True,
                          text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "make_secrets: KUBERNETES_SERVICE_HOST is not set\n")


def test_the_pod_finds_what_the_script_looks_for():
    items = objects("local")
    spec = get(items, "Job", "purser-secrets")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    sources = next(volume for volume in spec["volumes"] if volume["name"] == "account")["projected"]["sources"]
    paths = {source["serviceAccountToken"]["path"] for source in sources if "serviceAccountToken" in source}
    paths |= {entry["path"] for source in sources for kind in source.values() for entry in kind.get("items", [])}
    assert paths == {"token", "ca.crt", "namespace"}
    assert f'"{mounted["account"]}"' in SCRIPT.read_text()
    script = next(item for item in of_kind(items, "ConfigMap") if item["metadata"]["name"].startswith("purser-secrets-script-"))
    assert container["command"][-1] == f"{mounted['script']}/{next(iter(script['data']))}"
    assert script["data"]["make_secrets.py"] == SCRIPT.read_text()


def test_nothing_in_it_needs_more_than_the_standard_library():
    script = "import sys, ast; print(*{name for node in ast.walk(ast.parse(sys.stdin.read())) if isinstance(node, " \
             "(ast.Import, ast.ImportFrom)) for name in ([node.module] if isinstance(node, ast.ImportFrom) else " \
             "[alias.name for alias in node.names]) if name.split('.')[0] not in sys.stdlib_module_names})"
    done = subprocess.run(["/usr/bin/python3", "-c", script], input=SCRIPT.read_text(), capture_output=True, text=True,
                          env=os.environ, check=True)
    assert done.stdout == "\n"
