"""Sameness as the API means it, fast where most is equal: what is equal as it stands is not walked.

`objects.equality.same` decides; true and 1 count as equal here, which no field of a template is.
"""

from __future__ import annotations

from collections.abc import Collection

from webhook.model import Json
from webhook.objects.equality import same

_CONTAINERS = (dict, list)


def alike(a: Json, b: Json) -> bool:
    """Tell whether both mean the same to the Kubernetes API."""
    if a == b:
        return True
    if isinstance(a, dict) and isinstance(b, dict) and a and b:
        for key in a if len(a) >= len(b) and a.keys() >= b.keys() else a.keys() | b.keys():
            if not _alike_at(key, a.get(key), b.get(key)):
                return False
        return True
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(alike, a, b))
    return same(a, b)


def _alike_at(key: str, a: Json, b: Json) -> bool:
    if a == b:
        return True
    if isinstance(a, str) and isinstance(b, str):
        return False
    if a and b and isinstance(a, _CONTAINERS):
        return alike(a, b)
    return same({key: a}, {key: b})  # emptiness has meaning under some keys


def holds(elements: Collection[Json], element: Json) -> bool:
    """Tell whether one of the elements means the same."""
    return element in elements or any(alike(one, element) for one in elements)
