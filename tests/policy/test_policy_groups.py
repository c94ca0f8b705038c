"""Which policies share a webhook entry, and what the entry intercepts."""

from typing import Any

import pytest

from webhook.model import Action
from webhook.policy.groups import group_policies
from webhook.policy.model import Binding, MatchResources, Policy, ResourceRule


def rule(
    groups: str = "apps", versions: str = "v1", resources: str = "deployments", **fields: Any
) -> ResourceRule:
    operations = fields.pop("operations", ("CREATE", "UPDATE"))
    return ResourceRule(
        operations,
        tuple(groups.split(",")),
        tuple(versions.split(",")),
        tuple(resources.split(",")),
        **fields,
    )


def policy(name: str, *rules: ResourceRule, failure_policy: str = "Fail") -> Policy:
    return Policy(name, MatchResources(rules or (rule(),)), failure_policy)


GROUPS: dict[str, tuple[list[Policy], list[tuple[str, str]]]] = {
    "none": ([], []),
    "one entry for what goes together": ([policy("b"), policy("a")], [("policies", "a,b")]),
    "one for each failurePolicy": (
        [policy("a", failure_policy="Ignore"), policy("b")],
        [("policies-ignore", "a"), ("policies", "b")],
    ),
    "other resources may have other versions": (
        [policy("a"), policy("b", rule("", "v1beta1", "pods"))],
        [("policies", "a,b")],
    ),
    "another version of the same resource": (
        [
            policy("a"),
            policy("b", rule(versions="v1beta1")),
            policy("c"),
            policy("d", rule(versions="v1beta2")),
        ],
        [("policies", "a,c"), ("policies-2", "b"), ("policies-3", "d")],
    ),
    "order of versions does not matter": (
        [policy("a", rule(versions="v1,v1beta1")), policy("b", rule(versions="v1beta1,v1"))],
        [("policies", "a,b")],
    ),
    "a wildcard version conflicts with a named one": (
        [policy("a", rule("*", "*", "*")), policy("b")],
        [("policies", "a"), ("policies-2", "b")],
    ),
    "plain resources and their subresources do not meet": (
        [policy("a", rule("", "v1", "pods")), policy("b", rule("", "*", "pods/status"))],
        [("policies", "a,b")],
    ),
    "pods/* also means pods": (
        [policy("a", rule("", "v1", "pods")), policy("b", rule("", "*", "pods/*"))],
        [("policies", "a"), ("policies-2", "b")],
    ),
    "* means no subresource": (
        [policy("a", rule("", "v1", "*")), policy("b", rule("", "*", "pods/exec"))],
        [("policies", "a,b")],
    ),
    "a policy may name two versions itself": (
        [
            policy("a", rule(), rule(versions="v1beta1")),
            policy("b"),
            policy("c", rule(versions="v1beta1")),
        ],
        [("policies", "a"), ("policies-2", "b"), ("policies-3", "c")],
    ),
    "numbers count within a failurePolicy": (
        [
            policy("a", failure_policy="Ignore"),
            policy("b", rule(versions="v2"), failure_policy="Ignore"),
            policy("c"),
        ],
        [("policies-ignore", "a"), ("policies-ignore-2", "b"), ("policies", "c")],
    ),
}


@pytest.mark.parametrize(("policies", "expected"), GROUPS.values(), ids=GROUPS)
def test_groups(policies: list[Policy], expected: list[tuple[str, str]]) -> None:
    bindings = [Binding("x", one.name, (Action.DENY,)) for one in policies]
    groups = group_policies(policies, bindings)
    assert [(one.path, ",".join(p.name for p in one.policies)) for one in groups] == expected


def test_policy_without_a_binding_has_no_entry() -> None:
    assert group_policies([policy("a")], [Binding("x", "other", (Action.DENY,))]) == ()


def test_rules_are_the_union_each_once_in_a_fixed_order() -> None:
    policies = [
        policy("a", rule(), rule("", "v1", "services,pods", scope="Namespaced")),
        policy("b", rule(operations=("UPDATE", "CREATE"))),
    ]
    (group,) = group_policies(policies, [Binding(n, n, (Action.DENY,)) for n in "ab"])
    assert group.rules == (
        {
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["pods", "services"],
            "scope": "Namespaced",
        },
        {
            "apiGroups": ["apps"],
            "apiVersions": ["v1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["deployments"],
            "scope": "*",
        },
    )
