"""Evaluation of ValidatingAdmissionPolicies for one request, in upstream's order (2.2).

Nothing stops anything else: all policies, bindings, parameters and validations are evaluated.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from webhook.model import AdmissionRequest, Deadline, Facts, NeedFacts, Outcome
from webhook.policy.activation import Activation
from webhook.policy.index import Index, arrange
from webhook.policy.judging import (
    ADMITTED,
    ValidatingPlan,
    Work,
    is_admitted_straight,
    judge,
    prepare,
)
from webhook.policy.model import Binding, Policy
from webhook.policy.selecting import NamespaceMissingError, Selection
from webhook.policy.verdict import Verdict

PolicySet: TypeAlias = Index[Policy, Binding, Work]
"""The validating policies of one webhook entry with their bindings."""


def build_policy_set(policies: Iterable[Policy], bindings: Iterable[Binding]) -> PolicySet:
    """Arrange validating policies and their bindings for `validate`."""
    return arrange(policies, bindings, prepare)


def validate(request: AdmissionRequest, policy_set: PolicySet, facts: Facts) -> Outcome:
    """Judge a request by all policies of the set.

    Raises NeedFacts with the lookups of all policies that miss something.
    """
    plans = policy_set.plans(request)
    if not plans:
        return Outcome(request.object)
    activation = Activation(request, facts)
    verdict = Verdict(request)
    selection = Selection(request, facts, activation, verdict.add_error)
    deadline = request.deadline
    try:
        selection.look_ahead(plans)
        for plan in plans:
            if not (
                selection.is_plain(plan) and is_admitted_straight(plan, activation.full, deadline)
            ):
                _judge_pairs(plan, selection, activation, verdict, deadline)
    except NamespaceMissingError as error:
        verdict.refuse_request(str(error), request.namespace)
    if selection.missing:
        raise NeedFacts(frozenset(selection.missing))
    return verdict.outcome()


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
