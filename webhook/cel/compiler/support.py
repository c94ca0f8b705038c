"""What compiled functions call while they run.

Each function does one thing right or raises; a raise makes the exact evaluator take over.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from webhook.cel.costs import TRAVERSAL, deep_size, units_of
from webhook.cel.errors import BudgetError, no_such_overload
from webhook.cel.exact.tracker import INTERRUPT_TEXT
from webhook.cel.operators import GREATER, GREATER_EQUALS, LESS, LESS_EQUALS
from webhook.cel.runtime.access import (
    NOT_THERE,
    check_key,
    has,
    keys_of,
    look_up,
    pairs_of,
    read,
    read_dynamic,
)
from webhook.cel.runtime.arithmetic import add, divide, modulo, multiply, negate, subtract
from webhook.cel.runtime.equality import contains, equal, order, put
from webhook.cel.values import ABSENT, ObjectValue, Optional

if TYPE_CHECKING:
    from collections.abc import Callable


class GiveUp(Exception):  # noqa: N818 - not an error: the exact evaluator takes over
    """The compiled function cannot go on."""


class OverLimitError(BudgetError):
    """The cost limit or the deadline was passed."""


def has_field(holder: Any, key: str) -> bool:
    """Tell whether a value has a field; what is optional is for the exact evaluator."""
    if isinstance(holder, Optional):
        raise GiveUp
    return has(holder, key)


def element(holder: Any, index: Any) -> Any:
    """Return what a key means in a list or map."""
    if type(index) is str and type(holder) is dict:
        return holder[index]
    if type(index) is int and type(holder) is list and index >= 0:
        return holder[index]
    return read_dynamic(holder, index)


def get(holder: Any, key: Any) -> Any:
    """Return the value at a key, or NOT_THERE."""
    if type(holder) is dict and type(key) is str:
        return holder.get(key, NOT_THERE)
    if isinstance(holder, Optional):
        raise GiveUp
    return look_up(holder, key)


def get_dynamic(holder: Any, key: Any) -> Any:
    """Return the value at a key of any type, or NOT_THERE."""
    check_key(key)
    return get(holder, key)


def less(one: Any, other: Any) -> bool:
    """Compare values of any types."""
    return order(one, other, LESS) < 0


def less_equals(one: Any, other: Any) -> bool:
    """Compare values of any types."""
    return order(one, other, LESS_EQUALS) <= 0


def greater(one: Any, other: Any) -> bool:
    """Compare values of any types."""
    return order(one, other, GREATER) > 0


def greater_equals(one: Any, other: Any) -> bool:
    """Compare values of any types."""
    return order(one, other, GREATER_EQUALS) >= 0


def empty(value: Any) -> int:
    """Return 1 for empty text, list or map: comparing with it costs nothing."""
    return 1 if isinstance(value, str | bytes | list | dict) else 0


def equality_cost(one: Any, other: Any) -> int:
    """Return what comparing two values of any types costs."""
    if type(one) is str and type(other) is str:
        return ceil(min(len(one), len(other)) * TRAVERSAL)
    return 1 if hasattr(one, "cel_size") else units_of(min(deep_size(one), deep_size(other)))


def pairs(container: Any) -> list[tuple[Any, Any]]:
    """Return what a comprehension of two variables goes over."""
    return pairs_of(container)


def tick(expired: Callable[[], bool] | None) -> int:
    """Look at the deadline after many rounds; the count begins again."""
    if expired is not None and expired():
        raise OverLimitError(INTERRUPT_TEXT)
    return 0


def present(optional: Any) -> bool:
    """Tell whether an optional has a value."""
    if not isinstance(optional, Optional):
        raise no_such_overload()
    return optional.present


def wrapped(value: Any) -> Optional:
    """Make an optional of what was looked up."""
    return ABSENT if value is NOT_THERE else Optional(value)


RUNTIME: dict[str, Any] = {
    "ABSENT": ABSENT,
    "GiveUp": GiveUp,
    "NOT_THERE": NOT_THERE,
    "ObjectValue": ObjectValue,
    "Optional": Optional,
    "OverLimit": OverLimitError,
    "add": add,
    "ceil": ceil,
    "contains": contains,
    "divide": divide,
    "element": element,
    "empty": empty,
    "equal": equal,
    "equality_cost": equality_cost,
    "get": get,
    "get_dynamic": get_dynamic,
    "greater": greater,
    "greater_equals": greater_equals,
    "has_field": has_field,
    "items": keys_of,
    "less": less,
    "less_equals": less_equals,
    "modulo": modulo,
    "multiply": multiply,
    "negate": negate,
    "pairs": pairs,
    "present": present,
    "put": put,
    "read": read,
    "read_dynamic": read_dynamic,
    "subtract": subtract,
    "tick": tick,
    "wrapped": wrapped,
}
"""The globals of every compiled function."""
