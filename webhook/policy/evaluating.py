"""Evaluation of one expression within a budget, with upstream's error texts (2.7, 3.6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from webhook.cel import Budget, EvaluationError
from webhook.model import Json
from webhook.policy.activation import Variables
from webhook.policy.model import Expression, MatchCondition

CONDITIONS_BUDGET = 2_500_000
STAGE_BUDGET = 10_000_000
MOST_FOR_A_CALL = 1_100_000
"""The limit of one evaluation, which the step that passes it may pass by something."""

OUT_OF_BUDGET = (
    "validation failed due to running out of cost budget, no further validation rules will be run"
)


class ExpressionError(Exception):
    """An expression has no value; `str()` is the text that upstream puts into decisions."""


class OutOfBudgetError(Exception):
    """The budget of a whole stage is used up; `str()` is upstream's text."""

    def __init__(self) -> None:
        super().__init__(OUT_OF_BUDGET)


def evaluate_all(
    expressions: Iterable[Expression], bindings: Mapping[str, Any], budget: Budget
) -> list[Any]:
    """Return the value of each expression, or an ExpressionError where there is none.

    Nothing stops at an error; raises OutOfBudgetError.
    """
    results: list[Any] = []
    for expression in expressions:
        if expression.program is None:
            results.append(ExpressionError(f"compilation error: {expression.error}"))
            continue
        try:
            results.append(expression.program.evaluate(bindings, budget))
        except EvaluationError as error:
            text = f"expression '{expression.text}' resulted in error: {error}"
            results.append(ExpressionError(text))
        if budget.remaining < 0:
            raise OutOfBudgetError
    return results


def stage_bindings(
    base: Mapping[str, Any], params: Json, variables: Mapping[str, Expression], budget: Budget
) -> Mapping[str, Any]:
    """Return the bindings of one stage: the variables start anew in each."""
    if params is not None:
        base = {**base, "params": params}
    if not variables:
        return base
    return {**base, "variables": Variables(variables, base, budget)}


def conditions_met(
    conditions: Sequence[MatchCondition], bindings: Mapping[str, Any], budget: Budget
) -> bool:
    """Tell whether all matchConditions hold; raise ExpressionError when it cannot be told.

    One false condition decides, even if others have errors (kubernetes-cel.md 2.5).
    """
    try:
        results = evaluate_all([one.expression for one in conditions], bindings, budget)
    except OutOfBudgetError as error:
        raise ExpressionError(str(error)) from None
    if any(result is False for result in results):
        return False
    errors = dict.fromkeys(str(one) for one in results if isinstance(one, ExpressionError))
    if not errors:
        return True
    texts = list(errors)
    raise ExpressionError(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")
