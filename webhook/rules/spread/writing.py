"""New values into an object without touching it: only what lies on the way is copied.

Everything else is shared with the received object, so that the diff skips it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from webhook.model import Json
from webhook.objects.paths import Path, get
from webhook.rules.spread.existing import LISTS
from webhook.rules.spread.likeness import alike, holds
from webhook.rules.spread.planning import Plan

Elements = Mapping[Path, Sequence[Json]]
"""Elements of lists, by the path of their list in the Pod spec."""


def with_value(value: Json, path: Path, new: Json) -> Json:
    """Return the value with something else at the path; missing maps are made, None takes away."""
    step, rest = path[0], path[1:]
    if isinstance(value, list) and isinstance(step, int):
        changed = list(value)
        changed[step] = with_value(value[step], rest, new) if rest else new
        return changed
    before = value or {}
    if rest:
        return {**before, step: with_value(before.get(step), rest, new)}
    if new is None:
        return {key: one for key, one in before.items() if key != step}
    return {**before, step: new}


def without(spec: Json, elements: Elements) -> Json:
    """Return the Pod spec without these elements; the same one when it has none of them."""
    for path, dropped in elements.items():
        before = (get(spec, path) or []) if dropped else []
        kept = [one for one in before if not holds(dropped, one)]
        if len(kept) < len(before):
            spec = with_value(spec, path, kept or None)
    return spec


def planned(base: Json, incoming: Json, made: Plan) -> Json:
    """Return the Pod spec with what the plan adds to `base`.

    A list that then holds what the incoming one holds stays as it came.
    """
    spec = base
    for path, skew in made.tightened:
        spec = with_value(spec, (*path, "maxSkew"), skew)
    for path in dict.fromkeys(missing.path for missing in made.missing):
        before = get(spec, path) or []
        added = [missing.element for missing in made.missing if missing.path == path]
        spec = with_value(spec, path, [*before, *added])
    is_same = spec is incoming or all(_has_the_same(spec, incoming, path) for path in LISTS)
    return incoming if is_same else spec


def _has_the_same(spec: Json, incoming: Json, path: Path) -> bool:
    """Tell whether the lists differ at most in their order."""
    if spec.get(path[0]) is incoming.get(path[0]):
        return True
    one, other = get(spec, path) or [], get(incoming, path) or []
    return bool(one == other) or alike(sorted(one, key=repr), sorted(other, key=repr))
