"""Template stability (platform-rules 0.7): a write starts no roll-out that its author did not ask for.

When nothing of the developer's own changed in a template, the stored one stays in every detail,
and values of the platform that changed since are only reported as drift.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from webhook.model import Json
from webhook.objects.equality import same
from webhook.objects.paths import get
from webhook.objects.workloads import roots_at
from webhook.rules.hide.couplings import with_couplings
from webhook.rules.hide.entries import ABSENT, Entry, Treatment
from webhook.rules.hide.notes import Note, Place, Verb, Walk, as_map, plain
from webhook.rules.hide.tree import Node
from webhook.rules.unowned import lacks_only_unowned

TreatMap = Callable[[Node, Json, Json, Place, int, Walk], Json]

PINNED = Entry("$pod", "I", Treatment.RESET, Treatment.RESET)
"""Stands in notes for values of the platform in a template."""

INFRA_ANNOTATION = "infra-containers"


def settle_template(
    treat_map: TreatMap, node: Node, new: Json, old: Json, place: Place, column: int, walk: Walk
) -> Json:
    """Return the template after all entries and couplings; the stored one if nobody changed it.

    One that is absent or malformed stays as it is: the API, or the controller, answers (F-24).
    """
    is_update = bool(column) and isinstance(old, dict)
    if not isinstance(new, dict) or not _is_walked(new.get("spec"), is_update=is_update):
        return new
    if not is_update:
        return treated_pod(treat_map, node, (new, ABSENT), place, 0, walk)
    adopt = walk.spec.adopt
    if adopt == "always":
        return treated_pod(treat_map, node, (new, old), place, column, walk)
    if new == old and not node.needs_walk:
        walk.roots = roots_at(plain(place))
        if has_drift(node, old, walk):
            walk.note(Verb.DRIFT, place, PINNED)
        return new
    mark = len(walk.notes)
    drifts = walk.drifts
    result = treated_pod(treat_map, node, (new, old), place, column, walk)
    if walk.drifts == drifts:
        return _kept(new, old) if result is not new and means_same(result, old) else result
    quiet = replace(walk, notes=[], is_suspended=True)
    calm = treated_pod(treat_map, node, (new, old), place, column, quiet)
    is_unchanged = means_same(calm, old) or lacks_only_unowned(calm, old, plain(place), walk.stored)
    if adopt != "never" and not is_unchanged:
        return result
    walk.notes[mark:] = [*quiet.notes, Note(Verb.DRIFT, place, PINNED)]
    return _kept(new, old) if is_unchanged else calm


def _kept(new: Json, old: Json) -> Json:
    """Return the stored template; the incoming one where nothing tells them apart."""
    return new if new == old else old


def _is_walked(spec: Json, *, is_update: bool) -> bool:
    """Tell whether there is a specification, or one of which everything may be hidden."""
    return isinstance(spec, dict) or (spec is None and is_update)


def has_drift(node: Node, value: Json, walk: Walk) -> bool:
    """Tell whether a value of the platform has changed since the template was stored."""
    if node.rows:
        entry = walk.entry_of(node.rows)
        is_pinned = entry is not None and walk.treatment_of(entry, 1) is Treatment.RESET
        return is_pinned and entry is not None and not same(value, entry.value)
    return any(has_drift(node.keys[key], as_map(value).get(key), walk) for key in node.adding)


def means_same(new: Json, old: Json) -> bool:
    """Tell what `same` tells about two templates, without a look into what is identical."""
    if new is old or new == old:
        return True
    if isinstance(new, str) and isinstance(old, str):
        return False
    if isinstance(new, dict) and isinstance(old, dict):
        return all(
            _entry_means_same(key, new.get(key), old.get(key))
            for key in (*new, *(old.keys() - new.keys()))
            if new.get(key) != old.get(key)
        )
    if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        return all(map(means_same, new, old))
    return same(new, old)


def _entry_means_same(key: str, new: Json, old: Json) -> bool:
    if new is None or old is None:
        return new is old or same({key: new}, {key: old})
    return means_same(new, old)


def treated_pod(
    treat_map: TreatMap,
    node: Node,
    sides: tuple[Json, Json],
    place: Place,
    column: int,
    walk: Walk,
) -> Json:
    """Walk one template, or a Pod, with what holds for its Pod; then settle coupled fields."""
    new, old = sides
    outer = walk.on_host, walk.infra, walk.roots
    specs = [get(one, ("spec",)) for one in sides]
    walk.on_host = any(get(one, ("hostNetwork",)) is True for one in specs)
    walk.infra = infra_names(old, walk.prefix)
    walk.roots = roots_at(plain(place))
    result = treat_map(node, new, old, place, column, walk)
    walk.on_host, walk.infra, walk.roots = outer
    if result is new:
        return new
    return with_couplings(new, result, old, is_pod=not place)


def infra_names(stored: Json, prefix: str) -> frozenset[str]:
    """Return the containers that a stored template's annotation gives to the platform."""
    annotations = get(stored, ("metadata", "annotations"))
    text = as_map(annotations).get(f"{prefix}/{INFRA_ANNOTATION}") if annotations else None
    if not isinstance(text, str):
        return frozenset()
    names = text.split(",")
    return frozenset(name.strip() for name in names if name.strip())
