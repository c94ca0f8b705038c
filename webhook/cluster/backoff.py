"""Growing pauses with jitter between attempts, so that many replicas do not come back at once."""

from __future__ import annotations

import random


class Backoff:
    """Seconds to wait before the next attempt: doubling from `first` up to `longest`, ± 50 %."""

    def __init__(self, first: float = 0.1, longest: float = 10.0) -> None:
        self._first = first
        self._longest = longest
        self._pause = first

    def reset(self) -> None:
        """Begin with the short pause again: the last attempt worked."""
        self._pause = self._first

    def next(self) -> float:
        """Return the next pause."""
        pause, self._pause = self._pause, min(self._pause * 2, self._longest)
        return pause * random.uniform(0.5, 1.5)  # noqa: S311  # jitter, not a secret


def jittered(seconds: float) -> float:
    """Return a period that differs by up to 10 % from the given one."""
    return seconds * random.uniform(0.9, 1.1)  # noqa: S311  # jitter, not a secret
