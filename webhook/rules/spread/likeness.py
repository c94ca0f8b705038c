"""Sameness as the API means it, fast where most is equal: what is equal as it stands is not walked.

`objects.equality.same` decides; true and 1 count as equal here, which no field of a template is.
"""

from __future__ import annotations

from collections.abc import Collection

from webhook.model import Json
from webhook.objects.equality import same


def alike(a: Json, b: Json) -> bool:
    """Tell whether both mean the same to the Kubernetes API."""
    if a == b:
        return True
    if isinstance(a, dict) and isinstance(b, dict) and a and b:
        return all(_alike_at(key, a.get(key), b.get(key)) for key in a.keys() | b.keys())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(alike, a, b))
    return same(a, b)


def _alike_at(key: str, a: Json, b: Json) -> bool:
    if a == b:
        return True
    if a and b and isinstance(a, dict | list):
        return alike(a, b)
    return same({key: a}, {key: b})  # emptiness has meaning under some keys


def holds(elements: Collection[Json], element: Json) -> bool:
    """Tell whether one of the elements means the same."""
    return element in elements or any(alike(one, element) for one in elements)
