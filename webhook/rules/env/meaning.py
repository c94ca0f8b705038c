"""When two entries of `env` mean the same, and how a list-valued variable is joined.

Knows single entries only, nothing of rules or containers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webhook.model import Json

_UNIT_DIVISORS = ("0", "1")


def same_meaning(one: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    """Tell whether two entries give the variable the same value.

    `fieldRef.apiVersion`, a divisor of 0 or 1, and `optional: false` make no difference.
    """
    return bool(_meaning(one) == _meaning(other))


def _meaning(entry: Mapping[str, Json]) -> tuple[Any, Any]:
    value_from = entry.get("valueFrom")
    if not isinstance(value_from, dict):
        return entry.get("value") or "", value_from or {}
    sources = {key: _source(key, ref) for key, ref in value_from.items() if ref is not None}
    return entry.get("value") or "", sources


def _source(key: str, reference: Json) -> Json:
    if not isinstance(reference, dict):
        return reference
    without = {"fieldRef": "apiVersion"}.get(key)
    kept = {k: v for k, v in reference.items() if v is not None and k != without}
    if str(kept.get("divisor", "")) in _UNIT_DIVISORS:
        del kept["divisor"]
    if kept.get("optional") is False:
        del kept["optional"]
    return kept


def same_source(one: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    """Tell whether two elements of `envFrom` bring the same names from the same place."""
    return _origin(one) == _origin(other)


def _origin(element: Mapping[str, Json]) -> tuple[Any, ...]:
    names = (
        reference.get("name") if isinstance(reference, dict) else None
        for reference in (element.get("configMapRef"), element.get("secretRef"))
    )
    return (element.get("prefix") or "", *names)


def contains_tokens(text: str, tokens: str, separator: str) -> bool:
    """Tell whether the tokens stand in the list, one after another."""
    have, want = _tokens(text, separator), _tokens(tokens, separator)
    return any(have[at : at + len(want)] == want for at in range(len(have) - len(want) + 1))


def _tokens(text: str, separator: str) -> list[str]:
    return [token for token in (part.strip() for part in text.split(separator)) if token]


def joined(text: str, tokens: str, separator: str) -> str:
    """Return the list with the tokens behind its own."""
    return f"{text}{separator}{tokens}" if text else tokens
