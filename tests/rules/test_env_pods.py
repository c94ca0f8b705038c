"""Rule B on Pods beyond the numbered cases: selection, opt-outs, sources, order, limits, phases."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.builders import container, namespace, owned_by, pod, request, tweak
from tests.rules.documents import Spec, build, config, facts, field, item, literal, resource
from webhook.model import (
    Action,
    AdmissionRequest,
    Facts,
    Get,
    NeedFacts,
    Outcome,
    Platform,
    Unavailable,
)
from webhook.rules.actors import build_actors
from webhook.rules.env import RULE

A = literal("A", "platform")
SKIP = "propylon.dev/skip-env"
SHOP = Get("v1", "Namespace", "", "shop")
CONTROLLER = {
    "user": "system:serviceaccount:kube-system:replicaset-controller",
    "groups": ("system:serviceaccounts:kube-system",),
}
FACTS = facts()


def rule(*env: dict[str, Any], **spec: Any) -> dict[str, Spec]:
    return {"r": {"env": list(env), **spec}}


def mutated(
    rules: dict[str, Spec], asked: AdmissionRequest, known: Facts = FACTS, **options: Any
) -> Outcome:
    """Mutate, and again: the second time changes nothing."""
    assert RULE.mutate is not None
    built = config(rules, **options)
    outcome = RULE.mutate(asked, built, known)
    again = RULE.mutate(asked.with_object(outcome.object), built, known)
    assert again.object is outcome.object
    return outcome


def env_of(outcome: Outcome, index: int = 0, field: str = "containers") -> list[str]:
    """Return the env of a container as NAME=value."""
    return [
        f"{one['name']}={one.get('value', '*')}"
        for one in outcome.object["spec"][field][index].get("env") or []
    ]


def create(*containers: Any, **fields: Any) -> AdmissionRequest:
    return request(pod(*containers, **fields))


OWNED = tweak(pod(), "metadata.ownerReferences", owned_by("ReplicaSet"))
REPLICA_SET = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "metadata": {
        "name": "web-5d4f",
        "namespace": "shop",
        "ownerReferences": owned_by("Deployment", "web"),
    },
}
TEAM_A = facts(labels={"team": "a"}, annotations={"note": "x-1"})
GLOB = {"matchLabels": {"team": "a"}}

SELECTED: dict[str, tuple[Spec, AdmissionRequest, Facts, bool]] = {
    "namespaces": ({"namespaces": ["s*"]}, create(), FACTS, True),
    "other namespaces": ({"namespaces": ["t*"]}, create(), FACTS, False),
    "excluded": ({"excludeNamespaces": ["sh*p"]}, create(), FACTS, False),
    "namespace label": ({"namespaceSelector": GLOB}, create(), TEAM_A, True),
    "no namespace label": ({"namespaceSelector": GLOB}, create(), FACTS, False),
    "Namespace not found": (
        {"namespaceSelector": {}},
        create(),
        Facts({SHOP: None}),
        False,
    ),
    "Namespace unavailable": (
        {"namespaceSelector": {}},
        create(),
        Facts({SHOP: Unavailable("late")}),
        False,
    ),
    "nobody asks for the Namespace's labels": ({}, create(), Facts().sealed(), True),
    "pod label": ({"podSelector": GLOB}, create(labels={"team": "a"}), FACTS, True),
    "no pod label": ({"podSelector": GLOB}, create(), FACTS, False),
    "annotation of the Pod": (
        {"annotations": {"no*": "x-*"}},
        create(annotations={"note": "x-2"}),
        FACTS,
        True,
    ),
    "annotation of the Namespace": ({"annotations": {"note": "*"}}, create(), TEAM_A, True),
    "no annotation": ({"annotations": {"note": "y"}}, create(), TEAM_A, False),
    "owner": ({"ownerKinds": ["ReplicaSet"]}, request(OWNED), FACTS, True),
    "owner of the owner is unknown": ({"ownerKinds": ["Deployment"]}, request(OWNED), FACTS, False),
    "owner of the owner is cached": (
        {"ownerKinds": ["Deployment"]},
        request(OWNED),
        facts(REPLICA_SET),
        True,
    ),
    "no owner": ({"ownerKinds": ["ReplicaSet"]}, create(), FACTS, False),
    "image": ({"images": ["registry.example/*"]}, create(), FACTS, True),
    "other image": ({"images": ["docker.io/*"]}, create(), FACTS, False),
    "included": ({"containers": {"include": ["a*"]}}, create(), FACTS, True),
    "not included": ({"containers": {"include": ["b*"]}}, create(), FACTS, False),
    "container excluded": ({"containers": {"exclude": ["app"]}}, create(), FACTS, False),
    "linux by default": ({"os": "linux"}, create(), FACTS, True),
    "windows by node selector": (
        {"os": "windows"},
        create(nodeSelector={"kubernetes.io/os": "windows"}),
        FACTS,
        True,
    ),
}


@pytest.mark.parametrize(("match", "asked", "known", "expected"), SELECTED.values(), ids=SELECTED)
def test_selection(match: Spec, asked: AdmissionRequest, known: Facts, expected: bool) -> None:
    outcome = mutated(rule(A, match=match), asked, known)
    assert env_of(outcome) == (["A=platform"] if expected else [])
    assert (outcome.object is asked.object) is not expected


UNTOUCHED: dict[str, AdmissionRequest] = {
    "no Pod inside": request({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}),
    "kind without a template": request({"apiVersion": "v1", "kind": "Service"}),
    "containers that are no list": request(tweak(pod(), "spec.containers", "many")),
    "containers that are no objects": request(tweak(pod(), "spec.containers", ["many"])),
    "env that is no list": create(container(env="A=1")),
    "entry that is no object": create(container(env=["A=1"])),
    "name that is no text": create(container(env=[{"name": ["A"]}])),
    "envFrom that is no list": create(container(envFrom={"x": 1})),
    "resize": request(pod(), old=pod(), operation="UPDATE", sub_resource="resize"),
    "ephemeral containers that are not new": request(
        pod(ephemeralContainers=[container("debug")]),
        old=pod(ephemeralContainers=[container("debug")]),
        operation="UPDATE",
        sub_resource="ephemeralcontainers",
    ),
    "delete": request(old=pod(), operation="DELETE"),
}


@pytest.mark.parametrize("asked", UNTOUCHED.values(), ids=UNTOUCHED)
def test_untouched(asked: AdmissionRequest) -> None:
    kinds = {"containers": {"kinds": ["app", "ephemeral"]}}
    outcome = mutated(rule(A, match=kinds), asked)
    assert outcome == Outcome(asked.object)


def test_malformed_entries_beside_good_ones() -> None:
    """Names and sources of other types are the API server's business; nothing is lost."""
    env = [{"value": "no name"}, {"name": "A", "valueFrom": "text"}]
    outcome = mutated(
        rule(A, literal("B", "b"), respectEnvFrom=True),
        create(container(env=env, envFrom=[{}, {"configMapRef": None, "prefix": None}])),
    )
    assert outcome.object["spec"]["containers"][0]["env"] == [literal("B", "b"), *env]


