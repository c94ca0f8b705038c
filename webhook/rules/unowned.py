"""What other webhooks had added to a stored template, and a full replacement leaves out (0.7).

Fields of webhooks have no owner in `managedFields` (F-01), so nobody can have taken them out. For
rules that must tell a developer's change from that; which rule added what makes no difference here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from webhook.model import Json
from webhook.objects.equality import same
from webhook.objects.paths import Path, get

_NAME = ("name",)
_KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": _NAME,
    "env": _NAME,
    "imagePullSecrets": _NAME,
    "initContainers": _NAME,
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "volumeMounts": ("mountPath",),
    "volumes": _NAME,
}
"""Lists whose elements `managedFields` list one by one, and by what."""

_COMPACT = json.JSONEncoder(separators=(",", ":"))

Owners = Sequence[Json]
"""What the managers own at one place: fieldsV1 from there on; {} owns all that is there."""


def lacks_only_unowned(incoming: Json, stored: Json, path: Path, stored_object: Json) -> bool:
    """Tell whether a value is the stored one, but for parts that it lacks and nobody owns.

    `path` is where both are in their objects. Where owners cannot be told, everything is owned.
    """
    entries = get(stored_object, ("metadata", "managedFields"))
    if not isinstance(entries, list) or has_another_text(incoming, stored):
        return False
    fields = [get(one, ("fieldsV1",)) for one in entries]
    owners: Owners = [one for one in fields if isinstance(one, dict)]
    if not owners:
        return False
    for step in path:
        owners = _below(owners, f"f:{step}")
    return _lacks_only(incoming, stored, owners)


def has_another_text(incoming: Json, stored: Json) -> bool:
    """Tell whether a text is another one than before: most changes are seen so, owned or not."""
    if not isinstance(incoming, dict) or not isinstance(stored, dict):
        return False
    for name, one in incoming.items():
        other = stored.get(name)
        if one == other:
            continue
        if one and isinstance(one, str) and isinstance(other, str):
            return True
        if name in _KEYS and isinstance(one, list) and isinstance(other, list):
            pairs = zip(one, other, strict=False)
            if any(has_another_text(*pair) for pair in pairs if _are_one(*pair, _KEYS[name])):
                return True
    return False


def _are_one(a: Json, b: Json, fields: tuple[str, ...]) -> bool:
    return a != b and all(get(a, (field,)) == get(b, (field,)) for field in fields)


def _lacks_only(incoming: Json, stored: Json, owners: Owners) -> bool:
    if isinstance(incoming, dict) and isinstance(stored, dict):
        return all(
            _is_fine_at(name, incoming.get(name), stored.get(name), _below(owners, f"f:{name}"))
            for name in {**stored, **incoming}  # in order, so that a new image is found soon
            if incoming.get(name) != stored.get(name)
        )
    return same(incoming, stored)


def _is_fine_at(name: str, incoming: Json, stored: Json, owners: Owners) -> bool:
    if not incoming and not owners:
        return True
    if name in _KEYS and isinstance(stored, list) and isinstance(incoming, list | None):
        return _elements_lack_only(incoming or [], stored, _KEYS[name], owners)
    if incoming and isinstance(incoming, dict) and isinstance(stored, dict):
        return _lacks_only(incoming, stored, owners)
    return same({name: incoming}, {name: stored})


def _elements_lack_only(
    incoming: Sequence[Json], stored: Sequence[Json], fields: tuple[str, ...], owners: Owners
) -> bool:
    """Compare what both have, in the order of both; what is missing must be nobody's."""
    mine = {_key(one, fields): one for one in incoming}
    theirs = {_key(one, fields): one for one in stored}
    common = [key for key in theirs if key in mine]
    if common != list(mine) or len(mine) != len(incoming) or len(theirs) != len(stored):
        return False
    return all(
        _lacks_only(mine[key], theirs[key], _below(owners, key))
        if key in mine
        else not _below(owners, key)
        for key in theirs
    )


def _key(element: Json, fields: tuple[str, ...]) -> str:
    return "k:" + _COMPACT.encode({one: get(element, (one,)) for one in fields})


def _below(owners: Owners, step: str) -> Owners:
    """Return the owners one step further down; who owns a list or map whole owns all in it."""
    return [
        one if one == {} else one[step]
        for one in owners
        if one == {} or (isinstance(one, dict) and step in one)
    ]
