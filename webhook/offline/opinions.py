"""What an independent implementation of CEL makes of the same expressions with the same values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webhook.cel import EvaluationError, Program
from webhook.cel.runtime.texts import show
from webhook.cel.second_opinion import second_opinion
from webhook.offline.observing import Place


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two results of one evaluation."""

    place: Place
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Opinions:
    """How many evaluations agree, how many cannot be compared, and the disagreements."""

    agreed: int
    untold: Mapping[str, int]
    disagreements: tuple[Disagreement, ...]


class Opponent:
    """An observer that asks for a second opinion on every evaluation."""

    def __init__(self) -> None:
        self._agreed = 0
        self._untold: dict[str, int] = {}
        self._disagreements: dict[Disagreement, None] = {}

    def __call__(
        self, place: Place, _program: Program, bindings: Mapping[str, Any], outcome: Any
    ) -> None:
        """Compare one evaluation."""
        opinion = second_opinion(place.text, bindings, outcome)
        if opinion.agrees is None:
            why = opinion.text.partition(":")[0]
            self._untold[why] = self._untold.get(why, 0) + 1
        elif opinion.agrees:
            self._agreed += 1
        else:
            ours = f"an error: {outcome}" if isinstance(outcome, EvaluationError) else show(outcome)
            self._disagreements[Disagreement(place, ours, opinion.text)] = None

    def opinions(self) -> Opinions:
        """Return what was found so far."""
        return Opinions(self._agreed, self._untold, tuple(self._disagreements))
