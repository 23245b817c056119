"""Each check finds what it is there for: a fault is put into the manifests, and the check must say so."""

import pytest

from . import checks_names, checks_pods, checks_wiring
from .builds import objects
from .walk import get, of_kind

FAULTS = []


def fault(check, build="local"):
    """Note a function that puts a fault into the objects of a build, which `check` must find."""
    def note(break_it):
        FAULTS.append(pytest.param(check, build, break_it, id=f"{check.__name__}-{break_it.__name__}"))
        return break_it
    return note


def pod(items, kind="Deployment", name="purser"):
    return get(items, kind, name)["spec"]["template"]["spec"]


def container(items, kind="Deployment", name="purser"):
    return pod(items, kind, name)["containers"][0]


def put(container_or_pod, path, value):
    """Set what is at a path of keys; None takes it out."""
    *ways, last = path.split(".")
    for way in ways:
        container_or_pod = container_or_pod[way]
    if value is None:
        del container_or_pod[last]
    else:
        container_or_pod[last] = value


# --- pods: (check, kind, name, "container" or "pod", path, value) ---

SIMPLE = [
    (checks_pods.pod_security, "Deployment", "purser", "pod", "hostNetwork", True),
    (checks_pods.pod_security, "Deployment", "purser", "pod", "securityContext.runAsNonRoot", None),
    (checks_pods.pod_security, "Deployment", "purser", "pod", "securityContext.runAsUser", 0),
    (checks_pods.pod_security, "Deployment", "purser", "pod", "securityContext.sysctls", []),
    (checks_pods.pod_security, "StatefulSet", "postgres0", "pod", "securityContext.seccompProfile", None),
    (checks_pods.pod_security, "Job", "purser-migrate", "container", "securityContext.allowPrivilegeEscalation", True),
    (checks_pods.pod_security, "Job", "purser-migrate", "container", "securityContext.capabilities", {"drop": ["NET_RAW"]}),
    (checks_pods.pod_security, "Job", "purser-secrets", "container", "securityContext.readOnlyRootFilesystem", None),
    (checks_pods.pod_security, "Deployment", "purser", "container", "securityContext.privileged", True),
    (checks_pods.pod_security, "Deployment", "purser", "container", "livenessProbe.httpGet.host", "example.org"),
    (checks_pods.pod_security, "Deployment", "purser", "pod", "volumes", [{"name": "tmp", "hostPath": {"path": "/tmp"}}]),
    (checks_pods.no_token, "Deployment", "purser", "pod", "automountServiceAccountToken", None),
    (checks_pods.no_token, "StatefulSet", "postgres0", "pod", "enableServiceLinks", None),
    (checks_pods.no_token, "Job", "purser-migrate", "pod", "serviceAccountName", None),
    (checks_pods.resources, "Deployment", "purser", "container", "resources.limits.ephemeral-storage", None),
    (checks_pods.resources, "StatefulSet", "postgres0", "container", "resources.requests.memory", "1Gi"),
    (checks_pods.resources, "Deployment", "purser", "pod", "volumes", [{"name": "tmp", "emptyDir": {"medium": "Memory"}}]),
    (checks_pods.resources, "Deployment", "purser", "pod", "volumes", [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}]),
    (checks_pods.employee_limits, "Deployment", "purser", "container", "resources.limits.memory", "256Mi"),
    (checks_pods.service_probes, "Deployment", "purser", "container", "livenessProbe.httpGet.path", "/readyz"),
    (checks_pods.service_probes, "Deployment", "purser", "container", "startupProbe.httpGet.path", "/healthz"),
    (checks_pods.service_probes, "Deployment", "purser", "container", "livenessProbe.failureThreshold", 1),
    (checks_pods.service_probes, "Deployment", "purser", "container", "readinessProbe.periodSeconds", 60),
    (checks_pods.service_probes, "Deployment", "purser", "container", "readinessProbe.httpGet.port", 8080),
    (checks_pods.has_probes, "StatefulSet", "postgres0", "container", "startupProbe", None),
    (checks_pods.grace_period, "Deployment", "purser", "pod", "terminationGracePeriodSeconds", 45),
    (checks_pods.grace_period, "Deployment", "purser", "container", "lifecycle", None),
    (checks_pods.grace_period, "Deployment", "purser", "container", "env", [{"name": "PURSER_DRAIN_MS", "value": "30000"}]),
    (checks_wiring.ports, "Deployment", "purser", "container", "ports", [{"name": "web", "containerPort": 8080}]),
    (checks_wiring.program_ports, "Deployment", "purser", "container", "ports", [{"name": "http", "containerPort": 5000}]),
    (checks_wiring.program_ports, "Deployment", "purser", "container", "env", [{"name": "PURSER_PORT", "value": "80"}]),
    (checks_wiring.program_ports, "StatefulSet", "postgres0", "container", "ports",
     [{"name": "postgres", "containerPort": 5433}]),
    (checks_wiring.references, "Deployment", "purser", "pod", "serviceAccountName", "other"),
    (checks_wiring.mounts, "Deployment", "purser", "pod", "volumes", []),
    (checks_wiring.mounts, "Deployment", "purser", "container", "env",
     [{"name": "DATABASE_URL_FILE", "value": "/run/secrets/uri"}]),
    (checks_names.images, "Deployment", "purser", "container", "image", "purser:latest"),
    (checks_names.images, "Deployment", "purser", "container", "image", "purser"),
    (checks_names.images, "Deployment", "purser", "container", "imagePullPolicy", None),
    (checks_names.qualified, "Deployment", "purser", "container", "image", "purser:1.0"),
    (checks_names.by_digest, "Deployment", "purser", "container", "image", "registry.example.org/purser/purser:1.0"),
    (checks_names.one_of_each, "Job", "purser-migrate", "container", "image", "purser:older"),
    (checks_names.one_of_each, "Job", "purser-migrate", "container", "image", "postgres:local"),
    (checks_names.versions, "StatefulSet", "postgres0", "container", "image", "postgres0:older"),
    (checks_names.known_settings, "Deployment", "purser", "container", "env", [{"name": "PURSER_WORKER", "value": "2"}]),
    (checks_names.known_settings, "StatefulSet", "postgres0", "container", "env",
     [{"name": "POSTGRES_PASSWORD_FILE", "value": "/x"}]),
    (checks_names.known_settings, "Deployment", "purser", "container", "envFrom", [{"secretRef": {"name": "purser-database"}}]),
    (checks_names.no_secret_values, "StatefulSet", "postgres0", "container", "env", [{"name": "DB_PASSWORD", "value": "dev"}]),
    (checks_names.no_secret_values, "Deployment", "purser", "container", "env",
     [{"name": "DATABASE_URL", "value": "postgres://a:b@c/d"}]),
]


