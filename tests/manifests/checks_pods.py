"""Checks of each pod by itself. A check gets a list of objects, and yields a sentence for each thing that is wrong."""

import re

from . import program
from .walk import containers, environment, get, name_of, of_kind, templates

# Pod Security's profile "restricted" (with "baseline"): fields that must not be there, and kinds of volumes that may.
FORBIDDEN_POD = ("hostNetwork", "hostPID", "hostIPC", "hostAliases")
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret", "image"}


def pod_security(items):
    """The profile `restricted`, field by field, with a read-only root and a high user id besides."""
    for item, template in templates(items):
        where, spec = name_of(item), template["spec"]
        context = spec.get("securityContext", {})
        for field in FORBIDDEN_POD:
            if field in spec:
                yield f"{where}: {field} is set"
        if context.get("runAsNonRoot") is not True:
            yield f"{where}: runAsNonRoot is not true"
        if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{where}: seccompProfile is not RuntimeDefault"
        for field in ("runAsUser", "runAsGroup", "fsGroup"):
            if context.get(field) != 10001:
                yield f"{where}: {field} is not 10001, the images' user"
        for field in ("sysctls", "seLinuxOptions", "appArmorProfile", "windowsOptions", "supplementalGroups"):
            if field in context:
                yield f"{where}: securityContext.{field} is set"
        for volume in spec.get("volumes", []):
            for kind in set(volume) - {"name"} - VOLUMES:
                yield f"{where}: volume {volume['name']} is a {kind}"
    for where, container, _ in containers(items):
        yield from container_security(where, container)


def container_security(where, container):
    context = container.get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is not False:
        yield f"{where}: allowPrivilegeEscalation is not false"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield f"{where}: its capabilities are not dropped, all and for good"
    if context.get("readOnlyRootFilesystem") is not True:
        yield f"{where}: its root can be written"
    for field in set(context) - {"allowPrivilegeEscalation", "capabilities", "readOnlyRootFilesystem"}:
        yield f"{where}: securityContext.{field} is set"
    if any("hostPort" in port or "hostIP" in port for port in container.get("ports", [])):
        yield f"{where}: a port of the host"
    for name, probe in probes(container):
        if "host" in probe.get("httpGet", {}) or "host" in probe.get("tcpSocket", {}):
            yield f"{where}: {name} names a host"


def probes(container):
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        if name in container:
            yield name, container[name]


def no_token(items):
    """No pod has a token of the API, but the one that has its own volume for it; none gets the Services' variables."""
    for item, template in templates(items):
        spec = template["spec"]
        if spec.get("automountServiceAccountToken") is not False:
            yield f"{name_of(item)}: automountServiceAccountToken is not false"
        if spec.get("enableServiceLinks") is not False:
            yield f"{name_of(item)}: enableServiceLinks is not false: a Service named purser sets PURSER_PORT"
        if not spec.get("serviceAccountName"):
            yield f"{name_of(item)}: runs with the account named default"
        tokens = [source for volume in spec.get("volumes", []) for source in volume.get("projected", {}).get("sources", [])
                  if "serviceAccountToken" in source]
        if tokens and template["metadata"]["labels"].get("app.kubernetes.io/component") != "secrets":
            yield f"{name_of(item)}: has a token of the API"
    for account in of_kind(items, "ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield f"{name_of(account)}: automountServiceAccountToken is not false"


def least_rights(items):
    """The only rights are those to make Secrets in the namespace."""
    for item in of_kind(items, "ClusterRole", "ClusterRoleBinding"):
        yield f"{name_of(item)}: rights in the whole cluster"
    for item in of_kind(items, "Role"):
        if item["rules"] != [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}]:
            yield f"{name_of(item)}: more than making Secrets: {item['rules']}"


def quantity(text):
    """A quantity as a number: of bytes, or of processors."""
    number, unit = re.fullmatch(r"([0-9.]+)(m|[KMGT]i)?", str(text)).groups()
    return float(number) * {None: 1, "m": 0.001, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}[unit]


def resources(items):
    """Every container has requests and limits of all three kinds, and what is in memory fits below the limit."""
    for where, container, spec in containers(items):
        given = container.get("resources", {})
        for kind in ("cpu", "memory", "ephemeral-storage"):
            least, most = given.get("requests", {}).get(kind), given.get("limits", {}).get(kind)
            if least is None or most is None:
                yield f"{where}: {kind} has no request or no limit"
            elif quantity(least) > quantity(most):
                yield f"{where}: requests more {kind} than its limit"
        sizes = [volume["emptyDir"].get("sizeLimit") for volume in spec.get("volumes", []) if "emptyDir" in volume]
        if None in sizes:
            yield f"{where}: an emptyDir has no sizeLimit"
        elif sum(map(quantity, sizes)) > quantity(given.get("limits", {}).get("memory", "0")) / 2:
            yield f"{where}: its directories in memory may take more than half of its memory"


def employee_limits(items):
    """The service has the employee app's requests and limits."""
    wanted = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "128Mi"}}
    (container,) = get(items, "Deployment", "purser")["spec"]["template"]["spec"]["containers"]
    for kind, amounts in wanted.items():
        for name, amount in amounts.items():
            if container["resources"][kind].get(name) != amount:
                yield f"{kind}.{name} is {container['resources'][kind].get(name)}, not {amount} as in the employee app"


def patience(probe):
    """How long a pod may fail the probe."""
    return probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)


