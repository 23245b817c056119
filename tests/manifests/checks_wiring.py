"""Checks of what one object says of another. A check gets a list of objects, and yields a sentence for each thing wrong."""

from . import program
from .walk import (containers, environment, get, labels_of, matches, name_of, of_kind, templates)

NAMESPACE = "purser"
# What the manifests need, and do not make: the Secrets (by whoever makes them), and the cluster's own.
CLOUDNATIVE_PG_KEYS = {"username", "password", "host", "port", "dbname", "uri"}
SECRETS = {
    "purser-database": CLOUDNATIVE_PG_KEYS,
    "purser-database-owner": CLOUDNATIVE_PG_KEYS,
    "purser-tls": {"tls.crt", "tls.key"},
}
# Behind the Services, where policies look: of the cluster's DNS (5353: OpenShift) and API server (16443: MicroK8s).
DNS_PORTS = (53, 5353)
API_PORTS = (443, 6443, 8443, 16443)
CONFIG_MAPS = {"kube-root-ca.crt": {"ca.crt"}}


def selected(items, selector):
    return [where for where, labels in labels_of(items) if matches(selector, labels)]


def selectors(items):
    """Each selector selects what it is for, and nothing else."""
    for item in of_kind(items, "Service"):
        found = selected(items, {"matchLabels": item["spec"]["selector"]})
        if len(found) != 1 or found[0].split()[0] not in ("Deployment", "StatefulSet"):
            yield f"{name_of(item)} selects {found}"
    for item in of_kind(items, "PodDisruptionBudget"):
        found = selected(items, item["spec"]["selector"])
        if found != [f"Deployment {item['metadata']['name']}"]:
            yield f"{name_of(item)} selects {found}"
    for item in of_kind(items, "Deployment", "StatefulSet"):
        found = selected(items, item["spec"]["selector"])
        if found != [name_of(item)]:
            yield f"{name_of(item)} selects {found}"
        for rule in item["spec"]["template"]["spec"].get("topologySpreadConstraints", []):
            found = selected(items, rule["labelSelector"])
            if found != [name_of(item)]:
                yield f"{name_of(item)} is spread among {found}"
    for item in of_kind(items, "NetworkPolicy"):
        yield from policy_selectors(items, item)


def policy_selectors(items, policy):
    spec = policy["spec"]
    if spec["podSelector"] and not selected(items, spec["podSelector"]):
        yield f"{name_of(policy)} is for no pod"
    peers = [peer for rule in spec.get("ingress", []) for peer in rule.get("from", [])]
    peers += [peer for rule in spec.get("egress", []) for peer in rule.get("to", [])]
    for peer in peers:
        if "podSelector" in peer and "namespaceSelector" not in peer and not selected(items, peer["podSelector"]):
            yield f"{name_of(policy)} lets nobody in or out: {peer}"


def stable_selectors(items):
    """A selector can't be changed: no label in it that changes with a version."""
    for item in of_kind(items, "Deployment", "StatefulSet"):
        if set(item["spec"]["selector"]["matchLabels"]) - {"app.kubernetes.io/name", "app.kubernetes.io/instance",
                                                           "app.kubernetes.io/component"}:
            yield f"{name_of(item)}: its selector has labels that may change"


def pod_ports(items, selector):
    """{name: number} of the ports of the pods that are selected."""
    found = {}
    for _, template in templates(items):
        if matches(selector, template["metadata"]["labels"]):
            for container in template["spec"]["containers"]:
                found.update({port["name"]: port["containerPort"] for port in container.get("ports", [])})
    return found


def ports(items):
    """Every port that is named is there."""
    for item in of_kind(items, "Service"):
        there = pod_ports(items, {"matchLabels": item["spec"]["selector"]})
        for port in item["spec"]["ports"]:
            if port.get("targetPort") not in there:
                yield (f"{name_of(item)}: its port {port['port']} leads to {port.get('targetPort')}, "
                       f"the pods have {sorted(there)}")
            if not port.get("name") or not port.get("appProtocol"):
                yield f"{name_of(item)}: its port {port['port']} has no name or no appProtocol"
    for item in of_kind(items, "NetworkPolicy"):
        there = pod_ports(items, item["spec"]["podSelector"])
        for port in [port for rule in item["spec"].get("ingress", []) for port in rule.get("ports", [])]:
            if isinstance(port["port"], str) and port["port"] not in there:
                yield f"{name_of(item)}: there is no port {port['port']}"
    for where, container, _ in containers(items):
        there = {port["name"] for port in container.get("ports", [])}
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            for kind in ("httpGet", "tcpSocket"):
                port = container.get(name, {}).get(kind, {}).get("port", "none")
                if port != "none" and port not in there:
                    yield f"{where}: {name} asks at {port}, which is not there"