@pytest.mark.parametrize("check, kind, name, where, path, value", SIMPLE,
                         ids=lambda part: part.__name__ if callable(part) else None)
def test_a_fault_of_a_pod_is_found(check, kind, name, where, path, value):
    items = objects("local")
    put((container if where == "container" else pod)(items, kind, name), path, value)
    assert list(check(items)) != []


# --- everything else ---

@fault(checks_pods.least_rights)
def reads_secrets(items):
    of_kind(items, "Role")[0]["rules"][0]["verbs"].append("get")


@fault(checks_pods.least_rights)
def rights_everywhere(items):
    of_kind(items, "Role")[0]["kind"] = "ClusterRole"


@fault(checks_pods.no_token)
def token_for_the_service(items):
    volume = next(volume for volume in pod(items, "Job", "purser-secrets")["volumes"] if "projected" in volume)
    pod(items)["volumes"].append(volume)


@fault(checks_pods.no_token)
def account_with_token(items):
    get(items, "ServiceAccount", "purser")["automountServiceAccountToken"] = True


@fault(checks_pods.rollout)
def goes_below_its_strength(items):
    get(items, "Deployment", "purser")["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] = 1


@fault(checks_pods.rollout)
def one_replica(items):
    get(items, "Deployment", "purser")["spec"]["replicas"] = 1


@fault(checks_pods.rollout, "hpa")
def replicas_beside_an_autoscaler(items):
    get(items, "Deployment", "purser")["spec"]["replicas"] = 2


@fault(checks_pods.rollout)
def no_spread(items):
    pod(items)["topologySpreadConstraints"].pop()


@fault(checks_pods.rollout)
def budget_that_holds_up_nodes(items):
    del get(items, "PodDisruptionBudget", "purser")["spec"]["unhealthyPodEvictionPolicy"]


@fault(checks_pods.rollout)
def spread_over_nodes_that_take_no_pod(items):
    del pod(items)["topologySpreadConstraints"][1]["nodeTaintsPolicy"]


@fault(checks_pods.jobs_end)
def job_that_does_not_wait(items):
    get(items, "Job", "purser-migrate")["spec"]["activeDeadlineSeconds"] = 1800


@fault(checks_pods.jobs_end)
def job_with_one_try(items):
    get(items, "Job", "purser-secrets")["spec"]["backoffLimit"] = 0


@fault(checks_pods.jobs_end, "backup")
def cron_job_without_an_end(items):
    del get(items, "CronJob", "postgres0-backup")["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"]


@fault(checks_pods.broken_updates)
def one_pod_after_the_other(items):
    del get(items, "StatefulSet", "postgres0")["spec"]["podManagementPolicy"]


@fault(checks_pods.jobs_end, "backup")
def cron_job_in_place(items):
    get(items, "CronJob", "postgres0-backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] = "OnFailure"


@fault(checks_pods.connection_budget, "hpa")
def too_many_pods(items):
    get(items, "HorizontalPodAutoscaler", "purser")["spec"]["maxReplicas"] = 7


@fault(checks_pods.connection_budget, "hpa")
def workers_by_the_node(items):
    container(items)["env"] = [variable for variable in container(items)["env"] if variable["name"] != "PURSER_WORKERS"]


@fault(checks_wiring.selectors)
def service_that_selects_jobs_too(items):
    del get(items, "Service", "purser")["spec"]["selector"]["app.kubernetes.io/component"]


@fault(checks_wiring.selectors)
def service_that_selects_nothing(items):
    get(items, "Service", "postgres0")["spec"]["selector"]["app.kubernetes.io/name"] = "postgres"


@fault(checks_wiring.selectors)
def template_of_another_component(items):
    get(items, "Deployment", "purser")["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"] = "web"


@fault(checks_wiring.selectors)
def spread_among_others(items):
    pod(items)["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"] = {"app.kubernetes.io/name": "postgres0"}


@fault(checks_wiring.selectors)
def policy_for_no_pod(items):
    get(items, "NetworkPolicy", "purser")["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"] = "web"


@fault(checks_wiring.selectors)
def policy_with_a_missing_peer(items):
    get(items, "NetworkPolicy", "database-clients")["spec"]["egress"][0]["to"][0]["podSelector"]["matchLabels"] = {"a": "b"}


@fault(checks_wiring.selectors)
def budget_for_no_pod(items):
    get(items, "PodDisruptionBudget", "purser")["spec"]["selector"]["matchLabels"]["app.kubernetes.io/instance"] = "other"


@fault(checks_wiring.stable_selectors)
def version_in_a_selector(items):
    get(items, "Deployment", "purser")["spec"]["selector"]["matchLabels"]["app.kubernetes.io/version"] = "local"


@fault(checks_wiring.ports)
def policy_for_a_missing_port(items):
    get(items, "NetworkPolicy", "purser")["spec"]["ingress"][0]["ports"][0]["port"] = "https"


@fault(checks_wiring.ports)
def port_without_a_protocol(items):
    del get(items, "Service", "purser")["spec"]["ports"][0]["appProtocol"]


@fault(checks_wiring.ports)
def probe_at_a_missing_port(items):
    container(items, "StatefulSet", "postgres0")["livenessProbe"]["tcpSocket"]["port"] = "db"


@fault(checks_wiring.program_ports, "tls")
def tls_where_nginx_does_not_listen(items):
    next(port for port in container(items)["ports"] if port["name"] == "https")["containerPort"] = 443


@fault(checks_wiring.references)
def another_secret(items):
    next(volume for volume in pod(items)["volumes"] if "secret" in volume)["secret"]["secretName"] = "purser-db"


@fault(checks_wiring.references)
def a_key_that_no_secret_has(items):
    next(volume for volume in pod(items)["volumes"] if "secret" in volume)["secret"]["items"][0]["key"] = "url"


@fault(checks_wiring.references)
def secret_that_nobody_waits_for(items):
    next(volume for volume in pod(items)["volumes"] if "secret" in volume)["secret"]["optional"] = True


@fault(checks_wiring.references)
def script_without_its_hash(items):
    of_kind(items, "ConfigMap")[0]["metadata"]["name"] = "purser-secrets-script"


@fault(checks_wiring.references)
def another_service_name(items):
    get(items, "StatefulSet", "postgres0")["spec"]["serviceName"] = "postgres"


@fault(checks_wiring.references)
def binding_of_another_role(items):
    of_kind(items, "RoleBinding")[0]["roleRef"]["name"] = "secrets"


@fault(checks_wiring.references, "hpa")
def autoscaler_of_another(items):
    get(items, "HorizontalPodAutoscaler", "purser")["spec"]["scaleTargetRef"]["name"] = "web"


@fault(checks_wiring.references, "ingress")
def ingress_to_a_missing_port(items):
    path = get(items, "Ingress", "purser")["spec"]["rules"][0]["http"]["paths"][0]
    path["backend"]["service"]["port"]["name"] = "web"


@fault(checks_wiring.references, "httproute")
def route_to_a_missing_port(items):
    get(items, "HTTPRoute", "purser")["spec"]["rules"][0]["backendRefs"][0]["port"] = 8080


@fault(checks_wiring.references, "backup")
def backup_without_its_volume(items):
    items.remove(get(items, "PersistentVolumeClaim", "postgres0-backup"))


@fault(checks_wiring.mounts)
def tmp_on_the_disk(items):
    del next(volume for volume in pod(items)["volumes"] if volume["name"] == "tmp")["emptyDir"]["medium"]


@fault(checks_wiring.network)
def nothing_denied(items):
    items.remove(get(items, "NetworkPolicy", "default-deny"))


@fault(checks_wiring.network)
def everything_allowed(items):
    get(items, "NetworkPolicy", "default-deny")["spec"]["egress"] = [{}]


@fault(checks_wiring.network)
def no_way_to_the_database(items):
    items.remove(get(items, "NetworkPolicy", "database-clients"))


@fault(checks_wiring.network)
def no_way_into_the_database(items):
    items.remove(get(items, "NetworkPolicy", "postgres0"))


@fault(checks_wiring.network)
def strangers_in_the_database(items):
    del get(items, "NetworkPolicy", "postgres0")["spec"]["ingress"][0]["from"]


@fault(checks_wiring.network)
def no_names(items):
    get(items, "NetworkPolicy", "database-clients")["spec"]["egress"].pop()


@fault(checks_wiring.network)
def names_at_one_port_alone(items):
    del get(items, "NetworkPolicy", "database-clients")["spec"]["egress"][1]["ports"][2:]


@fault(checks_wiring.network)
def api_server_at_some_ports_alone(items):
    get(items, "NetworkPolicy", "purser-secrets")["spec"]["egress"][0]["ports"].pop()


@fault(checks_wiring.network, "cloudnative-pg")
def no_way_to_the_cluster(items):
    get(items, "NetworkPolicy", "purser-db")["spec"]["ingress"].pop(0)


@fault(checks_wiring.reachable_ports, "tls")
def closed_port(items):
    get(items, "NetworkPolicy", "purser")["spec"]["ingress"][0]["ports"].pop()


@fault(checks_names.namespaces)
def namespace_without_pod_security(items):
    del items[0]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]


@fault(checks_names.namespaces)
def namespace_last(items):
    items.append(items.pop(0))


@fault(checks_names.namespaces)
def object_elsewhere(items):
    del get(items, "Service", "purser")["metadata"]["namespace"]


@fault(checks_names.labels)
def no_label(items):
    del get(items, "Service", "purser")["metadata"]["labels"]["app.kubernetes.io/part-of"]


@fault(checks_names.labels)
def no_label_of_a_pod(items):
    del get(items, "Job", "purser-migrate")["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"]


@fault(checks_names.labels)
def label_that_can_not_be(items):
    get(items, "Deployment", "purser")["metadata"]["labels"]["app.kubernetes.io/version"] = "1.0@sha256"


@fault(checks_names.names)
def twice(items):
    items.append(get(items, "Service", "purser"))


@fault(checks_names.names)
def long_name(items):
    get(items, "Job", "purser-migrate")["metadata"]["name"] = "purser-migrate-" + 64 * "0"


@fault(checks_names.server_fields)
def status(items):
    get(items, "Deployment", "purser")["status"] = {}


@fault(checks_names.server_fields)
def time_of_creation(items):
    get(items, "Deployment", "purser")["spec"]["template"]["metadata"]["creationTimestamp"] = None


@fault(checks_names.no_secret_values)
def secret_in_a_file(items):
    items.append({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "purser-database"}})


@fault(checks_names.versions)
def no_version(items):
    del get(items, "Deployment", "purser")["metadata"]["labels"]["app.kubernetes.io/version"]


@pytest.mark.parametrize("check, build, break_it", FAULTS)
def test_a_fault_is_found(check, build, break_it):
    items = objects(build)
    break_it(items)
    assert list(check(items)) != []


def test_every_check_has_been_seen_to_find_something():
    seen = {part[0] for part in SIMPLE} | {part.values[0] for part in FAULTS}
    checks = {*checks_pods.POD_CHECKS, *checks_wiring.WIRING_CHECKS, *checks_names.NAME_CHECKS, *checks_names.TAG_CHECKS,
              checks_names.by_digest, checks_names.qualified}
    assert {check.__name__ for check in checks - seen} == set()
