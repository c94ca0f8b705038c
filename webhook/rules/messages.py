"""What a rule says to people: few and short warnings, a compact audit annotation (platform-rules 0.10).

Never given a value of env or of a Secret; the callers pass names, paths and treatments only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from webhook.model import Json

MAX_WARNING_LENGTH = 120
MAX_WARNINGS = 10


def shorten(text: str, length: int = MAX_WARNING_LENGTH) -> str:
    """Return the text, its middle replaced by dots when it is longer than allowed."""
    if len(text) <= length:
        return text
    tail = (length - 3) // 3
    return f"{text[: length - 3 - tail]}...{text[-tail:]}"


def limited(rule: str, warnings: Iterable[str]) -> tuple[str, ...]:
    """Return at most ten short warnings, and then how many there are besides."""
    texts = [shorten(text) for text in dict.fromkeys(warnings)]
    if len(texts) <= MAX_WARNINGS:
        return tuple(texts)
    left = len(texts) - MAX_WARNINGS
    return (*texts[:MAX_WARNINGS], f"{rule}: and {left} more; see the audit annotation")


def audit_text(entries: Sequence[Json]) -> str:
    """Return the compact JSON for an audit annotation."""
    return orjson.dumps(entries).decode()
