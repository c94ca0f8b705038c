"""Makes nodes with fresh ids and remembers their source ranges and heights."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from webhook.cel.ast import (
    Call,
    Comprehension,
    Entry,
    Field,
    Ident,
    ListNode,
    Literal,
    MapNode,
    Select,
    StructNode,
    children,
)
from webhook.cel.operators import ACCUMULATOR

if TYPE_CHECKING:
    from webhook.cel.ast import Node


MAX_NODES: Final = 150_000
"""Macros copy their targets, so that a short text may become a huge tree."""


class TooManyNodesError(Exception):
    """An expression has more nodes than the limit."""


class MacroError(Exception):
    """A macro is used wrongly; `node` is the argument at fault."""

    def __init__(self, node: Node, message: str) -> None:
        super().__init__(message)
        self.node = node


@dataclass(slots=True)
class NodeFactory:
    """Counts ids for one expression. Macros make their nodes through it, at the macro's range."""

    ranges: list[tuple[int, int]] = field(default_factory=list)
    macro_range: tuple[int, int] = (0, 0)

    def new_id(self, start: int, stop: int) -> int:
        """Reserve an id for a source range; raise TooManyNodesError."""
        if len(self.ranges) >= MAX_NODES:
            raise TooManyNodesError
        self.ranges.append((start, stop))
        return len(self.ranges) - 1

    def _macro_id(self) -> int:
        return self.new_id(*self.macro_range)

    def literal(self, value: Any) -> Literal:
        """Make a constant of a macro."""
        return Literal(self._macro_id(), value)

    def ident(self, name: str) -> Ident:
        """Make a name of a macro."""
        return Ident(self._macro_id(), name)

    def accumulator(self) -> Ident:
        """Make a reference to the accumulator."""
        return self.ident(ACCUMULATOR)

    def call(self, function: str, *arguments: Node) -> Call:
        """Make a call of a global function."""
        return Call(self._macro_id(), function, None, arguments)

    def member_call(self, function: str, target: Node, *arguments: Node) -> Call:
        """Make a call of a member function."""
        return Call(self._macro_id(), function, target, arguments)

    def list_of(self, *elements: Node) -> ListNode:
        """Make a list literal."""
        return ListNode(self._macro_id(), elements)

    def empty_map(self) -> MapNode:
        """Make an empty map literal."""
        return MapNode(self._macro_id(), ())

    def presence_test(self, operand: Node, name: str) -> Select:
        """Make the question whether a field is there."""
        return Select(self._macro_id(), operand, name, test_only=True)

    def fold(
        self,
        over: Node,
        variables: tuple[str, str],
        initial: Node,
        condition: Node,
        step: Node,
        result: Node,
    ) -> Comprehension:
        """Make a comprehension with the usual accumulator."""
        return Comprehension(
            self._macro_id(), over, *variables, ACCUMULATOR, initial, condition, step, result
        )

    def bind(self, name: str, value: Node, body: Node) -> Comprehension:
        """Make a comprehension that never loops: `body` with `name` standing for `value`."""
        return Comprehension(
            self._macro_id(),
            self.list_of(),
            "#unused",
            "",
            name,
            value,
            self.literal(value=False),
            self.ident(name),
            body,
        )

    def copy(self, node: Node) -> Node:
        """Copy a tree with fresh ids, at the same source ranges."""
        fresh = self.new_id(*self.ranges[node.id])
        match node:
            case Select():
                return replace(node, id=fresh, operand=self.copy(node.operand))
            case Call():
                target = None if node.target is None else self.copy(node.target)
                arguments = tuple(self.copy(argument) for argument in node.arguments)
                return Call(fresh, node.function, target, arguments)
            case ListNode():
                elements = tuple(self.copy(element) for element in node.elements)
                return ListNode(fresh, elements, node.optional)
            case MapNode():
                entries = (self._copy_entry(entry) for entry in node.entries)
                return MapNode(fresh, tuple(entries))
            case StructNode():
                fields = (self._copy_field(item) for item in node.fields)
                return StructNode(fresh, node.name, tuple(fields))
            case Comprehension():
                parts = [self.copy(part) for part in children(node)]
                names = (node.variable, node.variable2, node.accumulator)
                return Comprehension(fresh, parts[0], *names, *parts[1:])
            case _:
                return replace(node, id=fresh)

    def _copy_entry(self, entry: Entry) -> Entry:
        key, value = self.copy(entry.key), self.copy(entry.value)
        return Entry(self._macro_id(), key, value, entry.optional)

    def _copy_field(self, item: Field) -> Field:
        return Field(self._macro_id(), item.name, self.copy(item.value), item.optional)


def balanced(function: str, terms: list[Node], ids: list[int], low: int, high: int) -> Node:
    """Build a balanced tree of a logical operator, as upstream's `logicManager` does."""
    if high < low:
        return terms[low]
    middle = (low + high + 1) // 2
    left = balanced(function, terms, ids, low, middle - 1)
    right = balanced(function, terms, ids, middle + 1, high)
    return Call(ids[middle], function, None, (left, right))
