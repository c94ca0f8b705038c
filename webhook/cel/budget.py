"""How much evaluations may cost, together and each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

CALL_LIMIT: Final = 1_000_000
"""What one evaluation may cost; more is an ordinary error of that expression."""


class Deadline(Protocol):
    """A point in time after which long evaluations are cut off."""

    def expired(self) -> bool:
        """Tell whether the time is over."""
        ...


@dataclass(slots=True)
class Budget:
    """The cost left for a group of evaluations; below zero it is exhausted.

    `evaluate` deducts what an evaluation cost, also when it failed. Who owns the group looks at
    `remaining` afterwards: a negative number means that the total limit was passed.
    """

    remaining: int
    deadline: Deadline | None = None
