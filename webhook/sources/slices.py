"""Drives work in steps on the serving loop: a slice at a time, and only while nothing waits.

A thread beside the loop would be worse: each request would wait for it several times.
"""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TypeVar

from webhook.steps import Steps

T = TypeVar("T")

SLICE_SECONDS = 0.0001
"""A slice ends after so long; a step beyond it takes 0.3 ms (design.md 6: at most 1 ms)."""

IDLE_SECONDS = 0.00001
"""A turn of the loop that takes longer did something: more may have come meanwhile."""

PATIENCE_SECONDS = 0.001
"""So long a slice waits for an idle turn; then it is its turn, however much there is to do."""

SHARE = 0.5
"""A slice that had to wait takes this part of its wait: the work ends even when the load does not."""


async def in_slices(steps: Steps[T]) -> T:
    """Do all steps and return their result."""
    seconds = SLICE_SECONDS
    while True:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            try:
                next(steps)
            except StopIteration as done:
                result: T = done.value
                await idle()
                return result
        gc.collect(0)  # a little each time, or it would be ten milliseconds now and then
        seconds = max(SLICE_SECONDS, SHARE * await idle())


async def idle() -> float:
    """Return when a turn of the loop had nothing to do, or after a while: after so many seconds.

    One turn is not enough: what it received is only dealt with in the next one.
    """
    start = turn = time.perf_counter()
    while True:
        await asyncio.sleep(0)
        now = time.perf_counter()
        waited = now - start
        if now - turn < IDLE_SECONDS or waited > PATIENCE_SECONDS:
            return min(waited, PATIENCE_SECONDS)
        turn = now