def program_ports(items):
    """The ports are those where nginx and PostgreSQL listen, and those that the images say."""
    (container,) = get(items, "Deployment", "purser")["spec"]["template"]["spec"]["containers"]
    values, there = environment(container), {port["name"]: port["containerPort"] for port in container["ports"]}
    listens = {"http": int(values.get("PURSER_PORT") or program.default("PURSER_PORT"))}
    tls_port = int(values.get("PURSER_TLS_PORT") or program.default("PURSER_TLS_PORT"))
    if tls_port:
        listens["https"] = tls_port
    if there != listens:
        yield f"the pods' ports are {there}, nginx listens at {listens}"
    if "listen @PORT@ " not in program.source("nginx/nginx.conf.in"):
        yield "nginx listens elsewhere than at PURSER_PORT"
    if listens["http"] not in program.exposed("Dockerfile"):
        yield f"the image exposes {program.exposed('Dockerfile')}"
    for item in of_kind(items, "StatefulSet"):
        number = item["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"]
        if {number} != program.exposed("schema/Dockerfile") or number != program.postgres_setting("port"):
            yield f"{name_of(item)}: its port is {number}, PostgreSQL's is {program.postgres_setting('port')}"


def volume_references(volume):
    """(kind, name, keys) of what a volume is made of."""
    def keys_of(source):
        return {item["key"] for item in source.get("items", [])}

    if "secret" in volume:
        yield "Secret", volume["secret"]["secretName"], keys_of(volume["secret"]), volume["secret"].get("optional", False)
    if "configMap" in volume:
        source = volume["configMap"]
        yield "ConfigMap", source["name"], keys_of(source), source.get("optional", False)
    if "persistentVolumeClaim" in volume:
        yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"], set(), False
    for source in volume.get("projected", {}).get("sources", []):
        for key, kind in (("secret", "Secret"), ("configMap", "ConfigMap")):
            if key in source:
                yield kind, source[key]["name"], keys_of(source[key]), source[key].get("optional", False)


def references(items):
    """Everything that a pod or an object names exists, here or in the contract."""
    there = {(item["kind"], item["metadata"]["name"]): set(item.get("data", {})) for item in items}
    there.update({("Secret", name): keys for name, keys in SECRETS.items()})
    there.update({("ConfigMap", name): keys for name, keys in CONFIG_MAPS.items()})
    for item, template in templates(items):
        spec = template["spec"]
        if ("ServiceAccount", spec["serviceAccountName"]) not in there:
            yield f"{name_of(item)}: there is no ServiceAccount {spec['serviceAccountName']}"
        for volume in spec.get("volumes", []):
            for kind, name, wanted, optional in volume_references(volume):
                if (kind, name) not in there:
                    yield f"{name_of(item)}: there is no {kind} {name}"
                elif wanted - there[kind, name]:
                    yield f"{name_of(item)}: {kind} {name} has no {sorted(wanted - there[kind, name])}"
                if optional:
                    yield f"{name_of(item)}: doesn't wait for {kind} {name}"
    for item in of_kind(items, "StatefulSet"):
        if ("Service", item["spec"]["serviceName"]) not in there:
            yield f"{name_of(item)}: there is no Service {item['spec']['serviceName']}"
    for item in of_kind(items, "HorizontalPodAutoscaler"):
        target = item["spec"]["scaleTargetRef"]
        if (target["kind"], target["name"]) not in there:
            yield f"{name_of(item)}: there is no {target['kind']} {target['name']}"
    for item in of_kind(items, "RoleBinding"):
        for target in [item["roleRef"], *item["subjects"]]:
            if (target["kind"], target["name"]) not in there:
                yield f"{name_of(item)}: there is no {target['kind']} {target['name']}"
    yield from backends(items)


def backends(items):
    """What an Ingress or an HTTPRoute leads to."""
    wanted = [(item, path["backend"]["service"]["name"], path["backend"]["service"]["port"])
              for item in of_kind(items, "Ingress") for rule in item["spec"]["rules"] for path in rule["http"]["paths"]]
    wanted += [(item, backend["name"], {"number": backend["port"]})
               for item in of_kind(items, "HTTPRoute") for rule in item["spec"]["rules"] for backend in rule["backendRefs"]]
    for item, name, port in wanted:
        services = [service for service in of_kind(items, "Service") if service["metadata"]["name"] == name]
        if not any(port.get("name") == there["name"] or port.get("number") == there["port"]
                   for service in services for there in service["spec"]["ports"]):
            yield f"{name_of(item)}: there is no Service {name} with the port {port}"


