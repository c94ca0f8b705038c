"""Values of mutating expressions → what a merge or a JSON Patch takes (kubernetes-cel.md 5.3, 5.4).

The liberties and limits are those of Go's conversions: a map literal inside another literal is no
map for a merge, a null is not JSON's null, and each has its own text.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from webhook.cel import Duration, Optional, Timestamp, Uint
from webhook.cel.runtime.texts import format_duration, format_timestamp
from webhook.cel.values import ObjectValue, TypeValue, type_name
from webhook.objects.merge import Foreign

EXACT = 2**53
"""Integers up to here are JSON numbers for a JSON Patch, larger ones become texts."""

_NULL = Foreign("structpb.NullValue", "NULL_VALUE", "0")


class UnfitValueError(ValueError):
    """A value that cannot be put into a patch; `str()` is upstream's text."""


class Received:
    """The maps and lists that came as JSON, which Go tells apart from those of expressions.

    Found by identity among what is bound to names; the walk is made when it is first needed.
    """

    __slots__ = ("_bindings", "_known")

    def __init__(self, bindings: Iterable[Any]) -> None:
        self._bindings = bindings
        self._known: set[int] | None = None

    def __contains__(self, value: object) -> bool:
        if self._known is None:
            self._known = set()
            for one in self._bindings:
                _collect(one, self._known)
        return id(value) in self._known


def _collect(value: Any, known: set[int]) -> None:
    if isinstance(value, dict):
        known.add(id(value))
        for one in value.values():
            _collect(one, known)
    elif isinstance(value, list):
        known.add(id(value))
        for one in value:
            _collect(one, known)


def type_mismatches(value: Any, path: str) -> Iterator[str]:
    """Yield the objects whose type name does not spell their place; lists and maps add nothing."""
    if isinstance(value, ObjectValue):
        if value.cel_type_name != path:
            yield (
                f'unexpected type name "{value.cel_type_name}", expected "{path}", '
                "which matches field name path from root Object type"
            )
        for key, one in value.fields.items():
            yield from type_mismatches(one, f"{path}.{key}")
    elif isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from type_mismatches(one, path)


def to_merge(value: Any, received: Received) -> Any:
    """Return what a merge takes for the value of an object's field, or for the object itself.

    Raises UnfitValueError.
    """
    if isinstance(value, ObjectValue):
        return {key: to_merge(one, received) for key, one in value.fields.items()}
    if not isinstance(value, list | dict) or value in received:
        return _inner(value, received)
    if isinstance(value, list):
        return [_inner(one, received) for one in value]
    return {_name(key): _inner(one, received) for key, one in value.items()}


def _name(key: Any) -> str:
    if not isinstance(key, str):
        raise UnfitValueError(f"map key {key!r} is of type {type_name(key)}, not string")
    return key


def _inner(value: Any, received: Received) -> Any:
    """Return what a merge takes for an element of a list or map; maps of expressions are none."""
    if isinstance(value, ObjectValue):
        return to_merge(value, received)
    if isinstance(value, dict) and value not in received:
        pairs = (f"{key}:{_shown(value[key])}" for key in sorted(value, key=str))
        source = ", ".join(f'"{key}":"{_shown(one)}"' for key, one in value.items())
        return Foreign(
            "map[ref.Val]ref.Val", f"map[{' '.join(pairs)}]", f"map[ref.Val]ref.Val{{{source}}}"
        )
    if isinstance(value, Optional):
        return to_merge(value.content, received) if value.present else None
    return _SCALARS.get(type(value), _scalar)(value)


def _shown(value: Any) -> str:
    """Return an inner value of an expression as its own text form."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_shown(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, str | int | list | dict):
        return value
    return Foreign(f"*{type_name(value)}", str(value), str(value))


def _number(value: float) -> Any:
    """Return a double; whole ones as the integers that Go writes."""
    if not math.isfinite(value):
        return Foreign("float64", str(value), str(value))
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


def _bytes(value: bytes) -> Foreign:
    plain = " ".join(str(one) for one in value)
    source = ", ".join(f"0x{one:x}" for one in value)
    return Foreign("[]uint8", f"[{plain}]", f"[]uint8{{{source}}}")


_SCALARS: Mapping[type, Any] = {
    type(None): lambda _: _NULL,
    float: _number,
    bytes: _bytes,
    Uint: lambda value: Foreign("uint64", str(value.value), hex(value.value)),
    Timestamp: lambda value: Foreign(
        "time.Time", format_timestamp(value), f"time.Time({format_timestamp(value)})"
    ),
    Duration: lambda value: Foreign(
        "time.Duration", format_duration(value), str(value.nanoseconds)
    ),
    TypeValue: lambda value: value.name,
}


def to_json(value: Any, received: Received) -> Any:
    """Return the JSON of the `value` of a JSON Patch; raise UnfitValueError with upstream's text."""
    if isinstance(value, ObjectValue):
        return _without_foreign(to_merge(value, received))
    if isinstance(value, list):
        return value if value in received else [to_json(one, received) for one in value]
    if isinstance(value, dict):
        if value in received:
            return value
        return {_key(key): to_json(one, received) for key, one in value.items()}
    if isinstance(value, Optional):
        if not value.present:
            raise UnfitValueError("optional.none() dereference")
        return to_json(value.content, received)
    return _json_scalar(value)


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        raise UnfitValueError("type conversion error from bool to 'string'")
    raise UnfitValueError(f"unsupported type conversion from '{type_name(key)}' to string")


def _json_scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | Uint):
        whole = value.value if isinstance(value, Uint) else value
        return whole if abs(whole) <= EXACT else str(whole)
    if isinstance(value, float):
        return _json_number(value)
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, Timestamp):
        return format_timestamp(value)
    if isinstance(value, Duration):
        return format_duration(value)
    if isinstance(value, TypeValue):
        raise UnfitValueError("type conversion not supported for 'type'")
    kind = type_name(value).rpartition(".")[2]
    raise UnfitValueError(f"type conversion error from '{kind}' to '*structpb.Value'")


def _json_number(value: float) -> Any:
    result = _number(value)
    if isinstance(result, Foreign):
        name = "NaN" if math.isnan(value) else f"{value:+}".replace("inf", "Inf")
        raise UnfitValueError(
            "json: error calling MarshalJSON for type *structpb.Value: proto: "
            f"google.protobuf.Value.number_value: invalid {name} value"
        )
    return result


def _without_foreign(value: Any) -> Any:
    """Return a converted object as JSON; of the values that JSON lacks only a few have a form."""
    if isinstance(value, dict):
        return {key: _without_foreign(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_foreign(one) for one in value]
    if not isinstance(value, Foreign):
        return value
    if value.type_name == "uint64":
        return int(value.plain)
    if value.type_name == "[]uint8":
        return b64encode(bytes(map(int, value.plain[1:-1].split()))).decode()
    raise UnfitValueError(f"proto: invalid type: {value.type_name}")
