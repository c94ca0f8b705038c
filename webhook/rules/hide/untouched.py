"""Whether a write leaves every hidden place as it is stored: what most writes do.

A short cut past `walking.py`, which would then find nothing to do and nothing to note. Where in
doubt the answer is no, and the walk decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from webhook.model import Json
from webhook.objects.equality import same
from webhook.rules.hide.entries import Treatment
from webhook.rules.hide.notes import Walk
from webhook.rules.hide.pairing import are_in_order
from webhook.rules.hide.templates import infra_names
from webhook.rules.hide.tree import Node
from webhook.rules.hide.walking import STORED, by_glob, matching

_LEAVING = frozenset((Treatment.ALLOW, Treatment.IGNORE))


def is_untouched(node: Node, new: Json, old: Json, walk: Walk) -> bool:
    """Tell whether nothing is to be done at a place that the new object has, or below it."""
    if node.rows:
        return _is_as_wanted(node, new, old, walk)
    if isinstance(new, dict) and isinstance(old, dict):
        return not node.elements and _is_map_untouched(node, new, old, walk)
    if isinstance(new, list) and isinstance(old, list):
        return bool(node.elements) and _is_list_untouched(node, new, old, walk)
    return False


def _is_as_wanted(node: Node, new: Json, old: Json, walk: Walk) -> bool:
    """Tell whether the place is anybody's, or had and has the platform's value."""
    entry = walk.entry_of(node.rows)
    if entry is None:
        return True
    treatment = walk.treatment_of(entry, STORED)
    if treatment is not Treatment.RESET:
        return treatment in _LEAVING
    if entry.value is None or new in ({}, []):
        return False
    return same(new, entry.value) and (new == old or same(old, entry.value))


def _is_map_untouched(
    node: Node, new: Mapping[str, Json], old: Mapping[str, Json], walk: Walk
) -> bool:
    if not _has_all(node, new, old) or (node.is_template and infra_names(old, walk.prefix)):
        return False
    keys, globs, is_eager = node.keys, node.globs, node.is_eager
    for key, value in new.items():
        child = keys.get(key)
        if child is None and not globs:
            continue
        stored = old.get(key)
        is_stored = value == stored and value is not None
        if is_stored and not (is_eager if child is None else child.is_eager):
            continue
        child = child or by_glob(node, key)
        if child is None or (is_stored and not child.is_eager):
            continue
        if not is_untouched(child, value, stored, walk):
            return False
    return True


def _has_all(node: Node, new: Mapping[str, Json], old: Mapping[str, Json]) -> bool:
    """Tell whether nothing hidden was left out that is stored or that the platform adds."""
    for key in node.adding:
        if key not in new:
            return False
    if old.keys() <= new.keys():
        return True
    gone = old.keys() - new.keys()
    return not any(node.keys.get(key) or by_glob(node, key) for key in gone)


def _is_list_untouched(node: Node, new: Sequence[Json], old: Sequence[Json], walk: Walk) -> bool:
    if len(new) != len(old) or walk.skipped:
        return False
    for one, other in zip(new, old, strict=True):
        if one == other and not node.is_eager:
            continue
        if not are_in_order((one,), (other,), node.pairing.fields):
            return False
        for child in matching(node, one):
            if child.rows or not is_untouched(child, one, other, walk):
                return False
    return True
