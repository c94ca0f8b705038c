"""Evaluation of ValidatingAdmissionPolicies for one request, in upstream's order (2.2).

Nothing stops anything else: all policies, bindings, parameters and validations are evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from webhook.cel import Group, all_true
from webhook.model import AdmissionRequest, Deadline, Facts, NeedFacts, Outcome
from webhook.policy.activation import Activation, at_hand
from webhook.policy.index import MAX_PLANS, Bound, Index, arrange, kind_of_request
from webhook.policy.judging import ADMITTED, ValidatingPlan, Work, judge, prepare
from webhook.policy.model import Binding, Policy
from webhook.policy.params import ParamError
from webhook.policy.selecting import NamespaceMissingError, Selection, namespace_of
from webhook.policy.verdict import Verdict
from webhook.steps import Steps, finish


@dataclass(frozen=True, slots=True)
class Plans:
    """The policies that may match a kind of request, in order of name.

    `straight` are the validations of those that can be admitted without anything else, `others`
    are the rest.
    """

    all: tuple[ValidatingPlan, ...]
    straight: tuple[Group, ...]
    others: tuple[ValidatingPlan, ...]


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The validating policies of one webhook entry with their bindings."""

    index: Index[Policy, Binding, Work]
    plans_for: Callable[..., Plans]

    @property
    def bound(self) -> tuple[Bound[Policy, Binding, Work], ...]:
        """The bound policies in order of name."""
        return self.index.bound

    def plans(self, request: AdmissionRequest) -> tuple[ValidatingPlan, ...]:
        """Return the policies that may match the request, in order of name."""
        return self.index.plans(request)


def build_policy_set(
    policies: Iterable[Policy],
    bindings: Iterable[Binding],
    prepare: Callable[[Policy], Work] = prepare,
) -> PolicySet:
    """Arrange validating policies and their bindings for `validate`."""
    return finish(build_policy_set_in_steps(policies, bindings, prepare))


def build_policy_set_in_steps(
    policies: Iterable[Policy],
    bindings: Iterable[Binding],
    prepare: Callable[[Policy], Work] = prepare,
) -> Steps[PolicySet]:
    """Do as `build_policy_set`, and pause after each policy."""
    index = yield from arrange(policies, bindings, prepare)

    @lru_cache(MAX_PLANS)
    def plans_for(*kind: Any) -> Plans:
        plans = index.plans_for(*kind)
        straight = [one.work.straight for one in plans if one.plain and one.work.straight]
        others = [one for one in plans if not (one.plain and one.work.straight)]
        return Plans(plans, tuple(straight), tuple(others))

    return PolicySet(index, plans_for)


def validate(request: AdmissionRequest, policy_set: PolicySet, facts: Facts) -> Outcome:
    """Judge a request by all policies of the set.

    Raises NeedFacts with the lookups of all policies that miss something.
    """
    plans = policy_set.plans_for(*kind_of_request(request))
    admitted = plans.straight != () and _are_true(plans.straight, request, facts)
    to_judge = plans.others if admitted else plans.all
    if not to_judge:
        return Outcome(request.object)
    activation = Activation(request, facts)
    verdict = Verdict(request)
    selection = Selection(request, facts, activation, verdict.add_error)
    try:
        for plan in to_judge:
            _judge_pairs(plan, selection, activation, verdict, request.deadline)
    except NamespaceMissingError as error:
        verdict.refuse_request(str(error), request.namespace)
    if selection.missing:
        raise NeedFacts(frozenset(selection.missing))
    return verdict.outcome()


def _are_true(groups: Iterable[Group], request: AdmissionRequest, facts: Facts) -> bool:
    """Tell whether policies admit at once; where something is wrong, judging says what."""
    try:
        namespace_of(request, facts)
        return all_true(groups, at_hand(request), request.deadline)
    except (NeedFacts, ParamError, NamespaceMissingError):
        return False


def _judge_pairs(
    plan: ValidatingPlan,
    selection: Selection,
    activation: Activation,
    verdict: Verdict,
    deadline: Deadline,
) -> None:
    for binding, param in selection.pairs(plan):
        try:
            judgement = judge(plan, param, activation, deadline)
        except NeedFacts as need:
            selection.missing |= need.lookups
            continue
        if judgement is not ADMITTED:
            verdict.add(plan.policy, binding, judgement)
