"""Types of objects that mutating expressions build: `Object...` and `JSONPatch`."""

from __future__ import annotations

from typing import Final

from webhook.cel.types import DYN, STRING, ObjectType, SimpleType

JSON_PATCH: Final = ObjectType(
    "JSONPatch",
    {"op": STRING, "path": STRING, "from": STRING, "value": DYN},
    # Upstream takes every other name for a field of no type, which nothing fits.
    open_fields=SimpleType("", ""),
)


def resolve_patch_type(name: str) -> ObjectType | None:
    """Return the type of a name: below `Object` every name is a type with any fields."""
    if name == "JSONPatch":
        return JSON_PATCH
    if name == "Object" or name.startswith("Object."):
        return ObjectType(name, open_fields=DYN)
    return None
