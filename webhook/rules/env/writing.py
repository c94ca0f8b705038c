"""New values into an object without touching it: only what lies on the way is copied.

Everything else is shared with the received object, so that the diff skips it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from webhook.model import Json
from webhook.objects.paths import Path, get
from webhook.rules.env.config import EnvRule
from webhook.rules.env.targets import Target

MARKER = "injected-env"


def with_value(value: Json, path: Path, new: Json) -> Json:
    """Return the value with something else at the path; missing maps on the way are made."""
    if not path:
        return new
    step, rest = path[0], path[1:]
    if isinstance(value, list) and isinstance(step, int):
        changed = list(value)
        changed[step] = with_value(value[step], rest, new)
        return changed
    before = value or {}
    return {**before, step: with_value(before.get(step), rest, new)}


def with_changes(value: Json, changes: Iterable[tuple[Path, Json]]) -> Json:
    """Return the object with all changes; the same object when there are none."""
    for path, new in changes:
        value = with_value(value, path, new)
    return value


def with_marker(value: Json, target: Target, rules: Sequence[EnvRule], prefix: str) -> Json:
    """Return the object with the annotation that names the rules which changed it, for people."""
    marked = {rule.name: rule.generation for rule in rules if rule.marker}
    if not marked:
        return value
    path = (*target.path, "metadata", "annotations", f"{prefix}/{MARKER}")
    before = str(get(value, path) or "")
    pairs = [one.partition("@") for one in before.split(",") if one]
    generations = {**{name: generation for name, _, generation in pairs}, **marked}
    text = ",".join(f"{name}@{generation}" for name, generation in sorted(generations.items()))
    return with_value(value, path, text)
