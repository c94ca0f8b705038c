"""Which requests a policy and a binding are about (kubernetes-cel.md 2.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.builders import deployment, namespace, pod, request
from tests.policy.policies import EVERYTHING, PODS, Value, binding, judge, messages, policy
from webhook.model import AdmissionRequest, Get, GroupVersionKind, GroupVersionResource, Unavailable
from webhook.policy import build_policy_set
from webhook.policy.matching import CERTAIN

DEPLOYMENTS: Value = {**PODS, "apiGroups": ["apps"], "resources": ["deployments"]}
NAMESPACES: Value = {**PODS, "resources": ["namespaces"]}
NODES: Value = {**PODS, "resources": ["nodes"]}
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
TEAM = {"matchLabels": {"team": "a"}}
GENERATED = {**pod(), "metadata": {"generateName": "web-", "namespace": "shop"}}


def rules(*some: Value, **fields: Any) -> Value:
    return {"resourceRules": list(some), **fields}


def of_shop(**labels: str) -> Value:
    shop = namespace("shop", labels)
    return {**shop, "metadata": {**shop["metadata"], "namespace": "shop"}}


def on_namespace(operation: str, sub_resource: str = "", **labels: str) -> AdmissionRequest:
    """Return a request about the Namespace `shop`, whose own name is its namespace."""
    old = of_shop() if operation != "CREATE" else None
    new = of_shop(**labels) if operation != "DELETE" else None
    return request(new, old=old, operation=operation, sub_resource=sub_resource)


ROWS: dict[str, tuple[AdmissionRequest, Value, bool]] = {
    "the resource": (request(pod()), rules(PODS), True),
    "another resource": (request(deployment()), rules(PODS), False),
    "another group": (request(pod()), rules({**PODS, "apiGroups": ["apps"]}), False),
    "any group": (request(deployment()), rules({**DEPLOYMENTS, "apiGroups": ["*"]}), True),
    "another version": (request(pod()), rules({**PODS, "apiVersions": ["v2"]}), False),
    "any version": (request(pod()), rules({**PODS, "apiVersions": ["*"]}), True),
    "another operation": (request(pod()), rules({**PODS, "operations": ["UPDATE"]}), False),
    "one of the operations": (
        request(pod()),
        rules({**PODS, "operations": ["UPDATE", "CREATE"]}),
        True,
    ),
    "one of the rules": (request(pod()), rules(DEPLOYMENTS, PODS), True),
    "* is any resource": (request(pod()), rules({**PODS, "resources": ["*"]}), True),
    "* is no subresource": (
        request(pod(), sub_resource="status"),
        rules({**PODS, "resources": ["*"]}),
        False,
    ),
    "a plain resource is no subresource": (
        request(pod(), sub_resource="status"),
        rules(PODS),
        False,
    ),
    "the subresource": (
        request(pod(), sub_resource="status"),
        rules({**PODS, "resources": ["pods/status"]}),
        True,
    ),
    "another subresource": (
        request(pod(), sub_resource="status"),
        rules({**PODS, "resources": ["pods/exec"]}),
        False,
    ),
    "a subresource is not the plain resource": (
        request(pod()),
        rules({**PODS, "resources": ["pods/status"]}),
        False,
    ),
    "pods/* matches a subresource": (
        request(pod(), sub_resource="exec"),
        rules({**PODS, "resources": ["pods/*"]}),
        True,
    ),
    "pods/* matches plain pods": (request(pod()), rules({**PODS, "resources": ["pods/*"]}), True),
    "*/status matches any status": (
        request(pod(), sub_resource="status"),
        rules({**PODS, "resources": ["*/status"]}),
        True,
    ),
    "*/* matches everything": (request(deployment(), sub_resource="x"), rules(EVERYTHING), True),
    "scope Namespaced, namespaced": (
        request(pod()),
        rules({**PODS, "scope": "Namespaced"}),
        True,
    ),
    "scope Namespaced, cluster-scoped": (
        request(NODE),
        rules({**NODES, "scope": "Namespaced"}),
        False,
    ),
    "scope Namespaced, a Namespace": (
        on_namespace("CREATE"),
        rules({**NAMESPACES, "scope": "Namespaced"}),
        False,
    ),
    "scope Cluster, namespaced": (request(pod()), rules({**PODS, "scope": "Cluster"}), False),
    "scope Cluster, cluster-scoped": (request(NODE), rules({**NODES, "scope": "Cluster"}), True),
    "scope Cluster, a Namespace": (
        on_namespace("CREATE"),
        rules({**NAMESPACES, "scope": "Cluster"}),
        True,
    ),
    "resourceNames with the name": (
        request(pod()),
        rules({**PODS, "resourceNames": ["api", "web"]}),
        True,
    ),
    "resourceNames without the name": (
        request(pod()),
        rules({**PODS, "resourceNames": ["api"]}),
        False,
    ),
    "resourceNames and generateName": (
        request(GENERATED),
        rules({**PODS, "resourceNames": ["web-"]}),
        False,
    ),
    "a rule with and one without resourceNames": (
        request(pod()),
        rules({**PODS, "resourceNames": ["api"]}, PODS),
        True,
    ),
    "excludeResourceRules win": (
        request(pod()),
        rules(EVERYTHING, excludeResourceRules=[PODS]),
        False,
    ),
    "excludeResourceRules for others": (
        request(pod()),
        rules(EVERYTHING, excludeResourceRules=[DEPLOYMENTS]),
        True,
    ),
    "excludeResourceRules with the name": (
        request(pod()),
        rules(PODS, excludeResourceRules=[{**PODS, "resourceNames": ["web"]}]),
        False,
    ),
    "excludeResourceRules with another name": (
        request(pod()),
        rules(PODS, excludeResourceRules=[{**PODS, "resourceNames": ["api"]}]),
        True,
    ),
    "objectSelector on object": (
        request(pod(labels={"team": "a"})),
        rules(PODS, objectSelector=TEAM),
        True,
    ),
    "objectSelector on oldObject": (
        request(pod(), old=pod(labels={"team": "a"}), operation="UPDATE"),
        rules(PODS, objectSelector=TEAM),
        True,
    ),
    "objectSelector on neither": (
        request(pod(), old=pod(labels={"team": "b"}), operation="UPDATE"),
        rules(PODS, objectSelector=TEAM),
        False,
    ),
    "objectSelector and an object without metadata": (
        request({"apiVersion": "v1", "kind": "Pod"}),
        rules(
            PODS, objectSelector={"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}
        ),
        False,
    ),
    "objectSelector and an object without labels": (
        request(pod()),
        rules(
            PODS, objectSelector={"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}
        ),
        True,
    ),
    "namespaceSelector": (
        request(pod()),
        rules(PODS, namespaceSelector={"matchLabels": {"kubernetes.io/metadata.name": "shop"}}),
        True,
    ),
    "namespaceSelector of others": (request(pod()), rules(PODS, namespaceSelector=TEAM), False),
    "empty selectors": (request(pod()), rules(PODS, namespaceSelector={}, objectSelector={}), True),
    "namespaceSelector and a cluster-scoped object": (
        request(NODE),
        rules(NODES, namespaceSelector=TEAM),
        True,
    ),
    "namespaceSelector on a new Namespace": (
        on_namespace("CREATE", team="a"),
        rules(NAMESPACES, namespaceSelector=TEAM),
        True,
    ),
    "namespaceSelector on another new Namespace": (
        on_namespace("CREATE", team="b"),
        rules(NAMESPACES, namespaceSelector=TEAM),
        False,
    ),
    "namespaceSelector on a changed Namespace": (
        on_namespace("UPDATE", team="a"),
        rules(NAMESPACES, namespaceSelector=TEAM),
        True,
    ),
    "namespaceSelector on a deleted Namespace looks at the stored labels": (
        on_namespace("DELETE"),
        rules(NAMESPACES, namespaceSelector=TEAM),
        False,
    ),
    "namespaceSelector on a subresource looks at the stored labels": (
        on_namespace("UPDATE", "finalize", team="a"),
        rules({**NAMESPACES, "resources": ["namespaces/finalize"]}, namespaceSelector=TEAM),
        False,
    ),
}


@pytest.mark.parametrize(("received", "constraints", "expected"), ROWS.values(), ids=ROWS)
def test_policy_matches(received: AdmissionRequest, constraints: Value, expected: bool) -> None:
    outcome = judge(received, policy(matchConstraints=constraints))
    assert bool(outcome.violations) is expected


@pytest.mark.parametrize(("received", "constraints", "expected"), ROWS.values(), ids=ROWS)
def test_binding_matches(received: AdmissionRequest, constraints: Value, expected: bool) -> None:
    everything = policy(matchConstraints=rules(EVERYTHING))
    outcome = judge(received, everything, binding(matchResources=constraints))
    assert bool(outcome.violations) is expected


def test_binding_without_rules_matches_all_resources() -> None:
    outcome = judge(
        request(pod(labels={"team": "a"})),
        policy(),
        binding(matchResources={"objectSelector": TEAM}),
    )
    assert outcome.violations


OLD = GroupVersionResource("extensions", "v1beta1", "deployments")
CONVERTED = request(
    deployment(),
    request_resource=OLD,
    request_kind=GroupVersionKind("extensions", "v1beta1", "Deployment"),
)
OLD_RULE = {**DEPLOYMENTS, "apiGroups": ["extensions"], "apiVersions": ["v1beta1"]}

EQUIVALENT: dict[str, tuple[Value, Value | None, bool]] = {
    "Equivalent, delivered": (rules(DEPLOYMENTS), None, True),
    "Equivalent, asked for: objects are not converted": (rules(OLD_RULE), None, False),
    "Exact, delivered": (rules(DEPLOYMENTS, matchPolicy="Exact"), None, False),
    "Exact, asked for": (rules(OLD_RULE, matchPolicy="Exact"), None, False),
    "exclude, delivered": (rules(EVERYTHING, excludeResourceRules=[DEPLOYMENTS]), None, False),
    "exclude, asked for": (rules(EVERYTHING, excludeResourceRules=[OLD_RULE]), None, False),
    "binding, Equivalent, delivered": (rules(DEPLOYMENTS), rules(DEPLOYMENTS), True),
    "binding, Equivalent, asked for": (rules(DEPLOYMENTS), rules(OLD_RULE), True),
    "binding, Exact, delivered": (
        rules(DEPLOYMENTS),
        rules(DEPLOYMENTS, matchPolicy="Exact"),
        False,
    ),
    "binding, Exact, asked for": (rules(DEPLOYMENTS), rules(OLD_RULE, matchPolicy="Exact"), True),
    "binding, Exact, exclude, delivered": (
        rules(DEPLOYMENTS),
        rules(EVERYTHING, excludeResourceRules=[DEPLOYMENTS], matchPolicy="Exact"),
        True,
    ),
}


@pytest.mark.parametrize(
    ("constraints", "resources", "expected"), EQUIVALENT.values(), ids=EQUIVALENT
)
def test_match_policy(constraints: Value, resources: Value | None, expected: bool) -> None:
    one = policy(matchConstraints=constraints)
    outcome = judge(CONVERTED, one, binding(matchResources=resources))
    assert bool(outcome.violations) is expected


def test_exact_matches_what_was_not_converted() -> None:
    one = policy(matchConstraints=rules(PODS, matchPolicy="Exact"))
    assert judge(replace(request(pod()), request_resource=None), one).violations


SHOP = Get("v1", "Namespace", "", "shop")
ERRORS: dict[str, tuple[Any, str]] = {
    "not found": (None, 'namespaces "shop" not found'),
    "unavailable": (Unavailable("no answer"), "Internal error occurred: no answer"),
}


@pytest.mark.parametrize(("found", "text"), ERRORS.values(), ids=ERRORS)
def test_namespace_that_a_policy_selects_by_is_missing(found: Any, text: str) -> None:
    one = policy(matchConstraints=rules(PODS, namespaceSelector=TEAM))
    outcome = judge(request(pod()), one, answers={SHOP: found})
    start = "ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: "
    assert messages(outcome) == [start + text]


@pytest.mark.parametrize(("found", "text"), ERRORS.values(), ids=ERRORS)
def test_namespace_that_a_binding_selects_by_is_missing(found: Any, text: str) -> None:
    one = binding(matchResources={"namespaceSelector": TEAM})
    outcome = judge(request(pod()), policy(), one, answers={SHOP: found})
    start = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: "
    assert messages(outcome) == [f"{start}failed to configure binding: {text}"]


def test_missing_namespace_counts_only_if_all_else_matches() -> None:
    one = policy(
        matchConstraints=rules(PODS, namespaceSelector=TEAM, objectSelector=TEAM),
    )
    assert judge(request(pod()), one, answers={SHOP: None}).violations == ()


def test_selector_errors_are_ignored_under_ignore() -> None:
    one = policy(failurePolicy="Ignore", matchConstraints=rules(PODS, namespaceSelector=TEAM))
    assert judge(request(pod()), one, answers={SHOP: None}).violations == ()


def test_what_cannot_match_is_not_looked_at() -> None:
    """1,000 policies for other resources leave no plan behind."""
    others = [
        policy(f"o{n}", matchConstraints=rules({**PODS, "resources": [f"r{n}"]})) for n in range(20)
    ]
    some = [policy("b"), policy("a", matchConstraints=rules(EVERYTHING)), *others]
    bindings = [binding(f"b-{one.name}", one.name) for one in some]
    policy_set = build_policy_set(some, bindings)
    plans = policy_set.plans(request(pod()))
    assert [plan.policy.name for plan in plans] == ["a", "b"]
    assert [plan.match for plan in plans] == [CERTAIN, CERTAIN]
    assert policy_set.plans(request(pod(name="other"))) is plans
    assert policy_set.plans(request(deployment(), sub_resource="scale")) != plans


def test_policies_and_bindings_are_joined_by_name() -> None:
    policy_set = build_policy_set(
        [policy("b"), policy("a"), policy("unbound")],
        [binding("y", "b"), binding("x", "b"), binding("z", "a"), binding("w", "nobody")],
    )
    assert [
        (one.policy.name, [two.name for two in one.bindings]) for one in policy_set.index.bound
    ] == [
        ("a", ["z"]),
        ("b", ["x", "y"]),
    ]
