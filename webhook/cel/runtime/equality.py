"""Equality and order of values as upstream's `common/types` defines them.

Numbers compare across types, a bool is no number, NaN equals nothing, maps and lists compare
element by element.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhook.cel.errors import EvaluationError, no_such_overload
from webhook.cel.values import (
    INT_MAX,
    INT_MIN,
    UINT_MAX,
    Duration,
    ObjectValue,
    Optional,
    Timestamp,
    Uint,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_MISSING: Final = object()
_AMBIGUOUS: Final = (0, 1)
_SMALL: Final = 16


def equal(one: Any, other: Any) -> bool:
    """Tell whether two values are equal; never fails."""
    kind = type(one)
    if kind is type(other):
        compare = _SAME_TYPE.get(kind)
        return bool(one == other) if compare is None else compare(one, other)
    if kind in _NUMBERS and type(other) in _NUMBERS:
        return _equal_numbers(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return equal_maps(one, other)
    return False


def _equal_numbers(one: Any, other: Any) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        return one == one and other == other and order_numbers(one, other) == 0  # noqa: PLR0124
    return plain(one) == plain(other)


def equal_lists(one: list[Any], other: list[Any]) -> bool:
    """Compare lists element by element."""
    return len(one) == len(other) and all(map(equal, one, other))


def equal_maps(one: dict[Any, Any], other: dict[Any, Any]) -> bool:
    """Compare maps by their keys and values."""
    if len(one) != len(other):
        return False
    for key, value in one.items():
        found = find(other, key)
        if found is _MISSING or not equal(value, found):
            return False
    return True


def _equal_optionals(one: Optional, other: Optional) -> bool:
    if not (one.present and other.present):
        return one.present == other.present
    return equal(one.content, other.content)


def _equal_objects(one: ObjectValue, other: ObjectValue) -> bool:
    return one.cel_type_name == other.cel_type_name and equal_maps(one.fields, other.fields)


_SAME_TYPE: Final[dict[type, Callable[[Any, Any], bool]]] = {
    list: equal_lists,
    dict: equal_maps,
    Optional: _equal_optionals,
    ObjectValue: _equal_objects,
}
_NUMBERS: Final = frozenset({int, float, Uint})


def plain(number: int | float | Uint) -> int | float:
    """Return the Python number of a number of the language."""
    return number.value if isinstance(number, Uint) else number


def missing(found: object) -> bool:
    """Tell whether `find` found nothing."""
    return found is _MISSING


def find(container: dict[Any, Any], key: Any) -> Any:
    """Look a key up, across number types; the result is to be asked with `missing`."""
    try:
        found = container.get(key, _MISSING)
    except TypeError:  # a list or map is no key
        return _MISSING
    if found is _MISSING or type(key) is str or key not in _AMBIGUOUS:
        return found
    return _find_exactly(container, key, found)


def _find_exactly(container: dict[Any, Any], key: Any, found: Any) -> Any:
    """Look up what Python takes for the same key: True and 1, False and 0.

    A large map is taken to have keys of one type.
    """
    is_bool = isinstance(key, bool)
    if len(container) > _SMALL:
        return found if isinstance(next(iter(container)), bool) is is_bool else _MISSING
    for stored, value in container.items():
        if isinstance(stored, bool) is is_bool and stored == key:
            return value
    return _MISSING


def put(container: dict[Any, Any], key: Any, value: Any) -> None:
    """Store an entry; where True meets 1, the number becomes a uint, which Python keeps apart."""
    if isinstance(key, list | dict):
        raise EvaluationError("lists and maps are no keys of maps here")
    if key in container and type(key) is not str and missing(find(container, key)):
        if isinstance(key, bool):
            number = next(stored for stored in container if stored == key)
            container[Uint(int(plain(number)))] = container.pop(number)
        else:
            key = Uint(int(plain(key)))
    container[key] = value


def contains(container: Any, item: Any) -> bool:
    """Tell whether a list has an element or a map has a key."""
    if isinstance(container, list):
        return any(equal(item, element) for element in container)
    if isinstance(container, dict):
        return find(container, item) is not _MISSING
    raise no_such_overload()


def order_numbers(one: Any, other: Any) -> int:
    """Compare numbers of any types: -1, 0 or 1; NaN compares as 0, as upstream has it."""
    one, other = _comparable(one, other)
    return int(one > other) - int(one < other)


def _comparable(one: Any, other: Any) -> tuple[int | float, int | float]:
    """Turn two numbers into ones that Python compares as upstream does."""
    if isinstance(one, float) and not isinstance(other, float):
        low, high = (0, UINT_MAX) if isinstance(other, Uint) else (INT_MIN, INT_MAX)
        outside = one < low or one > float(high)
        return (one, plain(other)) if outside else (one, float(plain(other)))
    if isinstance(other, float) and not isinstance(one, float):
        right, left = _comparable(other, one)
        return left, right
    return plain(one), plain(other)


def order(one: Any, other: Any, operator: str) -> int:
    """Compare two values for an ordering operator: -1, 0 or 1."""
    kind = type(one)
    if kind in _NUMBERS:
        if type(other) not in _NUMBERS:
            raise no_such_overload()
        if one != one or other != other:  # noqa: PLR0124 - asks for NaN
            raise EvaluationError("NaN values cannot be ordered")
        return order_numbers(one, other)
    if kind not in _ORDERED:
        raise EvaluationError(f"no such overload: {operator}")
    if type(other) is not kind:
        raise no_such_overload()
    if kind is Timestamp or kind is Duration:
        one, other = one.nanoseconds, other.nanoseconds
    return int(one > other) - int(one < other)


_ORDERED: Final = frozenset({bool, str, bytes, Timestamp, Duration})
