"""What happens in the demo, in order, and what must come of it; no scene knows the server.

Every answer is compared with what is expected here, so the demo cannot show what is not so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from webhook.model import NOTHING


class Verb(StrEnum):
    """What is done to an object."""

    APPLY = "apply"
    REPLACE = "replace"
    DELETE = "delete"
    CREATE_POD = "create Pod"
    VIEW = "view"


@dataclass(frozen=True, slots=True)
class User:
    """Who is at the terminal; `name` is how the scenes call them."""

    name: str
    info: Mapping[str, Any]


def _person(name: str, *groups: str) -> User:
    return User(name, {"username": name, "groups": [*groups, "system:authenticated"]})


ALICE = _person("alice", "checkout")
BOB = _person("bob", "discovery")
OLIVIA = _person("olivia", "application-operators")
PAT = _person("pat", "platform-team")
CONTROLLER = User(
    "replicaset-controller",
    {
        "username": "system:serviceaccount:kube-system:replicaset-controller",
        "groups": ["system:serviceaccounts", "system:serviceaccounts:kube-system"],
    },
)


@dataclass(frozen=True, slots=True)
class Scene:
    """One command and its answer.

    `name` is the object, and its file where there is one; `edits` (dotted path → value) is what
    the file says besides. `told` are parts of the lines that kubectl prints, one each and no more;
    `changed` are lines of the diffs, without indentation.
    """

    rule: str
    title: str
    user: User
    verb: Verb
    name: str
    command: str
    edits: Mapping[str, Any] = NOTHING
    story: str = ""
    told: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


SCENES = (
    Scene(
        "D Spreading",
        "a Deployment that says nothing about nodes",
        ALICE,
        Verb.APPLY,
        "checkout",
        "kubectl apply -f checkout.yaml",
        story="Propylon keeps her three replicas apart, over nodes and zones.",
        told=("deployment.apps/checkout created",),
        changed=(
            "+ topologySpreadConstraints:",
            "+ revisionHistoryLimit: 5",
        ),
    ),
    Scene(
        "B EnvInjection, C LxcfsInjection",
        "a Pod of it, as the ReplicaSet controller creates it",
        CONTROLLER,
        Verb.CREATE_POD,
        "checkout",
        "(POST /api/v1/namespaces/shop/pods)",
        story="Propylon tells the container who and where it is, and shows its own CPU and memory in /proc.",
        told=(
            "env: container app: CLUSTER replaced by rule cluster",
            "pod/checkout-7c9d8f6b5-x2x9q created",
        ),
        changed=(
            "+ - {name: CLUSTER, value: demo}",
            "- - {name: CLUSTER, value: local}",
            "+ - {name: lxcfs-meminfo, mountPath: /proc/meminfo, readOnly: true}",
        ),
    ),
    Scene(
        "A HiddenFields",
        "a developer writes what belongs to the platform",
        ALICE,
        Verb.APPLY,
        "checkout",
        "kubectl apply -f checkout.yaml",
        edits={"spec.template.spec.nodeSelector": {"pool": "gpu"}, "spec.paused": True},
        story="Propylon drops it and says so; what is stored stays, and nothing rolls out.",
        told=(
            "hide: spec.template.spec.nodeSelector removed",
            "hide: spec.paused removed",
            "deployment.apps/checkout configured",
        ),
        changed=("- nodeSelector: {pool: gpu}", "- paused: true"),
    ),
    Scene(
        "A HiddenFields",
        "the platform team writes the same field",
        PAT,
        Verb.APPLY,
        "checkout",
        "kubectl apply -f node-pool.yaml",
        edits={"spec.template.spec.nodeSelector": {"pool": "payment"}},
        story="Propylon has nothing to say: the field is theirs.",
        told=("deployment.apps/checkout configured",),
    ),
    Scene(
        "A HiddenFields",
        "a developer replaces the object by a file that has never heard of it",
        ALICE,
        Verb.REPLACE,
        "checkout",
        "kubectl replace -f checkout.yaml",
        edits={"spec.template.spec.terminationGracePeriodSeconds": 45},
        story="Propylon keeps what she could not know as it is stored.",
        told=("deployment.apps/checkout replaced",),
        changed=("+ nodeSelector: {pool: payment}", "+ topologySpreadConstraints:"),
    ),
    Scene(
        "A HiddenFields",
        "she asks what she does not see",
        ALICE,
        Verb.VIEW,
        "checkout",
        "kubectl propylon view deployment/checkout --explain",
        told=(
            "Deployment checkout:",
            "spec.revisionHistoryLimit  (owner I: etcd size)",
            "spec.template.spec.automountServiceAccountToken",
            "spec.template.spec.enableServiceLinks",
            "spec.template.spec.nodeSelector",
        ),
        story="Propylon hides, it does not lock away: who may get the object can read it.",
    ),
    Scene(
        "A HiddenFields",
        "a Pod that looks at its node",
        BOB,
        Verb.APPLY,
        "debug",
        "kubectl apply -f debug.yaml",
        story="Propylon refuses all of it at once: dropped silently, the Pod would mean something else.",
        told=("spec.hostNetwork is reserved for the platform; volume host uses hostPath",),
    ),
    Scene(
        "D Spreading",
        "six replicas that may never share a node, on three nodes",
        OLIVIA,
        Verb.APPLY,
        "ledger",
        "kubectl apply -f ledger.yaml",
        story="Propylon refuses it: three Pods would have been pending for ever.",
        told=("exclusive placement needs 6 nodes, 3 are eligible",),
    ),
    Scene(
        "CEL policy no-latest-tag",
        "an image without a version",
        BOB,
        Verb.APPLY,
        "search",
        "kubectl apply -f search.yaml",
        story="Propylon evaluates upstream's own ValidatingAdmissionPolicy, and words it as upstream does.",
        told=("name a version or a digest instead of latest: app (registry.example.com/shop/se",),
    ),
    Scene(
        "CEL policies required-labels, readiness-probes",
        "policies that only warn, for now",
        BOB,
        Verb.APPLY,
        "mailer",
        "kubectl apply -f mailer.yaml",
        story="Propylon warns, because the bindings say Warn; Deny would refuse it.",
        told=(
            "add the label(s) team to metadata.labels",
            "add a readinessProbe to container(s) app",
            "deployment.apps/mailer created",
        ),
    ),
    Scene(
        "E DeletionProtection",
        "a Deployment that still serves",
        ALICE,
        Verb.DELETE,
        "checkout",
        "kubectl delete deployment checkout",
        story="Propylon refuses it: its label says propylon.dev/delete-protection=Cascading.",
        told=("Deployment shop/checkout is protected (Cascading): 3 replicas still wanted.",),
    ),
    Scene(
        "E DeletionProtection",
        "a Namespace that nobody labelled, with a labelled claim in it",
        BOB,
        Verb.DELETE,
        "staging",
        "kubectl delete namespace staging",
        story="Propylon looked inside: the claim and its data would have gone without another question.",
        told=("contains protected objects: PersistentVolumeClaim/orders (Always)",),
    ),
)
