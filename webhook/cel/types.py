"""Static types of the language: what the checker computes and declarations are written in.

`str()` of a type is the form in which upstream prints results of the checker
(`google.protobuf.Duration`), `describe()` the one of its error texts (`duration`).
Assignability and unification are the checker's business, not here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Type(ABC):
    """Base of all static types: a runtime name and type parameters."""

    __slots__ = ()

    @property
    @abstractmethod
    def name(self) -> str:
        """Return the runtime name, the one `type(x)` prints."""

    @property
    def parameters(self) -> tuple[Type, ...]:
        """Return the type parameters in upstream's order."""
        return ()

    def __str__(self) -> str:
        if not self.parameters:
            return self.name
        return f"{self.name}({', '.join(map(str, self.parameters))})"


@dataclass(frozen=True, slots=True)
class SimpleType(Type):
    """A type without parameters; `label` is its name in error texts."""

    runtime_name: str
    label: str

    @property
    def name(self) -> str:
        """Return the runtime name."""
        return self.runtime_name

    __str__ = Type.__str__


@dataclass(frozen=True, slots=True)
class ListType(Type):
    """A list of one element type."""

    element: Type

    @property
    def name(self) -> str:
        """Return the runtime name."""
        return "list"

    @property
    def parameters(self) -> tuple[Type, ...]:
        """Return the element type."""
        return (self.element,)

    __str__ = Type.__str__


@dataclass(frozen=True, slots=True)
class MapType(Type):
    """A map of one key and one value type."""

    key: Type
    value: Type

    @property
    def name(self) -> str:
        """Return the runtime name."""
        return "map"

    @property
    def parameters(self) -> tuple[Type, ...]:
        """Return key and value type."""
        return (self.key, self.value)

    __str__ = Type.__str__


@dataclass(frozen=True, slots=True)
class OptionalType(Type):
    """A value that may be absent."""

    element: Type

    @property
    def name(self) -> str:
        """Return the runtime name."""
        return "optional_type"

    @property
    def parameters(self) -> tuple[Type, ...]:
        """Return the type of the value."""
        return (self.element,)

    __str__ = Type.__str__


@dataclass(frozen=True, slots=True)
class TypeType(Type):
    """The type of a type value; `of` is None for the bare `type`."""

    of: Type | None = None

    @property
    def name(self) -> str:
        """Return the runtime name."""
        return "type"

    @property
    def parameters(self) -> tuple[Type, ...]:
        """Return the type that the value names, if it is known."""
        return () if self.of is None else (self.of,)

    __str__ = Type.__str__


@dataclass(frozen=True, slots=True)
class OpaqueType(Type):
    """A type whose values only functions can look into."""

    runtime_name: str

    @property
    def name(self) -> str:
        """Return the runtime name."""
        return self.runtime_name

    __str__ = Type.__str__


@dataclass(frozen=True, slots=True)
class TypeParam(Type):
    """A placeholder of an overload's signature, or a type still to be found."""

    symbol: str

    @property
    def name(self) -> str:
        """Return the symbol."""
        return self.symbol

    def __str__(self) -> str:
        return f"<{self.symbol}>"


@dataclass(frozen=True, slots=True)
class ObjectType(Type):
    """A type with declared fields; two are the same when their names are.

    `lazy` says that reading a field may evaluate it, so a presence test reads it too.
    `open_fields` is the type of every field that is not declared, None when there are none.
    """

    runtime_name: str
    fields: Mapping[str, Type] = field(default_factory=lambda: MappingProxyType({}), compare=False)
    lazy: bool = field(default=False, compare=False)
    open_fields: Type | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """Return the runtime name."""
        return self.runtime_name

    __str__ = Type.__str__


BOOL = SimpleType("bool", "bool")
INT = SimpleType("int", "int")
UINT = SimpleType("uint", "uint")
DOUBLE = SimpleType("double", "double")
STRING = SimpleType("string", "string")
BYTES = SimpleType("bytes", "bytes")
NULL = SimpleType("null_type", "null")
DYN = SimpleType("dyn", "dyn")
TIMESTAMP = SimpleType("google.protobuf.Timestamp", "timestamp")
DURATION = SimpleType("google.protobuf.Duration", "duration")
ERROR = SimpleType("error", "!error!")
TYPE = TypeType()


def describe(kind: Type) -> str:
    """Write a type as upstream's error texts do: `duration`, `list(string)`, `null`."""
    if isinstance(kind, SimpleType):
        return kind.label
    if not kind.parameters:
        return kind.name
    return f"{kind.name}({', '.join(map(describe, kind.parameters))})"