OPT_OUTS: dict[str, tuple[str | None, str | None, list[str], int]] = {
    "rule": ("r", None, ["B=b"], 0),
    "rules": ("r, other", None, [], 0),
    "container": ("container:app", None, [], 0),
    "other container": ("container: db", None, ["A=platform", "B=b"], 0),
    "rule and unknown rule": ("r,nonsense", None, ["B=b"], 1),
    "switch in capitals": ("YES", None, [], 0),
    "Namespace": (None, "on", [], 0),
    "Namespace with a list": (None, "other", ["A=platform"], 0),
    "Namespace with nonsense": (None, "perhaps", ["A=platform", "B=b"], 1),
    "Pod wins with a list": ("other", "true", ["A=platform"], 0),
    "nonsense on the Pod leaves the Namespace's": ("maybe", "true", [], 1),
    "rule that is off": ("off-now", None, ["A=platform", "B=b"], 0),
    "nothing": (None, None, ["A=platform", "B=b"], 0),
}


@pytest.mark.parametrize(
    ("on_pod", "on_namespace", "expected", "warnings"), OPT_OUTS.values(), ids=OPT_OUTS
)
def test_opt_outs(
    on_pod: str | None, on_namespace: str | None, expected: list[str], warnings: int
) -> None:
    rules: dict[str, Spec] = {"r": {"env": [A]}, "other": {"env": [literal("B", "b")]}}
    rules["off-now"] = {"env": [literal("C", "c")], "phase": "off"}
    known = facts(annotations={SKIP: on_namespace} if on_namespace else None)
    outcome = mutated(rules, create(annotations={SKIP: on_pod} if on_pod else None), known)
    assert sorted(env_of(outcome)) == expected
    assert len(outcome.warnings) == warnings


