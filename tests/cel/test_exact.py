"""The compiled functions against the exact evaluator: same values, same costs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from webhook.cel import Budget, CompileError, EvaluationError, Program

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from conformance_vectors import Judge, read_lines  # type: ignore[import-not-found]  # noqa: E402 - a script
from vector_authorizer import make_authorizer  # type: ignore[import-not-found]  # noqa: E402 - beside it
from vector_notation import write_value  # type: ignore[import-not-found]  # noqa: E402 - beside it

DATA = ROOT / "tests/data/vectors"
LIMIT = 10**12


def outcome(program: Program, way: str, bindings: dict[str, Any]) -> tuple[str, int]:
    budget = Budget(LIMIT)
    try:
        text = write_value(getattr(program, way)(bindings, budget))
    except EvaluationError as error:
        text = f"error: {error}"
    return text, LIMIT - budget.remaining


@pytest.mark.parametrize("name", ["library", "random", "composed", "edges"])
def test_both_ways_agree(name: str) -> None:
    judge = Judge(json.loads((DATA / "object.json").read_text()), make_authorizer())
    differing = []
    for line in read_lines(DATA / f"{name}.jsonl.gz"):
        try:
            program = judge.environment(line).compile(line["expr"])
        except CompileError:
            continue
        ways = [
            outcome(program, way, judge.bindings(line)) for way in ("evaluate", "evaluate_exactly")
        ]
        if ways[0] != ways[1]:
            differing.append((line["expr"], *ways))
    assert differing == []
