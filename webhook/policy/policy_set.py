"""Policies with their bindings, arranged so that a request meets only those that may match.

A PolicySet never changes. The plan for a kind of request is worked out when the first one comes
and kept, so it costs the same whether 10 or 1,000 policies are loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from webhook.model import AdmissionRequest, GroupVersionResource
from webhook.policy.matching import Match, Target, narrow_binding, narrow_policy
from webhook.policy.model import ANY, Binding, Expression, Policy

MAX_PLANS = 4096
"""Kinds of requests whose plans are kept; a cluster has fewer resources times operations."""


@dataclass(frozen=True, slots=True)
class BoundPolicy:
    """A policy and the bindings that name it, in order of name."""

    policy: Policy
    bindings: tuple[Binding, ...]


@dataclass(frozen=True, slots=True)
class BindingPlan:
    """A binding and what is left to check of it."""

    binding: Binding
    match: Match


@dataclass(frozen=True, slots=True)
class Plan:
    """A policy that may match a kind of request, and what is left to check.

    `variables` are those of the policy by name, `checks` the expressions of its validations;
    `message_calls` is the largest number of evaluations that its messageExpressions can cause.
    """

    policy: Policy
    match: Match
    bindings: tuple[BindingPlan, ...]
    variables: Mapping[str, Expression]
    checks: tuple[Expression, ...]
    message_calls: int


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The bound policies in order of name, and the plans for a request."""

    bound: tuple[BoundPolicy, ...]
    plans_for: Callable[..., tuple[Plan, ...]]

    def plans(self, request: AdmissionRequest) -> tuple[Plan, ...]:
        """Return the policies that may match the request, in order of name."""
        delivered, original = request.resource, request.request_resource or request.resource
        return self.plans_for(  # plain texts, because they are hashed for each request
            request.operation,
            request.sub_resource,
            request.namespace != "",
            (delivered.group, delivered.version, delivered.resource),
            (original.group, original.version, original.resource),
        )


def build_policy_set(policies: Iterable[Policy], bindings: Iterable[Binding]) -> PolicySet:
    """Join policies and bindings; a policy without a binding does nothing, and so on."""
    by_policy: dict[str, list[Binding]] = {}
    for binding in sorted(bindings, key=lambda one: one.name):
        by_policy.setdefault(binding.policy_name, []).append(binding)
    bound = tuple(
        BoundPolicy(policy, tuple(by_policy[policy.name]))
        for policy in sorted(policies, key=lambda one: one.name)
        if policy.name in by_policy
    )
    index = _index(bound)

    @lru_cache(MAX_PLANS)
    def plans_for(
        operation: str,
        sub_resource: str,
        has_namespace: bool,  # noqa: FBT001 - a fact about the request
        delivered: tuple[str, str, str],
        original: tuple[str, str, str],
    ) -> tuple[Plan, ...]:
        target = Target(
            operation,
            sub_resource,
            has_namespace,
            GroupVersionResource(*delivered),
            GroupVersionResource(*original),
        )
        places = {*index.get(target.delivered.resource, ()), *index.get(ANY, ())}
        plans = (_plan(bound[place], target) for place in sorted(places))
        return tuple(plan for plan in plans if plan is not None)

    return PolicySet(bound, plans_for)


def _index(bound: tuple[BoundPolicy, ...]) -> Mapping[str, list[int]]:
    """Resource → places of the policies with a rule for it; those for all are under "*"."""
    index: dict[str, list[int]] = {}
    for place, one in enumerate(bound):
        rules = one.policy.match_constraints.resource_rules
        for resource in {name.partition("/")[0] for rule in rules for name in rule.resources}:
            index.setdefault(resource, []).append(place)
    return index


def _plan(bound: BoundPolicy, target: Target) -> Plan | None:
    match = narrow_policy(bound.policy.match_constraints, target)
    if match is None:
        return None
    narrowed = (
        (binding, narrow_binding(binding.match_resources, target)) for binding in bound.bindings
    )
    plans = tuple(BindingPlan(binding, rest) for binding, rest in narrowed if rest is not None)
    variables = {one.name: one.expression for one in bound.policy.variables}
    checks = tuple(one.expression for one in bound.policy.validations)
    return Plan(bound.policy, match, plans, variables, checks, _message_calls(bound.policy))


def _message_calls(policy: Policy) -> int:
    found = (one.message_expression for one in policy.validations)
    messages = [one for one in found if one is not None]
    reads_variables = any("variables" in one.text for one in messages)
    return len(messages) + (len(policy.variables) if reads_variables else 0)
