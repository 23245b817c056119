"""What each overlay and each component is for."""

import json
import re

import pytest

from .builds import COMPONENTS, INSTALL, NAMES, ON_PRODUCTION, objects, printed
from .checks_wiring import API_PORTS, DNS_PORTS
from .walk import containers, environment, get, name_of, of_kind


def kinds(name):
    return {name_of(item) for item in objects(name)}


def service(name):
    return get(objects(name), "Service", "purser")["spec"]


def container(name):
    return get(objects(name), "Deployment", "purser")["spec"]["template"]["spec"]["containers"][0]


def test_local_uses_the_images_that_are_on_the_node():
    used = {(container["image"], container["imagePullPolicy"]) for _, container, _ in containers(objects("local"))}
    assert used == {("purser:local", "IfNotPresent"), ("postgres0:local", "IfNotPresent")}


def test_only_local_has_sample_data():
    with_it = [name for name in NAMES if "SAMPLE_DATA" in printed(name)]
    assert with_it == ["local"]
    (migrate,) = get(objects("local"), "Job", "purser-migrate")["spec"]["template"]["spec"]["containers"]
    assert environment(migrate)["SAMPLE_DATA"] == "1"


def test_only_production_has_pods_wait_for_a_node_of_their_own():
    hard = {}
    for name in INSTALL:
        rules = get(objects(name), "Deployment", "purser")["spec"]["template"]["spec"]["topologySpreadConstraints"]
        hard[name] = [rule["topologyKey"] for rule in rules if rule["whenUnsatisfiable"] == "DoNotSchedule"]
    assert hard == {"local": [], "dev": [], "production": ["kubernetes.io/hostname"]}


@pytest.mark.parametrize("name", [*INSTALL, "backup"])
def test_an_overlay_has_what_the_base_has(name):
    assert {re.sub("-[a-z0-9]{10}$", "", item) for item in kinds("base")} <= {
        re.sub("-[a-z0-9]{10}$", "", item) for item in kinds(name)}


def test_every_component_is_tried():
    tried = {component for components in ON_PRODUCTION for component in components}
    assert set(COMPONENTS) - tried == {"generated-secret", "without-postgres0"}


@pytest.mark.parametrize("name", ["local", "nodeport"])
def test_nodeport_is_port_30000(name):
    assert (service(name)["type"], service(name)["ports"][0]["nodePort"]) == ("NodePort", 30000)


def test_loadbalancer_asks_for_an_address():
    assert service("loadbalancer") == {**service("production"), "type": "LoadBalancer"}


def test_ingress_is_of_the_default_class_and_any_controller():
    ingress = get(objects("ingress"), "Ingress", "purser")
    assert "ingressClassName" not in ingress["spec"]
    assert "annotations" not in ingress["metadata"]


def test_hpa_takes_the_number_of_pods_over():
    assert "replicas" in get(objects("production"), "Deployment", "purser")["spec"]
    assert "replicas" not in get(objects("hpa"), "Deployment", "purser")["spec"]


def test_tls_is_beside_http():
    ports = {port["name"]: (port["port"], port["targetPort"], port["appProtocol"]) for port in service("tls")["ports"]}
    assert ports == {"http": (80, "http", "http"), "https": (443, "https", "https")}
    mounted = {mount["mountPath"] for mount in container("tls")["volumeMounts"]}
    assert environment(container("tls"))["PURSER_TLS_DIR"] in mounted


@pytest.mark.parametrize("name", [name for name in NAMES if re.search("external-database|cloudnative-pg", name)])
def test_no_trace_of_postgres0_is_left_where_the_database_is_another(name):
    # A backup is made with its image; the script has its name as a default, which the Job overrules.
    others = [item for item in objects(name) if not re.search("postgres0-(backup|restore)|script", name_of(item))]
    assert "postgres0" not in json.dumps(others)


def test_an_external_database_comes_with_secrets_of_its_own():
    assert {name for name in kinds("production") - kinds("external-database") if "postgres0" not in name} == {
        name for name in kinds("production") if "purser-secrets" in name}
    egress = get(objects("external-database"), "NetworkPolicy", "database-clients")["spec"]["egress"]
    assert egress[0]["to"] == [{"ipBlock": {"cidr": "192.0.2.10/32"}}]


def test_cloudnative_pg_s_servers_reach_what_the_others_do():
    egress = get(objects("cloudnative-pg"), "NetworkPolicy", "purser-db")["spec"]["egress"]
    ports = [tuple(dict.fromkeys(port["port"] for port in rule["ports"])) for rule in egress[1:]]
    assert ports == [API_PORTS, DNS_PORTS]


def test_cloudnative_pg_and_the_secrets_agree():
    items = objects("cloudnative-pg")
    cluster = get(items, "Cluster", "purser-db")
    (maker,) = get(items, "Job", "purser-secrets")["spec"]["template"]["spec"]["containers"]
    assert environment(maker)["DB_URL"] == f"{cluster['metadata']['name']}-rw:5432"
    initdb, (role,) = cluster["spec"]["bootstrap"]["initdb"], cluster["spec"]["managed"]["roles"]
    assert (initdb["database"], initdb["owner"]) == (environment(maker)["DB_NAME"], "purser_owner")
    assert (initdb["secret"]["name"], role["passwordSecret"]["name"]) == ("purser-database-owner", "purser-database")
    assert role["name"] == "purser_worker"


def test_jobs_that_a_component_changes_have_another_name():
    def name(build):
        return get(objects(build), "Job", "purser-secrets")["metadata"]["name"]
    assert name("cloudnative-pg") != name("production")


def test_a_backup_is_written_each_night_and_a_restore_only_when_asked_for():
    backup, restore = (get(objects("backup"), "CronJob", f"postgres0-{name}")["spec"] for name in ("backup", "restore"))
    assert (backup["suspend"], restore["suspend"]) == (False, True)
    commands = [spec["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["command"] for spec in (backup, restore)]
    assert commands == [["/usr/lib/purser/schema/backup", "save", "/backup"],
                        ["/usr/lib/purser/schema/backup", "restore", "latest", "/backup"]]
    assert backup["concurrencyPolicy"] == "Forbid"
    tries = [spec["jobTemplate"]["spec"]["backoffLimit"] for spec in (backup, restore)]
    assert tries == [2, 0]  # a second restore would undo what was written after the first


def test_a_restore_is_a_backup_but_for_its_name_its_schedule_its_command_and_its_tries():
    backup, restore = (get(objects("backup"), "CronJob", f"postgres0-{name}") for name in ("backup", "restore"))
    for item in (backup, restore):
        del item["metadata"]["name"], item["spec"]["schedule"], item["spec"]["suspend"]
        del item["spec"]["jobTemplate"]["spec"]["backoffLimit"]
        (container,) = item["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        del container["name"], container["command"]
    assert restore == backup


def test_a_backup_runs_the_databases_own_image():
    items = objects("backup")
    images = {spec["image"] for where, spec, _ in containers(items) if "postgres0" in where}
    assert len(images) == 1


def test_own_secrets_leaves_nobody_with_a_right():
    assert of_kind(objects("own-secrets"), "Role", "RoleBinding") == []
