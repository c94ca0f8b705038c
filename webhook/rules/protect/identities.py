"""Which system identities may always delete what (platform-rules E.5, actor table).

By the user alone, name by name; owner references only choose between behaviours once the user is
trusted (0.4).
"""

from __future__ import annotations

from collections.abc import Mapping

from webhook.model import AdmissionRequest, Facts
from webhook.objects.paths import get
from webhook.objects.workloads import KUBERNETES, controller_of
from webhook.rules.actors import ActorClass, classify
from webhook.rules.protect.asking import read
from webhook.rules.protect.config import Config
from webhook.rules.protect.kinds import Key
from webhook.rules.protect.subjects import Subject, number_at
from webhook.rules.skips import MIRROR_POD, NODES

_SYSTEM = "system:serviceaccount:kube-system:"
CONTROLLER_MANAGER = "system:kube-controller-manager"
"""One identity for all controllers when each has no service account of its own (F-22)."""

NAMESPACE_CONTROLLERS = frozenset((f"{_SYSTEM}namespace-controller", CONTROLLER_MANAGER))
BINDERS = frozenset((f"{_SYSTEM}persistent-volume-binder", CONTROLLER_MANAGER))

POD_DELETERS = frozenset((
    f"{_SYSTEM}pod-garbage-collector",
    f"{_SYSTEM}node-controller",
    f"{_SYSTEM}taint-eviction-controller",
    f"{_SYSTEM}daemon-set-controller",
    "system:kube-scheduler",
    CONTROLLER_MANAGER,
))  # fmt: skip
"""Identities that delete Pods for the cluster's sake."""

OWNER_KINDS: Mapping[str, frozenset[Key]] = {
    f"{_SYSTEM}replicaset-controller": frozenset((("apps", "ReplicaSet"),)),
    f"{_SYSTEM}replication-controller": frozenset((("", "ReplicationController"),)),
    f"{_SYSTEM}deployment-controller": frozenset((("apps", "Deployment"),)),
    f"{_SYSTEM}statefulset-controller": frozenset((("apps", "StatefulSet"),)),
    f"{_SYSTEM}daemon-set-controller": frozenset((("apps", "DaemonSet"),)),
    f"{_SYSTEM}job-controller": frozenset((("batch", "Job"),)),
    f"{_SYSTEM}cronjob-controller": frozenset((("batch", "CronJob"),)),
    CONTROLLER_MANAGER: frozenset((row.group, row.kind) for row in KUBERNETES if row.kind != "Pod"),
}
"""The kinds whose children a controller may delete."""

OWNER_GROUPS: Mapping[str, str] = {
    "system:serviceaccount:kruise-system:kruise-manager": "kruise.io",
    "system:serviceaccount:argo-rollouts:argo-rollouts": "argoproj.io",
    "system:serviceaccount:knative-serving:controller": "knative.dev",
}
"""The same for controllers of other projects, by the end of the API group."""


def may_always_delete(
    request: AdmissionRequest, subject: Subject, config: Config, facts: Facts
) -> bool:
    """Tell whether a system identity does here what it is there for; may raise NeedFacts."""
    user = request.user_info.username
    if subject.key == ("", "Pod") and _may_delete_pods(request, subject):
        return True
    if subject.key == ("", "PersistentVolume") and user in BINDERS:
        return get(subject.value, ("status", "phase")) in ("Released", "Failed")
    if owns(request, subject, config) and not _is_deployment_with_replicas(subject):
        return True
    return user in NAMESPACE_CONTROLLERS and _is_terminating(subject.namespace, facts)


def owns(request: AdmissionRequest, subject: Subject, config: Config) -> bool:
    """Tell whether the user is the controller that serves the object's owner."""
    owner = controller_of(subject.value)
    if owner is None:
        return False
    group = str(owner.get("apiVersion", "")).rpartition("/")[0]
    user = request.user_info.username
    if (group, str(owner.get("kind"))) in OWNER_KINDS.get(user, frozenset()):
        return True
    if user in OWNER_GROUPS:
        return group.endswith(OWNER_GROUPS[user])
    is_controller = classify(request.user_info, config.actors) is ActorClass.WORKLOAD_CONTROLLER
    return is_controller and "." in group and not group.endswith(".k8s.io")


def _may_delete_pods(request: AdmissionRequest, subject: Subject) -> bool:
    user = request.user_info
    is_mirror = get(subject.value, MIRROR_POD) is not None
    return is_mirror or NODES in user.groups or user.username in POD_DELETERS


def _is_deployment_with_replicas(subject: Subject) -> bool:
    """Tell whether a Deployment's ReplicaSet still wants Pods: nothing to tidy up yet."""
    owner = controller_of(subject.value) or {}
    if (subject.key, owner.get("kind")) != (("apps", "ReplicaSet"), "Deployment"):
        return False
    return number_at(subject.value, ("spec", "replicas"), 1) > 0


def _is_terminating(namespace: str, facts: Facts) -> bool:
    """Tell whether the Namespace is on its way out, read live."""
    if not namespace:
        return False
    found = read(facts, "v1", "Namespace", "", namespace)
    return found is None or get(found, ("metadata", "deletionTimestamp")) is not None