def test_value_of_an_annotation_that_is_no_text_is_ignored() -> None:
    asked = request(tweak(pod(), ("metadata", "annotations"), {SKIP: True}))
    assert env_of(mutated(rule(A), asked)) == ["A=platform"]


OPT_OUT_BY: dict[str, tuple[str, dict[str, Any], bool]] = {
    "anyone": ("anyone", {}, True),
    "operator wanted, developer": ("operator", {}, False),
    "operator wanted, operator": ("operator", {"user": "dan", "groups": ("sre",)}, True),
    "operator wanted, controller": ("operator", CONTROLLER, True),
    "platform wanted, operator": ("platform", {"user": "dan", "groups": ("sre",)}, False),
    "platform wanted, platform": ("platform", {"groups": ("system:masters",)}, True),
}


@pytest.mark.parametrize(("by", "who", "honoured"), OPT_OUT_BY.values(), ids=OPT_OUT_BY)
def test_who_may_opt_out(by: str, who: dict[str, Any], honoured: bool) -> None:
    actors, _ = build_actors((item("Actors", "a", {"operators": {"groups": ["sre"]}}),), Platform())
    asked = request(pod(annotations={SKIP: "true"}), **who)
    outcome = mutated(rule(A, optOutBy=by), asked, actors=actors)
    assert env_of(outcome) == ([] if honoured else ["A=platform"])
    who_may = {"operator": "operators", "platform": "the platform"}.get(by, "")
    text = f"env: only {who_may} may skip rule r; annotation {SKIP} is ignored"
    assert outcome.warnings == (() if honoured else (text,))


def test_opt_out_of_the_namespace_is_nobody_s_on_the_pod() -> None:
    known = facts(annotations={SKIP: "true"})
    assert env_of(mutated(rule(A, optOutBy="platform"), create(), known)) == []


def test_mandatory_rule_without_its_namespace_refuses() -> None:
    spec = rule(A, mandatory=True, match={"namespaceSelector": GLOB})
    outcome = mutated(spec, create(), Facts({SHOP: Unavailable("late")}))
    (violation,) = outcome.violations
    assert (violation.code, violation.reason) == (500, "InternalError")
    assert violation.message == (
        "env: cannot read Namespace shop, by which mandatory rule r selects; try again"
    )
    elsewhere = rule(A, mandatory=True, match={"namespaceSelector": GLOB, "os": "windows"})
    assert mutated(elsewhere, create(), Facts({SHOP: None})).violations == ()


PLACES: dict[str, tuple[dict[str, Spec], list[str], list[str]]] = {
    "front by default": (rule(A), ["MINE=1"], ["A=platform", "MINE=1"]),
    "first": (rule(literal("A", "$(MINE)"), position="first"), ["MINE=1"], ["A=$(MINE)", "MINE=1"]),
    "last": (rule(A, position="last"), ["MINE=1"], ["MINE=1", "A=platform"]),
    "behind what it refers to": (
        rule(literal("B", "$(A)"), literal("A", "$(MINE)")),
        ["MINE=1"],
        ["MINE=1", "A=$(MINE)", "B=$(A)"],
    ),
    "behind a kept name": (
        rule(A, literal("B", "$(A)")),
        ["A=mine"],
        ["A=mine", "B=$(A)"],
    ),
    "unknown name": (rule(literal("A", "$(FROM_SERVICE)")), [], ["A=$(FROM_SERVICE)"]),
    "several rules": (
        {
            "b": {"env": [literal("B", "$(C)")]},
            "a": {"env": [literal("A", "")], "priority": 200},
            "c": {"env": [literal("C", "c")]},
        },
        ["MINE=1"],
        ["C=c", "B=$(C)", "A=", "MINE=1"],
    ),
    "append behind the developer's": (
        rule(literal("NO_PROXY", "b,c"), conflict="append", separator=","),
        ["X=1", "NO_PROXY=a", "Y=2"],
        ["X=1", "NO_PROXY=a,b,c", "Y=2"],
    ),
    "append to nothing": (rule(A, conflict="append"), [], ["A=platform"]),
    "append to empty": (rule(A, conflict="append"), ["A="], ["A=platform"]),
    "append one of a list": (
        rule({**literal("A", "b"), "conflict": "append", "separator": ","}),
        ["A=a, b,c"],
        ["A=a, b,c"],
    ),
    "append a part of a word": (rule(literal("A", "b"), conflict="append"), ["A=abc"], ["A=abc b"]),
    "two rules append": (
        {
            "x": {"env": [literal("A", "x")], "conflict": "append"},
            "y": {"env": [literal("A", "y")], "conflict": "append"},
        },
        ["A=1"],
        ["A=1 x y"],
    ),
    "two rules append to nothing": (
        {
            "x": {"env": [literal("A", "x")], "conflict": "append"},
            "y": {"env": [literal("A", "y")], "conflict": "append"},
        },
        [],
        ["A=x y"],
    ),
    "the first rule keeps, the second may not append": (
        {
            "x": {"env": [literal("A", "x")], "priority": 1},
            "y": {"env": [literal("A", "y")], "conflict": "append"},
        },
        [],
        ["A=x"],
    ),
}


