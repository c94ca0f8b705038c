"""Whether a value fits a schema, and what of it a merge would replace as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from webhook.objects.merge.elements import ElementError, Identity, identity, shown
from webhook.objects.merge.values import plain, source, type_name
from webhook.objects.schemas import (
    BOOLEAN,
    NUMERIC,
    STRING,
    ListSchema,
    MapSchema,
    Reference,
    Schema,
)

Problem = tuple[str, str]
"""Path and text."""


def problems(schema: Schema, value: Any, path: str = "") -> Iterator[Problem]:
    """Yield where a value does not fit; null fits everywhere."""
    if value is None:
        return
    kind = applicable(schema, value)
    if isinstance(kind, MapSchema):
        yield from _map_problems(kind, value, path)
    elif isinstance(kind, ListSchema):
        yield from _list_problems(kind, value, path)
    elif text := _scalar_problem(kind, value):
        yield path, text


def applicable(schema: Schema, value: Any) -> MapSchema | ListSchema | str:
    """Return the part of a schema that a value is judged by: its own form, else the first."""
    if isinstance(value, dict) and schema.map is not None:
        return schema.map
    if isinstance(value, list) and schema.list is not None:
        return schema.list
    if isinstance(value, str | int | float) and schema.scalar:
        return schema.scalar
    return schema.map or schema.scalar or schema.list or ""


def _scalar_problem(scalar: str, value: Any) -> str:
    if scalar == NUMERIC:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"expected numeric (int or float), got {type_name(value)}"
    elif scalar == STRING:
        if not isinstance(value, str):
            return f"expected string, got &value.valueUnstructured{{Value:{source(value)}}}"
    elif scalar == BOOLEAN:
        if not isinstance(value, bool):
            return f"expected boolean, got &{{{plain(value)}}}"
    elif not isinstance(value, str | int | float):
        return f"expected any scalar, got &{{{plain(value)}}}"
    return ""


def _map_problems(schema: MapSchema, value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield path, f"expected map, got &{{{plain(value)}}}"
        return
    for key, one in value.items():
        place = f"{path}.{key}"
        reference = field_type(schema, key)
        if reference is None:
            yield place, "field not declared in schema"
            return  # upstream looks no further either
        yield from problems(reference.resolve(), one, place)


def field_type(schema: MapSchema, key: str) -> Reference | None:
    """Return the type of a key, declared or not; None when it may not be there."""
    field = schema.fields.get(key)
    return schema.element if field is None else field.type


def _list_problems(schema: ListSchema, value: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield path, f"expected list, got &{{{plain(value)}}}"
        return
    element_type = schema.element.resolve()
    seen: set[Identity] = set()
    for index, element in enumerate(value):
        try:
            key = identity(schema, index, element)
        except ElementError as error:
            yield path, f"element {index}: {error}"
            return
        name = shown(schema, index, element)
        if key in seen:
            yield path, f"duplicate entries for key {name}"
        seen.add(key)
        yield from problems(element_type, element, path + name)


def atomic_paths(schema: Schema, value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of atomic lists and maps in a value, at declared fields only."""
    if isinstance(value, dict) and schema.map is not None:
        if schema.map.is_atomic:
            yield path
        for key, one in value.items():
            field = schema.map.fields.get(key)
            if field is not None:
                yield from atomic_paths(field.type.resolve(), one, f"{path}.{key}")
    elif isinstance(value, list) and schema.list is not None:
        if schema.list.relationship not in ("set", "map"):
            yield path
        element_type = schema.list.element.resolve()
        for index, one in enumerate(value):
            yield from atomic_paths(element_type, one, f"{path}[{index}]")
