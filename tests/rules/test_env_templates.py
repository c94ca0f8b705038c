"""Rule B on workload templates: `level: template`, stability (platform-rules 0.7), refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.builders import container, deployment, owned_by, pod, request, tweak
from tests.rules.documents import Spec, config, facts, item, literal
from webhook.model import Action, Facts, NeedFacts, Outcome, Platform
from webhook.rules.actors import Actors, build_actors
from webhook.rules.env import RULE

A = literal("A", "platform")
MINE = literal("A", "mine")
SKIP = "propylon.dev/skip-env"
FACTS = facts()
OPERATORS, _ = build_actors(
    (item("Actors", "a", {"operators": {"groups": ["sre"]}, "delegates": {"users": ["cd"]}}),),
    Platform(),
)
TEMPLATE: Spec = {"level": "template", "env": [A]}


def treated(
    rules: dict[str, Spec],
    obj: dict[str, Any],
    old: dict[str, Any] | None = None,
    known: Facts = FACTS,
    **who: Any,
) -> Outcome:
    """Mutate; a second time changes nothing."""
    assert RULE.mutate is not None
    built = config(rules, OPERATORS)
    operation = who.pop("operation", "UPDATE" if old else "CREATE")
    asked = request(obj, old=old, operation=operation, **who)
    outcome = RULE.mutate(asked, built, known)
    again = RULE.mutate(asked.with_object(outcome.object), built, known)
    assert again.object is outcome.object
    return outcome


def judged(
    rules: dict[str, Spec],
    obj: dict[str, Any],
    old: dict[str, Any] | None = None,
    known: Facts = FACTS,
    actors: Actors = OPERATORS,
    **who: Any,
) -> Outcome:
    assert RULE.validate is not None
    operation = who.pop("operation", "UPDATE" if old else "CREATE")
    asked = request(obj, old=old, operation=operation, **who)
    outcome = RULE.validate(asked, config(rules, actors), known)
    assert outcome.object is obj
    return outcome


def env_of(obj: dict[str, Any]) -> list[str]:
    template = obj["spec"].get("jobTemplate", obj)["spec"]["template"]
    return [
        f"{one['name']}={one.get('value', '*')}"
        for one in template["spec"]["containers"][0].get("env") or []
    ]


def workload(*env: dict[str, Any], image: str = "app:1", **fields: Any) -> dict[str, Any]:
    return deployment(container(env=list(env), image=image), **fields)


CRON_JOB: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "nightly", "namespace": "shop"},
    "spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [container()]}}}}},
}
REPLICA_SET = {
    **workload(),
    "kind": "ReplicaSet",
    "metadata": {"name": "web-1", "namespace": "shop", "ownerReferences": owned_by("Deployment")},
}
CONTROLLER = {
    "user": "system:serviceaccount:kube-system:deployment-controller",
    "groups": ("system:serviceaccounts:kube-system",),
}

CREATED: dict[str, tuple[Spec, dict[str, Any], dict[str, Any], list[str]]] = {
    "Deployment": (TEMPLATE, workload(), {}, ["A=platform"]),
    "CronJob": (TEMPLATE, CRON_JOB, {}, ["A=platform"]),
    "platform": (TEMPLATE, workload(), {"groups": ("system:masters",)}, ["A=platform"]),
    "controller": (TEMPLATE, workload(), CONTROLLER, []),
    "owned": (TEMPLATE, REPLICA_SET, {}, []),
    "owned by a kind that nobody knows": (
        TEMPLATE,
        {**REPLICA_SET, "metadata": {"name": "x", "namespace": "shop", "ownerReferences": owned_by("Kafka", api_version="kafka/v1")}},
        {},
        ["A=platform"],
    ),
    "level pod": ({"env": [A]}, workload(), {}, []),
    "other Namespace": ({**TEMPLATE, "match": {"namespaces": ["x"]}}, workload(), {}, []),
    "owner kind": ({**TEMPLATE, "match": {"ownerKinds": ["Deployment"]}}, workload(), {}, ["A=platform"]),
    "other owner kind": ({**TEMPLATE, "match": {"ownerKinds": ["Job"]}}, workload(), {}, []),
    "name of the owner": (
        {**TEMPLATE, "env": [literal("A", "{{owner.kind}}/{{owner.name}}")]},
        workload(),
        {},
        ["A=Deployment/web"],
    ),
    "nobody may skip": (
        {**TEMPLATE, "optOutBy": "operator"},
        tweak(workload(), "spec.template.metadata.annotations", {SKIP: "true"}),
        {"groups": ("sre",)},
        [],
    ),
    "deny leaves it to validation": ({**TEMPLATE, "conflict": "deny"}, workload(MINE), {}, ["A=mine"]),
    "deny in phase warn": (
        {**TEMPLATE, "conflict": "deny", "phase": "warn"}, workload(MINE), {}, ["A=mine"],
    ),
    "reserved by a rule for Pods": (
        {"reservedPrefixes": [{"prefix": "A", "treatment": "override"}]},
        workload(MINE, literal("B", "b")),
        {},
        ["B=b"],
    ),
    "reserved, written by an operator": (
        {"reservedPrefixes": [{"prefix": "A", "treatment": "override"}]},
        workload(MINE),
        {"groups": ("sre",)},
        ["A=mine"],
    ),
    "reserved, written by a delegate": (
        {"reservedPrefixes": [{"prefix": "A", "treatment": "override"}]},
        workload(MINE),
        {"user": "cd"},
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "obj", "who", "expected"), CREATED.values(), ids=CREATED)
def test_templates_on_create(
    spec: Spec, obj: dict[str, Any], who: dict[str, Any], expected: list[str]
) -> None:
    outcome = treated({"r": spec}, obj, **who)
    assert env_of(outcome.object) == expected
    assert outcome.violations == ()


UNTOUCHED: dict[str, tuple[dict[str, Any], dict[str, Any] | None, dict[str, Any]]] = {
    "kind without a template": ({"apiVersion": "v1", "kind": "Service"}, None, {}),
    "template that is a text": (tweak(workload(), "spec.template", "text"), None, {}),
    "status": (workload(), workload(), {"sub_resource": "status"}),
    "scale": (workload(), workload(), {"sub_resource": "scale"}),
    "Job's template is immutable": (
        {**workload(), "apiVersion": "batch/v1", "kind": "Job"},
        {**workload(), "apiVersion": "batch/v1", "kind": "Job"},
        {},
    ),
    "delete": (workload(), None, {"operation": "DELETE"}),
    "Pods of this level are left alone": (pod(), None, {}),
}


@pytest.mark.parametrize(("obj", "old", "who"), UNTOUCHED.values(), ids=UNTOUCHED)
def test_untouched(obj: dict[str, Any], old: dict[str, Any] | None, who: dict[str, Any]) -> None:
    spec = {"r": {**TEMPLATE, "adopt": "always"}}
    outcome = treated(spec, obj, old, **who)
    assert outcome == Outcome(obj)
    assert judged({"r": {**TEMPLATE, "conflict": "deny"}}, obj, old, **who) == Outcome(obj)


NEW_A = {"r": {**TEMPLATE, "env": [literal("A", "new")], "conflict": "override"}}


def managed(obj: dict[str, Any], *fields: Any) -> dict[str, Any]:
    entries = [{"manager": f"m{at}", "fieldsV1": one} for at, one in enumerate(fields)]
    return {**obj, "metadata": {**obj["metadata"], "managedFields": entries}}


def owned_env(*names: str, field: str = "f:env") -> dict[str, Any]:
    keys: dict[str, Any] = {f'k:{{"name":"{name}"}}': {".": {}, "f:value": {}} for name in names}
    app = {".": {}, "f:image": {}, **({field: keys} if names else {})}
    containers = {'k:{"name":"app"}': app}
    return {"f:spec": {"f:template": {"f:spec": {"f:containers": containers}}}}


STORED = managed(workload(literal("A", "old"), literal("B", "b")), owned_env("B"))
FROM = {"configMapRef": {"name": "m"}}
WITH_SOURCE = managed(deployment(container(envFrom=[FROM])), owned_env())

UPDATED: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "unchanged": (workload(literal("A", "old")), workload(literal("A", "old")), ["A=old"]),
    "only replicas": (
        workload(literal("A", "old"), replicas=3), workload(literal("A", "old")), ["A=old"],
    ),
    "never injected": (workload(), workload(), []),
    "null is absent": (
        tweak(workload(literal("A", "old")), "spec.template.spec.nodeSelector", None),
        workload(literal("A", "old")),
        ["A=old"],
    ),
    "changed": (
        workload(literal("A", "old"), image="app:2"), workload(literal("A", "old")), ["A=new"],
    ),
    "replaced without what we injected": (workload(literal("B", "b")), STORED, ["A=old", "B=b"]),
    "replaced and changed": (workload(literal("B", "b"), image="app:2"), STORED, ["A=new", "B=b"]),
    "developer took away a variable of their own": (
        workload(), managed(workload(literal("B", "b")), owned_env("B")), ["A=new"],
    ),
    "nobody knows who owned it": (workload(), workload(literal("B", "b")), ["A=new"]),
    "owned as a whole": (
        workload(), managed(workload(literal("B", "b")), {"f:spec": {"f:template": {}}}), ["A=new"],
    ),
    "owned list": (
        workload(),
        managed(
            workload(literal("B", "b")),
            {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"app"}': {"f:env": {}}}}}}},
        ),
        ["A=new"],
    ),
    "other managers own other things": (
        workload(), managed(workload(literal("B", "b")), {"f:status": {}}, None), ["B=b"],
    ),
    "another container": (
        tweak(workload(), "spec.template.spec.containers[0].name", "web"), STORED, ["A=new"],
    ),
    "source that webhooks added": (deployment(container()), WITH_SOURCE, []),
    "rollback": (workload(image="app:0"), STORED, ["A=new"]),
    "malformed managedFields": (
        workload(), tweak(workload(literal("B", "b")), "metadata.managedFields", "x"), ["A=new"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("obj", "old", "expected"), UPDATED.values(), ids=UPDATED)
def test_update_never_starts_a_roll_out(
    obj: dict[str, Any], old: dict[str, Any], expected: list[str]
) -> None:
    assert env_of(treated(NEW_A, obj, old).object) == expected


def test_source_that_webhooks_added_is_carried() -> None:
    outcome = treated(NEW_A, deployment(container()), WITH_SOURCE)
    assert outcome.object["spec"]["template"] is WITH_SOURCE["spec"]["template"]
    kept = deployment(container(envFrom=[FROM]))
    assert treated(NEW_A, kept, WITH_SOURCE).object is kept


def test_workload_that_did_not_exist_as_a_template_is_new() -> None:
    old = tweak(workload(), "spec.template", {})
    assert env_of(treated(NEW_A, workload(), old).object) == ["A=new"]


ADOPT: dict[str, tuple[str, dict[str, Any], list[str], int]] = {
    "on change, unchanged": ("onTemplateChange", workload(), [], 0),
    "on change, changed": ("onTemplateChange", workload(image="app:2"), ["A=platform"], 0),
    "never, changed": ("never", workload(image="app:2"), [], 0),
    "always, unchanged": ("always", workload(), ["A=platform"], 1),
    "always, changed": ("always", workload(image="app:2"), ["A=platform"], 0),
}


@pytest.mark.parametrize(("adopt", "obj", "expected", "warnings"), ADOPT.values(), ids=ADOPT)
def test_adopt(adopt: str, obj: dict[str, Any], expected: list[str], warnings: int) -> None:
    outcome = treated({"r": {**TEMPLATE, "adopt": adopt}}, obj, workload())
    assert env_of(outcome.object) == expected
    assert len(outcome.warnings) == warnings


def test_adopting_says_that_it_rolls_out() -> None:
    rules = {"r": {**TEMPLATE, "adopt": "always"}}
    assert treated(rules, workload(), workload()).warnings == (
        "env: rule r changes the unchanged template (adopt: always); this rolls out",
    )


def test_marker_goes_into_the_template() -> None:
    outcome = treated({"r": {**TEMPLATE, "marker": True}}, workload())
    annotations = outcome.object["spec"]["template"]["metadata"]["annotations"]
    assert list(annotations) == ["propylon.dev/injected-env"]


def test_old_value_of_the_platform_is_renewed_although_the_rule_denies() -> None:
    """What stands in the stored template was not written now."""
    rules = {"r": {**TEMPLATE, "conflict": "deny"}}
    old = workload(literal("A", "old"))
    new = workload(literal("A", "old"), image="app:2")
    assert env_of(treated(rules, new, old).object) == ["A=platform"]
    assert judged(rules, new, old).violations == ()
    assert len(judged(rules, workload(literal("A", "mine"), image="app:2"), old).violations) == 1


def test_templates_may_need_facts() -> None:
    rules = {"r": {**TEMPLATE, "conflict": "deny"}}
    for ask in (treated, judged):
        with pytest.raises(NeedFacts):
            ask(rules, workload(), known=Facts())


def test_rules_that_refuse_nothing_ask_for_nothing() -> None:
    assert judged({"r": TEMPLATE}, workload(), known=Facts()).violations == ()
    pods = {"r": {**TEMPLATE, "level": "pod"}}
    assert treated(pods, workload(), known=Facts()).mutated_by == ()


DENY: Spec = {"env": [A], "conflict": "deny"}
TEXT = "env: container app: A is set by the platform, rule r, remove it"
RESERVED: Spec = {"reservedPrefixes": [{"prefix": "P_"}]}
P = literal("P_X", "mine")
RESERVED_TEXT = "env: container app: P_X has the prefix P_, reserved by rule r, remove it"
OPTED_OUT = tweak(workload(), "spec.template.metadata.annotations", {SKIP: "true"})
NO_SKIP = f"env: annotation {SKIP} may not skip rule r, remove it"

JUDGED: dict[str, tuple[Spec, dict[str, Any], dict[str, Any] | None, dict[str, Any], list[str]]] = {
    "developer": (DENY, workload(MINE), None, {}, [TEXT]),
    "delegate": (DENY, workload(MINE), None, {"user": "cd"}, [TEXT]),
    "operator": (DENY, workload(MINE), None, {"groups": ("sre",)}, []),
    "platform": (DENY, workload(MINE), None, {"groups": ("system:masters",)}, []),
    "controller": (DENY, workload(MINE), None, CONTROLLER, []),
    "same value": (DENY, workload(A), None, {}, []),
    "no such variable": (DENY, workload(), None, {}, []),
    "owned": (DENY, {**REPLICA_SET, "spec": workload(MINE)["spec"]}, None, {}, []),
    "other labels": (
        {**DENY, "match": {"podSelector": {"matchLabels": {"app": "db"}}}},
        workload(MINE),
        None,
        {},
        [],
    ),
    "other Namespace": ({**DENY, "match": {"namespaces": ["x"]}}, workload(MINE), None, {}, []),
    "unchanged": (DENY, workload(MINE, replicas=2), workload(MINE), {}, []),
    "changed": (DENY, workload(MINE, image="app:2"), workload(MINE), {}, [TEXT]),
    "opted out": (DENY, tweak(OPTED_OUT, "spec.template.spec", workload(MINE)["spec"]["template"]["spec"]), None, {}, []),
    "missing value": (
        {"env": [literal("A", '{{namespace.labels["team"]}}')], "ifMissing": "deny"},
        workload(),
        None,
        {},
        ['env: container app: A of rule r needs namespace.labels["team"], set it'],
    ),
    "reserved": (RESERVED, workload(P), None, {}, [RESERVED_TEXT]),
    "reserved, unchanged entry": (RESERVED, workload(P, image="app:2"), workload(P), {}, []),
    "reserved, new entry": (RESERVED, workload(P, image="app:2"), workload(), {}, [RESERVED_TEXT]),
    "reserved, operator": (RESERVED, workload(P), None, {"groups": ("sre",)}, []),
    "opt-out": ({"env": [A], "optOutBy": "operator"}, OPTED_OUT, None, {}, [NO_SKIP]),
    "opt-out by name": (
        {"env": [A], "optOutBy": "platform"},
        tweak(OPTED_OUT, ("spec", "template", "metadata", "annotations"), {SKIP: "r"}),
        None,
        {},
        [NO_SKIP],
    ),
    "opt-out stands already": (
        {"env": [A], "optOutBy": "operator"},
        tweak(OPTED_OUT, "spec.template.spec.containers[0].image", "app:2"),
        OPTED_OUT,
        {},
        [],
    ),
    "opt-out that says no": (
        {"env": [A], "optOutBy": "operator"},
        tweak(OPTED_OUT, ("spec", "template", "metadata", "annotations"), {SKIP: "false"}),
        None,
        {},
        [],
    ),
    "opt-out of a mandatory rule": (
        {"env": [A], "optOutBy": "operator", "mandatory": True}, OPTED_OUT, None, {}, [],
    ),
    "opt-out by anyone": ({"env": [A], "reservedPrefixes": RESERVED["reservedPrefixes"]}, OPTED_OUT, None, {}, []),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "obj", "old", "who", "expected"), JUDGED.values(), ids=JUDGED)
def test_developers_hear_it_at_the_template(
    spec: Spec,
    obj: dict[str, Any],
    old: dict[str, Any] | None,
    who: dict[str, Any],
    expected: list[str],
) -> None:
    outcome = judged({"r": spec}, obj, old, **who)
    assert [one.message for one in outcome.violations] == expected
    assert {one.action for one in outcome.violations} <= {Action.DENY}


PHASES: dict[str, tuple[Spec, dict[str, Any], tuple[str, ...]]] = {
    "conflict": (DENY, workload(MINE), ("env: container app: A would be denied by rule r",)),
    "opt-out": ({"env": [A], "optOutBy": "operator"}, OPTED_OUT, (NO_SKIP,)),
}


@pytest.mark.parametrize(("spec", "obj", "warnings"), PHASES.values(), ids=PHASES)
def test_phases_before_enforce(spec: Spec, obj: dict[str, Any], warnings: tuple[str, ...]) -> None:
    warned = judged({"r": {**spec, "phase": "warn"}}, obj)
    assert [one.action for one in warned.violations] == [Action.WARN]
    assert [text for text in warned.warnings if "is ignored" not in text] == list(warnings)
    audited = judged({"r": {**spec, "phase": "audit"}}, obj)
    assert [one.action for one in audited.violations] == [Action.AUDIT]
    assert audited.warnings == ()


def test_audit_annotation_of_a_refusal() -> None:
    (note,) = json.loads(judged({"r": DENY}, workload(MINE)).audit_annotations["env"])
    assert note == {
        "path": "spec.template.spec.containers[0]",
        "rule": "r",
        "treatment": "denied",
        "names": ["A"],
    }