@pytest.mark.parametrize(("rules", "given", "expected"), PLACES.values(), ids=PLACES)
def test_places_and_order(rules: dict[str, Spec], given: list[str], expected: list[str]) -> None:
    env = [literal(*one.split("=", 1)) for one in given]
    assert env_of(mutated(rules, create(container(env=env)))) == expected


def test_rules_that_refer_to_each_other_still_work() -> None:
    """A cycle through several rules is an error at load; at run time the order of rules holds."""
    rules = {"a": {"env": [literal("A", "$(B)")]}, "b": {"env": [literal("B", "$(A)")]}}
    built, errors = build(rules)
    assert len(errors) == 1
    assert RULE.mutate is not None
    assert env_of(RULE.mutate(create(), built, FACTS)) == ["A=$(B)", "B=$(A)"]


SAME: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "apiVersion of a field": (
        {"fieldRef": {"fieldPath": "metadata.name"}},
        {"fieldRef": {"fieldPath": "metadata.name"}},
        True,
    ),
    "other field": (
        {"fieldRef": {"fieldPath": "metadata.name"}},
        {"fieldRef": {"fieldPath": "metadata.uid"}},
        False,
    ),
    "divisor": (
        {"resourceFieldRef": {"resource": "limits.cpu"}},
        {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1"}},
        True,
    ),
    "number as divisor": (
        {"resourceFieldRef": {"resource": "limits.cpu", "divisor": 1}},
        {"resourceFieldRef": {"resource": "limits.cpu", "containerName": None}},
        True,
    ),
    "other divisor": (
        {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}},
        {"resourceFieldRef": {"resource": "limits.memory"}},
        False,
    ),
    "optional": (
        {"configMapKeyRef": {"name": "m", "key": "k", "optional": False}},
        {"configMapKeyRef": {"name": "m", "key": "k", "optional": False}, "fieldRef": None},
        True,
    ),
    "malformed": ({"fieldRef": {"fieldPath": "metadata.name"}}, {"fieldRef": "x"}, False),
    "optional or not": (
        {"configMapKeyRef": {"name": "m", "key": "k"}},
        {"configMapKeyRef": {"name": "m", "key": "k"}},
        False,
    ),
}


@pytest.mark.parametrize(("ours", "theirs", "expected"), SAME.values(), ids=SAME)
def test_same_meaning_is_no_conflict(
    ours: dict[str, Any], theirs: dict[str, Any], expected: bool
) -> None:
    spec = rule({"name": "A", "valueFrom": ours}, conflict="deny")
    outcome = mutated(spec, create(container(env=[{"name": "A", "valueFrom": theirs}])))
    assert (outcome.violations == ()) is expected


def test_entry_without_a_value_is_the_empty_text() -> None:
    outcome = mutated(
        rule(literal("A", ""), conflict="deny"), create(container(env=[{"name": "A"}]))
    )
    assert outcome.violations == ()


VALUES: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "everything": (
        literal(
            "A",
            '{{namespace.labels["team"]}} {{namespace.annotations["note"]}} {{pod.labels["app"]}} '
            "{{container.name}} {{container.image}} {{owner.kind}} {{owner.name}} {{cluster.name}}",
        ),
        ["A=a x-1 web app registry.example/app:1 ReplicaSet web-5d4f cn-1"],
        [],
    ),
    "missing": (literal("A", '{{pod.labels["tier"]}}'), [], []),
    "missing is empty": (
        {**literal("A", '<{{pod.labels["tier"]}}>'), "ifMissing": "empty"},
        ["A=<>"],
        [],
    ),
    "missing is refused": (
        {**literal("A", '{{pod.labels["tier"]}}'), "ifMissing": "deny"},
        [],
        ['env: container app: A of rule r needs pod.labels["tier"], set it'],
    ),
}


