"""Chooses what a call runs: one overload, all of them in turn, or a specialised function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhook.cel.errors import EvaluationError
from webhook.cel.types import DYN, ListType, MapType, TypeParam
from webhook.cel.values import type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from webhook.cel.checker.results import CallReference
    from webhook.cel.library import Overload
    from webhook.cel.types import Type


@dataclass(frozen=True, slots=True)
class Invocation:
    """How to run a call.

    invoke: takes the arguments, without the one at `constant_at`, and checks their types.
    eager: whether upstream evaluates all arguments even when the first is an error.
    """

    invoke: Callable[..., Any]
    cost: Callable[..., int] | None
    eager: bool
    constant_at: int | None = None


def invoker(reference: CallReference, constant: Any) -> Invocation:
    """Choose the function of a call; `constant` is its second argument if that is constant.

    Raises EvaluationError when a constant argument (a pattern) is bad.
    """
    function = reference.function
    only = reference.overloads[0] if len(reference.overloads) == 1 else None
    cost = (only.cost if only is not None else None) or function.cost
    arity = len(reference.overloads[0].arguments)
    special = reference.overloads[0].specialize
    if isinstance(constant, str) and special is not None:
        return Invocation(special(constant), cost, eager=False, constant_at=1)
    if function.dynamic is not None:
        return Invocation(function.dynamic, cost, eager=arity <= 2)
    if only is not None:
        eager = arity <= 2 and not only.variadic
        return Invocation(_guarded(function.name, (only,)), cost, eager=eager)
    single = len(function.overloads) == 1
    invoke = _guarded(function.name, function.overloads)
    return Invocation(invoke, cost, eager=single and arity <= 2)


def fits(value: Any, kind: Type) -> bool:
    """Tell whether a value may be passed where a type is declared.

    Of a list or map only the first element is looked at, as upstream does.
    """
    if isinstance(kind, TypeParam) or kind is DYN:
        return True
    if isinstance(kind, ListType):
        return isinstance(value, list) and (not value or fits(value[0], kind.element))
    if isinstance(kind, MapType):
        return isinstance(value, dict) and _fits_map(value, kind)
    return type_name(value) == kind.name


def _fits_map(value: dict[Any, Any], kind: MapType) -> bool:
    if not value:
        return True
    key = next(iter(value))
    return fits(key, kind.key) and fits(value[key], kind.value)


def _guarded(name: str, overloads: Sequence[Overload]) -> Callable[..., Any]:
    """Make a function that runs the first overload whose signature the values fit."""
    table = [
        (overload.implementation, overload.arguments, len(overload.arguments))
        for overload in overloads
    ]

    def call(*values: Any) -> Any:
        for implementation, wanted, count in table:
            if count == len(values) and all(map(fits, values, wanted)):
                return implementation(*values)
        names = map(type_name, values)
        raise EvaluationError(f"no such overload: {name}({', '.join(names)})")

    return call
