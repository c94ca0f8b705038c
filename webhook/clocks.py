"""The two clocks of the serving path, and the deadline that is made of one; no I/O, no waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """The two clocks: seconds since the epoch, and seconds that never jump."""

    epoch: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


REAL = Clock()
"""Those of the machine."""


class MonotonicDeadline:
    """The time by which an answer is worth sending."""

    __slots__ = ("_at", "_now")

    def __init__(self, at: float, now: Callable[[], float]) -> None:
        self._at = at
        self._now = now

    def expired(self) -> bool:
        """Tell whether the time is used up."""
        return self._now() >= self._at

    def remaining(self) -> float:
        """Return the seconds that are left; 0 when there are none."""
        return max(0.0, self._at - self._now())
