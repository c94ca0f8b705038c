"""What Cascading counts for each kind, and what else keeps an object (platform-rules E.4, E.5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import Object, container, request, tweak
from tests.rules.documents import Spec
from tests.rules.protection import (
    ALWAYS,
    CASCADING,
    World,
    a_pod,
    build,
    config,
    cooling,
    delete,
    going,
    shop,
    system,
    thing,
    validate,
    web,
)
from webhook.model import Action, AdmissionRequest, Facts, NeedFacts, Scope, Unavailable
from webhook.rules.protect import RULE

KRUISE = "apps.kruise.io/v1alpha1"


def c(kind: str, **fields: Any) -> Object:
    """Return an object labelled Cascading."""
    return thing(kind, CASCADING, **fields)


def deny(asked: AdmissionRequest, spec: Spec | None = None, *objects: Object, **world: Any) -> str:
    """Return the message of the denial, "" when it is allowed."""
    outcome = validate(asked, config(spec), World(*objects, **world))
    return "".join(one.message for one in outcome.violations if one.action is Action.DENY)


def in_pod(**spec: Any) -> Object:
    return a_pod(**spec)


def holding(container_fields: Any) -> Object:
    built = a_pod()
    built["spec"]["containers"] = [container(**container_fields)]
    return built


SECRET, SETTINGS = c("Secret", name="key"), c("ConfigMap", name="key")
CLAIM = c("PersistentVolumeClaim", name="data-db-0")
STS = thing(
    "StatefulSet.apps/v1",
    name="db",
    spec={"volumeClaimTemplates": [{"metadata": {"name": "data"}}]},
)
INGRESS = c(
    "Ingress.networking.k8s.io/v1",
    spec={
        "defaultBackend": {"service": {"name": "fallback"}},
        "rules": [
            {"http": {"paths": [{"backend": {"service": {"name": "web"}}}, {"backend": {}}]}}
        ],
    },
)
TLS = thing("Ingress.networking.k8s.io/v1", spec={"tls": [{"secretName": "key"}, {}]})
ACCOUNT = thing("ServiceAccount", name="robot", imagePullSecrets=[{"name": "key"}])
CRON = "CronJob.batch/v1"
MOUNTING = web()
MOUNTING["spec"]["template"]["spec"]["volumes"] = [{"name": "v", "configMap": {"name": "key"}}]
OWNED = {
    **MOUNTING,
    "metadata": {**thing("X", owner=("Rollout", "argoproj.io/v1alpha1"))["metadata"]},
}
DONE = thing(
    "Job.batch/v1",
    spec={"template": MOUNTING["spec"]["template"]},
    status={"conditions": [{"type": "Complete", "status": "True"}]},
)
PROJECTED = {
    "projected": {"sources": [{"secret": {"name": "key"}}, {"configMap": {"name": "key"}}]}
}
ENV_SECRET = {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "key", "key": "k"}}}]}
ENV_MAP = {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "key", "key": "k"}}}]}
COMPAT = {"kruiseCompat": True}

ROWS: dict[str, tuple[Object, tuple[Object, ...], Spec, str]] = {
    "DaemonSet": (c("DaemonSet.apps/v1", status={"currentNumberScheduled": 2}), (), {}, "2 Pods scheduled"),
    "DaemonSet without Pods": (c("DaemonSet.apps/v1"), (), {}, ""),
    "Job": (c("Job.batch/v1", status={"active": 1}), (), {}, "1 Pod active"),
    "CronJob": (c(CRON, spec={}), (), {}, "it is not suspended"),
    "CronJob suspended": (c(CRON, spec={"suspend": True}), (), {}, ""),
    "CronJob with a job": (
        c(CRON, spec={"suspend": True}, status={"active": [{"name": "a"}]}), (), {}, "1 job active",
    ),
    "AdvancedCronJob paused": (c(f"AdvancedCronJob.{KRUISE}", spec={"paused": True}), (), {}, ""),
    "SidecarSet": (
        c(f"SidecarSet.{KRUISE}", namespace="", status={"matchedPods": 4}), (), {}, "4 Pods matched",
    ),
    "a Pod": (a_pod(labels=CASCADING), (), {}, "Pod shop/p is protected (Cascading)."),
    "any other kind": (c("Widget.example.com/v1"), (), {}, "(Cascading)"),
    "Endpoints": (thing("Endpoints", ALWAYS), (), {}, ""),
    "claim, ephemeral": (
        c("PersistentVolumeClaim", name="p-scratch"),
        (a_pod("Pending"), in_pod(volumes=[{"name": "scratch", "ephemeral": {}}])), {}, "Pod p uses it",
    ),
    "claim, two users": (
        c("PersistentVolumeClaim", name="d"),
        tuple(
            a_pod(name=name, volumes=[{"persistentVolumeClaim": {"claimName": "d"}}])
            for name in ("a", "b")
        ),
        {}, "Pod a and 1 more use it",
    ),
    "claim of a template": (CLAIM, (STS,), {}, ""),
    "claim of a template, strict": (CLAIM, (STS,), {"strictTemplates": True}, "StatefulSet/db would use it again"),
    "claim of no template, strict": (c("PersistentVolumeClaim"), (STS,), {"strictTemplates": True}, ""),
    "volume": (thing("PersistentVolume", CASCADING, namespace="", status={"phase": "Released"}), (), {}, ""),
    "account": (c("ServiceAccount", name="default"), (a_pod(),), {}, "Pod p uses it"),
    "account of nobody": (c("ServiceAccount", name="robot"), (a_pod(),), {}, ""),
    "Secret in a volume": (SECRET, (in_pod(volumes=[{"secret": {"secretName": "key"}}]),), {}, "Pod/p uses it"),
    "Secret projected": (SECRET, (in_pod(volumes=[PROJECTED]),), {}, "Pod/p uses it"),
    "Secret in env": (SECRET, (holding(ENV_SECRET),), {}, "Pod/p uses it"),
    "Secret of a file system": (
        SECRET, (in_pod(volumes=[{"cephfs": {"secretRef": {"name": "key"}}}]),), {}, "Pod/p uses it",
    ),
    "Secret for images": (SECRET, (in_pod(imagePullSecrets=[{"name": "key"}]),), {}, "Pod/p uses it"),
    "Secret in tls": (SECRET, (TLS,), {}, "Ingress/web refers to it"),
    "Secret of an account": (SECRET, (ACCOUNT,), {}, "ServiceAccount/robot refers to it"),
    "Secret of nobody": (SECRET, (a_pod(), MOUNTING), {}, ""),
    "ConfigMap projected": (SETTINGS, (in_pod(volumes=[PROJECTED]),), {}, "Pod/p uses it"),
    "ConfigMap in env": (SETTINGS, (holding(ENV_MAP),), {}, "Pod/p uses it"),
    "ConfigMap in a template": (SETTINGS, (TLS, MOUNTING), {}, "Deployment/web refers to it"),
    "ConfigMap in templates of the past": (SETTINGS, (OWNED, DONE), {}, ""),
    "Ingress": (INGRESS, (thing("Service", name="web"),), {}, "its backend Service/web exists"),
    "Ingress without a backend": (INGRESS, (), {}, ""),
    "Ingress for OpenKruise": (INGRESS, (thing("Service", name="web"),), COMPAT, ""),
    "for OpenKruise": (web(CASCADING, 2), (), COMPAT, "2 replicas still wanted"),
}  # fmt: skip


@pytest.mark.parametrize(("value", "objects", "spec", "says"), ROWS.values(), ids=ROWS)
def test_cascading(value: Object, objects: tuple[Object, ...], spec: Spec, says: str) -> None:
    message = deny(delete(value), spec, *objects)
    assert says in message
    assert bool(message) is bool(says)


def policies(level: str = "Always", **fields: Any) -> Spec:
    return {"protect": [{"kinds": ["Deployment", "Namespace"], "level": level, **fields}]}


POLICIES: dict[str, tuple[AdmissionRequest, Spec, str]] = {
    "by kind": (delete(web()), policies(), "DeletionProtection/main says so"),
    "another kind": (delete(thing("Service")), policies(), ""),
    "by Namespace": (delete(web()), policies(namespaces=["sh*"]), "(Always)"),
    "another Namespace": (delete(web()), policies(namespaces=["prod"]), ""),
    "a Namespace left out": (delete(web()), policies(excludeNamespaces=["shop"]), ""),
    "the Namespace itself": (delete(shop()), policies(namespaces=["shop"]), "Namespace shop is"),
    "by labels": (delete(web({"a": "b"})), policies(selector={"matchLabels": {"a": "b"}}), "(Alw"),
    "other labels": (delete(web()), policies(selector={"matchLabels": {"a": "b"}}), ""),
    "the stricter wins": (delete(web(CASCADING, 0)), policies(), "(Always)"),
    "Cascading": (delete(web(replicas=0)), policies("Cascading"), ""),
}


@pytest.mark.parametrize(("asked", "spec", "says"), POLICIES.values(), ids=POLICIES)
def test_policies_need_no_label(asked: AdmissionRequest, spec: Spec, says: str) -> None:
    message = deny(asked, spec)
    assert says in message
    assert bool(message) is bool(says)


def test_policies_protect_the_contents_of_a_namespace() -> None:
    message = deny(delete(shop()), {"protect": [{"kinds": ["Deployment"]}]}, web())
    assert "Namespace shop contains protected objects: Deployment/web (Always)" in message


def several(count: int) -> list[Object]:
    return [thing("Service", ALWAYS, name=f"s{number}") for number in range(count)]


def test_at_most_five_children_are_named() -> None:
    message = deny(delete(shop()), {}, *several(7))
    assert "Service/s4 (Always) and 2 more." in message


CONTENTS: dict[str, tuple[tuple[Object, ...], Spec, str]] = {
    "on their way out": ((going(web(ALWAYS)),), {}, ""),
    "nothing left to protect": ((web(CASCADING, 0), c("Secret", name="s")), {}, ""),
    "a Secret": ((thing("Secret", ALWAYS, name="s"),), {"checkSecrets": True}, "Secret/s (Always)"),
    "cooling": ((web(**cooling()),), {}, "Deployment/web (Always)"),
    "in use": ((thing("ConfigMap", CASCADING, name="key"), MOUNTING), {}, "ConfigMap/key (Cascading)"),
    "alpha kinds": ((thing(f"CloneSet.{KRUISE}", ALWAYS, name="cs"),), {}, "CloneSet/cs (Always)"),
    "of a further kind": (
        (thing("Widget.example.com/v1", ALWAYS),),
        {"kinds": [{"group": "example.com", "version": "v1", "kind": "Widget", "resource": "widgets"}]},
        "Widget/web (Always)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("objects", "spec", "says"), CONTENTS.values(), ids=CONTENTS)
def test_contents_of_a_namespace(objects: tuple[Object, ...], spec: Spec, says: str) -> None:
    message = deny(delete(shop()), spec, *objects)
    assert says in message
    assert bool(message) is bool(says)


def test_all_facts_are_asked_for_at_once() -> None:
    """The second round holds what every child needs, not what the first one does."""
    assert RULE.validate is not None
    world = World(*(c("PersistentVolumeClaim", name=name) for name in "ab"), c("Service"))
    facts, rounds = Facts(), []
    while True:
        try:
            outcome = RULE.validate(delete(shop()), config(), facts)
        except NeedFacts as need:
            rounds.append(need.lookups)
            facts |= {lookup: world[lookup] for lookup in need.lookups}
        else:
            break
    assert [all(isinstance(one, Scope) for one in found) for found in rounds] == [
        True,
        False,
        False,
    ]
    assert len(rounds[2]) == 2
    assert outcome.violations == ()


def test_sealed_facts_deny() -> None:
    assert RULE.validate is not None
    outcome = RULE.validate(delete(shop()), config(), Facts().sealed())
    assert "cannot verify that Namespace shop may go: the deadline" in outcome.violations[0].message


def definition(**version: Any) -> Object:
    return thing(
        "CustomResourceDefinition.apiextensions.k8s.io/v1",
        version.pop("labels", None),
        name="widgets.example.com",
        namespace="",
        spec={
            "group": "example.com",
            "names": {"kind": "Widget"},
            "versions": [{"name": "v1", "served": True, **version}] if version else [],
        },
    )


WIDGET = thing("Widget.example.com/v1", ALWAYS)
DEFINITIONS: dict[str, tuple[Object, tuple[Object, ...], Spec, str]] = {
    "empty": (definition(storage=True), (), {}, ""),
    "no version": (definition(), (), {}, ""),
    "only labelled ones": (definition(storage=True), (WIDGET,), {"allCRDs": False}, ""),
    "labelled, with protected objects": (
        definition(storage=True, labels=CASCADING), (going(WIDGET), WIDGET), {}, "1 object of this kind",
    ),
    "labelled, without objects": (definition(storage=True, labels=CASCADING), (), {}, ""),
}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "objects", "spec", "says"), DEFINITIONS.values(), ids=DEFINITIONS
)
def test_definitions(value: Object, objects: tuple[Object, ...], spec: Spec, says: str) -> None:
    message = deny(delete(value), spec, *objects)
    assert says in message
    assert bool(message) is bool(says)


def test_a_missing_right_is_named() -> None:
    class Forbidding(World):
        def __getitem__(self, lookup: Any) -> Any:
            answer = super().__getitem__(lookup)
            return answer if isinstance(lookup, Scope) else Unavailable("widgets is forbidden")

    outcome = validate(delete(definition(storage=True)), config(), Forbidding(WIDGET))
    assert "Propylon lacks the right to list it; grant that" in outcome.violations[0].message


ORPHANED = thing("ReplicaSet.apps/v1", ALWAYS, name="rs")
UNITED = ("UnitedDeployment", KRUISE)
CHILD = thing(f"CloneSet.{KRUISE}", name="cs", owner=UNITED)
FARM = thing("Farm.example.com/v1", name="farm")
FARM_POD = tweak(
    a_pod(labels=ALWAYS), "metadata.ownerReferences", [{"uid": "uid-of-farm", "kind": "Farm"}]
)
FARMS: Spec = {
    "checkDependents": ["Farm"],
    "kinds": [
        {
            "group": "example.com",
            "version": "v1",
            "kind": "Farm",
            "resource": "farms",
            "owns": ["Pod"],
        }
    ],
}
DEPENDENTS: dict[str, tuple[AdmissionRequest, tuple[Object, ...], Spec, str]] = {
    "of somebody else": (delete(web()), (ORPHANED,), {}, ""),
    "old way to orphan": (delete(web(), options={"orphanDependents": True}), (), {}, ""),
    "not looked at": (delete(web()), (), {"checkDependents": []}, ""),
    "owner of no known kind": (
        delete(thing("Pod", owner=("Widget", "example.com/v1"))), (), {"protectChildren": True}, "",
    ),
    "owner is gone": (delete(CHILD), (), {"protectChildren": True}, ""),
    "owner is free": (
        delete(CHILD), (thing(f"UnitedDeployment.{KRUISE}", name="parent"),), {"protectChildren": True}, "",
    ),
    "owner of nothing": (delete(web()), (), {"protectChildren": True}, ""),
}  # fmt: skip


def test_dependents_of_a_further_kind() -> None:
    message = deny(delete(FARM), FARMS, FARM_POD)
    assert "Farm shop/farm has protected dependents: Pod/p (Always)" in message


@pytest.mark.parametrize(("asked", "objects", "spec", "says"), DEPENDENTS.values(), ids=DEPENDENTS)
def test_dependents_and_owners(
    asked: AdmissionRequest, objects: tuple[Object, ...], spec: Spec, says: str
) -> None:
    assert deny(asked, spec, *objects) == says


MIRROR = a_pod(labels=ALWAYS, annotations={"kubernetes.io/config.mirror": "x"})
PLAIN_POD = a_pod(labels=ALWAYS)
ROLLOUT = ("Rollout", "argoproj.io/v1alpha1")
ACTORS: dict[str, tuple[AdmissionRequest, bool]] = {
    "kubelet": (delete(PLAIN_POD, user="system:node:n1", groups=("system:nodes",)), True),
    "mirror Pod": (delete(MIRROR), True),
    "scheduler": (delete(PLAIN_POD, user="system:kube-scheduler"), True),
    "taint manager": (delete(PLAIN_POD, **system("taint-eviction-controller")), True),
    "Pod garbage collector": (delete(PLAIN_POD, **system("pod-garbage-collector")), True),
    "another controller": (delete(PLAIN_POD, **system("job-controller")), False),
    "one identity, a Pod": (delete(PLAIN_POD, user="system:kube-controller-manager"), True),
    "one identity, a Deployment": (
        delete(web(ALWAYS, namespace=""), user="system:kube-controller-manager", namespace=""),
        False,
    ),
    "a developer with an owner": (delete(thing("Pod", ALWAYS, owner=ROLLOUT)), False),
    "Argo Rollouts": (
        delete(
            thing("ReplicaSet.apps/v1", ALWAYS, owner=ROLLOUT),
            user="system:serviceaccount:argo-rollouts:argo-rollouts",
        ),
        True,
    ),
    "Argo Rollouts, not its own": (
        delete(
            thing("ReplicaSet.apps/v1", ALWAYS, owner=("Deployment", "apps/v1")),
            user="system:serviceaccount:argo-rollouts:argo-rollouts",
        ),
        False,
    ),
    "binder, still bound": (
        delete(
            thing("PersistentVolume", ALWAYS, namespace="", status={"phase": "Bound"}),
            **system("persistent-volume-binder"),
        ),
        False,
    ),
    "namespace controller, Namespace gone": (
        delete(web(ALWAYS), **system("namespace-controller")), True,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "allowed"), ACTORS.values(), ids=ACTORS)
def test_actors(asked: AdmissionRequest, allowed: bool) -> None:
    assert (deny(asked) == "") is allowed


def test_controllers_of_other_projects_can_be_listed() -> None:
    from tests.rules.documents import item
    from webhook.model import Platform
    from webhook.rules.actors import build_actors

    document = item("Actors", "a", {"workloadControllers": {"serviceAccounts": ["ops:robot"]}})
    actors, _ = build_actors((document,), Platform())
    built, _ = build({"main": {}}, {}, actors)
    child = thing("Pod", ALWAYS, owner=("Widget", "example.com/v1"))
    robot = {"user": "system:serviceaccount:ops:robot"}
    assert validate(delete(child, **robot), built, World()).violations == ()
    other = thing("Pod", ALWAYS, owner=("Deployment", "apps/v1"))
    assert validate(delete(other, **robot), built, World()).violations != ()


def test_an_object_that_is_not_shown_stays() -> None:
    asked = request(operation="DELETE", name="web", namespace="shop")
    assert "the request does not show the object" in deny(asked)


def test_a_removal_by_nobody_known() -> None:
    value = tweak(web(**cooling()), "metadata.annotations", {})
    assert "until somebody removed that" in deny(delete(value))
    assert "30m left" in deny(delete(value))


@pytest.mark.parametrize("span", ["2d", "12h", "45s"])
def test_spans_are_readable(span: str) -> None:
    assert f"({span} cool-down)" in deny(delete(web(ALWAYS)), {"onRemove": {"cooldown": span}})


def test_parts_of_hours_are_readable() -> None:
    message = deny(delete(web(ALWAYS)), {"onRemove": {"cooldown": "90m"}})
    assert "(1h30m cool-down)" in message


ADVICE = {
    "allow": "delete-protection or ask",
    "approver": "(only approvers may)",
    "twoPerson": "(then somebody else may delete it)",
}


@pytest.mark.parametrize(("mode", "says"), ADVICE.items())
def test_advice_fits_the_mode(mode: str, says: str) -> None:
    spec = {"onRemove": {"mode": mode}, "approvers": {"groups": ["sre"]}}
    assert says in deny(delete(web(ALWAYS)), spec)


def test_texts_of_open_kruise() -> None:
    message = deny(delete(web(ALWAYS)), {"kruiseTexts": True})
    start = "forbidden by ResourcesProtectionDeletion for policy.kruise.io/delete-protection=Always"
    assert message.startswith(start)


PHASES = {"warn": Action.WARN, "audit": Action.AUDIT}


@pytest.mark.parametrize(("phase", "action"), PHASES.items())
def test_phases(phase: str, action: Action) -> None:
    outcome = validate(delete(web(ALWAYS)), config({"phase": phase}), World())
    (violation,) = outcome.violations
    assert violation.action is action
    assert bool(outcome.warnings) is (phase == "warn")


def test_the_strictest_phase_answers() -> None:
    documents: dict[str, Spec] = {
        "a": {"phase": "audit"},
        "b": {"protect": [{"kinds": ["Deployment"]}]},
    }
    built, errors = build(documents)
    assert errors == ()
    outcome = validate(delete(web()), built, World())
    assert [one.action for one in outcome.violations] == [Action.DENY]
    labelled = validate(delete(thing("Service", ALWAYS)), built, World())
    assert [one.action for one in labelled.violations] == [Action.AUDIT]


def test_off_is_off() -> None:
    asked = delete(web(ALWAYS))
    assert validate(asked, config({"phase": "off"}), World()).violations == ()