def service_probes(items):
    """Three paths of the program; the two that may end a pod ask for no database, and not at the first slow answer."""
    (container,) = get(items, "Deployment", "purser")["spec"]["template"]["spec"]["containers"]
    paths = {name: probe.get("httpGet", {}).get("path") for name, probe in probes(container)}
    wanted = {"startupProbe": "/hello", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    if paths != wanted:
        yield f"the probes ask for {paths}, not {wanted}"
    for name, path in paths.items():
        if path not in program.routes():
            yield f"{name} asks for {path}, which the program doesn't have"
    for name, probe in probes(container):
        if probe.get("httpGet", {}).get("port") != "http":
            yield f"{name} is not at the port http"
        if name != "readinessProbe" and patience(probe) < 30:
            yield f"{name} ends a pod after {patience(probe)} s"
        if name == "readinessProbe" and patience(probe) > 15:
            yield f"{name} takes {patience(probe)} s to notice"


def has_probes(items):
    """What goes on running is watched; a Job ends by itself."""
    for item in of_kind(items, "Deployment", "StatefulSet"):
        for container in item["spec"]["template"]["spec"]["containers"]:
            for name in ("startupProbe", "livenessProbe", "readinessProbe"):
                if name not in container:
                    yield f"{name_of(item)}, container {container['name']}: no {name}"


def grace_period(items):
    """A pod has time for preStop, for what nginx still has, and for what the workers still have; and 5 s to spare."""
    spec = get(items, "Deployment", "purser")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    drain_ms = int(environment(container).get("PURSER_DRAIN_MS") or program.default("PURSER_DRAIN_MS"))
    waits = program.stop_waits() * program.stop_wait_s(drain_ms)
    sleep = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    if sleep < 3:
        yield f"preStop sleeps {sleep} s: proxies still send requests when the pod stops listening"
    if spec.get("terminationGracePeriodSeconds", 30) < sleep + waits + 5:
        yield f"terminationGracePeriodSeconds is less than {sleep} s of preStop, {waits} s of stopping and 5 s"


def rollout(items):
    """A new version never takes the service below its strength."""
    spec = get(items, "Deployment", "purser")["spec"]
    if spec.get("strategy") != {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}:
        yield "the Deployment's strategy lets a pod go before its successor is ready"
    for field in ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        if not spec.get(field):
            yield f"the Deployment has no {field}"
    scaled = [item for item in of_kind(items, "HorizontalPodAutoscaler") if item["spec"]["scaleTargetRef"]["name"] == "purser"]
    if scaled and "replicas" in spec:
        yield "the Deployment has replicas, and an autoscaler that sets them"
    least = scaled[0]["spec"].get("minReplicas", 1) if scaled else spec.get("replicas", 1)
    if least < 2:
        yield f"there may be {least} pod alone"
    spread = {rule["topologyKey"]: rule["whenUnsatisfiable"]
              for rule in spec["template"]["spec"].get("topologySpreadConstraints", [])}
    if set(spread) != {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}:
        yield f"pods are spread by {sorted(spread)}, not by zone and host"
    if any(rule.get("nodeTaintsPolicy") != "Honor"
           for rule in spec["template"]["spec"].get("topologySpreadConstraints", [])):
        yield "nodes that pods may not run on count when they are spread, as having none"
    budget = get(items, "PodDisruptionBudget", "purser")["spec"]
    if budget.get("maxUnavailable") != 1 or budget.get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
        yield "the PodDisruptionBudget holds up the draining of a node, or lets all pods go at once"


def jobs_end(items):
    """A Job tries again, but not for ever; one that an apply makes may wait as long as it takes for what it needs."""
    jobs = [(item, item["spec"]) for item in of_kind(items, "Job")]
    for item, spec in jobs:
        if spec.get("backoffLimit", 0) < 1:
            yield f"{name_of(item)}: no second try"
        if "activeDeadlineSeconds" in spec:
            yield f"{name_of(item)}: fails for good where an image or a Secret comes late"
    cron_jobs = [(item, item["spec"]["jobTemplate"]["spec"]) for item in of_kind(items, "CronJob")]
    for item, spec in cron_jobs:
        if "backoffLimit" not in spec or not spec.get("activeDeadlineSeconds"):
            yield f"{name_of(item)}: no backoffLimit or no activeDeadlineSeconds"
    for item, spec in jobs + cron_jobs:
        if spec["template"]["spec"].get("restartPolicy") != "Never":
            yield f"{name_of(item)}: restartPolicy is not Never, so that the log of a failure may be lost"


def broken_updates(items):
    """A StatefulSet that waits for its pod to be ready would never put a good one in the place of a broken one."""
    for item in of_kind(items, "StatefulSet"):
        if item["spec"].get("podManagementPolicy") != "Parallel":
            yield f"{name_of(item)}: an apply doesn't take a broken update back"


def connection_budget(items):
    """The connections of all pods there may be during a rollout fit the database's, with room for its administrator."""
    for scaler in of_kind(items, "HorizontalPodAutoscaler"):
        (container,) = get(items, "Deployment", "purser")["spec"]["template"]["spec"]["containers"]
        values = environment(container)
        workers = values.get("PURSER_WORKERS")
        if workers is None:
            yield "PURSER_WORKERS depends on the node, and the connections with it"
            continue
        each = int(workers) * sum(int(values.get(name) or program.default(name))
                                  for name in ("PURSER_DB_READERS", "PURSER_DB_SEARCHERS", "PURSER_DB_WRITERS"))
        most = (scaler["spec"]["maxReplicas"] + 1 + 2) * each  # one that comes, two that are leaving
        room = min(100, program.postgres_setting("max_connections")) - 3 - 2
        if most > room:
            yield f"{scaler['spec']['maxReplicas']} pods may take {most} connections, the database has {room} for them"


POD_CHECKS = [pod_security, no_token, least_rights, resources, employee_limits, service_probes, has_probes,
              grace_period, rollout, jobs_end, broken_updates, connection_budget]
