"""Rule D on `*/scale` (platform-rules D.6), and on Pods where a document says so (level pod)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import owned_by, pod, request, tweak
from tests.rules.documents import Spec
from tests.rules.spreading import (
    BREAKGLASS,
    CONTROLLER,
    HASH,
    OTHER,
    PLATFORM,
    World,
    anti,
    asked,
    config,
    denials,
    marked,
    mutated,
    nodes,
    of_kind,
    shown,
    term,
    tsc,
    workload,
)
from webhook.model import (
    Action,
    AdmissionRequest,
    Get,
    GroupVersionKind,
    GroupVersionResource,
    NeedFacts,
    Unavailable,
)
from webhook.rules.spread import RULE
from webhook.rules.spread.config import ZONE

SCALER: dict[str, Any] = {
    "user": "system:serviceaccount:kube-system:horizontal-pod-autoscaler",
    "groups": ("system:serviceaccounts:kube-system",),
}
DEPLOYMENTS = GroupVersionResource("apps", "v1", "deployments")
PARENT = workload(1)
SPREAD = workload(1, topologySpreadConstraints=[tsc(), tsc(ZONE)])
EXCLUSIVE = workload(3, affinity=anti(term()), topologySpreadConstraints=[tsc(ZONE)])
BAD = [
    "lacks a spread constraint for kubernetes.io/hostname (maxSkew 1, ScheduleAnyway)",
    "lacks a spread constraint for topology.kubernetes.io/zone (maxSkew 1, ScheduleAnyway)",
]
TOO_MANY = ["exclusive placement needs 4 nodes, 3 are eligible for this template"]
OWNED = tweak(of_kind("ReplicaSet"), "metadata.ownerReferences", owned_by("Deployment"))


def scaled(
    before: int = 1, after: Any = 4, resource: GroupVersionResource = DEPLOYMENTS, **who: Any
) -> AdmissionRequest:
    def scale(replicas: Any) -> Any:
        metadata = {"name": "web", "namespace": "shop"}
        value = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata}
        return {**value, "spec": {} if replicas is None else {"replicas": replicas}}

    given = {"operation": "UPDATE", "sub_resource": "scale", "resource": resource, **who}
    kind = GroupVersionKind("autoscaling", "v1", "Scale")
    return request(scale(after), old=scale(before), kind=kind, **given)


def around(parent: Any, count: int = 5, **fields: Any) -> World:
    return World(nodes(count), objects=[parent], **fields)


def away(answer: Any) -> World:
    return around({**PARENT, "answer": answer})


CASES: dict[str, tuple[AdmissionRequest, World, list[str]]] = {
    "D-23": (scaled(), around(PARENT), BAD),
    "D-23 from none": (scaled(0), around(PARENT), BAD),
    "D-24": (scaled(**SCALER), around(PARENT), []),
    "satisfied": (scaled(), around(SPREAD), []),
    "no threshold": (scaled(2), around(PARENT), []),
    "to one": (scaled(0, 1), around(PARENT), []),
    "to nothing that is a number": (scaled(1, None), around(PARENT), []),
    "down": (scaled(4, 1), around(PARENT), []),
    "another operation": (scaled(operation="CREATE"), around(PARENT), []),
    "a kind that is exempt": (
        scaled(resource=GroupVersionResource("batch", "v1", "jobs")), around(PARENT), [],
    ),
    "more than nodes, exclusive by its term": (scaled(3), around(EXCLUSIVE, 3), TOO_MANY),
    "more than nodes, exclusive by its mark": (
        scaled(3), around(marked(workload(3), "exclusive", "true"), 3), TOO_MANY,
    ),
    "more than nodes already before": (scaled(3, 4), around(EXCLUSIVE, 2), []),
    "as many as nodes": (scaled(3), around(EXCLUSIVE, 4), []),
    "break-glass": (scaled(**BREAKGLASS), around(PARENT), ["not applied to break-glass access"]),
    "no parent": (scaled(), away(None), ["Deployment web cannot be read, its spreading is not"]),
    "parent unavailable": (scaled(), away(Unavailable("away")), ["Deployment web cannot be read"]),
    "owned ReplicaSet": (
        scaled(resource=GroupVersionResource("apps", "v1", "replicasets")), around(OWNED), [],
    ),
    "a parent without a template": (scaled(), around(tweak(PARENT, "spec.template", "text")), []),
    "a selector of other Pods": (scaled(), around(tweak(PARENT, "spec.selector", OTHER)), []),
    "tier dev": (scaled(), around(PARENT, labels={"propylon.dev/tier": "dev"}), []),
}  # fmt: skip


@pytest.mark.parametrize(("one", "world", "texts"), CASES.values(), ids=CASES)
def test_scale_is_warned_about(one: AdmissionRequest, world: World, texts: list[str]) -> None:
    outcome = mutated(one, config(), world)
    assert outcome.object is one.object
    assert len(outcome.warnings) == len(texts), outcome.warnings
    for text, warning in zip(texts, outcome.warnings, strict=True):
        assert text in warning
    assert denials(one, config(), world) == []


DENIED: dict[str, tuple[Spec, dict[str, Any], Action | None]] = {
    "D-23 deny": ({"onScale": "deny"}, {}, Action.DENY),
    "platform": ({"onScale": "deny"}, PLATFORM, Action.WARN),
    "phase warn": ({"onScale": "deny", "phase": "warn"}, {}, Action.WARN),
    "phase audit": ({"onScale": "deny", "phase": "audit"}, {}, Action.AUDIT),
    "D-24 deny": ({"onScale": "deny"}, SCALER, None),
    "off": ({"onScale": "off"}, {}, None),
    "phase off": ({"onScale": "deny", "phase": "off"}, {}, None),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "who", "expected"), DENIED.values(), ids=DENIED)
def test_scale_is_refused(spec: Spec, who: dict[str, Any], expected: Action | None) -> None:
    assert RULE.validate is not None
    built, one = config(spec), scaled(**who)
    assert mutated(one, built, around(PARENT)).violations == ()
    violations = RULE.validate(one, built, around(PARENT).facts).violations
    assert [violation.action for violation in violations] == ([expected] if expected else [])
    for violation in violations:
        assert all(text in violation.message for text in BAD)


def test_only_a_document_for_templates_looks_at_scale() -> None:
    assert mutated(scaled(), config({"level": "pod"}), around(PARENT)).warnings == ()


def test_a_refusal_says_what_to_do() -> None:
    (message,) = denials(scaled(3), config({"onScale": "deny"}), around(EXCLUSIVE, 3))
    assert message == f"spread: {TOO_MANY[0]}. Choose fewer replicas or ask the platform team."


def test_the_parent_is_read_live() -> None:
    assert RULE.mutate is not None
    with pytest.raises(NeedFacts) as need:
        RULE.mutate(scaled(), config(), World().facts)
    assert need.value.lookups == {Get("apps/v1", "Deployment", "shop", "web")}
    core = GroupVersionResource("", "v1", "replicationcontrollers")
    with pytest.raises(NeedFacts) as need:
        RULE.mutate(scaled(resource=core), config(), World().facts)
    assert need.value.lookups == {Get("v1", "ReplicationController", "shop", "web")}


# ---- Pods ----

KNATIVE = {"serving.knative.dev/revision": "web-1", "pod-template-hash": "5d4f"}
REVISION = {"matchLabels": {"serving.knative.dev/revision": "web-1"}}
PARENTS = tweak(
    tweak(of_kind("ReplicaSet"), "metadata.name", "web-5d4f"),
    "spec",
    {"replicas": 3, "selector": {"matchLabels": KNATIVE}},
)
POD = tweak(pod(labels=KNATIVE), "metadata.ownerReferences", owned_by("ReplicaSet"))
MARKED = marked(POD, "exclusive", "true")
SKIPPING = marked(POD, "skip-spread", "true")

PODS: dict[str, tuple[Any, Spec, World, list[str]]] = {
    "D-34 level pod": (POD, {}, around(PARENTS), ["soft hostname 1", "soft zone 1"]),
    "bare Pod": (pod(labels=KNATIVE), {}, around(PARENTS), []),
    "Pod of a Job": (
        tweak(POD, "metadata.ownerReferences", owned_by("Job")), {}, around(PARENTS), [],
    ),
    "Pod of a Deployment": (tweak(POD, "metadata.labels", {"app": "web"}), {}, around(PARENTS), []),
    "Pods that the document selects": (
        POD, {"podSelector": {"matchLabels": {"a": "b"}}}, around(PARENTS), [],
    ),
    "excluded Namespace": (POD, {"excludeNamespaces": ["shop"]}, around(PARENTS), []),
    "no parent": (POD, {}, around({**PARENTS, "answer": None}), []),
    "other Pods": (
        POD, {}, around(tweak(PARENTS, "spec.selector.matchLabels", {"app": "x"})), [],
    ),
    "tier dev": (POD, {"defaultTier": "dev"}, around(PARENTS), []),
    "marks are a developer's": (MARKED, {}, around(PARENTS), ["soft hostname 1", "soft zone 1"]),
    "no opting out": (SKIPPING, {}, around(PARENTS), ["soft hostname 1", "soft zone 1"]),
    "opting out": (SKIPPING, {"optOutBy": "anyone"}, around(PARENTS), []),
    "tier critical": (
        POD, {"defaultTier": "critical"}, around(PARENTS), ["hard hostname 1", "hard zone 1"],
    ),
    "replicas unknown": (
        POD,
        {"defaultTier": "critical"},
        around(tweak(PARENTS, "spec.replicas", None)),
        ["soft hostname 1", "soft zone 1"],
    ),
    "phase audit": (POD, {"phase": "audit"}, around(PARENTS), []),
}  # fmt: skip


@pytest.mark.parametrize(("value", "spec", "world", "expected"), PODS.values(), ids=PODS)
def test_pods(value: Any, spec: Spec, world: World, expected: list[str]) -> None:
    built, one = config({"level": "pod", **spec}), asked(value, **CONTROLLER)
    outcome = mutated(one, built, world)
    assert shown(outcome.object["spec"]) == expected
    assert outcome.object["metadata"] == value["metadata"]
    assert denials(one.with_object(outcome.object), built, world) == []


def test_constraints_of_a_pod_count_revisions_apart() -> None:
    outcome = mutated(asked(POD, **CONTROLLER), config({"level": "pod"}), around(PARENTS))
    constraints = outcome.object["spec"]["topologySpreadConstraints"]
    assert constraints[0] == tsc(selector=REVISION, matchLabelKeys=HASH)
    plain = tweak(POD, "metadata.labels", {"serving.knative.dev/revision": "web-1"})
    outcome = mutated(asked(plain, **CONTROLLER), config({"level": "pod"}), around(PARENTS))
    assert outcome.object["spec"]["topologySpreadConstraints"][0] == tsc(selector=REVISION)


def test_pods_are_refused_in_mode_deny() -> None:
    spec = {"level": "pod", "tiers": {"standard": {"mode": "deny"}}}
    (message,) = denials(asked(POD, **CONTROLLER), config(spec), around(PARENTS))
    assert message.startswith("spread: spec.topologySpreadConstraints lacks {")


def test_updates_of_pods_and_other_levels_are_left_alone() -> None:
    one = asked(POD, tweak(POD, "metadata.labels", {}), **CONTROLLER)
    assert mutated(one, config({"level": "pod"}), around(PARENTS)).object is POD
    assert mutated(asked(workload()), config({"level": "pod"}), World()).violations == ()
    assert mutated(asked(POD, **CONTROLLER), config(), around(PARENTS)).object is POD
