"""Differences of two objects as YAML in which an element of a list is one line where it fits."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from typing import Any

import yaml

WIDTH = 100


def diff(before: Any, after: Any) -> list[str]:
    """Return what was taken out (-) and put in (+), with a line around; `...` where lines miss."""
    old, new = (list(_lines(one, "")) for one in (before, after))
    _, _, _, *found = unified_diff(old, new, lineterm="", n=1)
    return ["  ..." if line.startswith("@@") else line for line in found]


def _lines(value: Any, indent: str) -> Iterator[str]:
    for key, inner in value.items():
        name = f"{indent}{one_line(key)}:"
        if not _is_nested(inner):
            yield f"{name} {one_line(inner)}"
        elif isinstance(inner, dict):
            yield name
            yield from _lines(inner, f"{indent}  ")
        else:
            yield name
            for element in inner:
                yield from _element(element, f"{indent}  ")


def _element(element: Any, indent: str) -> Iterator[str]:
    line = f"{indent}- {one_line(element)}"
    if len(line) <= WIDTH or not isinstance(element, dict):
        yield line
        return
    first, *rest = _lines(element, f"{indent}  ")
    yield f"{indent}- {first.lstrip()}"
    yield from rest


def _is_nested(value: Any) -> bool:
    """Tell whether it holds something that holds something; that needs more than one line."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(isinstance(one, dict | list) for one in inner)


def one_line(value: Any) -> str:
    """Return a value as YAML on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6)
    return text.removesuffix("...\n").strip()