def mounts(items):
    """Each mount has its volume, each volume its mount, and each file that a variable names is in a mount."""
    for item, template in templates(items):
        spec = template["spec"]
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
        claims = {claim["metadata"]["name"] for claim in item["spec"].get("volumeClaimTemplates", [])}
        used = [(container, mount) for container in spec["containers"] for mount in container.get("volumeMounts", [])]
        if {mount["name"] for _, mount in used} != set(volumes) | claims:
            yield f"{name_of(item)}: its volumes are {sorted(set(volumes) | claims)}, its mounts {used}"
        for container in spec["containers"]:
            paths = {f"{mount['mountPath']}/{entry['path']}" for mount in container.get("volumeMounts", [])
                     for entry in volumes.get(mount["name"], {}).get("secret", {}).get("items", [])}
            for name, value in environment(container).items():
                if name.endswith("_FILE") and value not in paths:
                    yield f"{name_of(item)}: {name} is {value}, the Secrets' files are {sorted(paths)}"
            tmp = [mount["name"] for mount in container.get("volumeMounts", []) if mount["mountPath"] == "/tmp"]
            mediums = [volumes.get(name, {}).get("emptyDir", {}).get("medium") for name in tmp]
            if container["name"] != "secrets" and mediums != ["Memory"]:
                yield f"{name_of(item)}: {container['name']} has no /tmp in memory"


def network(items):
    """Nothing is allowed but what is said; what must speak with the database may, on both sides."""
    deny = [item for item in of_kind(items, "NetworkPolicy") if item["spec"]["podSelector"] == {}]
    if [item["spec"] for item in deny] != [{"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}]:
        yield "there is no policy that denies everything, or one that allows something to everybody"
    for item, template in templates(items):
        labels = template["metadata"]["labels"]
        component = labels.get("app.kubernetes.io/component")
        if component in ("service", "migration", "backup"):
            for port in DNS_PORTS:
                if not allows(items, "egress", labels, port):
                    yield f"{name_of(item)} can't resolve names at port {port}"
            if not allows(items, "egress", labels, 5432):
                yield f"{name_of(item)} may not speak with a database"
            for server, its_labels in database_servers(items):
                out = allows(items, "egress", labels, 5432, its_labels)
                if not out or not allows(items, "ingress", its_labels, 5432, labels):
                    yield f"{name_of(item)} can't reach {server}"
        elif component == "secrets":
            for port in API_PORTS:
                if not allows(items, "egress", labels, port):
                    yield f"{name_of(item)} can't reach an API server at port {port}"
        elif component == "database" and allows(items, "ingress", labels, 5432, {"app.kubernetes.io/name": "stranger"}):
            yield f"{name_of(item)} lets strangers in"


def database_servers(items):
    """(where, labels) of the database's pods, as far as they are in these objects."""
    for where, labels in labels_of(items):
        if labels.get("app.kubernetes.io/component") == "database" or "cnpg.io/cluster" in labels:
            yield where, labels


def allows(items, direction, labels, port, peer=None):
    """Whether a policy lets pods with these labels speak with `peer` (the labels of another, or None: anybody)."""
    names = {name: number for name, number in pod_ports(items, {"matchLabels": labels}).items()}
    for policy in of_kind(items, "NetworkPolicy"):
        if not matches(policy["spec"]["podSelector"], labels):
            continue
        for rule in policy["spec"].get(direction, []):
            numbers = [names.get(entry["port"], entry["port"]) for entry in rule.get("ports", [])]
            others = rule.get("from" if direction == "ingress" else "to")
            if port in numbers and (peer is None or others is None or any(
                    "ipBlock" not in other and "namespaceSelector" not in other and matches(other["podSelector"], peer)
                    for other in others)):
                return True
    return False


def reachable_ports(items):
    """The Service's pods can be asked at each of their ports."""
    labels = get(items, "Deployment", "purser")["spec"]["template"]["metadata"]["labels"]
    for name, number in pod_ports(items, {"matchLabels": labels}).items():
        if not allows(items, "ingress", labels, number):
            yield f"no policy lets anybody in at the port {name}"


WIRING_CHECKS = [selectors, stable_selectors, ports, program_ports, references, mounts, network, reachable_ports]
