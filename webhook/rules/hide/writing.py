"""A value without, or with another value at, one place; everything else is shared."""

from __future__ import annotations

from webhook.model import Json
from webhook.objects.paths import Path, get


def with_value(value: Json, path: Path, new: Json) -> Json:
    """Return the value with something else at an existing path."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = with_value(value[path[0]], path[1:], new)
    return copy


def without(value: Json, path: Path) -> Json:
    """Return the value without that key, and without the maps above that it leaves empty."""
    above = get(value, path[:-1])
    if not isinstance(above, dict) or path[-1] not in above:
        return value
    rest = {key: one for key, one in above.items() if key != path[-1]}
    if not rest and len(path) > 1 and isinstance(path[-2], str):
        return without(value, path[:-1])
    return with_value(value, path[:-1], rest)
