"""Arithmetic of runtime costs: sizes and traversal units as upstream counts them.

Says what a value weighs; who is charged, and when, is written in the library tables.
"""

from __future__ import annotations

from math import ceil
from typing import Any

from webhook.cel.values import Optional

TRAVERSAL = 0.1  # cost of one character or element passed over
PATTERN = 0.25  # cost of one character of a regular expression

LIST_COST = 10
MAP_COST = 30
OBJECT_COST = 40

_SIZED = (str, bytes, list, dict)


def size(value: Any) -> int:
    """Return the size that upstream charges for a value; scalars and errors weigh 1."""
    if isinstance(value, _SIZED):
        return len(value)
    measure = getattr(value, "cel_size", None)
    return 1 if measure is None else int(measure())


def deep_size(value: Any) -> int:
    """Return the size of a value, looking into an optional (costs of the language itself do)."""
    while isinstance(value, Optional) and value.present:
        value = value.content
    return size(value)


def units_of(amount: int) -> int:
    """Return the cost of passing over so many characters or elements."""
    return ceil(amount * TRAVERSAL)


def units(value: Any, factor: int = 1) -> int:
    """Return the cost of passing `factor` times over a value."""
    return ceil(size(value) * factor * TRAVERSAL)


def pattern_units(text: Any, pattern: Any) -> int:
    """Return the cost of searching a text with a regular expression."""
    return ceil((1.0 + size(text)) * TRAVERSAL) * ceil(size(pattern) * PATTERN)


def traversal(value: Any) -> int:
    """Return the cost of visiting a tree of values: leaves 1, text by length in bytes."""
    if isinstance(value, str):
        return int(len(value.encode("utf-8", "surrogatepass")) * TRAVERSAL)
    if isinstance(value, bytes):
        return int(len(value) * TRAVERSAL)
    if isinstance(value, list):
        return sum(map(traversal, value))
    if isinstance(value, dict):
        return sum(traversal(key) + traversal(item) for key, item in value.items())
    return 1
