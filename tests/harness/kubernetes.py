"""A Kubernetes control plane on loopback: etcd, API server, controllers and scheduler as they are, and kubectl.

There is no node, so no pod ever runs: what is real is everything that the API server checks and that controllers make.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

from . import wait
from .process import ROOT, environment, run, tied
from .stack import free_port

# Everything that is allowed to everybody who may do anything; the controllers and the scheduler log in as themselves.
TOKENS = """admin,admin,1,system:masters
controllers,system:kube-controller-manager,2
scheduler,system:kube-scheduler,3
"""
NONE = '{"items": []}'


def asked(objects):
    """Of objects, what was asked for, defaults included, and not how they are."""
    left = ("resourceVersion", "managedFields", "annotations", "generation")
    for item in objects:
        item.pop("status", None)
        item["metadata"] = {key: value for key, value in item["metadata"].items() if key not in left}
    return objects


def changed(lines):
    """Of what kubectl apply said, what is not "unchanged".

    It says "configured" of every PodDisruptionBudget, the same or not: its selector is sent to be replaced as a whole.
    """
    return [line for line in lines
            if not line.endswith(" unchanged") and line != "poddisruptionbudget.policy/purser configured"]  # fmt: skip


def build():
    """The directory of the program and the CRDs, built if it is missing: minutes, the first time."""
    return Path(run([ROOT / "tests" / "cluster" / "build"], timeout=1800).stdout.strip())


class ControlPlane:
    """`with ControlPlane() as cluster:` is ready inside the block, and gone after it."""

    def __init__(self):
        self.built = build()
        self.directory = Path(tempfile.mkdtemp(prefix="purser-k-", dir="/tmp"))
        self.port = free_port()
        self.processes = []

    def _start(self, name, *options):
        with open(self.directory / f"{name}.log", "ab") as log:
            command = tied("KILL", [self.built / "cluster", name, *options])
            self.processes.append(subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory, env=environment(),
            ))  # fmt: skip

    def _start_etcd(self):
        clients, peers = free_port(), free_port()
        self._start(
            "etcd", "--data-dir=etcd", "--unsafe-no-fsync", "--log-level=warn",
            f"--listen-client-urls=http://127.0.0.1:{clients}", f"--advertise-client-urls=http://127.0.0.1:{clients}",
            f"--listen-peer-urls=http://127.0.0.1:{peers}", f"--initial-advertise-peer-urls=http://127.0.0.1:{peers}",
            f"--initial-cluster=default=http://127.0.0.1:{peers}",
        )  # fmt: skip
        return clients

    def _start_apiserver(self, etcd):
        run(["openssl", "genrsa", "-out", self.directory / "accounts.key", "2048"])
        (self.directory / "tokens.csv").write_text(TOKENS)
        self._start(
            "kube-apiserver", f"--etcd-servers=http://127.0.0.1:{etcd}", f"--secure-port={self.port}",
            "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
            "--cert-dir=certs", "--authorization-mode=RBAC", "--token-auth-file=tokens.csv",
            "--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=accounts.key",
            "--service-account-signing-key-file=accounts.key", "--service-cluster-ip-range=10.96.0.0/16",
        )  # fmt: skip
        wait.until(self._is_ready, "the API server")

    def _is_ready(self):
        for process in self.processes:
            assert process.poll() is None, f"{process.args}: exit code {process.returncode}\n{self.logs()}"
        if not (self.directory / "certs" / "apiserver.crt").exists():
            return False
        for who in ("admin", "controllers", "scheduler"):
            self._write_kubeconfig(who)
        return self.kubectl("get", "--raw", "/readyz", check=False).stdout == "ok"

    def _write_kubeconfig(self, token, name=None):
        """The file by which the holder of a token logs in."""
        path = self.directory / f"{name or token}.kubeconfig"
        cluster = {"server": f"https://127.0.0.1:{self.port}",
                   "certificate-authority": str(self.directory / "certs" / "apiserver.crt")}  # fmt: skip
        path.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "clusters": [{"name": "it", "cluster": cluster}], "users": [{"name": "it", "user": {"token": token}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        }))  # fmt: skip
        return path

    def start(self):
        self._start_apiserver(self._start_etcd())
        # Quick enough that a rollout or a removal takes a test no time.
        self._start(
            "kube-controller-manager", "--kubeconfig=controllers.kubeconfig", "--secure-port=0", "--leader-elect=false",
            "--use-service-account-credentials", "--service-account-private-key-file=accounts.key",
            "--root-ca-file=certs/apiserver.crt", "--kube-api-qps=500", "--kube-api-burst=1000",
            "--authentication-kubeconfig=controllers.kubeconfig", "--authorization-kubeconfig=controllers.kubeconfig",
        )  # fmt: skip
        self._start(
            "kube-scheduler", "--kubeconfig=scheduler.kubeconfig", "--secure-port=0", "--leader-elect=false",
            "--authentication-kubeconfig=scheduler.kubeconfig", "--authorization-kubeconfig=scheduler.kubeconfig",
        )  # fmt: skip
        wait.until(lambda: self.names("serviceaccounts", "-n", "default"), "the controllers")
        return self

    def kubectl(self, *words, user="admin", check=True, **options):
        """kubectl WORDS…, as somebody."""
        env = environment(KUBECONFIG=self.directory / f"{user}.kubeconfig", KUBECACHEDIR=self.directory / "cache")
        return run([self.built / "cluster", "kubectl", *words], check=check, env=env, cwd=self.directory, **options)

    def apply(self, *words, **options):
        """kubectl apply, which may complain of nothing; a line for each object, that says what became of it."""
        done = self.kubectl("apply", *words, **options)
        assert done.stderr == ""
        return done.stdout.splitlines()

    def get(self, *words, **options):
        """The objects that `kubectl get WORDS…` finds."""
        found = json.loads(self.kubectl("get", "-o", "json", "--ignore-not-found", *words, **options).stdout or NONE)
        return found.get("items", [found])

    def names(self, *words):
        """The names, with their kinds, of what `kubectl get WORDS…` finds."""
        return self.kubectl("get", "-o", "name", "--ignore-not-found", *words).stdout.split()

    def account(self, name, namespace):
        """A directory such as a pod of this ServiceAccount finds mounted."""
        directory = self.directory / "accounts" / namespace / name
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "token").write_text(self.kubectl("create", "token", name, "-n", namespace).stdout.strip())
        (directory / "namespace").write_text(namespace)
        shutil.copy(self.directory / "certs" / "apiserver.crt", directory / "ca.crt")
        return directory

    def log_in(self, account, namespace):
        """Log in as a ServiceAccount; the `user` for kubectl()."""
        self._write_kubeconfig((self.account(account, namespace) / "token").read_text(), account)
        return account

    def logs(self):
        """The end of what each process wrote, for a person."""
        return "\n".join(f"{log.name}:\n{log.read_text()[-2000:]}" for log in self.directory.glob("*.log"))

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()
