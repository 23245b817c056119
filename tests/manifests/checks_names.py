"""Checks of names, labels, images and settings. A check gets a list of objects, and yields a sentence for each thing wrong."""

import re

from . import program
from .walk import containers, environment, keys, name_of, of_kind, template_of, templates

RECOMMENDED = {"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/part-of",
               "app.kubernetes.io/managed-by"}
CLUSTER_WIDE = {"Namespace"}
# What the API server, or a controller, writes.
SERVERS_OWN = {"status", "creationTimestamp", "resourceVersion", "uid", "generation", "managedFields", "selfLink", "clusterIP",
               "clusterIPs", "deletionTimestamp", "ownerReferences"}
# Not an object's status: that of a condition to wait for, and that of the one list which the server fills in and
# kubectl compares as a whole.
OTHER_STATUS = r".*\.onPodConditions\[\d+\]\.status|\.spec\.volumeClaimTemplates\[0\]\.status"


def namespaces(items):
    """Everything is in one namespace, which comes first and refuses pods that are not `restricted`."""
    first = items[0]
    wanted = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    if first["kind"] != "Namespace" or not wanted.items() <= first["metadata"].get("labels", {}).items():
        yield "the Namespace is not the first, or doesn't refuse pods"
    for item in items:
        if item["kind"] not in CLUSTER_WIDE and item["metadata"].get("namespace") != first["metadata"]["name"]:
            yield f"{name_of(item)} is not in the namespace {first['metadata']['name']}"


def labels(items):
    """Each object and each pod has the recommended labels."""
    for item in items:
        found = [item["metadata"].get("labels", {})]
        if template_of(item) is not None:
            found.append(template_of(item)["metadata"].get("labels", {}))
        for there in found:
            if RECOMMENDED - set(there):
                yield f"{name_of(item)} has no label {sorted(RECOMMENDED - set(there))}"
            for key, value in there.items():
                if not re.fullmatch(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?", value):
                    yield f"{name_of(item)}: \"{value}\" can't be the label {key}"


def names(items):
    """No name is given twice, and each fits where it is used as a label."""
    seen = set()
    for item in items:
        if name_of(item) in seen:
            yield f"{name_of(item)} is there twice"
        seen.add(name_of(item))
        longest = 52 if item["kind"] == "CronJob" else 63
        if len(item["metadata"]["name"]) > longest:
            yield f"{name_of(item)}: its name is longer than {longest}"


def server_fields(items):
    """Nothing that the API server writes itself: it would differ at each apply."""
    for item in items:
        for path, key in keys({key: value for key, value in item.items() if key != "data"}):
            if key in SERVERS_OWN and not re.fullmatch(OTHER_STATUS, f"{path}.{key}"):
                yield f"{name_of(item)}: {path}.{key} is the server's"


def no_secret_values(items):
    """No password is in a file."""
    for item in of_kind(items, "Secret"):
        yield f"{name_of(item)} is a Secret"
    for where, container, _ in containers(items):
        for name, value in environment(container).items():
            if re.search("PASSWORD|TOKEN|SECRET", name) and not name.endswith("_FILE"):
                yield f"{where}: {name} is {value}"
            if value and re.search(r"://[^/]*:[^/]*@", value):
                yield f"{where}: {name} has a password in it"


def images(items):
    """Each image has a tag that stays, and the pull policy that goes with it."""
    for where, container, _ in containers(items):
        image = container["image"]
        if not re.fullmatch(r"[a-z0-9./-]+:(?!latest)[\w.-]+(@sha256:[0-9a-f]{64})?", image):
            yield f"{where}: {image} has no tag, or one that moves"
        if container.get("imagePullPolicy") != "IfNotPresent":
            yield f"{where}: imagePullPolicy is not IfNotPresent"


def by_digest(items):
    """Production: each image from a registry, by its digest."""
    for where, container, _ in containers(items):
        if not re.fullmatch(r"[a-z0-9.-]+\.[a-z0-9.-]+/.*@sha256:[0-9a-f]{64}", container["image"]):
            yield f"{where}: {container['image']} has no registry or no digest"


def qualified(items):
    """Each image from a registry."""
    for where, container, _ in containers(items):
        if not re.match(r"[a-z0-9.-]+\.[a-z0-9.-]+/", container["image"]):
            yield f"{where}: {container['image']} names no registry"


def one_of_each(items):
    """All pods of an image run the same one."""
    seen = {}
    for where, container, _ in containers(items):
        short = re.sub(r"^.*/|:.*$", "", container["image"])
        if seen.setdefault(short, container["image"]) != container["image"]:
            yield f"{where}: {container['image']}, elsewhere {seen[short]}"
    if not set(seen) <= {"purser", "postgres0"}:
        yield f"images of another name: {sorted(seen)}"


def versions(items):
    """The label app.kubernetes.io/version is the tag of the image."""
    for item, template in templates(items):
        tag = template["spec"]["containers"][0]["image"].rsplit("/", 1)[-1].split("@")[0].partition(":")[2]
        for where in (item["metadata"]["labels"], template["metadata"]["labels"]):
            if where.get("app.kubernetes.io/version", tag if item["kind"] == "CronJob" else None) != tag:
                yield f"{name_of(item)}: its version is {where.get('app.kubernetes.io/version')}, the tag {tag}"


def known_settings(items):
    """Each variable that a container gets is one that its program knows."""
    for where, container, _ in containers(items):
        for variable in container.get("env", []):
            if not program.knows(container["name"], variable["name"]):
                yield f"{where}: nothing in it knows {variable['name']}"
            if "valueFrom" in variable:
                yield f"{where}: {variable['name']} is not plain to see"
        if "envFrom" in container:
            yield f"{where}: envFrom sets variables that nobody has looked at"


# Of any list of objects; of one whose images a registry has; of production.
NAME_CHECKS = [namespaces, labels, names, server_fields, no_secret_values, one_of_each, known_settings]
TAG_CHECKS = [images, versions]
