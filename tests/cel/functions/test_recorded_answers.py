"""All function libraries against recorded answers of upstream's own engine.

The expressions were made at random, function by function, with the odd texts that the ports of
Go's parsers have to get right.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "scripts"))

from conformance_vectors import judge_file  # type: ignore[import-not-found]  # noqa: E402 - a script


def test_recorded_answers_agree() -> None:
    score = judge_file(ROOT / "tests/data/vectors/functions.jsonl.gz")
    assert score.summary()["lines"] > 3000
    assert not score.disagreements, "\n".join(score.disagreements)
