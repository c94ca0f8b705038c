"""Values that JSON lacks, and the runtime type of any value.

Equality, ordering, conversions and text forms are in `equality`, `numbers` and `texts`.
JSON values are used as they are; bytes are Python's. A bool is never a number here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1
UINT_MAX: Final = 2**64 - 1
SECOND: Final = 1_000_000_000  # nanoseconds


@dataclass(frozen=True, slots=True)
class Uint:
    """An unsigned 64-bit integer."""

    cel_type_name: ClassVar[str] = "uint"
    value: int

    def __eq__(self, other: object) -> bool:
        # Equal to other numbers of the same value, so that map lookups cross number types.
        if isinstance(other, Uint):
            return self.value == other.value
        if isinstance(other, int | float) and not isinstance(other, bool):
            return self.value == other
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.value)


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A moment as nanoseconds since 1970, with the zone offset in seconds it was written with.

    The offset only shows in the text form; moments compare without it.
    """

    cel_type_name: ClassVar[str] = "google.protobuf.Timestamp"
    nanoseconds: int
    offset: int = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timestamp) and self.nanoseconds == other.nanoseconds

    def __hash__(self) -> int:
        return hash(self.nanoseconds)


@dataclass(frozen=True, slots=True)
class Duration:
    """A span of time in nanoseconds."""

    cel_type_name: ClassVar[str] = "google.protobuf.Duration"
    nanoseconds: int


@dataclass(frozen=True, slots=True, eq=False)
class Optional:
    """A value that may be absent: `Optional(x)` or `ABSENT`."""

    cel_type_name: ClassVar[str] = "optional_type"
    content: Any
    present: bool = True


@dataclass(frozen=True, slots=True)
class TypeValue:
    """A type as a value: what `type(x)` returns."""

    cel_type_name: ClassVar[str] = "type"
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class ObjectValue:
    """An object built by `T{field: value}`; fields that were not set are missing."""

    cel_type_name: str
    fields: dict[str, Any]


class Growing(list[Any]):
    """A list under construction in a comprehension: `+` appends to it, as upstream does."""

    __slots__ = ()


ABSENT: Final = Optional(None, present=False)

_TYPE_NAMES: Final[dict[type, str]] = {
    bool: "bool",
    int: "int",
    float: "double",
    str: "string",
    bytes: "bytes",
    type(None): "null_type",
    list: "list",
    dict: "map",
}


def type_name(value: Any) -> str:
    """Return the runtime type's name: `int`, `list`, `google.protobuf.Duration`, `net.IP`."""
    name = _TYPE_NAMES.get(type(value))
    if name is not None:
        return name
    found = getattr(value, "cel_type_name", None)
    if isinstance(found, str):
        return found
    for base, label in _TYPE_NAMES.items():
        if isinstance(value, base):  # a dict subclass, for example
            return label
    raise TypeError(f"{type(value).__name__} is not a value of the language")
