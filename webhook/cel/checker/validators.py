"""Checks of constants after the type check, as upstream's `cel/validator.go`.

Constant durations, timestamps and patterns must be valid, literals homogeneous even beside dyn,
and constant format strings must fit their arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook.cel.ast import Call, ListNode, Literal, MapNode, children
from webhook.cel.checker.formats import check_format
from webhook.cel.errors import EvaluationError
from webhook.cel.runtime.conversions import (
    int_to_timestamp,
    string_to_duration,
    string_to_timestamp,
)
from webhook.cel.runtime.patterns import compile_pattern
from webhook.cel.types import Type, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from webhook.cel.ast import Node
    from webhook.cel.checker.results import Checked
    from webhook.cel.source import Issue, Source


EXEMPT = "format"  # the arguments of this function may be of several types


def _timestamp(value: Any) -> None:
    if isinstance(value, str):
        string_to_timestamp(value)
    else:
        int_to_timestamp(value)


def _duration(value: Any) -> None:
    string_to_duration(value)


_CONSTANTS: Mapping[str, Callable[[Any], object]] = {
    "duration": _duration,
    "timestamp": _timestamp,
    "matches": compile_pattern,
}


def walk(root: Node) -> Iterator[tuple[Node, bool]]:
    """Visit all nodes; tells whether a node stands within a call of the exempt function."""
    stack = [(root, False)]
    while stack:
        node, exempt = stack.pop()
        yield node, exempt
        inside = exempt or (isinstance(node, Call) and node.function == EXEMPT)
        stack.extend((child, inside) for child in children(node))


def validate(checked: Checked, source: Source) -> list[Issue]:
    """Return the issues of an expression that passed the type check."""
    found: list[tuple[int, str]] = []
    for node, exempt in walk(checked.tree.root):
        if isinstance(node, Call):
            found.extend(_call_issues(node, checked))
        elif not exempt:
            found.extend(_mixed(node, checked))
    return _placed(found, checked, source)


def validate_literals(checked: Checked, source: Source) -> list[Issue]:
    """Return the issues that versions before 1.29 see: literals of several types."""
    nodes = walk(checked.tree.root)
    found = (issue for node, _ in nodes for issue in _mixed(node, checked))
    return _placed(found, checked, source)


def _placed(found: Iterable[tuple[int, str]], checked: Checked, source: Source) -> list[Issue]:
    ranges = checked.tree.ranges
    return [source.issue(ranges[identifier][0], text) for identifier, text in found]


def _mixed(node: Node, checked: Checked) -> Iterator[tuple[int, str]]:
    if isinstance(node, ListNode):
        yield from _list_issues(node, checked)
    elif isinstance(node, MapNode):
        yield from _map_issues(node, checked)


def _call_issues(node: Call, checked: Checked) -> Iterator[tuple[int, str]]:
    check = _CONSTANTS.get(node.function)
    if check is not None and node.arguments and isinstance(node.arguments[0], Literal):
        argument = node.arguments[0]
        try:
            check(argument.value)
        except EvaluationError:
            yield argument.id, f"invalid {node.function} argument"
    if node.function == EXEMPT:
        issue = check_format(node, checked)
        if issue is not None:
            yield issue


def _mismatch(node: Node, expected: Type, found: Type) -> tuple[int, str]:
    return node.id, f"expected type '{describe(expected)}' but found '{describe(found)}'"


def _list_issues(node: ListNode, checked: Checked) -> Iterator[tuple[int, str]]:
    kinds = [
        _element(checked.types[element.id], optional=index in node.optional)
        for index, element in enumerate(node.elements)
    ]
    for element, kind in zip(node.elements, kinds, strict=True):
        if kind != kinds[0]:
            yield _mismatch(element, kinds[0], kind)
            return


def _map_issues(node: MapNode, checked: Checked) -> Iterator[tuple[int, str]]:
    types = checked.types
    if not node.entries:
        return
    first = node.entries[0]
    key, value = types[first.key.id], _element(types[first.value.id], optional=first.optional)
    for entry in node.entries[1:]:
        if types[entry.key.id] != key:
            yield _mismatch(entry.key, key, types[entry.key.id])
        found = _element(types[entry.value.id], optional=entry.optional)
        if found != value:
            yield _mismatch(entry.value, value, found)


def _element(kind: Type, *, optional: bool) -> Type:
    return kind.parameters[0] if optional and kind.parameters else kind
