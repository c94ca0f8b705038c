"""Optional values, as upstream's `cel/library.go` declares them, and map insertion for macros.

`or`, `orValue` and the optional selections are evaluated by the planners.
"""

from __future__ import annotations

from typing import Any, Final

from webhook.cel import operators
from webhook.cel.errors import EvaluationError
from webhook.cel.functions.standard import never
from webhook.cel.library import Function, Library, Overload
from webhook.cel.runtime.equality import find, missing, put
from webhook.cel.runtime.texts import show
from webhook.cel.types import (
    BOOL,
    DYN,
    INT,
    STRING,
    ListType,
    MapType,
    OptionalType,
    TypeParam,
)
from webhook.cel.values import ABSENT, Duration, Optional, Uint

K: Final = TypeParam("K")
V: Final = TypeParam("V")
OPTIONAL: Final = OptionalType(V)
LIST: Final = ListType(V)
MAP: Final = MapType(K, V)
OPTIONALS: Final = ListType(OPTIONAL)


def is_zero(value: Any) -> bool:
    """Tell whether a value is the zero of its type; opaque values never are."""
    if value is None or isinstance(value, bool | int | float | str | bytes | list | dict):
        return not value
    if isinstance(value, Uint):
        return value.value == 0
    return isinstance(value, Duration) and value.nanoseconds == 0


def of_non_zero(value: Any) -> Optional:
    """Wrap a value unless it is a zero."""
    return ABSENT if is_zero(value) else Optional(value)


def _none() -> Optional:
    return ABSENT


def _value(optional: Optional) -> Any:
    if not optional.present:
        raise EvaluationError("optional.none() dereference")
    return optional.content


def _has_value(optional: Optional) -> bool:
    return optional.present


def _unwrap(values: list[Any]) -> list[Any]:
    for value in values:
        if not isinstance(value, Optional):
            raise EvaluationError(f"value {show(value)} is not optional")
    return [value.content for value in values if value.present]


def _first(values: list[Any]) -> Optional:
    return Optional(values[0]) if values else ABSENT


def _last(values: list[Any]) -> Optional:
    return Optional(values[-1]) if values else ABSENT


def insert(container: dict[Any, Any], key: Any, value: Any) -> dict[Any, Any]:
    """Add an entry to the map under construction in a comprehension."""
    if not missing(find(container, key)):
        raise EvaluationError(f"insert failed: key {show(key)} already exists")
    put(container, key, value)
    return container


def _insert_all(container: dict[Any, Any], entries: dict[Any, Any]) -> dict[Any, Any]:
    for key, value in entries.items():
        insert(container, key, value)
    return container


_FUNCTIONS: Final = (
    Function("optional.of", (Overload((V,), OPTIONAL, Optional),), "1.28"),
    Function("optional.ofNonZeroValue", (Overload((V,), OPTIONAL, of_non_zero),), "1.28"),
    Function("optional.none", (Overload((), OPTIONAL, _none),), "1.28"),
    Function("value", (Overload((OPTIONAL,), V, _value, member=True),), "1.28"),
    Function("hasValue", (Overload((OPTIONAL,), BOOL, _has_value, member=True),), "1.28"),
    Function(
        "or", (Overload((OPTIONAL, OPTIONAL), OPTIONAL, never, member=True),), "1.28", dynamic=never
    ),
    Function("orValue", (Overload((OPTIONAL, V), V, never, member=True),), "1.28", dynamic=never),
    Function(
        operators.OPTIONAL_SELECT,
        (Overload((DYN, STRING), OPTIONAL, never),),
        "1.28",
        dynamic=never,
    ),
    Function(
        operators.OPTIONAL_INDEX,
        (
            Overload((LIST, INT), OPTIONAL, never),
            Overload((OptionalType(LIST), INT), OPTIONAL, never),
            Overload((MAP, K), OPTIONAL, never),
            Overload((OptionalType(MAP), K), OPTIONAL, never),
        ),
        "1.28",
        dynamic=never,
    ),
    Function(
        operators.INDEX,
        (
            Overload((OptionalType(LIST), INT), OPTIONAL, never),
            Overload((OptionalType(MAP), K), OPTIONAL, never),
        ),
        "1.28",
        dynamic=never,
    ),
    Function("last", (Overload((LIST,), OPTIONAL, _last, member=True),), "1.28"),
    Function("first", (Overload((LIST,), OPTIONAL, _first, member=True),), "1.28"),
    Function("optional.unwrap", (Overload((OPTIONALS,), LIST, _unwrap),), "1.28"),
    Function("unwrapOpt", (Overload((OPTIONALS,), LIST, _unwrap, member=True),), "1.28"),
    Function(
        operators.MAP_INSERT,
        (Overload((MAP, K, V), MAP, insert), Overload((MAP, MAP), MAP, _insert_all)),
        "1.32",
    ),
)

LIBRARY: Final = Library("optionals", _FUNCTIONS, (OptionalType(DYN),))
