"""Static check of `"...".format([...])` with a constant text and a literal list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook.cel.ast import ListNode, Literal, MapNode, children
from webhook.cel.functions.formatter import accepts, check_literals
from webhook.cel.types import DYN, TypeParam

if TYPE_CHECKING:
    from webhook.cel.ast import Call, Node
    from webhook.cel.checker.results import Checked


def check_format(node: Call, checked: Checked) -> tuple[int, str] | None:
    """Return the node id and the text of an issue, None when the call is fine or not constant."""
    target = node.target
    if not isinstance(target, Literal) or not isinstance(target.value, str):
        return None
    if len(node.arguments) != 1 or not isinstance(node.arguments[0], ListNode):
        return None

    def refused(verb: str, argument: Node) -> tuple[Node, str] | None:
        return _refused(verb, argument, checked)

    found = check_literals(target.value, node.arguments[0].elements, refused)
    if found is None:
        return None
    blamed, text = found
    return (node.id if blamed is None else blamed.id), text


def _refused(verb: str, argument: Node, checked: Checked) -> tuple[Node, str] | None:
    """Return the part of an argument that a clause does not take, with the name of its type."""
    kind = checked.types[argument.id]
    if kind is DYN or isinstance(kind, TypeParam):
        return None
    if not accepts(verb, kind.name):
        return argument, kind.name
    if verb == "s" and isinstance(argument, ListNode | MapNode):
        parts = (_refused(verb, part, checked) for part in children(argument))
        return next((part for part in parts if part is not None), None)
    return None
