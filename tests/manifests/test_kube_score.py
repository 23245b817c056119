"""kube-score finds nothing that is not explained here."""

import json
import re
import subprocess

from .builds import NAMES, printed, tool

# Checks of its optional ones that ask for more than others here do not already ask for in full.
OPTIONAL = ("container-seccomp-profile", "container-ports-check")

# (check, object): why it is as it is. The object is a pattern of KIND/NAME.
EXPLAINED = {
    ("container-image-pull-policy", ".*"):
        "A registry's tag is never used twice and production names digests, so what is on the node is right; and the "
        "images of the overlay `local` are nowhere else.",
    ("container-image-tag", ".*"):
        "The base alone has bare names, which an overlay has to rewrite; test_checks.py sees to it that each one does.",
    ("deployment-has-host-podantiaffinity", "Deployment/purser"):
        "Topology spread does it, by zone and by host, which kube-score does not look at.",
    ("statefulset-has-servicename", "StatefulSet/postgres0"):
        "It asks for a headless Service; postgres0's has an address, for the reason said in its file.",
    ("service-type", "Service/purser"):
        "The component nodeport is there for a port on the node.",
    ("networkpolicy-targets-pod", "NetworkPolicy/purser-db"):
        "The operator makes the pods; kube-score sees only the Cluster.",
}
ONLY_IN = {"container-image-tag": ["base"], "service-type": ["local", "nodeport"],
           "networkpolicy-targets-pod": [name for name in NAMES if "cloudnative-pg" in name]}


def findings(text, *options):
    """{(check, KIND/NAME)} of all that kube-score grades below "good"."""
    command = [tool("kube-score"), "score", "-o", "json", "--kubernetes-version", "v1.34", *options, "-"]
    for name in OPTIONAL:
        command[-1:-1] = ["--enable-optional-test", name]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("["), f"kube-score: {done.stderr}"
    return {(check["check"]["id"], f"{item['type_meta']['kind']}/{item['object_meta']['name']}")
            for item in json.loads(done.stdout) for check in item["checks"] if not check["skipped"] and check["grade"] < 10}


def explanation(finding):
    check, item = finding
    for (name, pattern), reason in EXPLAINED.items():
        if name == check and re.fullmatch(pattern, item):
            return name, pattern
    return None


def test_every_finding_is_explained():
    unexplained = {name: [finding for finding in findings(printed(name)) if explanation(finding) is None or
                          name not in ONLY_IN.get(finding[0], NAMES)] for name in NAMES}
    assert {name: found for name, found in unexplained.items() if found} == {}


def test_every_explanation_is_needed():
    seen = {explanation(finding) for name in NAMES for finding in findings(printed(name))}
    assert set(EXPLAINED) - seen == set()


def test_a_fault_is_found():
    broken = printed("production").replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", 1)
    assert {finding[0] for finding in findings(broken)} - {finding[0] for finding in findings(printed("production"))} == {
        "container-security-context-readonlyrootfilesystem"}