@pytest.mark.parametrize(("entry", "expected", "denied"), VALUES.values(), ids=VALUES)
def test_placeholders(entry: dict[str, Any], expected: list[str], denied: list[str]) -> None:
    asked = request(tweak(OWNED, "metadata.labels.app", "web"))
    outcome = mutated(rule(entry), asked, TEAM_A)
    assert env_of(outcome) == expected
    assert [one.message for one in outcome.violations] == denied


LIMITS: dict[str, tuple[str, dict[str, Any], bool]] = {
    "limit": ("limits.memory", {"limits": {"memory": "1Gi"}}, True),
    "request": ("requests.cpu", {"requests": {"cpu": "1"}}, True),
    "request from the limit": ("requests.cpu", {"limits": {"cpu": "1"}}, True),
    "limit from the request": ("limits.cpu", {"requests": {"cpu": "1"}}, False),
    "nothing": ("limits.cpu", {}, False),
}


@pytest.mark.parametrize(("what", "resources", "expected"), LIMITS.values(), ids=LIMITS)
def test_only_with_limit(what: str, resources: dict[str, Any], expected: bool) -> None:
    spec = rule({**resource("A", what), "onlyWithLimit": True})
    outcome = mutated(spec, create(container(resources=resources)))
    assert env_of(outcome) == (["A=*"] if expected else [])


MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings", "namespace": "shop"},
    "data": {"A": "theirs", "B": "platform"},
}
FROM_MAP = {"configMapRef": {"name": "settings"}}
FROM_SECRET = {"secretRef": {"name": "keys"}}

DEFINED: dict[str, tuple[str, Facts, list[str], str]] = {
    "keep": ("keep", facts(MAP), [], ""),
    "override": ("override", facts(MAP), ["A=platform", "B=platform"], ""),
    "deny": ("deny", facts(MAP), [], "env: container app: A is set by the platform"),
    "append": ("append", facts(MAP), [], ""),
    "unreadable": (
        "keep",
        facts() | {Get("v1", "ConfigMap", "shop", "settings"): Unavailable("forbidden")},
        ["A=platform", "B=platform"],
        "",
    ),
    "absent": (
        "keep",
        facts() | {Get("v1", "ConfigMap", "shop", "settings"): None},
        ["A=platform", "B=platform"],
        "",
    ),
}


@pytest.mark.parametrize(("conflict", "known", "expected", "denied"), DEFINED.values(), ids=DEFINED)
def test_names_that_env_from_defines(
    conflict: str, known: Facts, expected: list[str], denied: str
) -> None:
    spec = rule(A, literal("B", "platform"), conflict=conflict, respectEnvFrom=True)
    asked = create(container(envFrom=[FROM_MAP, FROM_SECRET]))
    outcome = mutated(spec, asked, known)
    assert env_of(outcome) == expected
    assert "".join(one.message for one in outcome.violations).startswith(denied)
    assert bool(outcome.violations) is bool(denied)


def test_all_facts_are_asked_for_at_once() -> None:
    """Never a Secret."""
    asked = create(container(envFrom=[FROM_MAP, FROM_SECRET]))
    with pytest.raises(NeedFacts) as need:
        mutated(rule(A, respectEnvFrom=True), asked, Facts())
    assert need.value.lookups == {SHOP, Get("v1", "ConfigMap", "shop", "settings")}


ENV_FROM: dict[str, tuple[Spec, list[dict[str, Any]], list[str]]] = {
    "first": ({"envFrom": [FROM_MAP]}, [FROM_SECRET], ["settings", "keys"]),
    "last": ({"envFrom": [FROM_MAP], "conflict": "override"}, [FROM_SECRET], ["keys", "settings"]),
    "one of both": (
        {"envFrom": [FROM_MAP, {**FROM_MAP, "prefix": "P_", "conflict": "override"}]},
        [FROM_SECRET],
        ["settings", "keys", "settings"],
    ),
    "present under another prefix": (
        {"envFrom": [FROM_MAP]},
        [{**FROM_MAP, "prefix": "P_"}],
        ["settings", "settings"],
    ),
    "present with null": ({"envFrom": [FROM_MAP]}, [{**FROM_MAP, "prefix": None}], ["settings"]),
    "not for this container": (
        {"envFrom": [FROM_MAP], "match": {"containers": {"exclude": ["app"]}}},
        [FROM_SECRET],
        ["keys"],
    ),
}


@pytest.mark.parametrize(("spec", "given", "expected"), ENV_FROM.values(), ids=ENV_FROM)
def test_sources_are_added(spec: Spec, given: list[dict[str, Any]], expected: list[str]) -> None:
    outcome = mutated({"r": spec}, create(container(envFrom=given)))
    names = [
        (one.get("configMapRef") or one["secretRef"])["name"]
        for one in outcome.object["spec"]["containers"][0]["envFrom"]
    ]
    assert names == expected


