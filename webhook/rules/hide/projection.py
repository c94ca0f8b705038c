"""An object without what a role may not write: the tree of the catalogue, read the other way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from webhook.model import Json
from webhook.objects.equality import MEANINGFUL_WHEN_EMPTY
from webhook.objects.selectors import glob
from webhook.rules.hide.entries import ABSENT, KEEPING, Entry, Treatment
from webhook.rules.hide.notes import Walk
from webhook.rules.hide.tree import Node
from webhook.rules.hide.walking import meets

STAYING = KEEPING | {Treatment.CARRY_UNOWNED, Treatment.CAP}
"""Treatments that leave a developer's value, so that leaving it out would lose it."""


def project(node: Node, value: Json, walk: Walk) -> Json:
    """Return the value without hidden places; the same value when there are none.

    A list or map that loses its last member is ABSENT, but where its presence means something.
    """
    if node.rows:
        entry = walk.entry_of(node.rows)
        return value if entry is None else _settled(entry, value, walk)
    if isinstance(value, dict):
        return _map(node, value, walk)
    if isinstance(value, list) and node.elements:
        return _list(node, value, walk)
    return value


def _settled(entry: Entry, value: Json, walk: Walk) -> Json:
    """Return the value if a write without it would lose it: not what the rule brings back."""
    if walk.treatment_of(entry, 1) in STAYING or value in entry.harmless:
        return value
    if entry.spares is not None and isinstance(value, list):
        spared = [one for one in value if entry.spares(one)]
        return value if len(spared) == len(value) else spared or ABSENT
    return ABSENT


def _map(node: Node, value: Mapping[str, Json], walk: Walk) -> Json:
    made = dict(value)
    for key, one in value.items():
        child = node.keys.get(key) or next(
            (child for text, child in node.globs if glob(text, key)), None
        )
        if child is not None and one is not None:
            inner = project(child, one, walk)
            if inner is ABSENT and not (key in MEANINGFUL_WHEN_EMPTY and isinstance(one, dict)):
                del made[key]
            elif inner is ABSENT:
                made[key] = {}
            elif inner is not one:
                made[key] = inner
    if all(made.get(key, ABSENT) is one for key, one in value.items()):
        return value
    return made or ABSENT


def _list(node: Node, value: Sequence[Json], walk: Walk) -> Json:
    made = []
    for element in value:
        result = _element(node, element, walk)
        if result is not ABSENT:
            made.append(result)
    if len(made) == len(value) and all(a is b for a, b in zip(made, value, strict=True)):
        return value
    return made or ABSENT


def _element(node: Node, element: Json, walk: Walk) -> Json:
    result = element
    for conditions, child in node.elements:
        if result is not ABSENT and meets(element, conditions):
            result = project(child, result, walk)
    return result
