"""Which policies share one webhook entry, and what that entry must intercept.

Policies with the same failurePolicy share an entry unless they name different versions of one
resource: the API server converts an object to the version an entry names, so those that name
another version need another entry (design.md 6). We never convert.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from webhook.policy.index import BindingLike
from webhook.policy.model import MutatingPolicy, Policy, ResourceRule
from webhook.steps import Steps, finish

PATHS: Mapping[str, str] = {"Fail": "policies", "Ignore": "policies-ignore"}
"""The first entry for each failurePolicy; further ones are numbered from 2."""

G = TypeVar("G", Policy, MutatingPolicy)


@dataclass(frozen=True, slots=True)
class PolicyGroup(Generic[G]):
    """The policies of one entry; `path` is `policies`, `policies-ignore`, `policies-2`...

    `rules` are the union of what the policies match, as `rules` of a webhook entry.
    """

    path: str
    failure_policy: str
    policies: tuple[G, ...]
    rules: tuple[Mapping[str, Any], ...] = ()


def group_policies(
    policies: Iterable[G], bindings: Iterable[BindingLike]
) -> tuple[PolicyGroup[G], ...]:
    """Distribute the policies that have a binding over webhook entries, in order of name."""
    return finish(group_policies_in_steps(policies, bindings))


def group_policies_in_steps(
    policies: Iterable[G], bindings: Iterable[BindingLike]
) -> Steps[tuple[PolicyGroup[G], ...]]:
    """Do as `group_policies`, and pause after each policy."""
    bound = {binding.policy_name for binding in bindings}
    yield
    groups: list[_Group[G]] = []
    for policy in sorted(policies, key=lambda policy: policy.name):
        if policy.name in bound:
            _add(groups, policy)
            yield
    return tuple(
        PolicyGroup(one.path, one.failure_policy, tuple(one.policies), _rendered(one.rules))
        for one in groups
    )


_Shape: TypeAlias = tuple[frozenset[str], frozenset[str], frozenset[str]]
"""Groups, resources and versions of a rule: all that two policies can be at odds about."""

_Rule: TypeAlias = tuple[tuple[str, ...], ...]
"""Groups, versions, resources, operations and scope of a rule, each in order."""


@dataclass(frozen=True, slots=True)
class _Group(Generic[G]):
    """A group in the making; many policies have the same few shapes."""

    path: str
    failure_policy: str
    policies: list[G] = field(default_factory=list)
    shapes: set[_Shape] = field(default_factory=set)
    rules: set[_Rule] = field(default_factory=set)


def _add(groups: list[_Group[G]], policy: G) -> None:
    rules = resource_rules(policy)
    shapes = {_shape(rule) for rule in rules}
    group = _group_for(groups, policy.failure_policy, shapes)
    group.policies.append(policy)
    group.shapes.update(shapes)
    group.rules.update(map(_rule, rules))


def _group_for(groups: list[_Group[G]], failure_policy: str, shapes: set[_Shape]) -> _Group[G]:
    """Return the first group that these shapes are not at odds with, else a new one."""
    same = [one for one in groups if one.failure_policy == failure_policy]
    for group in same:
        if not any(_conflict(a, b) for a in shapes for b in group.shapes):
            return group
    path = PATHS[failure_policy] + (f"-{len(same) + 1}" if same else "")
    group = _Group(path, failure_policy)
    groups.append(group)
    return group


def _shape(rule: ResourceRule) -> _Shape:
    return frozenset(rule.api_groups), frozenset(rule.resources), frozenset(rule.api_versions)


def _conflict(one: _Shape, other: _Shape) -> bool:
    """Tell whether two rules name different versions of a resource that both match."""
    groups, resources, versions = one
    other_groups, other_resources, other_versions = other
    return (
        versions != other_versions
        and _overlap(groups, other_groups)
        and _overlap_resources(resources, other_resources)
    )


def resource_rules(policy: Policy | MutatingPolicy) -> Sequence[ResourceRule]:
    """Return the rules by which a policy matches resources."""
    return policy.match_constraints.resource_rules


def _overlap(one: frozenset[str], other: frozenset[str]) -> bool:
    return "*" in one or "*" in other or not one.isdisjoint(other)


def _overlap_resources(one: Iterable[str], other: Iterable[str]) -> bool:
    return any(_may_be_same(a, b) for a in one for b in other)


def _may_be_same(one: str, other: str) -> bool:
    """Compare two resource patterns; a plain one has the subresource "" (kubernetes-cel 2.3)."""
    pairs = zip(_resource_parts(one), _resource_parts(other), strict=True)
    return all("*" in pair or pair[0] == pair[1] for pair in pairs)


def _resource_parts(pattern: str) -> tuple[str, str]:
    resource, _, sub_resource = pattern.partition("/")
    return resource, sub_resource


def _rule(rule: ResourceRule) -> _Rule:
    return (
        tuple(sorted(rule.api_groups)),
        tuple(sorted(rule.api_versions)),
        tuple(sorted(rule.resources)),
        tuple(sorted(rule.operations)),
        (rule.scope,),
    )


def _rendered(rules: Iterable[_Rule]) -> tuple[Mapping[str, Any], ...]:
    """Return each rule in the form and order of a webhook configuration."""
    return tuple(
        {
            "apiGroups": list(groups),
            "apiVersions": list(versions),
            "operations": list(operations),
            "resources": list(resources),
            "scope": scope,
        }
        for groups, versions, resources, operations, (scope,) in sorted(rules)
    )
