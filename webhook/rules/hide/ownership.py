"""Who owns a field, as `managedFields` say it (platform-rules A.6.2), and how to change that.

Owners are computed before webhooks run (F-01): what a webhook added has none, what it took away
is still listed. By default nothing here is written; `release` and `claim` are opt-ins.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from webhook.model import AdmissionRequest, Json
from webhook.objects.paths import Path, get
from webhook.rules.hide.notes import Note, Place, Spot, Verb

MANAGED_FIELDS = ("metadata", "managedFields")
RELEASED = frozenset((Verb.REMOVED, Verb.KEPT, Verb.SET))


EVERYTHING: Json = {}
"""What a manager owns below a place that it owns as a whole."""


def owned_at(stored: Json, path: Path) -> list[Json]:
    """Return what each manager owns at a place; where that cannot be told, all of it."""
    entries = _entries(stored)
    if not entries or any(isinstance(step, int) for step in path):
        return [EVERYTHING]
    steps = [f"f:{step}" for step in path]
    found = [_owned(one.get("fieldsV1"), steps) for one in entries]
    return [one for one in found if one is not None]


def owns_element(owned: Sequence[Json], key: Mapping[str, Json]) -> bool:
    """Tell whether one of those who own something at a list owns the element with this key."""
    if not owned or EVERYTHING in owned:
        return bool(owned)
    element = _list_key(key)
    return any(get(fields, (element,)) is not None for fields in owned)


def _entries(value: Json) -> list[Json]:
    found = get(value, MANAGED_FIELDS)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _owned(fields: Json, steps: Sequence[str]) -> Json:
    """Return what is owned below a place, None when the place is not owned."""
    for step in steps:
        if fields == EVERYTHING:
            return EVERYTHING
        fields = get(fields, (step,))
        if fields is None:
            return None
    return fields


def _list_key(key: Mapping[str, Json]) -> str:
    return "k:" + json.dumps(dict(sorted(key.items())), separators=(",", ":"))


def with_owners(
    request: AdmissionRequest, value: Json, notes: Sequence[Note], setting: str, manager: str
) -> Json:
    """Return the object with the writer no longer owning what was taken or overridden.

    `setting` is leave, release or claim; with claim `manager` owns what the platform decided.
    """
    if setting == "leave":
        return value
    places = [one for one in notes if one.verb in RELEASED]
    entries = _entries(value)
    if not places or not entries:
        return value
    steps = [_steps(one.place) for one in places]
    changed = [_released(one, steps) if _is_writers(one, request) else one for one in entries]
    if setting == "claim":
        claimed = [_steps(one.place) for one in places if one.verb is not Verb.REMOVED]
        changed = _with_claim(changed, claimed, manager, str(value.get("apiVersion", "")))
    changed = [one for one in changed if one.get("fieldsV1")]
    if changed == entries:
        return value
    return {**value, "metadata": {**value["metadata"], "managedFields": changed}}


def _is_writers(entry: Mapping[str, Json], request: AdmissionRequest) -> bool:
    name = get(request.options, ("fieldManager",))
    if name:
        return bool(entry.get("manager") == name)
    return entry not in _entries(request.old_object)


def _steps(place: Place) -> list[str]:
    return [_spot_step(step) if isinstance(step, Spot) else f"f:{step}" for step in place]


def _spot_step(spot: Spot) -> str:
    fields = spot.pairing.fields
    values = {str(one[-1]): get(spot.element, one) for one in fields}
    if "protocol" in values:
        values["protocol"] = values["protocol"] or "TCP"
    return _list_key(values)


def _released(entry: Mapping[str, Json], places: Sequence[Sequence[str]]) -> Mapping[str, Json]:
    fields = entry.get("fieldsV1")
    for steps in places:
        fields = _without(fields, steps)
    return entry if fields is entry.get("fieldsV1") else {**entry, "fieldsV1": fields}


def _without(fields: Json, steps: Sequence[str]) -> Json:
    """Return the set without the place and what is below; parents left without members go too."""
    if not isinstance(fields, dict) or steps[0] not in fields:
        return fields
    rest = {key: one for key, one in fields.items() if key != steps[0]}
    if len(steps) == 1:
        return rest
    inner = _without(fields[steps[0]], steps[1:])
    if inner is fields[steps[0]]:
        return fields
    return {**rest, steps[0]: inner} if inner else rest


def _with_claim(
    entries: list[Mapping[str, Json]], places: list[list[str]], manager: str, api_version: str
) -> list[Mapping[str, Json]]:
    if not places:
        return entries
    own = next((one for one in entries if one.get("manager") == manager), None)
    fields: Json = own.get("fieldsV1") if own else {}
    for steps in places:
        fields = _with(fields, steps)
    made = {
        "manager": manager,
        "operation": "Update",
        "apiVersion": api_version,
        "fieldsType": "FieldsV1",
        **(own or {}),
        "fieldsV1": fields,
    }
    return [*(one for one in entries if one is not own), made]


def _with(fields: Json, steps: Sequence[str]) -> Json:
    if not steps:
        return fields
    return {**fields, steps[0]: _with(fields.get(steps[0], {}), steps[1:])}
