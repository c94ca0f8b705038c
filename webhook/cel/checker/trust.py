"""Which static types the compiler may rely on.

The checker gives a value whose type it cannot know (an element of a dyn list, say) a type
variable, and the first use decides what that stands for; at run time the value may be anything.
Here such values, and what is made of them, become dyn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook.cel.ast import Call, Comprehension, Ident, children
from webhook.cel.declarations import parameters_of
from webhook.cel.types import BOOL, DYN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook.cel.ast import Node
    from webhook.cel.checker.results import CallReference, Checked
    from webhook.cel.types import Type

    Doubts = Mapping[str, bool]


def trusted_types(checked: Checked) -> dict[int, Type]:
    """Return the type of each node that its value surely has, dyn where that is in doubt."""
    if not checked.free:
        return checked.types
    doubtful: set[int] = set()
    _visit(checked, checked.tree.root, {}, doubtful)
    return {node: DYN if node in doubtful else kind for node, kind in checked.types.items()}


def _visit(checked: Checked, node: Node, scope: Doubts, doubtful: set[int]) -> bool:
    """Tell whether the type of a node is in doubt; `scope` tells it of variables."""
    if isinstance(node, Comprehension):
        doubt = _comprehension(checked, node, scope, doubtful)
    elif isinstance(node, Ident):
        doubt = scope.get(node.name, False)
    else:
        parts = [_visit(checked, part, scope, doubtful) for part in children(node)]
        doubt = any(parts)
    if isinstance(node, Call):
        reference = checked.calls.get(node.id)
        fixed = reference is not None and _always_the_same(reference)
        doubt = node.id in checked.free or (doubt and not fixed)
    if checked.types.get(node.id) is BOOL and isinstance(node, Comprehension):
        doubt = False
    if doubt:
        doubtful.add(node.id)
    return doubt


def _comprehension(
    checked: Checked, node: Comprehension, scope: Doubts, doubtful: set[int]
) -> bool:
    over = _visit(checked, node.range, scope, doubtful)
    _visit(checked, node.initial, scope, doubtful)
    # What a loop collects may come from anywhere in it; a bool stays one.
    doubt = checked.types[node.initial.id] is not BOOL
    inner = {**scope, node.accumulator: doubt, node.variable: over, node.variable2: over}
    _visit(checked, node.condition, inner, doubtful)
    _visit(checked, node.step, inner, doubtful)
    return _visit(checked, node.result, {**scope, node.accumulator: doubt}, doubtful)


def _always_the_same(reference: CallReference) -> bool:
    """Tell whether a function returns one type whatever it is called with."""
    results = {overload.result for overload in reference.function.overloads}
    return len(results) == 1 and not parameters_of(next(iter(results)))
