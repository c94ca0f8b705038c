"""cel-go's list extension in version 3: slice, flatten, range, distinct, reverse, sort, sortBy.

What would cost more than one expression may spend is not computed at all; the engine charges the
call and ends with upstream's error.
"""

from __future__ import annotations

import math
from typing import Any, Final

from webhook.cel.costs import LIST_COST, size
from webhook.cel.errors import BudgetError, EvaluationError, PanicError, no_such_overload
from webhook.cel.functions.go_sort import sorted_positions
from webhook.cel.functions.lists import COMPARABLE
from webhook.cel.library import Function, Library, Overload
from webhook.cel.runtime.equality import equal
from webhook.cel.types import DYN, INT, ListType, TypeParam
from webhook.cel.values import Duration, Timestamp, Uint, type_name

_ELEMENTS: Final = ListType(TypeParam("T"))
_MAX_RANGE: Final = 1_000_000
_MAX_ELEMENTS: Final = 1_000_000  # of a flattened list
_MAX_TIES: Final = 10_000  # more than that is sorted fast, equal keys in their old order
_PER_CALL: Final = 1_000_000  # cost limit of one expression

_PARAMETERS: Final = {
    "list": "list(dyn)",
    "map": "map(dyn, dyn)",
    "optional_type": "optional_type(dyn)",
}
_COMPARERS: Final = (bool, int, float, str, bytes, Uint, Duration, Timestamp)
_TOO_COSTLY: Final = "operation cancelled: actual cost limit exceeded"


def cut(elements: list[Any], start: int, end: int) -> list[Any]:
    """Return the elements from one position to before another."""
    if start < 0 or end < 0:
        raise _bad_slice(start, end, "negative indexes not supported")
    if start > end:
        raise _bad_slice(start, end, "start index must be less than or equal to end index")
    if end > len(elements):
        raise _bad_slice(start, end, f"list is length {len(elements)}")
    return elements[start:end]


def _bad_slice(start: int, end: int, message: str) -> EvaluationError:
    return EvaluationError(f"cannot slice({start}, {end}), {message}")


def flatten(receiver: Any, *depth: Any) -> list[Any]:
    """Return the list with `depth` levels of lists in it opened, one if it is not given."""
    levels = depth[0] if depth else 1
    if not isinstance(receiver, list) or type(levels) is not int:
        shown = ", ".join(map(_full_type_name, depth))
        raise EvaluationError(f"no such overload: {_full_type_name(receiver)}.flatten({shown})")
    if levels < 0:
        raise EvaluationError("level must be non-negative")
    result: list[Any] = receiver
    while levels and any(isinstance(element, list) for element in result):
        result = _opened(result)
        levels -= 1
    return result


def _full_type_name(value: Any) -> str:
    """Return the runtime type with its parameters, which only this error shows."""
    name = type_name(value)
    return _PARAMETERS.get(name, name)


def _opened(elements: list[Any]) -> list[Any]:
    result: list[Any] = []
    for element in elements:
        if isinstance(element, list):
            result += element
        else:
            result.append(element)
        # One list may be there a thousand times, and that again a thousand times.
        if len(result) > _MAX_ELEMENTS:
            raise BudgetError(_TOO_COSTLY)
    return result


def numbers_to(end: int) -> list[int]:
    """Return 0 to before `end`."""
    if end < 0:
        raise EvaluationError(f"lists.range: size must be non-negative, got {end}")
    if end > _MAX_RANGE:
        message = f"lists.range: size {end} exceeds maximum allowed ({_MAX_RANGE})"
        raise EvaluationError(message)
    return list(range(end))


def distinct(elements: list[Any]) -> list[Any]:
    """Return the first of equal elements, in their order."""
    if _compared(elements) > _PER_CALL:
        raise EvaluationError(_TOO_COSTLY)
    kinds = set(map(type, elements))
    if kinds in ({str}, {int}):
        return list(dict.fromkeys(elements))
    result: list[Any] = []
    for element in elements:
        if not any(equal(element, other) for other in result):
            result.append(element)
    return result


def reverse(elements: list[Any]) -> list[Any]:
    """Return the elements from last to first."""
    return elements[::-1]


def sort(receiver: Any) -> list[Any]:
    """Return the elements in ascending order."""
    if not isinstance(receiver, list):
        raise _not_a_list(receiver, "sort")
    return sort_by_keys(receiver, receiver)


def _not_a_list(value: Any, name: str) -> EvaluationError:
    """Word upstream's error: values with methods of their own are asked for one first."""
    if isinstance(value, str | Timestamp | Duration):
        return no_such_overload()
    return EvaluationError(f"no such overload: {name}")


