"""The page of all functions in docs/ is the one that the tables give."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))

from function_docs import page  # type: ignore[import-not-found]

PAGE = Path(__file__).parents[3] / "docs/cel/functions.md"


def test_page_shows_the_tables() -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew with UPDATE_GOLDEN=1"
