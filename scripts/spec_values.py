"""Turns cel-spec's protobuf notation of values and types into ours."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from webhook.cel import Budget, Environment, Uint
from webhook.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    ListType,
    MapType,
    OptionalType,
    Type,
    TypeParam,
    TypeType,
)
from webhook.cel.values import TypeValue


class NoCounterpartError(Exception):
    """A value or type that only protobuf has."""


_PRIMITIVES = {
    "BOOL": BOOL,
    "INT64": INT,
    "UINT64": UINT,
    "DOUBLE": DOUBLE,
    "STRING": STRING,
    "BYTES": BYTES,
}
_KNOWN = {"TIMESTAMP": TIMESTAMP, "DURATION": DURATION}
_MESSAGES = {
    "google.protobuf.Timestamp": TIMESTAMP,
    "google.protobuf.Duration": DURATION,
}


def read_type(written: Mapping[str, Any]) -> Type:  # noqa: C901 - one case for each kind
    """Read a type; raise NoCounterpartError."""
    ((kind, inner),) = written.items()
    match kind:
        case "primitive":
            return _PRIMITIVES[inner]
        case "null":
            return NULL
        case "dyn":
            return DYN
        case "typeParam":
            return TypeParam(inner)
        case "listType":
            return ListType(read_type(inner["elemType"]))
        case "mapType":
            return MapType(read_type(inner["keyType"]), read_type(inner["valueType"]))
        case "type":
            return TypeType(read_type(inner) if inner else None)
        case "wellKnown" if inner in _KNOWN:
            return _KNOWN[inner]
        case "messageType" if inner in _MESSAGES:
            return _MESSAGES[inner]
        case "abstractType" if inner["name"] == "optional_type":
            return OptionalType(read_type(inner["parameterTypes"][0]))
        case _:
            raise NoCounterpartError(kind)


def read_value(written: Mapping[str, Any]) -> Any:  # noqa: C901 - one case for each kind
    """Read a value; raise NoCounterpartError."""
    ((kind, inner),) = written.items()
    match kind:
        case "nullValue":
            return None
        case "boolValue" | "stringValue":
            return inner
        case "int64Value":
            return int(inner)
        case "uint64Value":
            return Uint(int(inner))
        case "doubleValue":
            return float(inner)
        case "bytesValue":
            return base64.b64decode(inner)
        case "typeValue":
            return TypeValue(inner)
        case "listValue":
            return [read_value(one) for one in inner.get("values", ())]
        case "mapValue":
            pairs = inner.get("entries", ())
            return {read_value(one["key"]): read_value(one["value"]) for one in pairs}
        case _:
            return _message(kind, inner)


def _message(kind: str, written: Any) -> Any:
    """Read one of the two messages that are values of the language."""
    name = written.get("@type", "").rpartition("/")[2] if kind == "objectValue" else ""
    if name not in _MESSAGES:
        raise NoCounterpartError(kind)
    function = name.rpartition(".")[2].lower()
    program = Environment({}).compile(f"{function}('{written['value']}')")
    return program.evaluate({}, Budget(1000))
