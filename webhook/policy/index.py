"""Policies with their bindings, arranged so that a request meets only those that may match.

For validating and mutating policies alike. An Index never changes: the plan for a kind of request
is worked out when the first one comes and kept, so 1,000 loaded policies cost what matches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar

from webhook.model import AdmissionRequest, GroupVersionResource
from webhook.policy.matching import CERTAIN, Match, Target, narrow_binding, narrow_policy
from webhook.policy.model import ANY, Expression, MatchResources, ParamKind, ParamRef, Variable
from webhook.steps import Steps

MAX_PLANS = 4096
"""Kinds of requests whose plans are kept; a cluster has fewer resources times operations."""


class PolicyLike(Protocol):
    """What validating and mutating policies have in common."""

    @property
    def name(self) -> str:
        """The name of the document."""
        ...

    @property
    def match_constraints(self) -> MatchResources:
        """Which requests it is about."""
        ...

    @property
    def param_kind(self) -> ParamKind | None:
        """The kind of its parameters."""
        ...

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Its variables, in order."""
        ...


class BindingLike(Protocol):
    """What both kinds of bindings have in common."""

    @property
    def name(self) -> str:
        """The name of the document."""
        ...

    @property
    def policy_name(self) -> str:
        """The policy that it puts in force."""
        ...

    @property
    def param_ref(self) -> ParamRef | None:
        """How it chooses parameters."""
        ...

    @property
    def match_resources(self) -> MatchResources | None:
        """Which of the requests it is about."""
        ...


P = TypeVar("P", bound=PolicyLike)
B = TypeVar("B", bound=BindingLike)
W = TypeVar("W")


@dataclass(frozen=True, slots=True)
class BindingPlan(Generic[B]):
    """A binding and what is left to check of it."""

    binding: B
    match: Match


@dataclass(frozen=True, slots=True)
class Bound(Generic[P, B, W]):
    """A policy and the bindings that name it, in order of name.

    `variables` are those of the policy by name, `work` is what its kind of evaluation prepared.
    """

    policy: P
    bindings: tuple[B, ...]
    variables: Mapping[str, Expression]
    work: W


@dataclass(frozen=True, slots=True)
class Plan(Generic[P, B, W]):
    """A policy that may match a kind of request, and what is left to check.

    `plain` is the result where nothing is: each binding with no parameter. Else it is empty.
    """

    policy: P
    match: Match
    bindings: tuple[BindingPlan[B], ...]
    variables: Mapping[str, Expression]
    work: W
    plain: tuple[tuple[B, None], ...] = ()


@dataclass(frozen=True, slots=True)
class Index(Generic[P, B, W]):
    """The bound policies in order of name, and the plans for a request."""

    bound: tuple[Bound[P, B, W], ...]
    plans_for: Callable[..., tuple[Plan[P, B, W], ...]]

    def plans(self, request: AdmissionRequest) -> tuple[Plan[P, B, W], ...]:
        """Return the policies that may match the request, in order of name."""
        return self.plans_for(*kind_of_request(request))

    def without(self, names: frozenset[str]) -> Index[P, B, W]:
        """Return the same without the policies of these names."""

        def plans_for(*asked: Any) -> tuple[Plan[P, B, W], ...]:
            return tuple(one for one in self.plans_for(*asked) if one.policy.name not in names)

        return replace(self, plans_for=plans_for)


def kind_of_request(request: AdmissionRequest) -> tuple[Any, ...]:
    """Return what `plans_for` takes: plain texts, because they are hashed for each request."""
    delivered, original = request.resource, request.request_resource or request.resource
    return (
        request.operation,
        request.sub_resource,
        request.namespace != "",
        (delivered.group, delivered.version, delivered.resource),
        (original.group, original.version, original.resource),
    )


def arrange(
    policies: Iterable[P], bindings: Iterable[B], prepare: Callable[[P], W]
) -> Steps[Index[P, B, W]]:
    """Join policies and bindings; one without the other does nothing. Pause after each policy.

    `prepare` makes once for each policy what its evaluation needs for each request.
    """
    by_policy: dict[str, list[B]] = {}
    for binding in sorted(bindings, key=lambda one: one.name):
        by_policy.setdefault(binding.policy_name, []).append(binding)
        yield
    bound: list[Bound[P, B, W]] = []
    places: dict[str, list[int]] = {}
    for policy in sorted(policies, key=lambda one: one.name):
        if policy.name in by_policy:
            for resource in _resources(policy):
                places.setdefault(resource, []).append(len(bound))
            bound.append(_bound(policy, by_policy[policy.name], prepare))
            yield

    @lru_cache(MAX_PLANS)
    def plans_for(
        operation: str,
        sub_resource: str,
        has_namespace: bool,  # noqa: FBT001 - a fact about the request
        delivered: tuple[str, str, str],
        original: tuple[str, str, str],
    ) -> tuple[Plan[P, B, W], ...]:
        resources = GroupVersionResource(*delivered), GroupVersionResource(*original)
        target = Target(operation, sub_resource, has_namespace, *resources)
        candidates = {*places.get(resources[0].resource, ()), *places.get(ANY, ())}
        plans = (_plan(bound[place], target) for place in sorted(candidates))
        return tuple(plan for plan in plans if plan is not None)

    return Index(tuple(bound), plans_for)


def _bound(policy: P, bindings: list[B], prepare: Callable[[P], W]) -> Bound[P, B, W]:
    variables = {one.name: one.expression for one in policy.variables}
    return Bound(policy, tuple(bindings), variables, prepare(policy))


def _resources(policy: PolicyLike) -> set[str]:
    """Return the resources that a policy has a rule for; "*" is all."""
    rules = policy.match_constraints.resource_rules
    return {name.partition("/")[0] for rule in rules for name in rule.resources}


def _plan(bound: Bound[P, B, W], target: Target) -> Plan[P, B, W] | None:
    match = narrow_policy(bound.policy.match_constraints, target)
    if match is None:
        return None
    narrowed = ((one, narrow_binding(one.match_resources, target)) for one in bound.bindings)
    bindings = tuple(BindingPlan(one, rest) for one, rest in narrowed if rest is not None)
    is_plain = bound.policy.param_kind is None and all(
        one is CERTAIN for one in (match, *(one.match for one in bindings))
    )
    plain = tuple((one.binding, None) for one in bindings) if is_plain else ()
    return Plan(bound.policy, match, bindings, bound.variables, bound.work, plain)
