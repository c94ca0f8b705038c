"""Evaluation of MutatingAdmissionPolicies for one request, in upstream's order (5.2, 5.5).

What is to run is collected first; then each mutation sees the object that the one before left. An
error stops neither the other mutations nor the other policies. Defaults of the API server are not
known here: they are set after the whole call.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from webhook.cel import Budget
from webhook.model import AdmissionRequest, Facts, Json, NeedFacts, Outcome, Violation
from webhook.objects.equality import identical
from webhook.policy.activation import Activation
from webhook.policy.evaluating import (
    CONDITIONS_BUDGET,
    STAGE_BUDGET,
    ExpressionError,
    conditions_met,
    stage_bindings,
)
from webhook.policy.index import Index, Plan, arrange
from webhook.policy.messages import details_of, mutation_denial
from webhook.policy.model import FAIL, IF_NEEDED, MutatingBinding, MutatingPolicy, Mutation
from webhook.policy.patching import MutationError, StatusError, mutate_once
from webhook.policy.selecting import NamespaceMissingError, Selection
from webhook.steps import Steps, finish

ORIGIN = "MutatingAdmissionPolicy"
CODE = 403  # whatever the reason is

Work: TypeAlias = tuple[Mutation, ...]
MutatingPlan: TypeAlias = Plan[MutatingPolicy, MutatingBinding, Work]
MutatingPolicySet: TypeAlias = Index[MutatingPolicy, MutatingBinding, Work]
"""The mutating policies of one webhook entry with their bindings."""


def build_mutating_policy_set(
    policies: Iterable[MutatingPolicy], bindings: Iterable[MutatingBinding]
) -> MutatingPolicySet:
    """Arrange mutating policies and their bindings for `mutate`."""
    return finish(build_mutating_policy_set_in_steps(policies, bindings))


def build_mutating_policy_set_in_steps(
    policies: Iterable[MutatingPolicy], bindings: Iterable[MutatingBinding]
) -> Steps[MutatingPolicySet]:
    """Do as `build_mutating_policy_set`, and pause after each policy."""
    return arrange(policies, bindings, lambda policy: policy.mutations)


def mutate(request: AdmissionRequest, policy_set: MutatingPolicySet, facts: Facts) -> Outcome:
    """Change an object by all policies of the set; the second round is part of it.

    Raises NeedFacts. After an error of a policy that does not ignore failures nothing is changed.
    """
    plans = policy_set.plans(request)
    if not plans or request.object is None:
        return Outcome(request.object)
    run = _Run(request, facts)
    try:
        run.go(plans)
        if run.needs_reinvocation:
            run.again(plans)
    except NamespaceMissingError as error:
        details = {"name": request.namespace, "kind": "namespaces"}
        return _refusal(request, 404, "NotFound", str(error), details)
    except StatusError as error:
        return _refusal(request, error.code, error.reason, str(error), None)
    return run.outcome()


def _refusal(
    request: AdmissionRequest, code: int, reason: str, text: str, details: Json
) -> Outcome:
    refusal = Violation(ORIGIN, text, reason=reason, code=code, details=details)
    return Outcome(request.object, (refusal,))


@dataclass(frozen=True, slots=True)
class Invocation:
    """One policy with one binding and one parameter."""

    plan: MutatingPlan
    binding: MutatingBinding
    param: Json

    @property
    def key(self) -> tuple[str, ...]:
        """What it is known by in the second round."""
        metadata = (self.param or {}).get("metadata") or {}
        names = (metadata.get("namespace") or "", metadata.get("name") or "")
        return (self.plan.policy.name, self.binding.name, *names)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of a policy that does not ignore failures."""

    policy: str
    binding: str
    message: str
    reason: str


