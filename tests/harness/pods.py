"""A container as a pod's specification has it, on the engine: user, rights, limits, files, command and environment."""

import base64

from . import wait
from .engine import POSTGRES0, PURSER, Container

BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def number(quantity):
    """A quantity of Kubernetes."""
    if quantity[-2:] in BYTES:
        return int(quantity[:-2]) * BYTES[quantity[-2:]]
    return int(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def write_files(directory, values, items):
    """The files of a volume; without items, all there are."""
    directory.mkdir(parents=True, exist_ok=True)
    for item in items or [{"key": key, "path": key} for key in values]:
        (directory / item["path"]).write_text(values[item["key"]])
        (directory / item["path"]).chmod(0o444)
    directory.chmod(0o755)


def decoded(secret):
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


class Pod(Container):
    """`with Pod(template, directory, secrets, …) as pod:` runs the one container of a pod template.

    `secrets` and `config_maps` are {name: {key: text}}, `claims` {volume's name: the engine's volume}; files are laid below
    `directory`. `options` go to the engine, `command` takes the place of the specification's.
    """

    def __init__(self, template, directory, secrets, *options, claims=None, config_maps=None, command=None):
        self.spec = template["spec"]
        (self.container,) = self.spec["containers"]
        self.directory, self.secrets, self.claims = directory, secrets, claims or {}
        self.config_maps = config_maps or {}
        image = POSTGRES0 if self.container["image"].split(":")[0].endswith("postgres0") else PURSER
        command = command or self.container.get("command", [])
        if command:  # Kubernetes' command is the engine's entry point
            options = (*options, "--entrypoint", command[0])
        super().__init__(image, *self.confinement(), *self.mounts(), *options, command=command[1:],
                         env={entry["name"]: entry["value"] for entry in self.container.get("env", [])})

    def confinement(self):
        pod, own = self.spec["securityContext"], self.container["securityContext"]
        limits = self.container["resources"]["limits"]
        assert pod["runAsNonRoot"] and own["readOnlyRootFilesystem"] and not own["allowPrivilegeEscalation"]
        options = ["--read-only", "--user", f"{pod['runAsUser']}:{pod['runAsGroup']}", "--security-opt", "no-new-privileges",
                   "--group-add", pod["fsGroup"], "--memory", int(number(limits["memory"])), "--cpus", number(limits["cpu"])]
        return options + [word for name in own["capabilities"]["drop"] for word in ("--cap-drop", name)]

    def mounts(self):
        volumes = {volume["name"]: volume for volume in self.spec.get("volumes", [])}
        for mount in self.container.get("volumeMounts", []):
            name, path = mount["name"], mount["mountPath"]
            volume = volumes.get(name, {})
            if "emptyDir" in volume:
                size = int(number(volume["emptyDir"]["sizeLimit"]))
                yield from ("--tmpfs", f"{path}:size={size},mode=1777")
            elif "secret" in volume or "configMap" in volume:
                source = volume.get("secret") or volume["configMap"]
                values = (self.secrets if "secret" in volume else self.config_maps)[source.get("secretName") or source["name"]]
                write_files(self.directory / name, values, source.get("items"))
                yield from ("-v", f"{self.directory / name}:{path}:ro")
            elif name in self.claims:
                yield from ("-v", f"{self.claims[name]}:{path}")

    @property
    def address(self):
        """Its address on the network that it is in."""
        (network,) = self.inspect()["NetworkSettings"]["Networks"].values()
        return network["IPAddress"]

    def answers(self, get, probe):
        """The status of a probe: what `get(port, path)` says, or the exit code of its command."""
        probe = self.container[probe]
        if "exec" in probe:
            return self.exec(*probe["exec"]["command"], check=False).returncode
        port = next(port["containerPort"] for port in self.container["ports"] if port["name"] == probe["httpGet"]["port"])
        return get(f"http://{self.address}:{port}{probe['httpGet']['path']}")

    def await_probe(self, get, probe, wanted):
        wait.until(lambda: self.answers(get, probe) == wanted, f"the {probe} to answer {wanted}")
