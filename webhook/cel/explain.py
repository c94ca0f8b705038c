"""What each part of an expression evaluated to: why a validation failed, which branch was never taken.

Runs the exact evaluator with an observer; never used on the way of a request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhook.cel.ast import Call, Comprehension, Literal, Select, children
from webhook.cel.budget import CALL_LIMIT
from webhook.cel.errors import EvaluationError
from webhook.cel.exact.tracker import Frame, Tracker
from webhook.cel.lexer import tokenize

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhook.cel.ast import Node, Tree
    from webhook.cel.exact.steps import Step
    from webhook.cel.lexer import Token
    from webhook.cel.source import Source

MAX_VALUES = 100  # of one part, which a loop may evaluate very often

_PAIRS = frozenset("([{")
_CLOSING = frozenset(")]}")


@dataclass(frozen=True, slots=True)
class Part:
    """A sub-expression: its range in the text, and its values in the order they came.

    In a loop there are several values; there are none where evaluation never got to. An error is
    a value of class EvaluationError.
    """

    start: int
    stop: int
    text: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The value of an expression, or its error, and its parts from the outermost to the innermost."""

    value: Any
    cost: int
    parts: tuple[Part, ...]


def explain(source: Source, tree: Tree, plan: Step, bindings: Mapping[str, Any]) -> Explanation:
    """Evaluate an expression and note what its parts evaluate to."""
    seen: dict[int, list[Any]] = {}
    last: tuple[int, Any] = (-1, None)

    def observe(identifier: int, value: Any) -> None:
        nonlocal last
        if last[0] == identifier and last[1] is value:
            return  # the last field of an attribute, then the attribute as a whole
        last = (identifier, value)
        values = seen.setdefault(identifier, [])
        if len(values) < MAX_VALUES:
            values.append(value)

    tracker = Tracker(CALL_LIMIT, observer=observe)
    try:
        value = plan.run(Frame(tracker, bindings))
    except EvaluationError as error:
        value = error
    ranges = _Ranges(source, tree)
    parts = (
        Part(*ranges.of(node), source.text[slice(*ranges.of(node))], tuple(seen.get(node.id, ())))
        for node in _shown(tree)
    )
    ordered = sorted(parts, key=lambda part: (part.start, -part.stop))
    return Explanation(value, tracker.cost, tuple(ordered))


def _shown(tree: Tree) -> Iterator[Node]:
    """Visit the nodes that stand in the text: no constants, nothing that macros added."""
    stack = [tree.root]
    while stack:
        node = stack.pop()
        if _is_written(tree, node) and not isinstance(node, Literal):
            yield node
        stack.extend(children(node))


def _is_written(tree: Tree, node: Node) -> bool:
    """Tell whether a node stands in the text, itself or as what a macro became."""
    if isinstance(node, Comprehension):
        return node.variable != "#unused"
    start, stop = tree.ranges[node.id]
    return start != stop or (isinstance(node, Select) and node.test_only)


class _Ranges:
    """Finds where a node's text begins and ends."""

    def __init__(self, source: Source, tree: Tree) -> None:
        self.tree = tree
        self.tokens = tokenize(source, [])
        self.places = {token.start: index for index, token in enumerate(self.tokens)}

    def of(self, node: Node) -> tuple[int, int]:
        """Return start and stop of a node's text, all its operands included."""
        start, stop = self._own(node)
        for part in children(node):
            if _is_written(self.tree, part):
                inner = self.of(part)
                start, stop = min(start, inner[0]), max(stop, inner[1])
        return start, stop

    def _own(self, node: Node) -> tuple[int, int]:
        """Return the range of the tokens that belong to the node itself."""
        start, stop = self.tree.ranges[node.id]
        token = self.tokens[self.places[start]]
        if token.kind in _PAIRS:
            stop = self._closing(token)
        if isinstance(node, Select) and not node.test_only:
            stop = self.tokens[self.places[start] + 1].stop
        before = self.tokens[self.places[start] - 1]
        named = isinstance(node, Call | Comprehension | Select) and token.kind == "("
        if named and before.kind == "IDENTIFIER":
            start = before.start
        return start, stop

    def _closing(self, opening: Token) -> int:
        """Return the offset behind the bracket that closes one."""
        depth = 0
        index = self.places[opening.start]
        while True:
            kind = self.tokens[index].kind
            depth += (kind in _PAIRS) - (kind in _CLOSING)
            if depth == 0:  # the text was parsed, so there is one
                return self.tokens[index].stop
            index += 1
