"""What an environment declares: variables, functions and types, looked up by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from webhook.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
    ListType,
    MapType,
    ObjectType,
    Type,
    TypeParam,
    TypeType,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from webhook.cel.library import Overload


@dataclass(frozen=True, slots=True)
class FunctionDeclaration:
    """A function as one environment knows it: the overloads of all its libraries together."""

    name: str
    overloads: tuple[Overload, ...]
    cost: Callable[..., int] | None = None
    dynamic: Callable[..., Any] | None = None


STANDARD_TYPES: dict[str, Type] = {
    kind.name: kind
    for kind in (
        BOOL,
        BYTES,
        DOUBLE,
        DURATION,
        INT,
        NULL,
        STRING,
        TIMESTAMP,
        UINT,
        TYPE,
        ListType(DYN),
        MapType(DYN, DYN),
    )
}


@dataclass(frozen=True, slots=True)
class Declarations:
    """All that the checker and the planners need to know about an environment.

    resolve_object: finds an object type by name (`Object.spec`); None when there is none.
    cross_type_ordering: whether `1 < 1.5` is allowed.
    optionals: whether optional values and their syntax are known.
    """

    variables: Mapping[str, Type]
    functions: Mapping[str, FunctionDeclaration]
    types: Mapping[str, Type]
    resolve_object: Callable[[str], ObjectType | None] = field(default=lambda _: None)
    cross_type_ordering: bool = True
    validate_literals: bool = True

    def identifier(self, name: str) -> Type | None:
        """Return the type of a global name: a variable, or a type as a value."""
        found = self.variables.get(name)
        if found is not None:
            return found
        named = self.type_named(name)
        return None if named is None else TypeType(named)

    def type_named(self, name: str) -> Type | None:
        """Return the type that a name denotes."""
        return self.types.get(name) or self.resolve_object(name)


def parameters_of(kind: Type) -> frozenset[str]:
    """Return the symbols of all type parameters in a type."""
    if isinstance(kind, TypeParam):
        return frozenset({kind.symbol})
    return frozenset().union(*(parameters_of(part) for part in kind.parameters))
