"""Counts cost the way upstream does, with its stack of observed values.

Upstream finds the arguments of a call on that stack, by node id, and charges nothing when one is
not there (because it was not evaluated); that decides the cost of everything with errors in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhook.cel.errors import BudgetError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COST_LIMIT_TEXT = "operation cancelled: actual cost limit exceeded"
INTERRUPT_TEXT = "operation interrupted"
UNLIMITED = 2**63
CHECK_EVERY = 100  # rounds of comprehensions between two looks at the deadline


class Tracker:
    """The cost and the observed values of one evaluation."""

    __slots__ = ("cost", "deadline", "limit", "observer", "places", "rounds", "stack")

    def __init__(
        self,
        limit: int,
        deadline: Callable[[], bool] | None = None,
        observer: Callable[[int, Any], None] | None = None,
    ) -> None:
        self.cost = 0
        self.limit = limit
        self.rounds = 0
        self.deadline = deadline
        self.observer = observer
        self.stack: list[tuple[int, Any]] = []
        self.places: dict[int, list[int]] = {}  # where the values of a node are on the stack

    def push(self, identifier: int, value: Any) -> None:
        """Record a value; the limit is looked at here."""
        place = self.places.get(identifier)
        if place is None:
            self.places[identifier] = place = []
        place.append(len(self.stack))
        self.stack.append((identifier, value))
        if self.observer is not None:
            self.observer(identifier, value)
        if self.cost > self.limit:
            raise BudgetError(COST_LIMIT_TEXT)

    def _cut(self, place: int) -> None:
        """Remove a value with all above it."""
        stack, places = self.stack, self.places
        while len(stack) > place:
            places[stack.pop()[0]].pop()

    def drop(self, *identifiers: int) -> None:
        """Remove the last value of each node with all above it."""
        for identifier in identifiers:
            place = self.places.get(identifier)
            if place:
                self._cut(place[-1])

    def take(self, identifiers: Sequence[int]) -> list[Any] | None:
        """Remove the arguments of a call and return them, None if one is missing."""
        values: list[Any] = []
        for identifier in reversed(identifiers):
            place = self.places.get(identifier)
            if not place:
                return None
            values.append(self.stack[place[-1]][1])
            self._cut(place[-1])
        values.reverse()
        return values

    def round(self) -> None:
        """Count one round of a comprehension; now and then look at the deadline."""
        self.rounds += 1
        if self.rounds % CHECK_EVERY == 0 and self.deadline is not None and self.deadline():
            raise BudgetError(INTERRUPT_TEXT)


class Frame:
    """The names that are visible: the bindings, or one comprehension's variables over a parent."""

    __slots__ = ("names", "parent", "tracker")

    def __init__(self, tracker: Tracker, names: Any, parent: Frame | None = None) -> None:
        self.tracker = tracker
        self.names = names
        self.parent = parent

    def untracked_root(self) -> Frame:
        """Return a frame of the bindings alone that charges nothing."""
        frame = self
        while frame.parent is not None:
            frame = frame.parent
        return Frame(Tracker(UNLIMITED), frame.names)