def test_two_rules_add_a_source_once() -> None:
    rules = {"a": {"envFrom": [FROM_MAP]}, "b": {"envFrom": [FROM_MAP]}}
    outcome = mutated(rules, create())
    assert len(outcome.object["spec"]["containers"][0]["envFrom"]) == 1
    assert outcome.mutated_by == ("EnvInjection/a",)


ATOMIC: dict[str, tuple[Spec, list[dict[str, Any]], list[str], int]] = {
    "no conflict": ({}, [], ["A=platform", "B=b"], 0),
    "conflict": ({}, [literal("B", "mine")], ["B=mine"], 1),
    "override is no conflict": (
        {"conflict": "override"},
        [literal("B", "mine")],
        ["A=platform", "B=b"],
        1,
    ),
    "cannot be joined": (
        {"conflict": "append"},
        [field("B", "metadata.name")],
        ["B=*"],
        1,
    ),
}


@pytest.mark.parametrize(("spec", "given", "expected", "warnings"), ATOMIC.values(), ids=ATOMIC)
def test_atomic_rules(
    spec: Spec, given: list[dict[str, Any]], expected: list[str], warnings: int
) -> None:
    rules = rule(A, literal("B", "b"), atomic=True, **spec)
    asked = create(container("clean"), container(env=given))
    outcome = mutated(rules, asked)
    assert env_of(outcome, 1) == expected
    assert env_of(outcome) == (["A=platform", "B=b"] if len(expected) == 2 else [])
    assert len(outcome.warnings) == warnings


def test_atomic_rule_holds_once_another_rule_overrides_its_conflict() -> None:
    rules: dict[str, Spec] = {
        "strong": {"env": [literal("B", "b")], "conflict": "override"},
        "whole": {"env": [A, literal("B", "b")], "atomic": True, "priority": 1},
    }
    outcome = mutated(rules, create(container(env=[literal("B", "mine")])))
    assert env_of(outcome) == ["A=platform", "B=b"]
    assert outcome.warnings == ("env: container app: B replaced by rule strong",)
    assert outcome.mutated_by == ("EnvInjection/strong", "EnvInjection/whole")


def test_atomic_rule_respects_opt_outs() -> None:
    asked = create(
        container("clean"),
        container(env=[literal("A", "mine")]),
        annotations={SKIP: "container:app"},
    )
    assert env_of(mutated(rule(A, atomic=True), asked)) == ["A=platform"]


def test_atomic_warning() -> None:
    outcome = mutated(rule(A, atomic=True), create(container(env=[literal("A", "mine")])))
    assert outcome.warnings == (
        "env: container app: A of rule r left out, one conflict leaves out the whole rule",
    )


def many(prefix: str, count: int) -> list[dict[str, Any]]:
    return [literal(f"{prefix}{at}", "x") for at in range(count)]


def test_limit_of_entries_per_container() -> None:
    rules = {
        "a": {"env": many("A", 3), "limits": {"entries": 3}},
        "b": {"env": many("B", 2), "limits": {"entries": 4}},
    }
    outcome = mutated(rules, create())
    assert env_of(outcome) == ["A0=x", "A1=x", "A2=x", "B0=x"]
    assert outcome.warnings == (
        "env: container app: B1 of rule b left out, more than 4 variables in a container",
    )


def test_limit_of_bytes_per_pod() -> None:
    asked = create(container("one"), container("two"))
    outcome = mutated(rule(A, limits={"bytes": 40}), asked)
    assert (env_of(outcome), env_of(outcome, 1)) == (["A=platform"], [])
    assert outcome.warnings == (
        "env: container two: A of rule r left out, more than 40 bytes in a Pod",
    )


def test_limit_of_a_mandatory_rule_refuses() -> None:
    outcome = mutated(rule(A, limits={"bytes": 10}, mandatory=True), create())
    assert [one.message for one in outcome.violations] == [
        (
            "env: container app: A of mandatory rule r does not fit, "
            "more than 10 bytes in a Pod; ask the platform team"
        )
    ]


def test_kept_entries_do_not_count() -> None:
    rules = rule(A, literal("B", "b"), limits={"entries": 2})
    rules["z"] = {"env": [literal("C", "c")], "limits": {"entries": 2}}
    outcome = mutated(rules, create(container(env=[literal("A", "mine")])))
    assert env_of(outcome) == ["B=b", "C=c", "A=mine"]


