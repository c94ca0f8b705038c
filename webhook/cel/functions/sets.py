"""cel-go's set functions on lists: contains, equivalent, intersects.

What would cost more than one expression may spend is not computed at all; the engine charges the
call and ends with upstream's error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhook.cel.costs import size
from webhook.cel.errors import EvaluationError
from webhook.cel.library import Function, Library, Overload
from webhook.cel.runtime.equality import equal
from webhook.cel.types import BOOL, ListType, TypeParam

if TYPE_CHECKING:
    from collections.abc import Callable

_ELEMENTS: Final = ListType(TypeParam("T"))
_PER_CALL: Final = 1_000_000  # cost limit of one expression
_TOO_COSTLY: Final = "operation cancelled: actual cost limit exceeded"


def _members(elements: list[Any], wanted: list[Any]) -> Callable[[Any], bool]:
    """Return the function that tells whether a list has an element."""
    if len(elements) * len(wanted) > _PER_CALL:
        raise EvaluationError(_TOO_COSTLY)
    kinds = {type(element) for part in (elements, wanted) for element in part}
    if kinds in ({str}, {int}):
        return frozenset(elements).__contains__
    return lambda item: any(equal(item, element) for element in elements)


def contains(elements: list[Any], wanted: list[Any]) -> bool:
    """Tell whether every element of the second list is in the first."""
    return all(map(_members(elements, wanted), wanted))


def equivalent(one: list[Any], other: list[Any]) -> bool:
    """Tell whether each of the lists contains the other."""
    return contains(one, other) and contains(other, one)


def intersects(one: list[Any], other: list[Any]) -> bool:
    """Tell whether the lists have an element in common."""
    return any(map(_members(other, one), one))


def _product(_result: Any, one: Any, other: Any) -> int:
    return 1 + size(one) * size(other)


def _product_twice(_result: Any, one: Any, other: Any) -> int:
    return 1 + 2 * size(one) * size(other)


LIBRARY: Final = Library(
    "sets",
    (
        Function(
            "sets.contains",
            (Overload((_ELEMENTS, _ELEMENTS), BOOL, contains, cost=_product),),
            since="1.29",
            examples=(
                ("sets.contains([1, 2, 3], [2])", "true"),
                ("sets.contains([1], [])", "true"),
                ("sets.contains([1], [2])", "false"),
            ),
            documentation="Whether every element of the second list is in the first.",
        ),
        Function(
            "sets.equivalent",
            (Overload((_ELEMENTS, _ELEMENTS), BOOL, equivalent, cost=_product_twice),),
            since="1.29",
            examples=(
                ("sets.equivalent([1], [1, 1])", "true"),
                ("sets.equivalent([1], [2])", "false"),
            ),
            documentation="Whether each of the lists contains the other.",
        ),
        Function(
            "sets.intersects",
            (Overload((_ELEMENTS, _ELEMENTS), BOOL, intersects, cost=_product),),
            since="1.29",
            examples=(
                ("sets.intersects([1, 2], [2])", "true"),
                ("sets.intersects([1], [2])", "false"),
            ),
            documentation="Whether the lists have an element in common.",
        ),
    ),
)
