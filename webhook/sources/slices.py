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

SLICE_SECONDS = 0.00015
"""A slice ends after so long; a step beyond it takes half a millisecond (design.md 6: 1 ms)."""

IDLE_SECONDS = 0.00001
"""A turn of the loop that takes longer did something: more may have come meanwhile."""

PATIENCE_SECONDS = 0.002
"""So long a slice waits for an idle turn; then it is its turn, however much there is to do."""


async def in_slices(steps: Steps[T]) -> T:
    """Do all steps and return their result."""
    while True:
        end = time.perf_counter() + SLICE_SECONDS
        while time.perf_counter() < end:
            try:
                next(steps)
            except StopIteration as done:
                result: T = done.value
                await idle()
                return result
        gc.collect(0)  # a little each time, or it would be ten milliseconds now and then
        await idle()


async def idle() -> None:
    """Return when a turn of the loop had nothing to do, or after a while.

    One turn is not enough: what it received is only dealt with in the next one.
    """
    last_start = time.perf_counter() + PATIENCE_SECONDS
    start = 0.0
    while start < last_start:
        start = time.perf_counter()
        await asyncio.sleep(0)
        if time.perf_counter() - start < IDLE_SECONDS:
            return
