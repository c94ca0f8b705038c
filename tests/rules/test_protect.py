"""Rule E, case by case: the ids are those of platform-rules E.12, and the worked example G.5."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.builders import Object, container, owned_by, request, tweak
from tests.rules.documents import Spec
from tests.rules.protection import (
    ALIAS,
    ALWAYS,
    AT,
    BREAKGLASS,
    BY,
    CASCADING,
    KRUISE_MANAGER,
    LEVEL,
    NOW,
    OURS,
    STATE,
    World,
    a_pod,
    config,
    cooling,
    delete,
    going,
    mutate,
    shop,
    system,
    thing,
    update,
    validate,
    web,
)
from webhook.ledger.records import outcome_of
from webhook.model import (
    Action,
    AdmissionRequest,
    Decision,
    GroupVersionKind,
    GroupVersionResource,
)
from webhook.sinks.occurrences import occurrences

CLONES = "CloneSet.apps.kruise.io/v1alpha1"
UNITED = ("UnitedDeployment", "apps.kruise.io/v1alpha1")


@dataclass(frozen=True)
class Case:
    """A situation; `code` is the reason code of the denial, "" when it is allowed."""

    request: AdmissionRequest
    code: str = ""
    says: tuple[str, ...] = ()
    objects: tuple[Object, ...] = ()
    spec: Spec = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    grants: dict[str, Spec] = field(default_factory=dict)


def crd(labels: Any = None) -> Object:
    spec = {
        "group": "example.com",
        "names": {"kind": "Widget", "plural": "widgets"},
        "versions": [{"name": "v1", "served": True, "storage": True}],
    }
    kind = "CustomResourceDefinition.apiextensions.k8s.io/v1"
    return thing(kind, labels, name="widgets.example.com", namespace="", spec=spec)


def widget(labels: Any = None) -> Object:
    return thing("Widget.example.com/v1", labels, name="w1")


def clones(labels: Any = None, replicas: int = 1, **fields: Any) -> Object:
    return thing(CLONES, labels, name="cs", spec={"replicas": replicas}, **fields)


def claim(labels: Any = None, phase: str = "Bound", name: str = "data") -> Object:
    return thing("PersistentVolumeClaim", labels, name=name, status={"phase": phase})


def using(volume: Object, phase: str = "Running") -> Object:
    return a_pod(phase, volumes=[{"name": "v", **volume}])


USING_CLAIM = {"persistentVolumeClaim": {"claimName": "data"}}
SECRET = thing("Secret", CASCADING, name="key")
FROM_SECRET = a_pod()
FROM_SECRET["spec"]["containers"] = [container(envFrom=[{"secretRef": {"name": "key"}}])]


def volume(phase: str, labels: Any = None, policy: str = "Retain") -> Object:
    return thing(
        "PersistentVolume",
        labels or CASCADING,
        name="pv",
        namespace="",
        spec={"persistentVolumeReclaimPolicy": policy},
        status={"phase": phase},
    )


def replica_set(labels: Any, replicas: int, owner: str = "Deployment") -> Object:
    return thing(
        "ReplicaSet.apps/v1",
        labels,
        name="rs",
        owner=(owner, "apps/v1"),
        spec={"replicas": replicas},
    )


def evict(**fields: Any) -> AdmissionRequest:
    eviction = thing("Eviction.policy/v1", name="p")
    return request(
        eviction,
        sub_resource="eviction",
        kind=GroupVersionKind("policy", "v1", "Eviction"),
        resource=GroupVersionResource("", "v1", "pods"),
        received_at=NOW,
        **fields,
    )


def scale(before: int, after: int, **fields: Any) -> AdmissionRequest:
    kind = "Scale.autoscaling/v1"
    return update(
        thing(kind, spec={"replicas": before}),
        thing(kind, spec={"replicas": after} if after else {}),
        sub_resource="scale",
        resource=GroupVersionResource("apps", "v1", "deployments"),
        **fields,
    )


def finalize(value: Object, **fields: Any) -> AdmissionRequest:
    return update(going(value), going(value), sub_resource="finalize", **fields)


DB = thing("StatefulSet.apps/v1", ALWAYS, name="db", spec={"replicas": 1}, status={"replicas": 1})
PROTECTED_POD = a_pod(labels=ALWAYS, name="p")
OWNED_POD = tweak(PROTECTED_POD, "metadata.ownerReferences", owned_by("ReplicaSet", "web-5d4f"))
REMOVED = cooling(at="2025-12-31T23:59:00Z")
LONG_REMOVED = cooling(at="2025-12-31T23:29:00Z")
TWO = {"onRemove": {"mode": "twoPerson"}}
BY_ALICE = cooling(by="alice")
GRANT: Spec = {
    "who": {"users": ["alice"]},
    "target": {"kind": "Deployment", "namespace": "shop", "name": "web", "uid": "uid-of-web"},
    "reason": "moving away",
    "expires": "2026-01-01T01:00:00Z",
    "createdBy": "bob",
}
COMPAT = {"kruiseCompat": True}
JOB = thing("Job.batch/v1", CASCADING, name="import", status={"succeeded": 1})
SERVICE = thing("Service", CASCADING, name="web")
SLICE = thing(
    "EndpointSlice.discovery.k8s.io/v1",
    {"kubernetes.io/service-name": "web"},
    name="web-1",
    endpoints=[{"conditions": {"ready": True}}],
)

CASES: dict[str, Case] = {
    "E-01": Case(delete(web())),
    "E-02": Case(delete(web(ALWAYS, 0)), "Always", ("Deployment shop/web is protected (Always).",)),
    "E-03": Case(delete(web(CASCADING, 3)), "CascadingReplicas", ("3 replicas still wanted",)),
    "E-04": Case(delete(web(CASCADING, 0, 2)), "CascadingReplicas", ("2 replicas still there",)),
    "E-04 compat": Case(delete(web(CASCADING, 0, 2)), spec=COMPAT),
    "E-05": Case(delete(web(CASCADING, 0))),
    "E-06": Case(delete(web(CASCADING, None)), "CascadingReplicas", ("1 replica still wanted",)),
    "E-06 compat": Case(delete(web(CASCADING, None)), spec=COMPAT),
    "E-07": Case(delete(web({ALIAS: "Always"}, 0)), "Always", (ALIAS,)),
    "E-08": Case(delete(web({**CASCADING, ALIAS: "Always"}, 0)), "Always"),
    "E-09": Case(delete(web({ALIAS: "foo"}))),
    "E-10": Case(update(web(), web({OURS: "foo"})), "InvalidLevel", ("not 'foo'",)),
    "E-10 stored": Case(delete(web({OURS: "foo"}, 0)), "Always"),
    "E-11": Case(delete(going(web(ALWAYS)))),
    "E-12": Case(
        delete(web(ALWAYS), name=""), "Always", ("Deployment shop/web", "deleted before it")
    ),
    "E-13": Case(
        delete(shop(CASCADING)), "CascadingPods", ("1 Pod active",), objects=(a_pod(),)
    ),
    "E-14": Case(delete(shop(CASCADING)), objects=(a_pod("Succeeded"), a_pod("Failed", "q"))),
    "E-15": Case(
        delete(shop(CASCADING)),
        "CascadingPVC",
        ("PVC",),
        objects=(going(a_pod()), claim()),
    ),
    "E-16": Case(
        delete(shop()),
        "ProtectedChild",
        ("Namespace shop contains protected objects: CloneSet/cs (Always).",),
        objects=(clones(ALWAYS),),
    ),
    "E-17": Case(
        delete(clones(ALWAYS), **system("namespace-controller")), objects=(going(shop()),)
    ),
    "E-17 one identity": Case(
        delete(clones(ALWAYS), user="system:kube-controller-manager"), objects=(going(shop()),)
    ),
    "E-18": Case(
        delete(clones(ALWAYS), **system("namespace-controller")), "Always", objects=(shop(),)
    ),
    "E-19": Case(
        delete(replica_set(ALWAYS, 1), **system("generic-garbage-collector")), "Always"
    ),
    "E-19 owner": Case(
        delete(web()),
        "ProtectedDependent",
        ("Deployment shop/web has protected dependents: ReplicaSet/rs (Always)",),
        objects=(
            tweak(replica_set(ALWAYS, 1), "metadata.ownerReferences[0].uid", "uid-of-web"),
        ),
    ),
    "E-19 orphan": Case(
        delete(web(), options={"propagationPolicy": "Orphan"}),
        objects=(
            tweak(replica_set(ALWAYS, 1), "metadata.ownerReferences[0].uid", "uid-of-web"),
        ),
    ),
    "E-20": Case(delete(replica_set(ALWAYS, 0), **system("deployment-controller"))),
    "E-20 in use": Case(
        delete(replica_set(ALWAYS, 2), **system("deployment-controller")), "Always"
    ),
    "E-21": Case(delete(OWNED_POD, **system("replicaset-controller"))),
    "E-22": Case(delete(OWNED_POD), "Always", ("Pod shop/p",)),
    "E-23": Case(evict(), "Always", ("Pod shop/p is protected",), objects=(PROTECTED_POD,)),
    "E-23 breakglass": Case(evict(groups=BREAKGLASS), objects=(PROTECTED_POD,)),
    "E-23 no such Pod": Case(evict()),
    "E-24": Case(
        delete(crd(CASCADING)), "CascadingCR", ("1 object of this kind",), objects=(widget(),)
    ),
    "E-24 many": Case(
        delete(crd(CASCADING)),
        "CascadingCR",
        ("at least 10 objects of this kind",),
        objects=tuple(widget() for _ in range(12)),
    ),
    "E-24 most are going": Case(
        delete(crd(CASCADING)),
        "CascadingCR",
        (": 2 objects of this kind",),
        objects=(*(going(widget()) for _ in range(10)), widget(), widget()),
    ),
    "E-24 all are going": Case(
        delete(crd(CASCADING)), objects=tuple(going(widget()) for _ in range(10))
    ),
    "E-25": Case(
        delete(crd()),
        "ProtectedChild",
        ("widgets.example.com has protected objects: Widget/w1 (Always)",),
        objects=(widget(ALWAYS),),
    ),
    "E-26": Case(
        delete(crd()), "CannotVerify", ("cannot verify",), objects=(widget(),), broken=("Widget",)
    ),
    "E-27": Case(delete(web(**REMOVED)), "CoolingDown", ("29m left", "until alice removed that")),
    "E-28": Case(delete(web(**LONG_REMOVED))),
    "E-31": Case(
        delete(
            tweak(web(replicas=0, **REMOVED), "metadata.labels", {STATE: "cooling", **CASCADING})
        ),
        "CoolingDown",
    ),
    "E-32 the same": Case(delete(web(**BY_ALICE)), "NeedsApprover", spec=TWO),
    "E-32 another": Case(delete(web(**BY_ALICE), user="bob"), spec=TWO),
    "E-33": Case(
        update(web(ALWAYS), web()),
        "NeedsApprover",
        spec={"onRemove": {"mode": "denyDevelopers"}},
    ),
    "E-34": Case(update(web(ALWAYS, 3), web(ALWAYS, 0)), "ScaleToZero"),
    "E-34 scale": Case(scale(3, 0), "ScaleToZero", objects=(web(ALWAYS),)),
    "E-35": Case(update(web(CASCADING, 3), web(CASCADING, 0))),
    "E-35 scale": Case(scale(3, 0), objects=(web(CASCADING),)),
    "E-36": Case(
        scale(3, 0, **system("horizontal-pod-autoscaler")), objects=(web(ALWAYS),)
    ),
    "E-37": Case(
        delete(claim(CASCADING)), "InUse", ("Pod p uses it",), objects=(using(USING_CLAIM),)
    ),
    "E-37 succeeded": Case(
        delete(claim(CASCADING)), objects=(using(USING_CLAIM, "Succeeded"),)
    ),
    "E-38": Case(delete(SECRET), "InUse", ("Pod/p uses it",), objects=(FROM_SECRET,)),
    "E-39": Case(delete(volume("Bound")), "InUse", ("PersistentVolume pv", "bound")),
    "E-39 released": Case(
        delete(volume("Released", ALWAYS), **system("persistent-volume-binder"))
    ),
    "E-40": Case(delete(web(ALWAYS), options={"propagationPolicy": "Orphan"}), "Always"),
    "E-41": Case(
        delete(web(ALWAYS), options={"gracePeriodSeconds": 0, "propagationPolicy": "Background"}),
        "Always",
    ),
    "E-42": Case(delete(web(ALWAYS), dry_run=True), "Always"),
    "E-43": Case(delete(web(ALWAYS), groups=BREAKGLASS)),
    "E-44 valid": Case(delete(web(ALWAYS)), grants={"move": GRANT}),
    "E-44": Case(
        delete(web(ALWAYS)), "Always", grants={"move": tweak(GRANT, "target.uid", "another")}
    ),
    "E-44 expired": Case(
        delete(web(ALWAYS)),
        "Always",
        grants={"move": tweak(GRANT, "expires", "2025-12-31T23:59:59Z")},
    ),
    "E-45": Case(delete(web(ALWAYS), user="root", groups=("system:masters",)), "Always"),
    "E-45 mayOverride": Case(
        delete(web(ALWAYS), user="root", groups=("system:masters",)),
        spec={"mayOverride": {"groups": ["system:masters"]}},
    ),
    "E-46": Case(
        delete(shop(CASCADING)), "CannotVerify", ("did not answer in time",), broken=("Pod",)
    ),
    "E-47": Case(
        update(going(web(ALWAYS)), going(web()), **system("generic-garbage-collector")),
        spec={"onRemove": {"mode": "denyDevelopers"}},
    ),
    "E-48": Case(
        update(volume("Bound", policy="Retain"), volume("Bound", policy="Delete")),
        "Always",
        ("spec.persistentVolumeReclaimPolicy may not become Delete",),
    ),
    "E-49": Case(
        finalize(shop(CASCADING)), "CascadingPods", ("Pods still run",), objects=(a_pod(),)
    ),
    "E-50": Case(delete(SERVICE)),
    "E-50 endpoints": Case(
        delete(SERVICE), "InUse", ("1 ready endpoint",), objects=(SLICE,)
    ),
    "E-50 compat": Case(delete(SERVICE), objects=(SLICE,), spec=COMPAT),
    "E-51": Case(delete(JOB, **system("ttl-after-finished-controller"))),
    "E-51 Always": Case(
        delete(tweak(JOB, "metadata.labels", ALWAYS), **system("ttl-after-finished-controller")),
        "Always",
    ),
    "E-52": Case(delete(clones(ALWAYS, owner=UNITED), user=KRUISE_MANAGER)),
    "E-55": Case(
        delete(SECRET), objects=(a_pod("Succeeded", imagePullSecrets=[{"name": "key"}]),)
    ),
    "E-56": Case(delete(shop(CASCADING)), "CascadingPods", objects=(a_pod("Pending"),)),
    "E-58": Case(delete(clones(owner=UNITED))),
    "E-58 protectChildren": Case(
        delete(clones(owner=UNITED)),
        "ProtectedDependent",
        ("belongs to a protected object: UnitedDeployment shop/parent",),
        objects=(thing(".".join(UNITED), ALWAYS, name="parent", spec={"replicas": 1}),),
        spec={"protectChildren": True},
    ),
    "G.5 step 1": Case(
        delete(web({ALIAS: "Cascading"}, 3)),
        "CascadingReplicas",
        (
            "protect: Deployment shop/web is protected (Cascading): 3 replicas still wanted.",
            "Scale to 0 first, or ask the platform team.",
        ),
    ),
    "G.5 step 3": Case(
        delete(web(**cooling("Cascading"))), "CoolingDown", ("29m left", "3 replicas still wanted")
    ),
    "G.5 step 4": Case(delete(web(replicas=0, **cooling("Cascading")))),
    "G.5 step 5": Case(
        delete(shop(), user="bob"),
        "ProtectedChild",
        ("protect: Namespace shop contains protected objects: StatefulSet/db (Always).",),
        objects=(DB,),
    ),
    "G.5 step 6": Case(delete(shop(), groups=BREAKGLASS), objects=(DB,)),
    "G.5 step 7": Case(
        delete(DB, **system("namespace-controller")), objects=(going(shop()),)
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case(case: Case) -> None:
    built = config(case.spec, case.grants)
    outcome = validate(case.request, built, World(*case.objects, broken=case.broken))
    denials = [one for one in outcome.violations if one.action is Action.DENY]
    assert outcome.object is case.request.object
    if not case.code:
        assert denials == []
        return
    (denial,) = denials
    assert (denial.code, denial.reason, denial.origin) == (403, "Forbidden", "protect")
    assert denial.details is not None
    assert [one["reason"] for one in denial.details["causes"]] == [case.code]
    for piece in case.says:
        assert piece in denial.message


def answers(*requests: AdmissionRequest) -> list[bool]:
    """Return for each request whether it is allowed."""
    outcomes = [validate(one, config(), World()) for one in requests]
    return [all(found.action is not Action.DENY for found in one.violations) for one in outcomes]


THREE = (web(name="a"), web(ALWAYS, name="b"), web(name="c"))


def test_e_53_each_of_three_is_judged_by_itself() -> None:
    """`kubectl delete deploy --all` deletes one by one; what kubectl does then: tests/e2e."""
    assert answers(*(delete(one) for one in THREE)) == [True, False, True]


def test_e_54_a_collection_is_denied_at_the_protected_object() -> None:
    """The API server stops there, so the message says that others may be gone (F-10)."""
    asked = [delete(one, name="") for one in THREE]
    assert answers(*asked) == [True, False, True]
    (denial,) = validate(asked[1], config(), World()).violations
    assert denial.message.startswith("protect: Deployment shop/b is protected (Always).")
    assert "deleted before it are gone" in denial.message


@pytest.mark.parametrize("uid", ["uid-of-web", "another"])
def test_e_57_preconditions_are_the_api_servers_matter(uid: str) -> None:
    options = {"kind": "DeleteOptions", "preconditions": {"uid": uid}}
    asked = (delete(web(labels), options=options) for labels in (None, ALWAYS))
    assert answers(*asked) == [True, False]


RECORDED = ("E-23 breakglass", "E-43", "E-44 valid", "E-45 mayOverride", "G.5 step 6")


@pytest.mark.parametrize("name", RECORDED)
def test_overrides_are_recorded(name: str) -> None:
    case = CASES[name]
    outcome = validate(case.request, config(case.spec, case.grants), World(*case.objects))
    (violation,) = outcome.violations
    assert violation.action is Action.AUDIT
    assert violation.message.startswith("protect: override by ")
    assert '"decision":"override"' in outcome.audit_annotations["protect"]


def told(asked: AdmissionRequest, spec: Spec | None = None) -> tuple[list[str], str | None]:
    """Return the reasons of the Events that a request makes, and what the ledger calls it."""
    outcome = validate(asked, config(spec), World())
    denials = [one for one in outcome.violations if one.action is Action.DENY]
    decision = Decision(
        not denials,
        "",
        violations=outcome.violations,
        object_after=asked.object,
        audit_annotations=outcome.audit_annotations,
    )
    return [one.reason for one in occurrences(asked, decision)], outcome_of(asked, decision)


def test_e_42_a_dry_run_is_answered_alike_and_leaves_no_trace() -> None:
    """Neither Event nor record; nothing is kept in the rule either, so the answer is the same."""
    real = delete(web(ALWAYS))
    dry = delete(web(ALWAYS), dry_run=True)
    assert validate(dry, config(), World()) == validate(real, config(), World())
    assert (told(real), told(dry)) == ((["DeletionProtected"], "denied"), ([], None))
    removal = update(web(ALWAYS), web(), dry_run=True)
    real_removal = update(web(ALWAYS), web())
    assert mutate(removal, config()) == mutate(real_removal, config())


def test_e_43_broken_glass_makes_an_event_and_a_record() -> None:
    asked = delete(web(ALWAYS), groups=BREAKGLASS)
    assert told(asked) == (["ProtectionOverridden"], "audited")
    annotation = validate(asked, config(), World()).audit_annotations["protect"]
    assert '"decision":"override"' in annotation


STATES = (STATE, OURS)


@dataclass(frozen=True)
class StateCase:
    """A write, and what the object says about its protection afterwards (None: not there)."""

    request: AdmissionRequest
    labels: dict[str, str | None]
    annotations: dict[str, str | None]
    spec: Spec = field(default_factory=dict)
    warning: str = ""


FORGED = {AT: "2020-01-01T00:00:00Z", BY: "nobody", LEVEL: "Cascading"}
WRITTEN = {AT: "2026-01-01T00:00:00Z", BY: "alice", LEVEL: "Always"}
KEPT = {AT: "2025-12-31T23:59:00Z", BY: "alice", LEVEL: "Always"}
GONE: dict[str, str | None] = dict.fromkeys(FORGED)

STATE_CASES: dict[str, StateCase] = {
    "E-27": StateCase(
        update(web(ALWAYS), web()),
        {STATE: "cooling", OURS: None},
        {**WRITTEN},
        warning="protect: deletion stays blocked for 30m",
    ),
    "E-29 label": StateCase(
        update(web(**REMOVED), web(annotations=REMOVED["annotations"])),
        {STATE: "cooling"},
        {**KEPT},
    ),
    "E-29 annotations": StateCase(
        update(web(**REMOVED), web(labels=REMOVED["labels"])), {STATE: "cooling"}, {**KEPT}
    ),
    "E-30": StateCase(
        update(web(ALWAYS), web(annotations=FORGED)),
        {STATE: "cooling"},
        {**WRITTEN},
        warning="protect: deletion stays blocked for 30m",
    ),
    "E-31": StateCase(
        update(web(ALWAYS, 0), web(CASCADING, 0)),
        {STATE: "cooling", OURS: "Cascading"},
        {**WRITTEN},
        warning="protect: deletion stays blocked for 30m",
    ),
    "E-32": StateCase(
        update(web(ALWAYS), web()),
        {STATE: "cooling"},
        {**WRITTEN},
        TWO,
        "protect: protection removed; somebody else must delete the object",
    ),
    "G.5 step 2": StateCase(
        update(web({ALIAS: "Cascading"}), web()),
        {STATE: "cooling", ALIAS: None},
        {**WRITTEN, LEVEL: "Cascading"},
        warning="protect: deletion stays blocked for 30m while something is left to protect",
    ),
    "set again": StateCase(
        update(web(**REMOVED), tweak(web(**REMOVED), ("metadata", "labels", OURS), "Always")),
        {STATE: None, OURS: "Always"},
        GONE,
    ),
    "set again, but weaker": StateCase(
        update(web(**REMOVED), tweak(web(**REMOVED), ("metadata", "labels", OURS), "Cascading")),
        {STATE: "cooling", OURS: "Cascading"},
        {**KEPT},
    ),
    "over": StateCase(update(web(**LONG_REMOVED), web(**LONG_REMOVED)), {STATE: None}, GONE),
    "removed in steps": StateCase(
        update(
            tweak(web(**REMOVED), ("metadata", "labels", OURS), "Cascading"), web(**REMOVED)
        ),
        {STATE: "cooling"},
        {**WRITTEN},
        warning="protect: deletion stays blocked for 30m",
    ),
    "two people, carried": StateCase(
        update(web(**LONG_REMOVED), web()),
        {STATE: "cooling"},
        {**KEPT, AT: "2025-12-31T23:29:00Z"},
        TWO,
    ),
    "allowed": StateCase(
        update(web(ALWAYS), web()), {STATE: None}, GONE, {"onRemove": {"mode": "allow"}}
    ),
    "break-glass": StateCase(
        update(web(ALWAYS), web(), groups=BREAKGLASS), {STATE: None}, GONE
    ),
    "forged on creation": StateCase(request(web(**REMOVED)), {STATE: None}, GONE),
    "forged by an update": StateCase(
        update(web(ALWAYS), web({**ALWAYS, STATE: "cooling"}, annotations=FORGED)),
        {STATE: None, OURS: "Always"},
        GONE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", STATE_CASES.values(), ids=STATE_CASES)
def test_state(case: StateCase) -> None:
    built = config(case.spec)
    outcome = mutate(case.request, built)
    metadata = outcome.object["metadata"]
    labels, annotations = metadata.get("labels", {}), metadata.get("annotations", {})
    assert {key: labels.get(key) for key in case.labels} == case.labels
    assert {key: annotations.get(key) for key in case.annotations} == case.annotations
    assert outcome.warnings == ((case.warning,) if case.warning else ())
    again = mutate(
        update(case.request.old_object, outcome.object, groups=case.request.user_info.groups)
        if case.request.operation == "UPDATE"
        else request(outcome.object),
        built,
    )
    assert again.object is outcome.object
