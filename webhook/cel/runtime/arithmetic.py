"""Arithmetic with the overflows of 64-bit numbers; operands of other types are errors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from webhook.cel.errors import BudgetError, EvaluationError, no_such_overload
from webhook.cel.values import (
    INT_MAX,
    INT_MIN,
    SECOND,
    UINT_MAX,
    Duration,
    Growing,
    Timestamp,
    Uint,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Operation = Callable[[Any, Any], Any]

MIN_SECONDS: Final = -62135596800  # 0001-01-01T00:00:00Z
MAX_SECONDS: Final = 253402300799  # 9999-12-31T23:59:59Z

MAX_ELEMENTS: Final = 2_000_000

_RECEIVERS: Final = (str, Timestamp, Duration)


def checked_int(value: int) -> int:
    """Return a number that fits an int."""
    if INT_MIN <= value <= INT_MAX:
        return value
    raise EvaluationError("integer overflow")


def checked_uint(value: int) -> Uint:
    """Return a number that fits a uint."""
    if 0 <= value <= UINT_MAX:
        return Uint(value)
    raise EvaluationError("unsigned integer overflow")


def checked_duration(nanoseconds: int) -> Duration:
    """Return a duration that fits 64 bits."""
    if INT_MIN <= nanoseconds <= INT_MAX:
        return Duration(nanoseconds)
    raise EvaluationError("integer overflow")


def checked_timestamp(nanoseconds: int, offset: int = 0) -> Timestamp:
    """Return a timestamp within the years 1 to 9999."""
    if MIN_SECONDS <= nanoseconds // SECOND <= MAX_SECONDS:
        return Timestamp(nanoseconds, offset)
    raise EvaluationError("timestamp overflow")


def add_ints(one: int, other: int) -> int:
    """Add two ints."""
    return checked_int(one + other)


def _joined(one: list[Any], other: list[Any]) -> list[Any]:
    # Upstream joins without copying, for a cost of 1; nobody can read that much within a budget.
    if len(one) + len(other) > MAX_ELEMENTS:
        raise BudgetError("operation cancelled: actual cost limit exceeded")
    return one + other


def _appended(one: Growing, other: list[Any]) -> Growing:
    one.extend(other)
    return one


def _difference(one: Timestamp, other: Timestamp) -> Duration:
    return Duration(checked_int(one.nanoseconds - other.nanoseconds))


def _divided_ints(one: int, other: int) -> int:
    if other == 0:
        raise EvaluationError("division by zero")
    quotient = abs(one) // abs(other)
    return checked_int(quotient if (one < 0) is (other < 0) else -quotient)


def _remainder_ints(one: int, other: int) -> int:
    if other == 0:
        raise EvaluationError("modulus by zero")
    if one == INT_MIN and other == -1:
        raise EvaluationError("integer overflow")
    remainder = abs(one) % abs(other)
    return -remainder if one < 0 else remainder


def _divided_uints(one: Uint, other: Uint) -> Uint:
    if other.value == 0:
        raise EvaluationError("division by zero")
    return Uint(one.value // other.value)


def _remainder_uints(one: Uint, other: Uint) -> Uint:
    if other.value == 0:
        raise EvaluationError("modulus by zero")
    return Uint(one.value % other.value)


def divide_doubles(one: float, other: float) -> float:
    """Divide as the floating point standard does: by zero gives infinities or NaN."""
    if other:
        return one / other
    if one == 0 or math.isnan(one):
        return math.nan
    return math.copysign(math.inf, one) * math.copysign(1.0, other)


def multiply_doubles(one: float, other: float) -> float:
    """Multiply two doubles."""
    return one * other


_ADD: Final[dict[tuple[type, type], Operation]] = {
    (int, int): add_ints,
    (Uint, Uint): lambda one, other: checked_uint(one.value + other.value),
    (float, float): lambda one, other: one + other,
    (str, str): lambda one, other: one + other,
    (bytes, bytes): lambda one, other: one + other,
    (list, list): _joined,
    (Growing, list): _appended,
    (Duration, Duration): lambda one, other: checked_duration(one.nanoseconds + other.nanoseconds),
    (Duration, Timestamp): lambda one, other: checked_timestamp(
        one.nanoseconds + other.nanoseconds, other.offset
    ),
    (Timestamp, Duration): lambda one, other: checked_timestamp(
        one.nanoseconds + other.nanoseconds, one.offset
    ),
}
_SUBTRACT: Final[dict[tuple[type, type], Operation]] = {
    (int, int): lambda one, other: checked_int(one - other),
    (Uint, Uint): lambda one, other: checked_uint(one.value - other.value),
    (float, float): lambda one, other: one - other,
    (Duration, Duration): lambda one, other: checked_duration(one.nanoseconds - other.nanoseconds),
    (Timestamp, Timestamp): _difference,
    (Timestamp, Duration): lambda one, other: checked_timestamp(
        one.nanoseconds - other.nanoseconds, one.offset
    ),
}
_MULTIPLY: Final[dict[tuple[type, type], Operation]] = {
    (int, int): lambda one, other: checked_int(one * other),
    (Uint, Uint): lambda one, other: checked_uint(one.value * other.value),
    (float, float): multiply_doubles,
}
_DIVIDE: Final[dict[tuple[type, type], Operation]] = {
    (int, int): _divided_ints,
    (Uint, Uint): _divided_uints,
    (float, float): divide_doubles,
}
_MODULO: Final[dict[tuple[type, type], Operation]] = {
    (int, int): _remainder_ints,
    (Uint, Uint): _remainder_uints,
}


def _binary(table: dict[tuple[type, type], Operation], name: str) -> Operation:
    able = frozenset(left for left, _ in table)

    def operate(one: Any, other: Any) -> Any:
        operation = table.get((type(one), type(other)))
        if operation is not None:
            return operation(one, other)
        if type(one) in able or isinstance(one, _RECEIVERS):
            raise no_such_overload()
        raise EvaluationError(f"no such overload: {name}")

    return operate


add: Final = _binary(_ADD, "_+_")
subtract: Final = _binary(_SUBTRACT, "_-_")
multiply: Final = _binary(_MULTIPLY, "_*_")
divide: Final = _binary(_DIVIDE, "_/_")
modulo: Final = _binary(_MODULO, "_%_")


def negate(value: Any) -> Any:
    """Change the sign of a number or duration."""
    kind = type(value)
    if kind is int:
        return checked_int(-value)
    if kind is float:
        return -value
    if kind is Duration:
        return checked_duration(-value.nanoseconds)
    if kind is bool or isinstance(value, _RECEIVERS):
        raise no_such_overload()
    raise EvaluationError("no such overload: -_")


def invert(value: Any) -> bool:
    """Negate a bool."""
    if value is True:
        return False
    if value is False:
        return True
    raise no_such_overload()
