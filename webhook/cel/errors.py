"""The two error families of the engine.

CompileError: the text is not a valid expression; holds every issue found.
EvaluationError: the expression has no value for this input; its text is upstream's.
Anything else that leaves the engine is a bug, or was raised by a bound callable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webhook.cel.source import Issue


class CompileError(Exception):
    """An expression does not compile; `str()` is upstream's full text."""

    def __init__(self, text: str, issues: tuple[Issue, ...] = ()) -> None:
        super().__init__(text)
        self.issues = issues


class EvaluationError(Exception):
    """An expression has no value; `str()` is upstream's runtime text."""


class BudgetError(EvaluationError):
    """The evaluation was cut off: cost limit or deadline. Nothing in CEL absorbs it."""


class PanicError(BudgetError):
    """Upstream's own code fails here, which ends the whole evaluation."""


def no_such_overload() -> EvaluationError:
    """Build upstream's bare error for operands of wrong types."""
    return EvaluationError("no such overload")
