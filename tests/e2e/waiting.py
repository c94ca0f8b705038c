"""Wait for a condition until a deadline; the only way in which these tests let time pass."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_PAUSE = threading.Event()
"""Never set: between two looks the thread waits on it for a moment."""


class NeverHappenedError(AssertionError):
    """A condition did not come true in time."""


def eventually(
    look: Callable[[], T | None], *, what: str, within: float = 15.0, every: float = 0.05
) -> T:
    """Call `look` until it returns something true, and return that.

    `look` may raise AssertionError or OSError for "not yet"; the last one is told when the
    `within` seconds are over.
    """
    end = time.monotonic() + within
    while True:
        try:
            seen: object = look()
        except (AssertionError, OSError) as error:
            seen = error
        else:
            if seen:
                return seen  # type: ignore[return-value]  # the same value, seen as an object
        if time.monotonic() > end:
            raise NeverHappenedError(f"not within {within:g} s: {what}; last seen: {seen}")
        _PAUSE.wait(every)
