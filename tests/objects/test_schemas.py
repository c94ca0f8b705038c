"""Types from OpenAPI documents: what they say about lists, maps, scalars and other keys."""

from __future__ import annotations

from typing import Any

import pytest

from webhook.objects.schemas import (
    Schema,
    Schemas,
    built_in_schema,
    custom_schema,
    schemas_by_kind,
)

POINT = {"type": "object", "properties": {"x": {"type": "integer"}}}
REF = {"$ref": "#/components/schemas/Point"}


def read(node: dict[str, Any]) -> Schema:
    return Schemas({"Point": POINT}).written(node)


SCALARS: dict[str, tuple[dict[str, Any], str]] = {
    "string": ({"type": "string"}, "string"),
    "bytes": ({"type": "string", "format": "byte"}, "string"),
    "time": ({"type": "string", "format": "date-time"}, "untyped"),
    "integer": ({"type": "integer", "format": "int32"}, "numeric"),
    "number": ({"type": "number"}, "numeric"),
    "boolean": ({"type": "boolean"}, "boolean"),
    "int or string": ({"format": "int-or-string"}, "untyped"),
    "int or string in a definition": (
        {"type": "integer", "x-kubernetes-int-or-string": True},
        "untyped",
    ),
    "object": ({"type": "object"}, ""),
    "array": ({"type": "array", "items": {}}, ""),
    "reference": ({"allOf": [REF]}, ""),
}


@pytest.mark.parametrize(("node", "expected"), SCALARS.values(), ids=SCALARS)
def test_scalars(node: dict[str, Any], expected: str) -> None:
    holder = read({"type": "object", "properties": {"a": node}}).map
    assert holder is not None
    assert holder.fields["a"].type.resolve().scalar == expected


LISTS: dict[str, tuple[dict[str, Any], str, tuple[str, ...]]] = {
    "no list type": ({}, "atomic", ()),
    "atomic": ({"x-kubernetes-list-type": "atomic"}, "atomic", ()),
    "set": ({"x-kubernetes-list-type": "set"}, "set", ()),
    "map": (
        {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a", "b"]},
        "map",
        ("a", "b"),
    ),
    "unknown": ({"x-kubernetes-list-type": "other"}, "atomic", ()),
    "merge by a key": (
        {"x-kubernetes-patch-strategy": "merge,retainKeys", "x-kubernetes-patch-merge-key": "a"},
        "map",
        ("a",),
    ),
    "merge": ({"x-kubernetes-patch-strategy": "merge"}, "set", ()),
    "retain keys": ({"x-kubernetes-patch-strategy": "retainKeys"}, "atomic", ()),
}


@pytest.mark.parametrize(("more", "kind", "keys"), LISTS.values(), ids=LISTS)
def test_lists(more: dict[str, Any], kind: str, keys: tuple[str, ...]) -> None:
    schema = read({"type": "array", "items": REF, **more}).list
    assert schema is not None
    assert (schema.relationship, schema.keys) == (kind, keys)
    assert schema.element.resolve().map is not None


OTHER_KEYS: dict[str, tuple[dict[str, Any], str | None]] = {
    "no fields": ({}, "untyped"),
    "fields": ({"properties": {"a": {"type": "string"}}}, None),
    "fields and others kept": (
        {"properties": {"a": {}}, "x-kubernetes-preserve-unknown-fields": True},
        "untyped",
    ),
    "a type": ({"additionalProperties": {"type": "string"}}, "string"),
    "any": ({"additionalProperties": True}, "untyped"),
    "none": ({"additionalProperties": False}, None),
}


@pytest.mark.parametrize(("node", "expected"), OTHER_KEYS.values(), ids=OTHER_KEYS)
def test_other_keys(node: dict[str, Any], expected: str | None) -> None:
    schema = read({"type": "object", **node}).map
    assert schema is not None
    assert (schema.element.resolve().scalar if schema.element else None) == expected


ATOMIC: dict[str, tuple[dict[str, Any], bool]] = {
    "structure": (REF, False),
    "atomic": ({**REF, "x-kubernetes-map-type": "atomic"}, True),
    "granular": ({**REF, "x-kubernetes-map-type": "granular"}, False),
}


@pytest.mark.parametrize(("node", "expected"), ATOMIC.values(), ids=ATOMIC)
def test_a_field_may_say_whether_its_type_is_atomic(node: dict[str, Any], expected: bool) -> None:
    schema = read({"type": "object", "properties": {"a": node}}).map
    assert schema is not None
    found = schema.fields["a"].type.resolve().map
    assert found is not None
    assert found.is_atomic is expected


def test_preserved_fields_count_for_what_is_inside() -> None:
    inner = {"type": "object", "properties": {"b": {}}}
    kept = {"properties": {"a": inner}, "x-kubernetes-preserve-unknown-fields": True}
    outer = read({"type": "object", **kept}).map
    assert outer is not None
    found = outer.fields["a"].type.resolve().map
    assert found is not None
    assert found.element is not None


def test_an_atomic_scalar_is_only_a_scalar() -> None:
    schemas = Schemas({"Name": {"type": "string"}})
    node = {"$ref": "#/x/Name", "x-kubernetes-map-type": "atomic"}
    schema = schemas.written({"type": "object", "properties": {"a": node}}).map
    assert schema is not None
    field = schema.fields["a"].type
    assert field.resolve().map is None
    assert field.resolve() is field.resolve()


def test_a_type_written_in_place_is_read_once() -> None:
    schema = read({"type": "object", "properties": {"a": {"type": "string"}}}).map
    assert schema is not None
    assert schema.fields["a"].type.resolve() is schema.fields["a"].type.resolve()


def test_kinds_of_a_document() -> None:
    kinds = [
        {"group": "example.com", "version": "v1", "kind": "Widget"},
        {"group": "", "version": "v1", "kind": "Thing"},
    ]
    document = {
        "components": {"schemas": {"A": {**POINT, "x-kubernetes-group-version-kind": kinds}}}
    }
    assert sorted(schemas_by_kind(document)) == [("example.com/v1", "Widget"), ("v1", "Thing")]
    assert schemas_by_kind({}) == {}


def test_built_in_kinds() -> None:
    for api_version, kind in (("v1", "Pod"), ("apps/v1", "Deployment"), ("batch/v1", "CronJob")):
        assert built_in_schema(api_version, kind) is not None
    assert built_in_schema("example.com/v1", "Widget") is None
    assert built_in_schema("apps/v1", "Deployment") is built_in_schema("apps/v1", "Deployment")


def test_built_in_quantities_are_any_scalar() -> None:
    pod = built_in_schema("v1", "Pod")
    assert pod is not None
    spec = pod.map.fields["spec"].type.resolve().map  # type: ignore[union-attr]  # a Pod is a map
    assert spec is not None
    overhead = spec.fields["overhead"].type.resolve().map
    assert overhead is not None
    assert overhead.element is not None
    quantity = overhead.element.resolve()
    assert (quantity.scalar, quantity.map) == ("untyped", None)


def test_custom_resources_have_the_metadata_of_all_objects() -> None:
    schema = custom_schema({"type": "object", "properties": {"spec": {"type": "object"}}}).map
    assert schema is not None
    assert sorted(schema.fields) == ["apiVersion", "kind", "metadata", "spec"]
    metadata = schema.fields["metadata"].type.resolve().map
    assert metadata is not None
    assert "finalizers" in metadata.fields
