"""Ways through a list of objects."""


def name_of(item):
    return f"{item['kind']} {item['metadata']['name']}"


def of_kind(items, *kinds):
    return [item for item in items if item["kind"] in kinds]


def get(items, kind, name):
    """The one object of this name; of Jobs, whose names end with a hash, the one whose name begins so."""
    found = [item for item in of_kind(items, kind)
             if item["metadata"]["name"] == name or (kind == "Job" and item["metadata"]["name"].startswith(f"{name}-"))]
    assert len(found) == 1, f"there are {len(found)} objects {kind} {name}"
    return found[0]


def template_of(item):
    """The pod template of a workload, else None."""
    if item["kind"] == "CronJob":
        return item["spec"]["jobTemplate"]["spec"]["template"]
    if item["kind"] in ("Deployment", "StatefulSet", "Job", "DaemonSet"):
        return item["spec"]["template"]
    return None


def templates(items):
    """(object, its pod template) for each workload."""
    return [(item, template_of(item)) for item in items if template_of(item) is not None]


def containers(items):
    """(where, container, pod's spec) for each container, the initial ones too."""
    for item, template in templates(items):
        spec = template["spec"]
        for container in spec.get("initContainers", []) + spec["containers"]:
            yield f"{name_of(item)}, container {container['name']}", container, spec


def labels_of(items):
    """(where, labels) for each kind of pod that will be there; the operator's own too."""
    for item, template in templates(items):
        yield name_of(item), template["metadata"]["labels"]
    for item in of_kind(items, "Cluster"):
        yield name_of(item), {"cnpg.io/cluster": item["metadata"]["name"]}


def matches(selector, labels):
    """Whether a label selector of an object selects these labels."""
    operators = {
        "In": lambda rule: labels.get(rule["key"]) in rule["values"],
        "NotIn": lambda rule: labels.get(rule["key"]) not in rule["values"],
        "Exists": lambda rule: rule["key"] in labels,
        "DoesNotExist": lambda rule: rule["key"] not in labels,
    }
    return all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items()) and all(
        operators[rule["operator"]](rule) for rule in selector.get("matchExpressions") or [])


def environment(container):
    """The variables that have a value of their own."""
    return {variable["name"]: variable.get("value") for variable in container.get("env", [])}


def scalars(value, path=""):
    """(path, value) of everything in an object that is no map or list."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from scalars(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from scalars(inner, f"{path}[{index}]")
    else:
        yield path, value


def keys(value, path=""):
    """(path, key) of every key of every map in an object."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield path, key
            yield from keys(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from keys(inner, f"{path}[{index}]")