class _Run:
    """The state of one call of `mutate`."""

    __slots__ = (
        "_applied",
        "_changed_by",
        "_current",
        "_facts",
        "_failures",
        "_reinvocable",
        "_request",
    )

    def __init__(self, request: AdmissionRequest, facts: Facts) -> None:
        self._request = request
        self._facts = facts
        self._current: Json = request.object
        self._failures: list[Failure] = []
        self._changed_by: dict[str, None] = {}
        self._reinvocable: set[tuple[str, ...]] = set()
        self._applied = False

    @property
    def needs_reinvocation(self) -> bool:
        """Any mutation was applied, be it without effect, and some policy wants to see that."""
        return self._applied and bool(self._reinvocable) and not self._failures

    def go(self, plans: Iterable[MutatingPlan]) -> None:
        """Run the first round."""
        activation, invocations = self._collect(plans)
        for one in invocations:
            if self._invoke(one, activation) and one.plan.policy.reinvocation_policy == IF_NEEDED:
                self._reinvocable.add(one.key)

    def again(self, plans: Iterable[MutatingPlan]) -> None:
        """Run the second round: what may run again, on the object as it is now."""
        activation, invocations = self._collect(plans)
        for one in invocations:
            if one.key in self._reinvocable:
                self._invoke(one, activation)

    def _collect(self, plans: Iterable[MutatingPlan]) -> tuple[Activation, list[Invocation]]:
        request = self._request.with_object(self._current)
        activation = Activation(request, self._facts)
        selection = Selection(request, self._facts, activation, self._misconfigured)
        invocations = [
            Invocation(plan, binding, param)
            for plan in plans
            for binding, param in selection.pairs(plan)
        ]
        if selection.missing:
            raise NeedFacts(frozenset(selection.missing))
        return activation, invocations

    def _invoke(self, one: Invocation, activation: Activation) -> bool:
        """Apply a policy's mutations; tell whether it concerns the request."""
        policy, deadline = one.plan.policy, self._request.deadline
        try:
            if policy.match_conditions:
                budget = Budget(CONDITIONS_BUDGET, deadline)
                base = {**activation.conditions, "object": self._current}
                bindings = stage_bindings(base, one.param, {}, budget)
                if not conditions_met(policy.match_conditions, bindings, budget):
                    return False
        except ExpressionError as error:
            self._failed(one, str(error))
            return False
        before = self._current
        for mutation in one.plan.work:
            self._apply(one, mutation, activation)
        if not identical(before, self._current):
            self._changed_by[f"{ORIGIN}/{policy.name}"] = None
        return True

    def _apply(self, one: Invocation, mutation: Mutation, activation: Activation) -> None:
        budget = Budget(STAGE_BUDGET, self._request.deadline)
        base = {**activation.full, "object": self._current}
        bindings = stage_bindings(base, one.param, one.plan.variables, budget)
        try:
            self._current = mutate_once(mutation, self._request.kind, bindings, budget, self._facts)
        except MutationError as error:
            self._failed(one, str(error))
        else:
            self._applied = True

    def _failed(self, one: Invocation, text: str) -> None:
        self._fail(one.plan.policy, one.binding, text, "Invalid")

    def _misconfigured(self, policy: Any, binding: Any, text: str) -> None:
        self._fail(policy, binding, text, "Forbidden")

    def _fail(
        self, policy: MutatingPolicy, binding: MutatingBinding | None, text: str, reason: str
    ) -> None:
        if policy.failure_policy == FAIL:
            name = binding.name if binding else ""
            message = mutation_denial(policy.name, name, text)
            self._failures.append(Failure(policy.name, name, message, reason))

    def outcome(self) -> Outcome:
        """Return the changed object, or the failures with the object as it was received."""
        if not self._failures:
            return Outcome(self._current, mutated_by=tuple(self._changed_by))
        causes = [{"message": one.message} for one in self._failures]
        details = {**details_of(self._request, ""), "causes": causes}
        violations = tuple(
            Violation(
                ORIGIN,
                one.message,
                reason=one.reason,
                code=CODE,
                policy=one.policy,
                binding=one.binding,
                details=details,
            )
            for one in self._failures
        )
        return Outcome(self._request.object, violations)
