"""Template stability (platform-rules 0.7): a write never starts a roll-out that nobody asked for.

What a webhook once put into the stored template and a full replacement leaves out is no change of
the developer's. Who owns a field says `managedFields`: fields of webhooks have no owner (F-01).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from webhook.model import Json
from webhook.objects.equality import same
from webhook.objects.paths import Path, get
from webhook.rules.env.meaning import same_source
from webhook.rules.env.targets import Container, Target
from webhook.rules.env.writing import with_value


def is_unchanged(incoming: Target, stored: Target, stored_object: Json) -> bool:
    """Tell whether the template is the stored one, but for what webhooks had injected."""
    if is_same(incoming, stored):
        return True
    fields = _managed_fields(stored_object)
    mine = {(one.path[-2], one.name): one for one in incoming.containers}
    spec: Any = stored.spec
    for container in stored.containers:
        other = mine.get((container.path[-2], container.name))
        if other is not None:
            path = container.path[len(stored.path) + 1 :]
            spec = with_value(spec, (*path, "env"), _common_env(container, other, fields))
            spec = with_value(spec, (*path, "envFrom"), _common_sources(container, other, fields))
    return is_same(incoming, replace(stored, spec=spec))


def is_same(incoming: Target, stored: Target) -> bool:
    """Tell whether both templates mean the same."""
    return same(incoming.spec, stored.spec) and same(incoming.metadata, stored.metadata)


def _common_env(stored: Container, incoming: Container, fields: tuple[Json, ...]) -> list[Json]:
    names = {entry.get("name") for entry in incoming.env}
    return [
        entry
        for entry in stored.env
        if entry.get("name") in names or _is_owned(stored, fields, "env", entry)
    ]


def _common_sources(stored: Container, incoming: Container, fields: tuple[Json, ...]) -> list[Json]:
    return [
        element
        for element in stored.env_from
        if any(same_source(element, one) for one in incoming.env_from)
        or _is_owned(stored, fields, "envFrom", element)
    ]


def _managed_fields(value: Json) -> tuple[Json, ...]:
    entries = get(value, ("metadata", "managedFields"))
    return tuple(get(one, ("fieldsV1",)) for one in (entries if isinstance(entries, list) else ()))


def _is_owned(
    container: Container, fields: tuple[Json, ...], field: str, entry: Mapping[str, Json]
) -> bool:
    """Tell whether a manager owns the entry; where that cannot be told, it is owned."""
    if not fields:
        return True
    key = _list_key({"name": entry.get("name")})
    return any(_owns(one, container, field, key) for one in fields)


def _owns(fields: Json, container: Container, field: str, key: str) -> bool:
    """Follow the path of the entry in one fieldsV1; a list or map that ends early is owned whole."""
    steps = [*_steps(container.path[:-1]), _list_key({"name": container.name}), f"f:{field}"]
    for step in steps:
        if fields == {}:
            return True
        fields = get(fields, (step,))
        if fields is None:
            return False
    return fields == {} or get(fields, (key,)) is not None


def _steps(path: Path) -> list[str]:
    return [f"f:{step}" for step in path]


def _list_key(key: Mapping[str, Json]) -> str:
    return "k:" + json.dumps(key, separators=(",", ":"))
