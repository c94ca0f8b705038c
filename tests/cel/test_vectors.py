"""The engine against recorded answers of upstream's own engine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from conformance_vectors import judge_file  # type: ignore[import-not-found]  # noqa: E402 - a script

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMITTED = ROOT / "tests/data/vectors"
SHARED = ROOT.parent / "shared/vectors/core.jsonl"


def shares(summary: dict[str, Any], kinds: Sequence[str]) -> dict[str, float]:
    return {kind: summary[kind][0] / max(summary[kind][1], 1) for kind in kinds}


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(COMMITTED / "library.jsonl.gz", id="library"),
        pytest.param(COMMITTED / "random.jsonl.gz", id="random"),
        pytest.param(COMMITTED / "composed.jsonl.gz", id="composed"),
        pytest.param(COMMITTED / "edges.jsonl.gz", id="edges"),
        pytest.param(SHARED, id="core"),
    ],
)
def test_vectors_agree(path: Path) -> None:
    if not path.exists():
        pytest.skip("vectors of cel-spec's expressions are not on this machine")
    score = judge_file(path)
    found = shares(score.summary(), ("verdict", "value", "static", "error", "cost"))
    # Of syntax errors the first is told, in the grammar tool's words where they are not too odd.
    goals = {"verdict": 1.0, "value": 1.0, "static": 1.0, "error": 0.96, "cost": 1.0}
    missed = {kind: share for kind, share in found.items() if share < goals[kind]}
    assert not missed, "\n".join(score.disagreements)
