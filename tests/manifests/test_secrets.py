"""The script of the component generated-secret, and its pod. tests/cluster runs it against a real API server."""

import os
import subprocess

from .builds import KUSTOMIZE, objects
from .walk import get, of_kind

SCRIPT = KUSTOMIZE / "components/generated-secret/make_secrets.py"


def test_outside_of_a_cluster_it_says_what_is_missing(tmp_path):
    done = subprocess.run(["/usr/bin/python3", "-B", SCRIPT], env={"ACCOUNT_DIR": str(tmp_path)}, capture_output=True,
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
    (script,) = (item for item in of_kind(items, "ConfigMap")
                 if item["metadata"]["name"].startswith("purser-secrets-script-"))
    assert container["command"][-1] == f"{mounted['script']}/{next(iter(script['data']))}"
    assert script["data"]["make_secrets.py"] == SCRIPT.read_text()


def test_nothing_in_it_needs_more_than_the_standard_library():
    script = "import sys, ast; print(*{name for node in ast.walk(ast.parse(sys.stdin.read())) if isinstance(node, " \
             "(ast.Import, ast.ImportFrom)) for name in ([node.module] if isinstance(node, ast.ImportFrom) else " \
             "[alias.name for alias in node.names]) if name.split('.')[0] not in sys.stdlib_module_names})"
    done = subprocess.run(["/usr/bin/python3", "-c", script], input=SCRIPT.read_text(), capture_output=True, text=True,
                          env=os.environ, check=True)
    assert done.stdout == "\n"
