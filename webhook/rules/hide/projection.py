"""An object without what a role may not write: the tree of the catalogue, read the other way.

Leaves in what a write without it would lose: what is anybody's, only advised against, or not
brought back by the rule.
"""

from __future__ import annotations

from collections.abc import Mapping

from webhook.model import Json
from webhook.objects.equality import MEANINGFUL_WHEN_EMPTY
from webhook.objects.paths import get
from webhook.objects.selectors import glob
from webhook.objects.workloads import roots_at
from webhook.rules.hide.entries import ABSENT, KEEPING, Entry, Treatment
from webhook.rules.hide.notes import INFRA, Place, Spot, Verb, Walk, plain
from webhook.rules.hide.templates import infra_names
from webhook.rules.hide.tree import Node
from webhook.rules.hide.walking import CONTAINER_LISTS, matching

STAYING = KEEPING | {Treatment.CARRY_UNOWNED, Treatment.CAP}
"""Treatments of stored values under which leaving the value out would change it."""


def project(node: Node, value: Json, walk: Walk, place: Place = ()) -> Json:
    """Return the value without hidden places, and note them; the same value without any.

    A list or map that loses its last member is ABSENT, but where its presence means something.
    """
    if node.rows:
        entry = walk.entry_of(node.rows)
        return value if entry is None else _settled(entry, value, walk, place)
    if isinstance(value, dict):
        if node.is_template:
            walk.infra = infra_names(value, walk.prefix)
            walk.roots = roots_at(plain(place))
        return _map(node, value, walk, place)
    if isinstance(value, list) and node.elements:
        return _list(node, value, walk, place)
    return value


def _settled(entry: Entry, value: Json, walk: Walk, place: Place) -> Json:
    is_element = bool(place) and isinstance(place[-1], Spot)
    treatment = walk.treatment_of(entry, 1)
    if treatment in STAYING or value in entry.harmless:
        return value
    is_removable = is_element or walk.spec.lock_omission == "deny"
    if is_removable and treatment is Treatment.DENY_ON_CHANGE:
        return value  # leaving it out would remove it, or be refused
    if entry.spares is not None and isinstance(value, list):
        spared = [one for one in value if entry.spares(one)]
        if len(spared) == len(value):
            return value
        walk.note(Verb.REMOVED, place, entry)
        return spared or ABSENT
    walk.note(Verb.REMOVED, place, entry)
    return ABSENT


def _map(node: Node, value: Mapping[str, Json], walk: Walk, place: Place) -> Json:
    made = dict(value)
    for key, one in value.items():
        child = node.keys.get(key) or next(
            (child for text, child in node.globs if glob(text, key)), None
        )
        if child is None or one is None:
            continue
        inner = project(child, one, walk, (*place, key))
        if inner is ABSENT and key in MEANINGFUL_WHEN_EMPTY and not child.rows:
            made[key] = {}
        elif inner is ABSENT:
            del made[key]
        else:
            made[key] = inner
    if len(made) == len(value) and all(made[key] is one for key, one in value.items()):
        return value
    return made or ABSENT


def _list(node: Node, value: list[Json], walk: Walk, place: Place) -> Json:
    made = []
    for at, element in enumerate(value):
        result = _element(node, element, walk, (*place, Spot(at, element, node.pairing)))
        if result is not ABSENT:
            made.append(result)
    if len(made) == len(value) and all(a is b for a, b in zip(made, value, strict=True)):
        return value
    return made or ABSENT


def _element(node: Node, element: Json, walk: Walk, place: Place) -> Json:
    if place[-2] in CONTAINER_LISTS and get(element, ("name",)) in walk.infra:
        walk.note(Verb.REMOVED, place, INFRA)
        return ABSENT
    result = element
    for child in matching(node, element):
        if result is not ABSENT:
            result = project(child, result, walk, place)
    return result
