"""Kubernetes' list functions: isSorted, sum, min, max, indexOf, lastIndexOf, includes.

Mixed element types only reach these through dyn; comparing such elements finds no order, which
is no error (upstream's way).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhook.cel.costs import traversal
from webhook.cel.errors import EvaluationError, no_such_overload
from webhook.cel.library import Function, Library, Overload
from webhook.cel.runtime.arithmetic import add
from webhook.cel.runtime.equality import equal, order
from webhook.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    ListType,
    Type,
    TypeParam,
)
from webhook.cel.values import Duration, Timestamp, Uint

if TYPE_CHECKING:
    from collections.abc import Callable

ELEMENT: Final = TypeParam("A")
COMPARABLE: Final = (INT, UINT, DOUBLE, BOOL, DURATION, TIMESTAMP, STRING, BYTES)

_ZEROS: Final = ((INT, 0), (UINT, Uint(0)), (DOUBLE, 0.0), (DURATION, Duration(0)))
_COMPARERS: Final = (bool, int, float, str, bytes, Uint, Duration, Timestamp)


def compare(one: Any, other: Any) -> int | None:
    """Return -1, 0 or 1, None where the two have no order."""
    try:
        return order(one, other, "compare")
    except EvaluationError:
        return None


def _check_comparable(element: Any) -> None:
    if not isinstance(element, _COMPARERS):
        raise no_such_overload()


def is_sorted(elements: list[Any]) -> bool:
    """Tell whether no element is greater than the one after it."""
    for index, element in enumerate(elements):
        _check_comparable(element)
        if index and compare(elements[index - 1], element) == 1:
            return False
    return True


def smallest(elements: list[Any]) -> Any:
    """Return the smallest element, the first of equal ones."""
    return _preferred(elements, "min", 1)


def greatest(elements: list[Any]) -> Any:
    """Return the greatest element, the first of equal ones."""
    return _preferred(elements, "max", -1)


def _preferred(elements: list[Any], name: str, worse: int) -> Any:
    if not elements:
        raise EvaluationError(f"{name} called on empty list")
    best = elements[0]
    for element in elements:
        _check_comparable(element)
        if compare(best, element) == worse:
            best = element
    return best


def sum_from(zero: Any) -> Callable[[list[Any]], Any]:
    """Return the function that adds the elements of a list to a zero of their type."""

    def total(elements: list[Any]) -> Any:
        result = zero
        for element in elements:
            result = add(result, element)
        return result

    return total


def index_of(elements: list[Any], wanted: Any) -> int:
    """Return the first position of an element, or -1."""
    return next((i for i, it in enumerate(elements) if equal(it, wanted)), -1)


def last_index_of(elements: list[Any], wanted: Any) -> int:
    """Return the last position of an element, or -1."""
    return next((i for i in range(len(elements) - 1, -1, -1) if equal(elements[i], wanted)), -1)


def includes(target: Any, wanted: Any) -> bool:
    """Tell whether a list has an element, or anything else is equal to it."""
    if isinstance(target, list):
        return any(equal(element, wanted) for element in target)
    return equal(target, wanted)


def _traversal(_result: Any, receiver: Any, *_: Any) -> int:
    return traversal(receiver)


def _for_comparable(
    implementation: Callable[..., Any], result: Callable[[Type], Type]
) -> tuple[Overload, ...]:
    return tuple(
        Overload((ListType(element),), result(element), implementation, member=True)
        for element in COMPARABLE
    )


_POSITION: Final = (ListType(ELEMENT), ELEMENT)

LIBRARY: Final = Library(
    "lists",
    (
        Function(
            "isSorted",
            _for_comparable(is_sorted, lambda _: BOOL),
            cost=_traversal,
            examples=(
                ("['a', 'b', 'b'].isSorted()", "true"),
                ("[3, 1].isSorted()", "false"),
                ("[].isSorted()", "true"),
            ),
            documentation="Whether no element is greater than the next.",
        ),
        Function(
            "sum",
            tuple(
                Overload((ListType(element),), element, sum_from(zero), member=True)
                for element, zero in _ZEROS
            ),
            cost=_traversal,
            examples=(
                ("[1, 2, 3].sum()", "6"),
                ("[1.5, 2.5].sum()", "double(4)"),
                ("[].sum()", "0"),
                ("[duration('1h'), duration('30m')].sum()", "duration(1h30m0s)"),
                ("[9223372036854775807, 1].sum()", "integer overflow"),
            ),
            documentation="The sum of numbers or durations.",
        ),
        Function(
            "max",
            _for_comparable(greatest, lambda element: element),
            cost=_traversal,
            examples=(("[1, 3].max()", "3"), ("[].max()", "max called on empty list")),
            documentation="The greatest element.",
        ),
        Function(
            "min",
            _for_comparable(smallest, lambda element: element),
            cost=_traversal,
            examples=(("['b', 'a'].min()", '"a"'), ("[].min()", "min called on empty list")),
            documentation="The smallest element.",
        ),
        Function(
            "indexOf",
            (Overload(_POSITION, INT, index_of, member=True),),
            cost=_traversal,
            examples=(("[1, 2, 2, 3].indexOf(2)", "1"), ("[1].indexOf(5)", "-1")),
            documentation="The first position of an element, -1 if there is none.",
        ),
        Function(
            "lastIndexOf",
            (Overload(_POSITION, INT, last_index_of, member=True),),
            cost=_traversal,
            examples=(("[1, 2, 2, 3].lastIndexOf(2)", "2"),),
            documentation="The last position of an element, -1 if there is none.",
        ),
        Function(
            "includes",
            (Overload((DYN, DYN), BOOL, includes, member=True),),
            since="1.37",
            cost=_traversal,
            examples=(
                ("[1, 2, 3].includes(2)", "true"),
                ("'abc'.includes('abc')", "true"),
                ("'abc'.includes('a')", "false"),
            ),
            documentation="Whether a list has an element; of anything else, whether it is equal.",
        ),
    ),
)
