"""Admission cases of public suites, put as AdmissionReviews; the data lies beside the checkout."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORPUS = ROOT.parent / "shared" / "corpus" / "policies-dev.jsonl"


@pytest.mark.skipif(not CORPUS.exists(), reason="no folder shared/corpus beside the checkout")
def test_corpus_agrees() -> None:
    """Verdicts, messages and warnings, and whole messages against a real API server's."""
    done = subprocess.run(
        [ROOT / "scripts" / "conformance", "--corpus", CORPUS],
        capture_output=True,
        text=True,
        check=False,
    )
    *lines, last = done.stdout.splitlines()
    score = json.loads(last)
    agreed, judged = score["validating"]
    assert judged > 0, done.stderr
    assert agreed == judged, "\n".join(lines)
    assert not [line for line in lines if line.endswith("(native)")]
