"""The standard functions and operators, as upstream's `common/stdlib/standard.go` declares them.

Overloads are in upstream's order: the first that fits decides the static type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhook.cel import operators
from webhook.cel.costs import deep_size, units_of
from webhook.cel.errors import EvaluationError, no_such_overload
from webhook.cel.library import Function, Library, Overload
from webhook.cel.runtime import arithmetic, equality
from webhook.cel.runtime.patterns import constant_matcher, matcher
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
    MapType,
    Type,
    TypeParam,
    TypeType,
)
from webhook.cel.values import Duration, ObjectValue, Timestamp, TypeValue, type_name

if TYPE_CHECKING:
    from collections.abc import Callable

A: Final = TypeParam("A")
B: Final = TypeParam("B")
LIST_A: Final = ListType(A)
MAP_AB: Final = MapType(A, B)

_RECEIVERS: Final = (str, Timestamp, Duration)


# Costs


def _shorter(_: Any, one: Any, other: Any) -> int:
    return units_of(min(deep_size(one), deep_size(other)))


def _shorter_or_opaque(_: Any, one: Any, other: Any) -> int:
    # Kubernetes charges 1 for its own types on the left, but only for `==`.
    return 1 if hasattr(one, "cel_size") else _shorter(None, one, other)


def _together(_: Any, one: Any, other: Any) -> int:
    return units_of(deep_size(one) + deep_size(other))


def _second(_: Any, __: Any, other: Any) -> int:
    return units_of(deep_size(other))


def _list_size(_: Any, __: Any, container: Any) -> int:
    return deep_size(container)


def _product(_: Any, text: Any, part: Any) -> int:
    return units_of(deep_size(text)) * units_of(deep_size(part))


def _pattern(_: Any, text: Any, pattern: Any) -> int:
    return units_of(1 + deep_size(text)) * -(-deep_size(pattern) // 4)


# Implementations


def _not_equal(one: Any, other: Any) -> bool:
    return not equality.equal(one, other)


def _less(one: Any, other: Any) -> bool:
    return equality.order(one, other, operators.LESS) < 0


def _less_equals(one: Any, other: Any) -> bool:
    return equality.order(one, other, operators.LESS_EQUALS) <= 0


def _greater(one: Any, other: Any) -> bool:
    return equality.order(one, other, operators.GREATER) > 0


def _greater_equals(one: Any, other: Any) -> bool:
    return equality.order(one, other, operators.GREATER_EQUALS) >= 0


def _in(item: Any, container: Any) -> bool:
    return equality.contains(container, item)


def _size(value: Any) -> int:
    if isinstance(value, str | bytes | list | dict):
        return len(value)
    if isinstance(value, _RECEIVERS):
        raise no_such_overload()
    raise EvaluationError("no such overload: size")


def _type_of(value: Any) -> TypeValue:
    if isinstance(value, ObjectValue) and value.cel_type_name != "JSONPatch":
        return TypeValue("type")  # upstream's slip
    return TypeValue(type_name(value))


def identity(value: Any) -> Any:
    """Return the value itself."""
    return value


def _texts(one: Any, other: Any) -> None:
    if not isinstance(one, str) or not isinstance(other, str):
        raise no_such_overload()


def _contains(text: Any, part: Any) -> bool:
    _texts(text, part)
    return part in text


def _starts_with(text: Any, part: Any) -> bool:
    _texts(text, part)
    return bool(text.startswith(part))


def _ends_with(text: Any, part: Any) -> bool:
    _texts(text, part)
    return bool(text.endswith(part))


def _matches(text: Any, pattern: Any) -> bool:
    if not isinstance(text, str):
        if isinstance(text, _RECEIVERS):
            raise no_such_overload()
        raise EvaluationError("no such overload: matches")
    if not isinstance(pattern, str):
        raise no_such_overload()
    return matcher(pattern)(text)


def _matches_constant(pattern: Any) -> Callable[[Any], bool]:
    search = constant_matcher(pattern)

    def matches(text: Any) -> bool:
        if not isinstance(text, str):
            raise no_such_overload()
        return search(text)

    return matches


def never(*_: Any) -> Any:
    """Stand for an operator that the planners evaluate themselves."""
    raise no_such_overload()


# Tables


def _operator(
    name: str,
    implementation: Callable[..., Any],
    *signatures: tuple[Type, Type, Type],
    costs: dict[Type, Callable[..., int]] | None = None,
) -> Function:
    table = costs or {}
    overloads = tuple(
        Overload((left, right), result, implementation, cost=table.get(left))
        for left, right, result in signatures
    )
    return Function(name, overloads, dynamic=implementation)


_ORDERED: Final[tuple[tuple[Type, Type], ...]] = (
    (BOOL, BOOL), (INT, INT), (INT, DOUBLE), (INT, UINT), (UINT, UINT), (UINT, DOUBLE),
    (UINT, INT), (DOUBLE, DOUBLE), (DOUBLE, INT), (DOUBLE, UINT), (STRING, STRING),
    (BYTES, BYTES), (TIMESTAMP, TIMESTAMP), (DURATION, DURATION),
)  # fmt: skip


def _ordering(name: str, implementation: Callable[..., Any]) -> Function:
    signatures = ((left, right, BOOL) for left, right in _ORDERED)
    costs: dict[Type, Callable[..., int]] = {STRING: _shorter, BYTES: _shorter}
    return _operator(name, implementation, *signatures, costs=costs)


def _alike(kind: Type) -> tuple[Type, Type, Type]:
    return kind, kind, kind


def _both_ways(kind: Type) -> tuple[Overload, Overload]:
    return (
        Overload((kind,), INT, _size),
        Overload((kind,), INT, _size, member=True),
    )


def _text_test(name: str, test: Callable[..., bool], cost: Callable[..., int]) -> Function:
    overload = Overload((STRING, STRING), BOOL, test, member=True, cost=cost)
    return Function(name, (overload,), dynamic=test)


_LOGICAL: Final = (Overload((BOOL, BOOL), BOOL, never),)

_FUNCTIONS: Final = (
    Function(operators.CONDITIONAL, (Overload((BOOL, A, A), A, never),), dynamic=never),
    Function(operators.AND, _LOGICAL, dynamic=never),
    Function(operators.OR, _LOGICAL, dynamic=never),
    Function(
        operators.NOT, (Overload((BOOL,), BOOL, arithmetic.invert),), dynamic=arithmetic.invert
    ),
    Function(
        operators.NOT_STRICTLY_FALSE,
        (Overload((BOOL,), BOOL, never),),
        dynamic=never,
    ),
    _operator(operators.EQUALS, equality.equal, (A, A, BOOL), costs={A: _shorter_or_opaque}),
    _operator(operators.NOT_EQUALS, _not_equal, (A, A, BOOL), costs={A: _shorter}),
    _operator(
        operators.ADD,
        arithmetic.add,
        _alike(BYTES),
        _alike(DOUBLE),
        _alike(DURATION),
        (DURATION, TIMESTAMP, TIMESTAMP),
        (TIMESTAMP, DURATION, TIMESTAMP),
        _alike(INT),
        _alike(LIST_A),
        _alike(STRING),
        _alike(UINT),
        costs={STRING: _together, BYTES: _together},
    ),
    _operator(operators.DIVIDE, arithmetic.divide, _alike(DOUBLE), _alike(INT), _alike(UINT)),
    _operator(operators.MODULO, arithmetic.modulo, _alike(INT), _alike(UINT)),
    _operator(operators.MULTIPLY, arithmetic.multiply, _alike(DOUBLE), _alike(INT), _alike(UINT)),
    Function(
        operators.NEGATE,
        (
            Overload((DOUBLE,), DOUBLE, arithmetic.negate),
            Overload((INT,), INT, arithmetic.negate),
        ),
        dynamic=arithmetic.negate,
    ),
    _operator(
        operators.SUBTRACT,
        arithmetic.subtract,
        _alike(DOUBLE),
        _alike(DURATION),
        _alike(INT),
        (TIMESTAMP, DURATION, TIMESTAMP),
        (TIMESTAMP, TIMESTAMP, DURATION),
        _alike(UINT),
    ),
    _ordering(operators.LESS, _less),
    _ordering(operators.LESS_EQUALS, _less_equals),
    _ordering(operators.GREATER, _greater),
    _ordering(operators.GREATER_EQUALS, _greater_equals),
    Function(
        operators.INDEX,
        (Overload((LIST_A, INT), A, never), Overload((MAP_AB, A), B, never)),
        dynamic=never,
    ),
    Function(
        operators.IN,
        (
            Overload((A, LIST_A), BOOL, _in, cost=_list_size),
            Overload((A, MAP_AB), BOOL, _in),
        ),
        dynamic=_in,
    ),
    Function(
        "size",
        (*_both_ways(BYTES), *_both_ways(LIST_A), *_both_ways(MAP_AB), *_both_ways(STRING)),
        dynamic=_size,
    ),
    Function("type", (Overload((A,), TypeType(A), _type_of),), dynamic=_type_of),
    Function("dyn", (Overload((A,), DYN, identity),), dynamic=identity),
    _text_test("contains", _contains, _product),
    _text_test("endsWith", _ends_with, _second),
    _text_test("startsWith", _starts_with, _second),
    Function(
        "matches",
        (
            Overload((STRING, STRING), BOOL, _matches, cost=_pattern, specialize=_matches_constant),
            Overload(
                (STRING, STRING),
                BOOL,
                _matches,
                member=True,
                cost=_pattern,
                specialize=_matches_constant,
            ),
        ),
        dynamic=_matches,
    ),
)

LIBRARY: Final = Library("standard", _FUNCTIONS)
