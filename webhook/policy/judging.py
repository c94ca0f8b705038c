"""One policy with one parameter: matchConditions, validations, messages, annotations (2.5 to 2.9).

Pure evaluation: which binding asks, and what its actions make of the result, is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from webhook.cel import Budget, Group
from webhook.model import Deadline, Json
from webhook.policy.activation import NOT_AT_HAND, Activation
from webhook.policy.evaluating import (
    CONDITIONS_BUDGET,
    MOST_FOR_A_CALL,
    STAGE_BUDGET,
    ExpressionError,
    OutOfBudgetError,
    conditions_met,
    evaluate_all,
    stage_bindings,
)
from webhook.policy.index import Plan
from webhook.policy.messages import DEFAULT_REASON, failure_message
from webhook.policy.model import FAIL, Binding, Expression, Policy, Validation
from webhook.policy.texts import cut, trimmed

MAX_ANNOTATION = 10 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Work:
    """What is worked out once for a policy.

    `checks` are the expressions of its validations, `message_calls` is the largest number of
    evaluations that its messageExpressions can cause. `straight` are the compiled validations of
    a policy that has nothing else to evaluate and reads only what is `at_hand`, with what they
    may cost together; else it is None.
    """

    checks: tuple[Expression, ...]
    message_calls: int
    straight: Group | None = None


ValidatingPlan: TypeAlias = Plan[Policy, Binding, Work]


@dataclass(frozen=True, slots=True)
class Failure:
    """A decision that is not an admission; `index` is its place in the evaluation's list."""

    index: int
    message: str
    reason: str = DEFAULT_REASON


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result of one evaluation: failed decisions, (key, value) to publish, errors of those."""

    failures: tuple[Failure, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    annotation_errors: tuple[str, ...] = ()


ADMITTED = Judgement()


def prepare(policy: Policy) -> Work:
    """Work out what `judge` needs for each request."""
    found = (one.message_expression for one in policy.validations)
    messages = [one for one in found if one is not None]
    reads_variables = any("variables" in one.text for one in messages)
    calls = len(messages) + (len(policy.variables) if reads_variables else 0)
    limit = STAGE_BUDGET - calls * MOST_FOR_A_CALL
    straight = _straight(policy, limit) if limit > 0 else None
    return Work(tuple(one.expression for one in policy.validations), calls, straight)


def _straight(policy: Policy, limit: int) -> Group | None:
    if policy.match_conditions or policy.variables or policy.audit_annotations:
        return None
    programs = [one.expression.program for one in policy.validations]
    functions = [
        one.compiled
        for one in programs
        if one is not None and one.compiled is not None and one.names.isdisjoint(NOT_AT_HAND)
    ]
    return (tuple(functions), limit) if len(functions) == len(policy.validations) else None


def judge(
    plan: ValidatingPlan, param: Json, activation: Activation, deadline: Deadline
) -> Judgement:
    """Evaluate a policy with one parameter; None is an evaluation without."""
    policy = plan.policy
    try:
        if policy.match_conditions:
            budget = Budget(CONDITIONS_BUDGET, deadline)
            bindings = stage_bindings(activation.conditions, param, {}, budget)
            if not conditions_met(policy.match_conditions, bindings, budget):
                return ADMITTED
        failures = _validate(plan, param, activation, deadline)
        if policy.audit_annotations:
            published, errors = _annotate(plan, param, activation, deadline)
            return Judgement(tuple(failures), published, errors)
    except (ExpressionError, OutOfBudgetError) as error:
        failures = _errors(plan, [Failure(0, str(error))])
    return Judgement(tuple(failures)) if failures else ADMITTED


def _validate(
    plan: ValidatingPlan, param: Json, activation: Activation, deadline: Deadline
) -> list[Failure]:
    """Evaluate all validations; raise OutOfBudgetError."""
    budget = Budget(STAGE_BUDGET, deadline)
    bindings: Mapping[str, Any] = activation.full
    if plan.variables or param is not None:
        bindings = stage_bindings(bindings, param, plan.variables, budget)
    results = evaluate_all(plan.work.checks, bindings, budget)
    # Upstream evaluates all messages, also of what passed; that shows only when costs run out.
    everything = plan.work.message_calls * MOST_FOR_A_CALL > budget.remaining
    if not everything and results.count(True) == len(results):
        return []
    bindings = stage_bindings(activation.messages, param, plan.variables, budget)
    try:
        messages = [
            _message(one, bindings, budget) if everything or result is False else None
            for one, result in zip(plan.policy.validations, results, strict=True)
        ]
    except OutOfBudgetError as error:
        return _without_messages(plan, results, f"failed messageExpression: {error}")
    return [
        failure
        for index, result in enumerate(results)
        for failure in _failures(plan, index, result, messages[index])
    ]


def _message(validation: Validation, bindings: Mapping[str, Any], budget: Budget) -> Any:
    """Return what the messageExpression gives, be it an error; None when there is none."""
    if validation.message_expression is None:
        return None
    return evaluate_all((validation.message_expression,), bindings, budget)[0]


def _failures(plan: ValidatingPlan, index: int, result: Any, message: Any) -> list[Failure]:
    """Return the failed decision of one validation, if it is one."""
    if isinstance(result, ExpressionError):
        return _errors(plan, [Failure(index, str(result))])
    if result is True:
        return []
    validation = plan.policy.validations[index]
    text = failure_message(validation, message)
    return [Failure(index, text, validation.reason or DEFAULT_REASON)]


def _without_messages(plan: ValidatingPlan, results: list[Any], text: str) -> list[Failure]:
    """Return the decisions when the messages ran out of budget: all are errors, passed or not."""
    texts = (str(one) if isinstance(one, ExpressionError) else text for one in results)
    return _errors(plan, [Failure(index, one) for index, one in enumerate(texts)])


def _errors(plan: ValidatingPlan, failures: list[Failure]) -> list[Failure]:
    """Return errors where they count: under failurePolicy Ignore they admit."""
    return failures if plan.policy.failure_policy == FAIL else []


def _annotate(
    plan: ValidatingPlan, param: Json, activation: Activation, deadline: Deadline
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Return the (key, value) to publish and the errors; raise OutOfBudgetError."""
    annotations = plan.policy.audit_annotations
    budget = Budget(STAGE_BUDGET, deadline)
    bindings = stage_bindings(activation.messages, param, plan.variables, budget)
    results = evaluate_all([one.value_expression for one in annotations], bindings, budget)
    errors = tuple(str(one) for one in results if isinstance(one, ExpressionError))
    values = (
        (one.key, trimmed(result))
        for one, result in zip(annotations, results, strict=True)
        if isinstance(result, str)
    )
    published = tuple((key, cut(value, MAX_ANNOTATION)) for key, value in values if value)
    return published, errors
