"""Nodes of a parsed expression; macros are already expanded in it.

Every node has an id; positions are kept beside the tree, by id. Nodes never change: what the
checker finds out (types, references) lives in tables by id, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: None, bool, int, Uint, float, str or bytes."""

    id: int
    value: Any


@dataclass(frozen=True, slots=True)
class Ident:
    """A name; a leading dot makes it absolute."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """A field selection, or with `test_only` the question whether the field is there."""

    id: int
    operand: Node
    field: str
    test_only: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function or operator; `target` is the receiver of a member call."""

    id: int
    function: str
    target: Node | None
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list literal; `optional` holds the indices of elements written as `?e`."""

    id: int
    elements: tuple[Node, ...]
    optional: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a map literal."""

    id: int
    key: Node
    value: Node
    optional: bool = False


@dataclass(frozen=True, slots=True)
class MapNode:
    """A map literal."""

    id: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an object literal."""

    id: int
    name: str
    value: Node
    optional: bool = False


@dataclass(frozen=True, slots=True)
class StructNode:
    """An object literal `T{field: value}`."""

    id: int
    name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Comprehension:
    """A fold over a list or map, what macros become; `variable2` is empty in one-variable folds."""

    id: int
    range: Node
    variable: str
    variable2: str
    accumulator: str
    initial: Node
    condition: Node
    step: Node
    result: Node


Node = Literal | Ident | Select | Call | ListNode | MapNode | StructNode | Comprehension


@dataclass(frozen=True, slots=True)
class Tree:
    """A parsed expression with the source range (start, stop) of each node id."""

    root: Node
    ranges: tuple[tuple[int, int], ...]


def children(node: Node) -> tuple[Node, ...]:
    """Return the direct sub-expressions of a node in the order of evaluation."""
    match node:
        case Select():
            return (node.operand,)
        case Call():
            return (*(() if node.target is None else (node.target,)), *node.arguments)
        case ListNode():
            return node.elements
        case MapNode():
            return tuple(part for entry in node.entries for part in (entry.key, entry.value))
        case StructNode():
            return tuple(field.value for field in node.fields)
        case Comprehension():
            return (node.range, node.initial, node.condition, node.step, node.result)
        case _:
            return ()


def dotted_name(node: Node) -> str:
    """Return the dotted name that a chain of selections spells, or nothing."""
    fields: list[str] = []
    while isinstance(node, Select) and not node.test_only:
        fields.append(node.field)
        node = node.operand
    if not isinstance(node, Ident):
        return ""
    return ".".join([node.name, *reversed(fields)])
