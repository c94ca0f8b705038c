"""Writes that lose something without a deletion, warnings, confirmations (platform-rules E.6-E.8)."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tests.builders import Object, owned_by, request, tweak
from tests.rules.documents import Spec
from tests.rules.protection import (
    ALIAS,
    ALWAYS,
    BREAKGLASS,
    CASCADING,
    KRUISE_MANAGER,
    NOW,
    OURS,
    World,
    a_pod,
    build,
    config,
    create,
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
from webhook.model import Action, AdmissionRequest, GroupVersionKind, GroupVersionResource
from webhook.rules.protect import RULE

UNITED = ("UnitedDeployment", "apps.kruise.io/v1alpha1")
FLOOR = {"propylon.dev/min-replicas": "2"}
CONFIRM = "propylon.dev/confirm-delete"
CONFIRMED_AT, CONFIRMED_BY = "propylon.dev/confirmed-at", "propylon.dev/confirmed-by"


def deny(asked: AdmissionRequest, spec: Spec | None = None, *objects: Object, **world: Any) -> str:
    """Return the message of the denial, "" when it is allowed."""
    outcome = validate(asked, config(spec), World(*objects, **world))
    return "".join(one.message for one in outcome.violations if one.action is Action.DENY)


def scale(before: int, after: int, resource: str = "deployments", **fields: Any) -> Any:
    kind = "Scale.autoscaling/v1"
    return update(
        thing(kind, spec={"replicas": before}),
        thing(kind, spec={"replicas": after}),
        sub_resource="scale",
        resource=GroupVersionResource(
            "" if resource == "replicationcontrollers" else "apps", "v1", resource
        ),
        **fields,
    )


HPA, STRICT = system("horizontal-pod-autoscaler"), {"scaleGuard": "strict"}
CHILD = thing("CloneSet.apps.kruise.io/v1alpha1", ALWAYS, owner=UNITED, spec={"replicas": 2})
POLICY: Spec = {"protect": [{"kinds": ["Deployment"]}]}

SCALING: dict[str, tuple[AdmissionRequest, Spec, tuple[Object, ...], str]] = {
    "strict": (
        update(web(CASCADING), web(CASCADING, 0)), STRICT, (), "(Cascading) and may not be scaled to 0",
    ),
    "autoscaler, strict": (scale(3, 0, **HPA), STRICT, (web(ALWAYS),), "may not be scaled to 0"),
    "autoscaler to one": (scale(3, 1, **HPA), STRICT, (web(ALWAYS),), ""),
    "off": (update(web(ALWAYS), web(ALWAYS, 0)), {"scaleGuard": "off"}, (), ""),
    "up": (scale(0, 3), {}, (web(ALWAYS, 0),), ""),
    "nobody's": (scale(3, 0), POLICY, (), ""),
    "unknown resource": (scale(3, 0, "widgets"), {}, (), ""),
    "of the core group": (
        scale(3, 0, "replicationcontrollers"), {}, (thing("ReplicationController", ALWAYS),), "scaled to 0",
    ),
    "unprotected": (scale(3, 0), {}, (web(),), ""),
    "a controller's own": (
        update(CHILD, tweak(CHILD, "spec.replicas", 0), user=KRUISE_MANAGER), {}, (), "",
    ),
    "another controller": (
        update(web(ALWAYS), web(ALWAYS, 0), **system("node-controller")), {}, (), "",
    ),
    "a person's child": (update(CHILD, tweak(CHILD, "spec.replicas", 0)), {}, (), "scaled to 0"),
    "below the floor": (
        scale(3, 1), {}, (web(CASCADING, annotations=FLOOR),), "keeps at least 2 replicas, not 1",
    ),
    "at the floor": (scale(3, 2), {}, (web(CASCADING, annotations=FLOOR),), ""),
    "floor is no number": (
        scale(3, 1), {}, (web(CASCADING, annotations={"propylon.dev/min-replicas": "two"}),), "",
    ),
    "by policy": (update(web(), web(replicas=0)), POLICY, (), "may not be scaled to 0"),
    "a kind without replicas": (
        update(thing("Service", ALWAYS), thing("Service", ALWAYS)), {}, (), "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "spec", "objects", "says"), SCALING.values(), ids=SCALING)
def test_scaling(
    asked: AdmissionRequest, spec: Spec, objects: tuple[Object, ...], says: str
) -> None:
    message = deny(asked, spec, *objects)
    assert says in message
    assert bool(message) is bool(says)


def evict() -> AdmissionRequest:
    return request(
        thing("Eviction.policy/v1", name="p"),
        sub_resource="eviction",
        kind=GroupVersionKind("policy", "v1", "Eviction"),
        resource=GroupVersionResource("", "v1", "pods"),
        received_at=NOW,
    )


def test_what_cannot_be_read_is_refused() -> None:
    assert "cannot verify that Deployment shop/web may go" in deny(
        scale(3, 0), {}, broken=("Deployment",)
    )
    assert "cannot verify that Pod shop/p may go" in deny(evict(), {}, broken=("Pod",))


def test_evictions_of_others() -> None:
    assert deny(evict(), {}, a_pod()) == ""
    assert deny(evict(), {}, going(a_pod(labels=ALWAYS))) == ""


def finalize(value: Object, **fields: Any) -> AdmissionRequest:
    return update(going(value), going(value), sub_resource="finalize", **fields)


FINALIZING: dict[str, tuple[AdmissionRequest, tuple[Object, ...], str]] = {
    "namespace controller": (
        finalize(shop(ALWAYS), **system("namespace-controller")), (a_pod(),), "",
    ),
    "nothing runs": (finalize(shop(ALWAYS)), (a_pod("Failed"),), ""),
    "unprotected": (finalize(shop()), (a_pod(),), ""),
    "protected contents": (finalize(shop()), (a_pod(labels=ALWAYS),), "Pod/p (Always)"),
    "break-glass": (finalize(shop(ALWAYS), groups=BREAKGLASS), (a_pod(),), ""),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "objects", "says"), FINALIZING.values(), ids=FINALIZING)
def test_finalizing(asked: AdmissionRequest, objects: tuple[Object, ...], says: str) -> None:
    message = deny(asked, {}, *objects)
    assert says in message
    assert bool(message) is bool(says)


def test_finalizing_blindly_is_refused() -> None:
    assert "cannot verify" in deny(finalize(shop()), {}, broken=("Pod",))


APPROVER: Spec = {
    "onRemove": {"mode": "approver"},
    "approvers": {"groups": ["sre"], "serviceAccounts": ["ops:robot"]},
}
STRICT_MODE: Spec = {"onRemove": {"mode": "denyDevelopers"}}
REMOVALS: dict[str, tuple[AdmissionRequest, Spec, bool]] = {
    "with a cool-down": (update(web(ALWAYS), web()), {}, True),
    "not an approver": (update(web(ALWAYS), web()), APPROVER, False),
    "an approver": (update(web(ALWAYS), web(), groups=("sre",)), APPROVER, True),
    "an account": (
        update(web(ALWAYS), web(), user="system:serviceaccount:ops:robot"), APPROVER, True,
    ),
    "weaker": (update(web(ALWAYS), web(CASCADING)), APPROVER, False),
    "stronger": (update(web(CASCADING), web(ALWAYS)), APPROVER, True),
    "the alias": (update(web({ALIAS: "Always"}), web()), APPROVER, False),
    "a stored mistake": (update(web({OURS: "foo"}), web({OURS: "foo"})), {}, True),
    "platform": (
        update(web(ALWAYS), web(), groups=("system:masters",)), STRICT_MODE, True,
    ),
    "a delegate": (
        update(web(ALWAYS), web(), user="system:serviceaccount:flux-system:helm-controller"),
        STRICT_MODE, False,
    ),
    "a controller's own": (
        update(CHILD, tweak(CHILD, "metadata.labels", {}), user=KRUISE_MANAGER), APPROVER, True,
    ),
    "created wrongly": (create(web({OURS: "always"})), {}, False),
    "created well": (create(web(ALWAYS)), {}, True),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "spec", "allowed"), REMOVALS.values(), ids=REMOVALS)
def test_who_may_remove(asked: AdmissionRequest, spec: Spec, allowed: bool) -> None:
    assert (deny(asked, spec) == "") is allowed


def test_all_that_is_wrong_is_said_at_once() -> None:
    message = deny(update(web(ALWAYS), web(CASCADING, 0)), APPROVER)
    assert "may not remove or weaken" in message
    assert "may not be scaled to 0" in message


OVERRIDDEN: dict[str, tuple[AdmissionRequest, bool]] = {
    "label removed": (update(web(ALWAYS), web(), groups=BREAKGLASS), True),
    "scaled": (update(web(ALWAYS), web(ALWAYS, 0), groups=BREAKGLASS), True),
    "nothing to override": (update(web(ALWAYS), web(ALWAYS), groups=BREAKGLASS), False),
    "created wrongly": (create(web({OURS: "x"}), groups=BREAKGLASS), True),
}


@pytest.mark.parametrize(("asked", "recorded"), OVERRIDDEN.values(), ids=OVERRIDDEN)
def test_break_glass_on_writes(asked: AdmissionRequest, recorded: bool) -> None:
    outcome = validate(asked, config(), World())
    assert [one.action for one in outcome.violations] == [Action.AUDIT] * recorded


def test_break_glass_on_what_is_not_protected_is_not_recorded() -> None:
    outcome = validate(delete(web(), groups=BREAKGLASS), config(), World())
    assert outcome.violations == ()


STS = thing("StatefulSet.apps/v1", ALWAYS, name="db", spec={"replicas": 1})
RETENTION = ("spec", "persistentVolumeClaimRetentionPolicy")
DELETING = tweak(STS, (*RETENTION, "whenDeleted"), "Delete")
LOSSES: dict[str, tuple[Object, Object, str]] = {
    "when deleted": (STS, DELETING, "whenDeleted may not become Delete"),
    "when scaled": (STS, tweak(STS, (*RETENTION, "whenScaled"), "Delete"), "whenScaled may not"),
    "as before": (DELETING, DELETING, ""),
    "recycled volume": (
        thing("PersistentVolume", ALWAYS, spec={"persistentVolumeReclaimPolicy": "Recycle"}),
        thing("PersistentVolume", ALWAYS, spec={"persistentVolumeReclaimPolicy": "Delete"}),
        "",
    ),
}


@pytest.mark.parametrize(("old", "new", "says"), LOSSES.values(), ids=LOSSES)
def test_losses(old: Object, new: Object, says: str) -> None:
    message = deny(update(old, new))
    assert says in message
    assert bool(message) is bool(says)


def labelled(value: Object, labels: dict[str, str]) -> Object:
    changed: Object = tweak(value, "spec.template.metadata.labels", labels)
    return changed


DAEMONS = thing("DaemonSet.apps/v1", ALWAYS, spec={"template": {"spec": {"nodeSelector": {}}}})
CRON = thing("CronJob.batch/v1", ALWAYS, spec={"suspend": False})
JOB = thing("Job.batch/v1", ALWAYS, spec={"parallelism": 1})
CRD = thing(
    "CustomResourceDefinition.apiextensions.k8s.io/v1",
    ALWAYS,
    namespace="",
    spec={"versions": [{"name": "v1", "served": True}, {"name": "v2", "served": True}]},
    status={"storedVersions": ["v1"]},
)
CHANGES = "protect: {} of the protected {} changes"
WARNINGS: dict[str, tuple[AdmissionRequest, tuple[str, ...]]] = {
    "node selector": (
        update(DAEMONS, tweak(DAEMONS, "spec.template.spec.nodeSelector", {"pool": "x"})),
        (CHANGES.format("spec.template.spec.nodeSelector", "DaemonSet shop/web"),),
    ),
    "selector of a Service": (
        update(
            thing("Service", ALWAYS, spec={"selector": {"a": "b"}}), thing("Service", ALWAYS, spec={})
        ),
        (CHANGES.format("spec.selector", "Service shop/web"),),
    ),
    "suspended": (
        update(CRON, tweak(CRON, "spec.suspend", True)),
        (CHANGES.format("spec.suspend", "CronJob shop/web"),),
    ),
    "parallelism": (
        update(JOB, tweak(JOB, "spec.parallelism", 0)),
        (CHANGES.format("spec.parallelism", "Job shop/web"),),
    ),
    "paused": (
        update(web(ALWAYS), web(ALWAYS, paused=True)),
        (CHANGES.format("spec.paused", "Deployment shop/web"),),
    ),
    "unprotected": (update(web(), web(paused=True)), ()),
    "new owner": (
        update(
            web(ALWAYS), tweak(web(ALWAYS), "metadata.ownerReferences", owned_by("Widget", "w"))
        ),
        ("protect: Deployment shop/web gets the owner Widget/w, with which it would be deleted",),
    ),
    "old owner": (update(CHILD, CHILD), ()),
    "stored version": (
        update(CRD, tweak(CRD, "spec.versions[0].served", False)),
        ("protect: version v1 goes, but objects may be stored in it",),
    ),
    "another version": (update(CRD, tweak(CRD, "spec.versions[1].served", False)), ()),
    "alias without meaning": (
        create(web({ALIAS: "foo"})),
        (f"protect: {ALIAS}=foo protects nothing; use Always or Cascading",),
    ),
    "nothing to count": (
        create(thing("NetworkPolicy.networking.k8s.io/v1", CASCADING)),
        ("protect: Cascading means Always for NetworkPolicy: there is nothing to count",),
    ),
    "label in the template": (
        create(labelled(web(), ALWAYS)),
        ("protect: the protection label in the template protects each Pod, not the workload",),
    ),
    "labels of a template that are none": (create(labelled(web(ALWAYS), cast("Any", 5))), ()),
    "label in the stored template": (
        update(labelled(web(ALWAYS), ALWAYS), labelled(web(ALWAYS), ALWAYS)), (),
    ),
    "label of a Pod": (create(a_pod(labels=ALWAYS)), ()),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "warnings"), WARNINGS.values(), ids=WARNINGS)
def test_warnings(asked: AdmissionRequest, warnings: tuple[str, ...]) -> None:
    outcome = validate(asked, config(), World())
    assert (outcome.violations, outcome.warnings) == ((), warnings)


def budget(selector: Any, kind: str = "PodDisruptionBudget.policy/v1") -> Object:
    return thing(kind, spec={"selector": selector})


UNCOVERED = ("protect: no PodDisruptionBudget covers the Pods of Deployment shop/web",)
BUDGETS: dict[str, tuple[AdmissionRequest, tuple[Object, ...], tuple[str, ...]]] = {
    "none": (create(web(ALWAYS)), (), UNCOVERED),
    "another": (create(web(ALWAYS)), (budget({"matchLabels": {"app": "db"}}),), UNCOVERED),
    "malformed": (create(web(ALWAYS)), (budget({"matchLabel": {}}),), UNCOVERED),
    "this": (create(web(ALWAYS)), (budget({"matchLabels": {"app": "web"}}),), ()),
    "of OpenKruise": (
        create(web(ALWAYS)),
        (budget({}, "PodUnavailableBudget.policy.kruise.io/v1alpha1"),),
        (),
    ),
    "unprotected": (create(web()), (), ()),
    "protected before": (update(web(CASCADING), web(ALWAYS)), (), ()),
    "no replicas": (create(thing("Service", ALWAYS)), (), ()),
}


@pytest.mark.parametrize(("asked", "objects", "warnings"), BUDGETS.values(), ids=BUDGETS)
def test_budgets(
    asked: AdmissionRequest, objects: tuple[Object, ...], warnings: tuple[str, ...]
) -> None:
    outcome = validate(asked, config({"warnWithoutBudget": True}), World(*objects))
    assert outcome.warnings == warnings


def test_budgets_that_cannot_be_read_warn_of_nothing() -> None:
    world = World(broken=("PodDisruptionBudget",))
    assert validate(create(web(ALWAYS)), config({"warnWithoutBudget": True}), world).warnings == ()


MAY_CONFIRM: Spec = {"mayConfirm": {"users": ["bob"]}}
WISH = "shop/web@uid-of-web"
TEN_O_CLOCK = "2026-01-01T00:00:00Z"


def confirmed(at: str = TEN_O_CLOCK, by: str = "bob", wish: str = WISH) -> Object:
    return web(ALWAYS, annotations={CONFIRM: wish, CONFIRMED_AT: at, CONFIRMED_BY: by})


def written(asked: AdmissionRequest, spec: Spec = MAY_CONFIRM) -> tuple[Any, tuple[str, ...]]:
    outcome = mutate(asked, config(spec))
    return outcome.object["metadata"].get("annotations", {}), outcome.warnings


WISHING = web(ALWAYS, annotations={CONFIRM: WISH})
IGNORED = (f"protect: only people in mayConfirm may set {CONFIRM}; ignored",)
CONFIRMATIONS: dict[str, tuple[AdmissionRequest, dict[str, str], tuple[str, ...]]] = {
    "by who may": (
        update(web(ALWAYS), WISHING, user="bob"),
        {CONFIRM: WISH, CONFIRMED_AT: TEN_O_CLOCK, CONFIRMED_BY: "bob"},
        (),
    ),
    "by who may not": (update(web(ALWAYS), WISHING), {}, IGNORED),
    "forged before the label": (
        update(tweak(confirmed(), "metadata.labels", {}), confirmed()), {}, IGNORED,
    ),
    "carried": (
        update(confirmed(), WISHING),
        {CONFIRM: WISH, CONFIRMED_AT: TEN_O_CLOCK, CONFIRMED_BY: "bob"},
        (),
    ),
    "taken back": (update(confirmed(), web(ALWAYS, annotations={CONFIRMED_BY: "bob"})), {}, ()),
}  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "expected", "warnings"), CONFIRMATIONS.values(), ids=CONFIRMATIONS
)
def test_confirmations(
    asked: AdmissionRequest, expected: dict[str, str], warnings: tuple[str, ...]
) -> None:
    assert written(asked) == (expected, warnings)


TWO: Spec = {"onRemove": {"mode": "twoPerson"}}
CONFIRMED: dict[str, tuple[AdmissionRequest, Spec, bool]] = {
    "just now": (delete(confirmed()), {}, True),
    "too long ago": (delete(confirmed("2025-12-31T23:49:00Z")), {}, False),
    "in the future": (delete(confirmed("2026-01-01T00:10:00Z")), {}, False),
    "no time": (delete(confirmed("soon")), {}, False),
    "another object": (delete(confirmed(wish="shop/web@other")), {}, False),
    "by the same person": (delete(confirmed(), user="bob"), TWO, False),
    "by another person": (delete(confirmed()), TWO, True),
}


@pytest.mark.parametrize(("asked", "spec", "allowed"), CONFIRMED.values(), ids=CONFIRMED)
def test_confirmed_deletions(asked: AdmissionRequest, spec: Spec, allowed: bool) -> None:
    assert (deny(asked, spec) == "") is allowed


def test_confirmations_count_only_where_they_are_kept_honest() -> None:
    forged = {CONFIRM: "shop@", CONFIRMED_AT: TEN_O_CLOCK, CONFIRMED_BY: "bob"}
    asked = delete(shop(annotations=forged))
    assert "contains protected objects" in deny(asked, {}, web(ALWAYS))
    by_policy: Spec = {"protect": [{"kinds": ["Namespace"]}]}
    assert deny(asked, by_policy, web(ALWAYS)) == ""


GRANT: Spec = {
    "who": {"groups": ["sre"]},
    "target": {"group": "apps", "kind": "Deployment", "namespace": "sh*", "name": "*"},
    "reason": "moving away",
    "expires": "2026-01-01T02:00:00+01:00",
    "createdBy": "alice",
}
GRANTS: dict[str, tuple[Spec, Spec, bool]] = {
    "holds": (GRANT, {}, True),
    "off": ({**GRANT, "phase": "off"}, {}, False),
    "of another group": (tweak(GRANT, "target.group", ""), {}, False),
    "of another Namespace": (tweak(GRANT, "target.namespace", "prod"), {}, False),
    "for others": (tweak(GRANT, "who.groups", ["dev"]), {}, False),
    "from oneself": (GRANT, TWO, False),
    "from somebody else": ({**GRANT, "createdBy": "bob"}, TWO, True),
}


@pytest.mark.parametrize(("grant", "spec", "allowed"), GRANTS.values(), ids=GRANTS)
def test_grants(grant: Spec, spec: Spec, allowed: bool) -> None:
    outcome = validate(delete(web(ALWAYS), groups=("sre",)), config(spec, {"move": grant}), World())
    (violation,) = outcome.violations
    assert (violation.action is Action.AUDIT) is allowed
    if allowed:
        assert violation.policy == "DeletionGrant/move"
        assert violation.message.endswith(
            "grant DeletionGrant/move for Deployment shop/web: moving away"
        )


UNTOUCHED: dict[str, tuple[AdmissionRequest, Spec]] = {
    "a deletion": (delete(web(ALWAYS)), {}),
    "on its way out": (update(going(web(ALWAYS)), going(web())), {}),
    "a status": (update(web(ALWAYS), web(), sub_resource="status"), {}),
    "being tried out": (update(web(ALWAYS), web()), {"phase": "audit"}),
}


@pytest.mark.parametrize(("asked", "spec"), UNTOUCHED.values(), ids=UNTOUCHED)
def test_what_is_never_changed(asked: AdmissionRequest, spec: Spec) -> None:
    assert mutate(asked, config(spec)).object is asked.object


def test_a_change_names_its_document() -> None:
    assert mutate(update(web(ALWAYS), web()), config()).mutated_by == ("DeletionProtection/main",)


LEFT_ALONE = {
    "a sub-resource": update(web(ALWAYS), web(), sub_resource="status"),
    "a lease": delete(thing("Lease.coordination.k8s.io/v1", ALWAYS)),
    "a connection": request(a_pod(), operation="CONNECT"),
}


@pytest.mark.parametrize("asked", LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_what_is_never_judged(asked: AdmissionRequest) -> None:
    assert validate(asked, config(STRICT_MODE), World()).violations == ()


def test_modes_without_a_state_forget_it() -> None:
    built, _ = build({"main": {"onRemove": {"mode": "allow"}}})
    assert RULE.mutate is not None
    assert mutate(update(web(ALWAYS), web()), built).warnings == ()