def sort_by_keys(elements: Any, keys: Any) -> list[Any]:
    """Return the elements in the ascending order of their keys, which are of one type."""
    if not isinstance(elements, list):
        raise _not_a_list(elements, "@sortByAssociatedKeys")
    if not isinstance(keys, list):
        raise PanicError("internal error: interface conversion: keys are not traits.Lister")
    if not elements:
        return elements
    if not isinstance(keys[0], _COMPARERS):
        raise EvaluationError("list elements must be comparable")
    if len(set(map(type, keys))) > 1:
        raise EvaluationError("list elements must have the same type")
    plain = _plain(keys)
    has_order = not isinstance(plain[0], float) or not any(map(math.isnan, plain))
    if (has_order and len(set(plain)) == len(plain)) or len(plain) > _MAX_TIES:
        positions = sorted(range(len(plain)), key=plain.__getitem__)
    else:
        positions = sorted_positions(plain)
    return [elements[position] for position in positions]


def _plain(keys: list[Any]) -> list[Any]:
    """Return keys of one type as values that Python orders in the same way."""
    if isinstance(keys[0], Uint):
        return [key.value for key in keys]
    if isinstance(keys[0], Duration | Timestamp):
        return [key.nanoseconds for key in keys]
    return keys


def _allocating(amount: int) -> int:
    """Return what a call that makes a list costs."""
    return amount + 1 + LIST_COST


def _compared(elements: list[Any]) -> int:
    """Return what comparing each element with each costs."""
    factor = 2.1 if elements and isinstance(elements[0], str | bytes) else 2.0
    return int(len(elements) ** 2 * factor)


def _result_size(result: Any, *_: Any) -> int:
    return _allocating(size(result))


def _flatten_cost(_result: Any, receiver: Any, depth: Any = 1) -> int:
    if type(depth) is not int:
        raise PanicError("internal error: interface conversion: depth is not types.Int")
    return _allocating(int(size(receiver) * (float(depth) if depth >= 0 else 1.0)))


def _self_compare(_result: Any, *arguments: Any) -> int:
    if not isinstance(arguments[-1], list):
        raise PanicError("internal error: interface conversion: value is not traits.Lister")
    return _allocating(_compared(arguments[-1]))


LIBRARY: Final = Library(
    "list extension",
    (
        Function(
            "slice",
            (Overload((_ELEMENTS, INT, INT), _ELEMENTS, cut, member=True, cost=_result_size),),
            since="1.34",
            examples=(
                ("[1, 2, 3, 4].slice(1, 3)", "[2, 3]"),
                ("[1, 2].slice(0, 5)", "cannot slice(0, 5), list is length 2"),
            ),
            documentation="The elements from one position to before another.",
        ),
        Function(
            "flatten",
            (
                Overload(
                    (ListType(_ELEMENTS),), _ELEMENTS, flatten, member=True, cost=_flatten_cost
                ),
                Overload(
                    (ListType(DYN), INT), ListType(DYN), flatten, member=True, cost=_flatten_cost
                ),
            ),
            since="1.34",
            dynamic=flatten,
            examples=(
                ("[[1, 2], [3]].flatten()", "[1, 2, 3]"),
                ("[[[1]]].flatten(2)", "[1]"),
                ("[[1]].flatten(-1)", "level must be non-negative"),
            ),
            documentation="The list with the lists in it opened, one level or the number given.",
        ),
        Function(
            "sort",
            tuple(
                Overload((ListType(it),), ListType(it), sort, member=True, cost=_self_compare)
                for it in COMPARABLE
            ),
            since="1.34",
            dynamic=sort,
            examples=(("[3, 2, 1].sort()", "[1, 2, 3]"), ('["b", "a"].sort()', '["a", "b"]')),
            documentation="The elements in ascending order.",
        ),
        Function(
            "@sortByAssociatedKeys",
            tuple(
                Overload(
                    (_ELEMENTS, ListType(it)),
                    _ELEMENTS,
                    sort_by_keys,
                    member=True,
                    cost=_self_compare,
                )
                for it in COMPARABLE
            ),
            since="1.34",
            dynamic=sort_by_keys,
            examples=(
                ('["aa", "b"].sortBy(x, size(x))', '["b", "aa"]'),
                ("[{'a': 2}, {'a': 1}].sortBy(x, x.a)", '[{"a": 1}, {"a": 2}]'),
            ),
            documentation="`list.sortBy(x, key)`: the elements in the order of a key of each.",
        ),
        Function(
            "lists.range",
            (Overload((INT,), ListType(INT), numbers_to, cost=_result_size),),
            since="1.34",
            examples=(
                ("lists.range(3)", "[0, 1, 2]"),
                ("lists.range(-1)", "lists.range: size must be non-negative, got -1"),
            ),
            documentation="The numbers from 0 to before n.",
        ),
        Function(
            "reverse",
            (Overload((_ELEMENTS,), _ELEMENTS, reverse, member=True, cost=_result_size),),
            since="1.34",
            examples=(("[1, 2, 3].reverse()", "[3, 2, 1]"),),
            documentation="The elements from last to first.",
        ),
        Function(
            "distinct",
            (Overload((_ELEMENTS,), _ELEMENTS, distinct, member=True, cost=_self_compare),),
            since="1.34",
            examples=(('["b", "b", "c"].distinct()', '["b", "c"]'),),
            documentation="The first of equal elements each.",
        ),
    ),
)
