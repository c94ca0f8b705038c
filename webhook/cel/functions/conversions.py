"""Conversion functions and calendar accessors of the standard library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhook.cel.costs import deep_size, units_of
from webhook.cel.library import Function, Library, Overload
from webhook.cel.runtime import clock
from webhook.cel.runtime import conversions as convert
from webhook.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    Type,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def _length(_: Any, text: Any) -> int:
    return units_of(deep_size(text))


def _conversion(target: Type, name: str, *sources: tuple[Type, Callable[..., Any]]) -> Function:
    overloads = (
        Overload(
            (source,),
            target,
            implementation,
            cost=_length if {source, target} == {STRING, BYTES} else None,
        )
        for source, implementation in sources
    )
    return Function(name, tuple(overloads))


_CONVERSIONS: Final = (
    _conversion(BOOL, "bool", (BOOL, convert.identity), (STRING, convert.string_to_bool)),
    _conversion(BYTES, "bytes", (BYTES, convert.identity), (STRING, convert.string_to_bytes)),
    _conversion(
        DOUBLE,
        "double",
        (DOUBLE, convert.identity),
        (INT, float),
        (STRING, convert.string_to_double),
        (UINT, convert.uint_to_double),
    ),
    _conversion(
        DURATION, "duration", (DURATION, convert.identity), (STRING, convert.string_to_duration)
    ),
    _conversion(
        INT,
        "int",
        (INT, convert.identity),
        (DOUBLE, convert.double_to_int),
        (DURATION, convert.duration_to_int),
        (STRING, convert.string_to_int),
        (TIMESTAMP, convert.timestamp_to_int),
        (UINT, convert.uint_to_int),
    ),
    _conversion(
        STRING,
        "string",
        (STRING, convert.identity),
        (BOOL, convert.bool_to_string),
        (BYTES, convert.bytes_to_string),
        (DOUBLE, convert.double_to_string),
        (DURATION, convert.duration_to_string),
        (INT, str),
        (TIMESTAMP, convert.timestamp_to_string),
        (UINT, convert.uint_to_string),
    ),
    _conversion(
        TIMESTAMP,
        "timestamp",
        (TIMESTAMP, convert.identity),
        (INT, convert.int_to_timestamp),
        (STRING, convert.string_to_timestamp),
    ),
    _conversion(
        UINT,
        "uint",
        (UINT, convert.identity),
        (DOUBLE, convert.double_to_uint),
        (INT, convert.int_to_uint),
        (STRING, convert.string_to_uint),
    ),
)

_SPANS: Final = {"getHours": 3600 * 10**9, "getMinutes": 60 * 10**9, "getSeconds": 10**9}


def _accessor(name: str) -> Function:
    overloads = [
        Overload((TIMESTAMP,), INT, clock.field_in_utc(name), member=True),
        Overload((TIMESTAMP, STRING), INT, clock.field_in_zone(name), member=True),
    ]
    if name in _SPANS:
        overloads.append(Overload((DURATION,), INT, clock.whole(_SPANS[name]), member=True))
    return Function(name, tuple(overloads))


_MILLISECONDS: Final = Function(
    "getMilliseconds",
    (
        Overload((TIMESTAMP,), INT, clock.milliseconds, member=True),
        Overload((TIMESTAMP, STRING), INT, clock.milliseconds_in_zone, member=True),
        Overload((DURATION,), INT, clock.whole(10**6), member=True),
    ),
)

LIBRARY: Final = Library(
    "conversions", (*_CONVERSIONS, *map(_accessor, clock.FIELDS), _MILLISECONDS)
)
