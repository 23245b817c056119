"""Kubernetes: a control plane on loopback, and a whole cluster of one node in a container.

Of the first, which starts in seconds, everything is real that the API server checks and that controllers make; there is
no node, so no pod runs. In the second one pods run.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

from . import engine, wait
from .process import ROOT, environment, run, tied
from .stack import free_port

# Everything that is allowed to everybody who may do anything; the controllers and the scheduler log in as themselves.
TOKENS = """admin,admin,1,system:masters
controllers,system:kube-controller-manager,2
scheduler,system:kube-scheduler,3
"""
# What holds a pod's network while its containers come and go.
PAUSE = 'FROM debian:trixie-slim\nUSER 65535:65535\nCMD ["sleep", "infinity"]\n'
NODE_PORT = 30000  # of kustomize/components/nodeport
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


class Client:
    """What can be done with kubectl; a cluster of either kind says how it is called."""

    def kubectl(self, *words, **options):
        """kubectl WORDS…; see process.run."""
        raise NotImplementedError

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


class ControlPlane(Client):
    """etcd, API server, controllers, scheduler: `with ControlPlane() as cluster:` is ready inside the block."""

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


class Node(Client):
    """A cluster with a node, tests/cluster/node: `with Node(images) as cluster:` is ready for pods of these images.

    `images` says for each name by which pods ask what the engine calls it. NetworkPolicies are taken, but nobody here
    enforces them. Its port for NodePort Services is `port` on loopback.
    """

    HERE = ROOT / "tests" / "cluster" / "node"

    def __init__(self, images):
        self.images = images
        engine.docker("build", "-t", "purser-test-node", self.HERE)
        run(["docker", "build", "-t", "purser-test-pause", "-"], input=PAUSE)
        self.port = free_port()
        self.container = engine.Container(
            "purser-test-node", "--cap-add=ALL", "--cap-drop=SYS_RESOURCE", "--security-opt=seccomp=unconfined",
            "--security-opt=apparmor=unconfined", "--cgroupns=private", "--device=/dev/kmsg", "--tmpfs=/run:exec",
            "--tmpfs=/tmp", "-v=/var/lib/containerd", "-v=/var/lib/kubelet", "-v=/var/lib/etcd", "-v=/volume",
            f"-v={build()}:/cluster:ro", f"-v={ROOT}:{ROOT}:ro", f"--publish=127.0.0.1:{self.port}:{NODE_PORT}",
        )  # fmt: skip

    def kubectl(self, *words, check=True, **options):
        command = ["docker", "exec", "-i", self.container.name, "/cluster/cluster", "kubectl", *words]
        return run(command, check=check, **options)

    def load(self, name, image):
        """Have an image of the engine's on the node, by this name."""
        save = subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE)
        inside = ["docker", "exec", "-i", self.container.name]
        run([*inside, "ctr", "-n=k8s.io", "images", "import", "-"], stdin=save.stdout)
        assert save.wait() == 0
        known, wanted = (full if ":" in full else f"{full}:latest" for full in (image, name))
        if known != wanted:
            there = self.container.exec("ctr", "-n=k8s.io", "images", "ls", "-q").stdout.split()
            full = next(each for each in there if each.endswith(f"/{known}"))
            self.container.exec("ctr", "-n=k8s.io", "images", "tag", "--force", full, full.removesuffix(known) + wanted)

    def _is_ready(self):
        assert self.container.state["Running"], self.container.logs()
        ready = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
        return self.kubectl("get", "node", "node", "-o", ready, check=False).stdout == "True"

    def _give_volume(self):
        """One volume for whoever claims it; a directory of the node's."""
        self.apply("-f", "-", input=json.dumps({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "volume"},
            "spec": {"capacity": {"storage": "8Gi"}, "accessModes": ["ReadWriteOnce"], "local": {"path": "/volume"},
                     "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                         {"key": "kubernetes.io/hostname", "operator": "In", "values": ["node"]}]}]}}},
        }))  # fmt: skip

    def name_services(self, namespace):
        """Do what the cluster's DNS would do for the Services that are there."""
        lines = [f"{s['spec']['clusterIP']} {s['metadata']['name']}.{namespace}.svc.cluster.local"
                 for s in self.get("services", "-n", namespace)]  # fmt: skip
        run(["docker", "exec", "-i", self.container.name, "tee", f"/names/{namespace}"], input="\n".join(lines) + "\n")

    def __enter__(self):
        self.container.__enter__()
        try:
            self.load("purser-test-pause", "purser-test-pause")
            for name, image in self.images.items():
                self.load(name, image)
            wait.until(self._is_ready, "the node", pause=0.5, timeout=120)
            self._give_volume()
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self.container.__exit__()