RESERVED: Spec = {"reservedPrefixes": [{"prefix": "P_"}]}
TAKEN: Spec = {"reservedPrefixes": [{"prefix": "P_", "treatment": "override"}]}
P = literal("P_X", "mine")

RESERVED_CASES: dict[str, tuple[Spec, dict[str, Any], list[str], list[str], int]] = {
    "developer": (
        RESERVED,
        {},
        ["P_X=mine", "MINE=1"],
        [("env: container app: P_X has the prefix P_, reserved by rule r, remove it")],
        0,
    ),
    "controller": (RESERVED, CONTROLLER, ["P_X=mine", "MINE=1"], [], 0),
    "same value": ({**RESERVED, "env": [P]}, {}, ["P_X=mine", "MINE=1"], [], 0),
    "other container": (
        {**RESERVED, "match": {"containers": {"exclude": ["app"]}}},
        {},
        ["P_X=mine", "MINE=1"],
        [],
        0,
    ),
    "taken away": (TAKEN, {}, ["MINE=1"], [], 1),
    "taken over": (
        {**TAKEN, "env": [literal("P_X", "platform")]},
        {},
        ["P_X=platform", "MINE=1"],
        [],
        1,
    ),
    "taken from nobody else": (TAKEN, CONTROLLER, ["P_X=mine", "MINE=1"], [], 0),
}


@pytest.mark.parametrize(
    ("spec", "who", "expected", "denied", "warnings"), RESERVED_CASES.values(), ids=RESERVED_CASES
)
def test_reserved_prefixes(
    spec: Spec, who: dict[str, Any], expected: list[str], denied: list[str], warnings: int
) -> None:
    asked = request(pod(container(env=[P, literal("MINE", "1")])), **who)
    outcome = mutated({"r": spec}, asked)
    assert env_of(outcome) == expected
    assert [one.message for one in outcome.violations] == denied
    assert len(outcome.warnings) == warnings


MESSY: dict[str, Any] = {
    "env": [
        literal("NEW", "n"),
        {**literal("TAKEN", "t"), "conflict": "override"},
        {**literal("LIST", "l"), "conflict": "append"},
        {**literal("REFUSED", "d"), "conflict": "deny"},
        literal("KEPT", "k"),
    ],
    "reservedPrefixes": [{"prefix": "P_", "treatment": "override"}],
}
GIVEN = [literal(name, "SECRET-1") for name in ("TAKEN", "LIST", "REFUSED", "KEPT", "P_X")]


@pytest.mark.parametrize(("phase", "action"), [("warn", Action.WARN), ("audit", Action.AUDIT)])
def test_phases_that_change_nothing(phase: str, action: Action) -> None:
    asked = create(container(env=GIVEN))
    outcome = mutated({"r": {**MESSY, "phase": phase}}, asked)
    assert outcome.object is asked.object
    assert outcome.mutated_by == ()
    assert [(one.action, one.policy) for one in outcome.violations] == [(action, "EnvInjection/r")]
    assert "REFUSED" in outcome.violations[0].message
    notes = json.loads(outcome.audit_annotations["env"])
    assert {note["phase"] for note in notes} == {phase}
    expected = (
        "env: container app: TAKEN would be replaced by rule r",
        "env: container app: REFUSED would be denied by rule r",
        "env: container app: P_X would be removed, rule r reserves the name",
        "env: rule r (phase warn) would add 1 entry to 1 container",
    )
    assert outcome.warnings == (expected if phase == "warn" else ())


def test_rule_that_would_only_add_is_recorded_with_counts() -> None:
    rules = rule(A, {**literal("T", "t"), "conflict": "override"}, phase="audit")
    asked = create(container(env=[literal("T", "mine")]), container("two"))
    (violation,) = mutated(rules, asked).violations
    assert violation.message == (
        "env: rule r (phase audit) would have added 3 entries, replaced 1 entry"
    )


def test_rule_without_effect_is_not_recorded() -> None:
    outcome = mutated(rule(A, phase="audit"), create(container(env=[A])))
    assert outcome == Outcome(outcome.object)


def test_rule_that_is_off_does_nothing() -> None:
    asked = create()
    assert mutated(rule(A, phase="off"), asked) == Outcome(asked.object)


def test_observed_rule_does_not_shadow_an_enforced_one() -> None:
    rules = {
        "trial": {"env": [literal("A", "new")], "priority": 1, "phase": "warn"},
        "old": {"env": [literal("A", "old")], "priority": 2},
    }
    assert env_of(mutated(rules, create())) == ["A=old"]


