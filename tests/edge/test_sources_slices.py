"""Work in slices: everything else on the loop goes on meanwhile, and the work ends all the same."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.edge.fake_api import task_running
from webhook.sources import slices
from webhook.sources.slices import in_slices
from webhook.steps import Steps

STEPS = 10


def compute(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def work(turns: list[int]) -> Steps[list[int]]:
    """Return how often the other task had run at each step; a step takes a whole slice."""
    seen = []
    for _ in range(STEPS):
        seen.append(len(turns))
        compute(slices.SLICE_SECONDS)
        yield
    return seen


async def tick(turns: list[int], seconds: float) -> None:
    while True:
        turns.append(1)
        compute(seconds)
        await asyncio.sleep(0)


async def test_others_run_after_each_slice() -> None:
    turns: list[int] = []
    async with task_running(tick(turns, 0)):
        seen = await in_slices(work(turns))
    assert len(set(seen)) > 1


async def test_a_slice_waits_while_there_is_something_to_do() -> None:
    turns: list[int] = []
    async with task_running(tick(turns, 2 * slices.IDLE_SECONDS)):
        seen = await in_slices(work(turns))
    assert seen[-1] - seen[0] > 2 * STEPS


async def test_many_steps_share_a_slice() -> None:
    def short() -> Steps[list[int]]:
        seen = []
        for _ in range(100):
            seen.append(len(turns))
            yield
        return seen

    turns: list[int] = []
    async with task_running(tick(turns, 0)):
        seen = await in_slices(short())
    assert len(set(seen)) < len(seen)


async def test_an_error_of_the_work_is_told() -> None:
    def broken() -> Steps[None]:
        yield
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await in_slices(broken())
