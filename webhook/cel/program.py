"""Compiled expressions: evaluation with cost and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from webhook.cel.budget import CALL_LIMIT
from webhook.cel.compiler.support import GiveUp, OverLimitError
from webhook.cel.errors import BudgetError, EvaluationError
from webhook.cel.exact.tracker import COST_LIMIT_TEXT, Frame, Tracker
from webhook.cel.explain import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from webhook.cel.budget import Budget, Deadline
    from webhook.cel.checker.results import Checked
    from webhook.cel.compiler.compiler import Compiled
    from webhook.cel.exact.steps import Step
    from webhook.cel.explain import Explanation
    from webhook.cel.source import Source
    from webhook.cel.types import Type

Group: TypeAlias = "tuple[tuple[Compiled, ...], int]"
"""Compiled functions that are paid from one budget, and that budget."""

# What the compiled function may stumble over: then the exact evaluator takes over.
_STUMBLES = (
    GiveUp,
    EvaluationError,
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,
    RecursionError,
)


class Program:
    """A compiled expression; it never changes and may be shared between threads."""

    __slots__ = ("_checked", "_exact", "_source", "compiled")

    def __init__(
        self, source: Source, checked: Checked, exact: Step, compiled: Compiled | None
    ) -> None:
        self._source = source
        self._checked = checked
        self._exact = exact
        self.compiled = compiled
        """The function for the way without errors; None where only the exact way is taken."""

    @property
    def result_type(self) -> Type:
        """Return the static type of the value."""
        return self._checked.result_type

    @property
    def names(self) -> frozenset[str]:
        """Return the full names of the variables and types that the expression names."""
        return frozenset(name.removeprefix(".") for name in self._checked.names.values())

    def evaluate(self, bindings: Mapping[str, Any], budget: Budget) -> Any:
        """Return the value; raise EvaluationError. The cost is deducted from the budget."""
        compiled = self.compiled
        if compiled is None:
            return self.evaluate_exactly(bindings, budget)
        deadline = budget.deadline
        try:
            value, cost = compiled(
                bindings, CALL_LIMIT, None if deadline is None else deadline.expired
            )
        except OverLimitError as error:
            budget.remaining -= CALL_LIMIT + 1
            raise BudgetError(str(error) or COST_LIMIT_TEXT) from None
        except _STUMBLES:
            return self.evaluate_exactly(bindings, budget)
        if cost > CALL_LIMIT:
            return self.evaluate_exactly(bindings, budget)
        budget.remaining -= cost
        return value

    def explain(self, bindings: Mapping[str, Any]) -> Explanation:
        """Evaluate step by step and tell what every part of the text evaluated to."""
        return explain(self._source, self._checked.tree, self._exact, bindings)

    def evaluate_exactly(self, bindings: Mapping[str, Any], budget: Budget) -> Any:
        """Evaluate step by step as upstream does, with errors as values."""
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


def all_true(
    groups: Iterable[Group], bindings: Mapping[str, Any], deadline: Deadline | None
) -> bool:
    """Tell whether every function of every group gives true, each group within its limit of cost.

    False too when only `Program.evaluate` can tell: then ask that. This is the way of nearly
    every request, so it does nothing else.
    """
    expired = None if deadline is None else deadline.expired
    try:
        return _all_true(groups, bindings, expired)
    except (OverLimitError, *_STUMBLES):
        return False


def _all_true(
    groups: Iterable[Group], bindings: Mapping[str, Any], expired: Callable[[], bool] | None
) -> bool:
    for functions, limit in groups:
        left = limit
        for function in functions:
            value, cost = function(bindings, CALL_LIMIT, expired)
            if value is not True or cost > CALL_LIMIT:
                return False
            left -= cost
        if left < 0:
            return False
    return True
