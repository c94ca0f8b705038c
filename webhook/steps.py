"""Long work in steps, so that a serving loop can go on between them.

A step takes half a millisecond at most, unless one text is very long. Nothing waits here: whoever
drives the steps decides when to pause, and for how long.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Steps: TypeAlias = Generator[None, None, T]
"""Work that pauses now and then, and returns its result at the end."""


def finish(steps: Steps[T]) -> T:
    """Do all steps at once and return the result."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            result: T = done.value
            return result
