"""The types of OpenAPI v3 documents, as far as merging needs them.

Read as the API server reads them (kube-openapi `pkg/schemaconv/openapi.go`): list and map types,
keys, defaults, what fields there are. No validation of values here, and no I/O but the bundled
set of the built-in kinds, which `scripts/bundle-schemas` makes.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

ATOMIC = "atomic"
SET = "set"
MAP = "map"

STRING = "string"
NUMERIC = "numeric"
BOOLEAN = "boolean"
UNTYPED = "untyped"

BUNDLE = "built_in_schemas.json.gz"

_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_ANYTHING: Mapping[str, Any] = {}
_ANYTHING_WHOLE = {"x-kubernetes-map-type": ATOMIC}
_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_SCALARS = {"integer": NUMERIC, "number": NUMERIC, "boolean": BOOLEAN, "string": STRING}
_PLAIN_FORMATS = ("", "byte")


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The type of a field, of list elements or of map values.

    `name` is that of a definition, or "" for a type written in place; `atomic` overrides whether
    a map of that type is atomic.
    """

    schemas: Schemas
    name: str
    node: Mapping[str, Any]
    preserve_unknown: bool = False
    atomic: bool | None = None

    def resolve(self) -> Schema:
        """Return the type."""
        return self.schemas.resolve(self)


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A declared field; `default` is None when there is none."""

    type: Reference
    default: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class ListSchema:
    """A list: atomic, a set, or a map whose elements are told apart by `keys`."""

    element: Reference
    relationship: str = ATOMIC
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class MapSchema:
    """A map with declared fields; `element` is the type of other keys, None when none may be."""

    fields: Mapping[str, Field]
    element: Reference | None = None
    is_atomic: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """A type: a scalar, a list or a map, or any of them where the document leaves it open.

    `scalar` is "" when it is none.
    """

    scalar: str = ""
    list: ListSchema | None = None
    map: MapSchema | None = None


class Schemas:
    """The definitions of one document; each is worked out when it is first needed."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._known: dict[tuple[str, bool | None], Schema] = {}
        self._written: dict[Reference, Schema] = {}

    def named(self, name: str) -> Schema:
        """Return the type of a definition."""
        return self.resolve(Reference(self, name, {}))

    def written(self, node: Mapping[str, Any]) -> Schema:
        """Return a type written in place, which may refer to the definitions."""
        return self.resolve(Reference(self, "", node))

    def resolve(self, reference: Reference) -> Schema:
        """Return the type that a reference of this document means."""
        if not reference.name:
            return self._resolve_written(reference)
        key = reference.name, reference.atomic
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._read_definition(reference)
        return found

    def _resolve_written(self, reference: Reference) -> Schema:
        found = self._written.get(reference)
        if found is None:
            found = self._read(reference.node, preserve=reference.preserve_unknown)
            self._written[reference] = found
        return found

    def _read_definition(self, reference: Reference) -> Schema:
        if reference.name == _QUANTITY:
            return Schema(UNTYPED)
        schema = self._read(self._definitions.get(reference.name, {}), preserve=False)
        if reference.atomic is None or schema.map is None:
            return schema
        mapping = MapSchema(schema.map.fields, schema.map.element, reference.atomic)
        return Schema(schema.scalar, schema.list, mapping)

    def _read(self, node: Mapping[str, Any], *, preserve: bool) -> Schema:
        preserve = preserve or node.get("x-kubernetes-preserve-unknown-fields") is True
        kind = "" if node.get("x-kubernetes-int-or-string") else node.get("type", "")
        if kind == "object":
            return Schema(map=self._read_map(node, preserve=preserve))
        if kind == "array":
            return Schema(list=self._read_list(node, preserve=preserve))
        scalar = _SCALARS.get(kind)
        if scalar is None:
            lists = self._read_list(node, preserve=preserve)
            return Schema(UNTYPED, lists, self._read_map(node, preserve=preserve))
        is_plain = scalar != STRING or node.get("format", "") in _PLAIN_FORMATS
        return Schema(scalar if is_plain else UNTYPED)

    def _read_map(self, node: Mapping[str, Any], *, preserve: bool) -> MapSchema:
        properties = node.get("properties") or {}
        fields = {
            key: Field(self._refer(one, preserve=preserve), one.get("default"))
            for key, one in properties.items()
        }
        more = node.get("additionalProperties")
        element = None
        if isinstance(more, Mapping):
            element = self._refer(more, preserve=preserve)
        elif more or (more is None and (preserve or not properties)):
            element = self._refer(_ANYTHING, preserve=preserve)
        return MapSchema(fields, element, node.get("x-kubernetes-map-type") == ATOMIC)

    def _read_list(self, node: Mapping[str, Any], *, preserve: bool) -> ListSchema:
        element = self._refer(node.get("items") or _ANYTHING_WHOLE, preserve=preserve)
        relationship, keys = _list_type(node)
        return ListSchema(element, relationship, keys)

    def _refer(self, node: Mapping[str, Any], *, preserve: bool) -> Reference:
        target = node.get("$ref") or _only_reference(node.get("allOf"))
        if target is None:
            return Reference(self, "", node, preserve)
        kind = node.get("x-kubernetes-map-type")
        return Reference(
            self, target.rpartition("/")[2], node, atomic=None if kind is None else kind == ATOMIC
        )


def _only_reference(parts: Any) -> str | None:
    """Return the target where a reference stands alone in allOf, beside a default."""
    if isinstance(parts, list) and len(parts) == 1:
        found: str | None = parts[0].get("$ref")
        return found
    return None


def _list_type(node: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return relationship and keys; the older patch strategies count where there is no list type."""
    kind = node.get("x-kubernetes-list-type")
    if kind is not None:
        keys = tuple(node.get("x-kubernetes-list-map-keys") or ()) if kind == MAP else ()
        return (kind if kind in {SET, MAP} else ATOMIC), keys
    if not str(node.get("x-kubernetes-patch-strategy", "")).startswith("merge"):
        return ATOMIC, ()
    key = node.get("x-kubernetes-patch-merge-key")
    return (MAP, (key,)) if key else (SET, ())


def schemas_by_kind(document: Mapping[str, Any]) -> dict[tuple[str, str], Schema]:
    """Return the type of each kind in an OpenAPI v3 document, by apiVersion and kind."""
    definitions = document.get("components", {}).get("schemas", {})
    schemas = Schemas(definitions)
    return {
        (f"{one['group']}/{one['version']}".lstrip("/"), one["kind"]): schemas.named(name)
        for name, definition in definitions.items()
        for one in definition.get("x-kubernetes-group-version-kind", ())
    }


@cache
def _bundle() -> tuple[Schemas, Mapping[str, str]]:
    """Read the bundled set once: its definitions, and their names by `apiVersion kind`."""
    packed = files("webhook.objects").joinpath(BUNDLE).read_bytes()
    content = json.loads(gzip.decompress(packed))
    return Schemas(content["definitions"]), content["kinds"]


def built_in_schema(api_version: str, kind: str) -> Schema | None:
    """Return the type of a built-in kind; None for kinds that are not built in."""
    schemas, kinds = _bundle()
    name = kinds.get(f"{api_version} {kind}")
    return None if name is None else schemas.named(name)


def custom_schema(node: Mapping[str, Any]) -> Schema:
    """Return the type of a custom resource, from the schema in its definition.

    As the API server publishes it: with apiVersion, kind and the metadata of every object.
    """
    properties = {
        **(node.get("properties") or {}),
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"$ref": _OBJECT_META},
    }
    schemas, _ = _bundle()
    return schemas.written({**node, "type": "object", "properties": properties})