def test_reserved_names_in_phase_warn() -> None:
    outcome = mutated({"r": {**RESERVED, "phase": "warn"}}, create(container(env=[P])))
    assert [one.action for one in outcome.violations] == [Action.WARN]
    assert outcome.warnings == ("env: container app: P_X would be denied by rule r",)


def test_denials_of_all_rules_are_in_the_first_message() -> None:
    rules = {name: {"env": [literal(name.upper(), "p")], "conflict": "deny"} for name in ("a", "b")}
    asked = create(container(env=[literal("A", "SECRET-1"), literal("B", "SECRET-2")]))
    outcome = mutated(rules, asked)
    assert [(one.policy, one.found, one.path) for one in outcome.violations] == [
        ("EnvInjection/a", "A", "spec.containers[0].env"),
        ("EnvInjection/b", "B", "spec.containers[0].env"),
    ]
    assert outcome.violations[0].message == (
        "env: container app: A is set by the platform, rule a, remove it; "
        "container app: B is set by the platform, rule b, remove it"
    )
    assert outcome.object is asked.object


def test_warnings_are_few_and_short() -> None:
    names = [f"V{at}_{'X' * 80}" for at in range(14)]
    rules = rule(*(literal(name, "p") for name in names), conflict="override")
    outcome = mutated(rules, create(container(env=[literal(name, "SECRET") for name in names])))
    assert len(outcome.warnings) == 11
    assert outcome.warnings[-1] == "env: and 4 more; see the audit annotation"
    assert max(map(len, outcome.warnings)) <= 120
    (note,) = json.loads(outcome.audit_annotations["env"])
    assert note["names"] == names


def test_kept_names_are_warned_about_on_demand() -> None:
    asked = create(container(env=[literal("A", "mine")]))
    assert mutated(rule(A), asked).warnings == ()
    assert mutated(rule(A, warnOnKeep=True), asked).warnings == (
        "env: container app: A kept, rule r has another value",
    )


def test_marker_names_the_rules_that_changed_the_pod() -> None:
    rules: dict[str, Spec] = {
        "new": {"env": [A], "marker": True},
        "quiet": {"env": [literal("B", "b")]},
        "idle": {"env": [literal("C", "c")], "marker": True},
    }
    built = config(rules)
    generation = next(one.generation for one in built.rules if one.name == "new")
    key = "propylon.dev/injected-env"
    asked = create(
        container(env=[literal("C", "mine")]), annotations={key: "new@00000000,gone@11111111"}
    )
    outcome = mutated(rules, asked)
    assert outcome.object["metadata"]["annotations"] == {key: f"gone@11111111,new@{generation}"}


def test_no_marker_with_ephemeral_containers() -> None:
    """The API server takes nothing but the containers from this request."""
    asked = request(
        pod(ephemeralContainers=[container("debug")]),
        old=pod(),
        operation="UPDATE",
        sub_resource="ephemeralcontainers",
    )
    kinds = {"containers": {"kinds": ["ephemeral"]}}
    outcome = mutated(rule(A, marker=True, match=kinds), asked)
    assert outcome.object["metadata"] == asked.object["metadata"]
    assert outcome.object["spec"]["ephemeralContainers"][0]["env"] == [A]


def test_marker_of_another_prefix() -> None:
    outcome = mutated(rule(A, marker=True), create(), platform=Platform(prefix="rules.example"))
    assert list(outcome.object["metadata"]["annotations"]) == ["rules.example/injected-env"]


def test_what_does_not_change_is_shared() -> None:
    asked = create(container(env=[A]), container("two"), volumes=[{"name": "v", "emptyDir": {}}])
    outcome = mutated(rule(A), asked)
    before, after = asked.object, outcome.object
    assert after["metadata"] is before["metadata"]
    assert after["spec"]["volumes"] is before["spec"]["volumes"]
    assert after["spec"]["containers"][0] is before["spec"]["containers"][0]
    assert before == pod(
        container(env=[A]), container("two"), volumes=[{"name": "v", "emptyDir": {}}]
    )


def test_namespace_is_the_one_of_the_request() -> None:
    known = Facts({Get("v1", "Namespace", "", "other"): namespace("other", {"team": "b"})})
    asked = request(pod(namespace=""), namespace="other")
    outcome = mutated(rule(literal("A", '{{namespace.labels["team"]}}')), asked, known)
    assert env_of(outcome) == ["A=b"]
