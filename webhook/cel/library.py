"""Records in which function libraries are written: what exists, and what it costs.

A library is data: the checker reads signatures, the compiler and the interpreter call the
implementations. Libraries are listed by hand in `webhook.cel.functions`; nothing registers itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook.cel.types import Type


@dataclass(frozen=True, slots=True)
class Overload:
    """One signature of a function.

    arguments: the receiver comes first when `member` is True.
    implementation: called with plain values that fit the signature (the engine checks them and
        raises `no such overload: name(types)` otherwise), raises EvaluationError.
    cost: called as cost(result, *args); None is 1. It counts only where the checker found this
        overload to be the only one possible. Upstream charges calls that failed, too: `result` and
        each of `args` may be an EvaluationError, which has size 1.
    specialize: called once, with the second argument (the receiver counts), when that is a
        constant; returns an implementation for the other arguments that has done work ahead (a
        compiled pattern) and must itself check their types. An EvaluationError from it is a
        compile error.
    variadic: upstream binds it as a function of any number of arguments; then the arguments behind
        one that is an error are not evaluated, and not charged.
    """

    arguments: tuple[Type, ...]
    result: Type
    implementation: Callable[..., Any]
    member: bool = False
    cost: Callable[..., int] | None = None
    specialize: Callable[[Any], Callable[..., Any]] | None = None
    variadic: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A function with all its overloads, in the order in which they are tried.

    since, until: Kubernetes minor that brought it, and the one that took it away again.
    cost: called as cost(result, *args) for every call of the function where no overload's own cost
        applies; upstream writes some costs per function name, and then a call on dyn pays as well.
    dynamic: one implementation for every call, which checks the types of its arguments itself and
        words its own errors (upstream's singleton bindings); the overloads' own are then not used.
    examples: (expression, expected value in the notation of the vectors, or the error's text).
    """

    name: str
    overloads: tuple[Overload, ...]
    since: str = "1.0"
    examples: tuple[tuple[str, str], ...] = ()
    documentation: str = ""
    cost: Callable[..., int] | None = None
    until: str = "9.99"
    dynamic: Callable[..., Any] | None = None


@dataclass(frozen=True, slots=True)
class Library:
    """A named group of functions with the opaque types it brings.

    The Python class of an opaque type's values has `cel_type_name: ClassVar[str]`, equality and
    hash; `cel_size(self) -> int` if upstream gives it a size for the cost.
    """

    name: str
    functions: tuple[Function, ...]
    types: tuple[Type, ...] = ()
