"""Which element of a list is which stored one, and where one that comes back belongs.

Platform-rules A.5.1 and A.5.2.
Tables of merge keys; an untyped list of a custom resource has the keys of the typed one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from webhook.model import Json
from webhook.objects.paths import Path, get

Key = tuple[Json, ...]
_PLAIN = (str, int)


@dataclass(frozen=True, slots=True)
class Pairing:
    """How elements are told apart: by these fields, else by `otherwise`; equal ones by order.

    `from_end`: of equal ones the last belong together (the kubelet lets the last one win).
    """

    fields: tuple[Path, ...] = (("name",),)
    otherwise: tuple[Path, ...] = ()
    from_end: bool = False


NAMED = Pairing()
PAIRINGS: Mapping[str, Pairing] = MappingProxyType({
    "env": Pairing(from_end=True),
    "volumeMounts": Pairing((("mountPath",),)),
    "volumeDevices": Pairing((("devicePath",),)),
    "topologySpreadConstraints": Pairing((("topologyKey",), ("whenUnsatisfiable",))),
    "hostAliases": Pairing((("ip",),)),
    "readinessGates": Pairing((("conditionType",),)),
    "volumeClaimTemplates": Pairing((("metadata", "name"),)),
    "rules": Pairing((("host",),)),
    "paths": Pairing((("path",), ("pathType",))),
    "sources": Pairing((("serviceAccountToken", "path"),)),
    "workerGroupSpecs": Pairing((("groupName",),)),
})  # fmt: skip
"""List → pairing; all others by `name`."""

CONTAINER_PORTS = Pairing((("containerPort",), ("protocol",)))
SERVICE_PORTS = Pairing((("port",), ("protocol",)), otherwise=(("name",),))


def pairing_of(keys: Sequence[str]) -> Pairing:
    """Return the pairing of the list that stands below these keys."""
    name = keys[-1] if keys else ""
    if name == "ports":
        return SERVICE_PORTS if tuple(keys) == ("spec", "ports") else CONTAINER_PORTS
    return PAIRINGS.get(name, NAMED)


def pair(new: Sequence[Json], old: Sequence[Json], pairing: Pairing) -> list[int | None]:
    """Return for each new element the place of its stored one, None for a new one."""
    if len(new) == len(old) and are_in_order(new, old, pairing.fields):
        return list(range(len(new)))
    places = {key: at for at, key in enumerate(_keys(old, pairing.fields, pairing))}
    found = [places.get(key) for key in _keys(new, pairing.fields, pairing)]
    if pairing.otherwise:
        taken = set(found)
        others = {key: at for at, key in enumerate(_keys(old, pairing.otherwise, pairing))}
        for at, key in enumerate(_keys(new, pairing.otherwise, pairing)):
            other = others.get(key)
            if found[at] is None and other not in taken:
                found[at] = other
                taken.add(other)
    return found


def are_in_order(new: Sequence[Json], old: Sequence[Json], fields: tuple[Path, ...]) -> bool:
    """Tell whether each element of two lists of one length belongs to the other at its place."""
    for one, other in zip(new, old, strict=True):
        for path in fields:
            if one is not other and _value(one, path) != _value(other, path):
                return False
    return True


def _keys(elements: Sequence[Json], fields: tuple[Path, ...], pairing: Pairing) -> list[Key]:
    seen: dict[Key, int] = {}
    keys = []
    for element in reversed(elements) if pairing.from_end else elements:
        key = tuple(_value(element, one) for one in fields)
        seen[key] = seen.get(key, 0) + 1
        keys.append((*key, seen[key]))
    return keys[::-1] if pairing.from_end else keys


def _value(element: Json, path: Path) -> Json:
    is_plain = len(path) == 1 and isinstance(element, dict)
    value = element.get(path[0]) if is_plain else get(element, path)
    if value is None and path == ("protocol",):
        return "TCP"
    return value if value is None or isinstance(value, _PLAIN) else str(value)


def place_for(kept: Sequence[Json], stored: Sequence[Json], at: int, otherwise: int) -> int:
    """Return where in `kept` the stored element `at` goes.

    Behind the nearest stored element before it that is there, else before the nearest one behind
    it; `otherwise` when there is neither.
    """
    for element in reversed(stored[:at]):
        before = _place(kept, element)
        if before is not None:
            return before + 1
    for element in stored[at + 1 :]:
        after = _place(kept, element)
        if after is not None:
            return after
    return otherwise


def _place(elements: Sequence[Json], wanted: Json) -> int | None:
    name = get(wanted, ("name",))
    for at, element in enumerate(elements):
        if element is wanted or (name is not None and get(element, ("name",)) == name):
            return at
    return None
