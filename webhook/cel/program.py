"""Compiled expressions: evaluation with cost and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhook.cel.budget import CALL_LIMIT
from webhook.cel.errors import BudgetError, EvaluationError
from webhook.cel.exact.tracker import Frame, Tracker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook.cel.budget import Budget
    from webhook.cel.checker.results import Checked
    from webhook.cel.exact.steps import Step
    from webhook.cel.source import Source
    from webhook.cel.types import Type


class Program:
    """A compiled expression; it never changes and may be shared between threads."""

    __slots__ = ("_checked", "_exact", "_source")

    def __init__(self, source: Source, checked: Checked, exact: Step) -> None:
        self._source = source
        self._checked = checked
        self._exact = exact

    @property
    def result_type(self) -> Type:
        """Return the static type of the value."""
        return self._checked.result_type

    def evaluate(self, bindings: Mapping[str, Any], budget: Budget) -> Any:
        """Return the value; raise EvaluationError. The cost is deducted from the budget."""
        return self._evaluate_exactly(bindings, budget)

    def _evaluate_exactly(self, bindings: Mapping[str, Any], budget: Budget) -> Any:
        deadline = None if budget.deadline is None else budget.deadline.expired
        tracker = Tracker(CALL_LIMIT, deadline)
        try:
            value = self._exact.run(Frame(tracker, bindings))
        except RecursionError:
            raise BudgetError("expression is nested too deeply to evaluate") from None
        finally:
            budget.remaining -= tracker.cost
        if isinstance(value, EvaluationError):
            raise value
        return value
