"""Macros: calls that the parser replaces by comprehensions.

Copied from upstream's `parser/macro.go`, `ext/comprehensions.go`, `ext/lists.go` and
`cel/library.go`. A macro is found by name, number of arguments and kind of call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhook.cel.ast import Call, Comprehension, Ident, ListNode, Select
from webhook.cel.nodes import MacroError
from webhook.cel.operators import (
    ACCUMULATOR,
    ADD,
    AND,
    CONDITIONAL,
    EQUALS,
    MAP_INSERT,
    NOT,
    NOT_STRICTLY_FALSE,
    OR,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from webhook.cel.ast import Node
    from webhook.cel.nodes import NodeFactory

    Expand = Callable[[NodeFactory, Node, Sequence[Node]], Node]
    Split = Callable[[Sequence[Node]], tuple[tuple[str, str], Sequence[Node]]]


@dataclass(frozen=True, slots=True)
class Macro:
    """One macro; `since` is the Kubernetes minor that brought it."""

    name: str
    arguments: int
    expand: Expand
    since: str = "1.0"


def _name(node: Node, message: str) -> str:
    if not isinstance(node, Ident):
        raise MacroError(node, message)
    return node.name


def _variable(node: Node, message: str = "argument must be a simple name") -> str:
    name = _name(node, message)
    if name in (ACCUMULATOR, "__result__"):
        raise MacroError(node, "iteration variable overwrites accumulator variable")
    return name


def _one(arguments: Sequence[Node]) -> tuple[tuple[str, str], Sequence[Node]]:
    return (_variable(arguments[0]), ""), arguments[1:]


def _two(arguments: Sequence[Node]) -> tuple[tuple[str, str], Sequence[Node]]:
    first, second = (_name(node, "argument must be a simple name") for node in arguments[:2])
    if first == second:
        raise MacroError(arguments[1], f"duplicate variable name: {first}")
    return (_variable(arguments[0]), _variable(arguments[1])), arguments[2:]


def _has(make: NodeFactory, _: Node, arguments: Sequence[Node]) -> Node:
    argument = arguments[0]
    if isinstance(argument, Select):
        return make.presence_test(argument.operand, argument.field)
    raise MacroError(argument, "invalid argument to has() macro")


def _all(split: Split) -> Expand:
    def expand(make: NodeFactory, target: Node, arguments: Sequence[Node]) -> Node:
        variables, rest = split(arguments)
        condition = make.call(NOT_STRICTLY_FALSE, make.accumulator())
        step = make.call(AND, make.accumulator(), rest[0])
        initial = make.literal(value=True)
        return make.fold(target, variables, initial, condition, step, make.accumulator())

    return expand


def _exists(split: Split) -> Expand:
    def expand(make: NodeFactory, target: Node, arguments: Sequence[Node]) -> Node:
        variables, rest = split(arguments)
        condition = make.call(NOT_STRICTLY_FALSE, make.call(NOT, make.accumulator()))
        step = make.call(OR, make.accumulator(), rest[0])
        initial = make.literal(value=False)
        return make.fold(target, variables, initial, condition, step, make.accumulator())

    return expand


def _exists_one(split: Split) -> Expand:
    def expand(make: NodeFactory, target: Node, arguments: Sequence[Node]) -> Node:
        variables, rest = split(arguments)
        more = make.call(ADD, make.accumulator(), make.literal(1))
        step = make.call(CONDITIONAL, rest[0], more, make.accumulator())
        result = make.call(EQUALS, make.accumulator(), make.literal(1))
        condition = make.literal(value=True)
        return make.fold(target, variables, make.literal(0), condition, step, result)

    return expand


def _collect(
    make: NodeFactory, target: Node, variables: tuple[str, str], rest: Sequence[Node]
) -> Node:
    """Fold into a list: `rest` is the transformed element, maybe with a filter before it."""
    step: Node = make.call(ADD, make.accumulator(), make.list_of(rest[-1]))
    if len(rest) == 2:
        step = make.call(CONDITIONAL, rest[0], step, make.accumulator())
    initial, condition = make.list_of(), make.literal(value=True)
    return make.fold(target, variables, initial, condition, step, make.accumulator())


def _map(make: NodeFactory, target: Node, arguments: Sequence[Node]) -> Node:
    variable = _variable(arguments[0], "argument is not an identifier")
    return _collect(make, target, (variable, ""), arguments[1:])


def _filter(make: NodeFactory, target: Node, arguments: Sequence[Node]) -> Node:
    variable = _variable(arguments[0], "argument is not an identifier")
    return _collect(make, target, (variable, ""), (arguments[1], arguments[0]))


def _transform_list(make: NodeFactory, target: Node, arguments: Sequence[Node]) -> Node:
    variables, rest = _two(arguments)
    return _collect(make, target, variables, rest)


def _insert(
    make: NodeFactory,
    target: Node,
    variables: tuple[str, str],
    rest: Sequence[Node],
    inserted: tuple[Node, ...],
) -> Node:
    """Fold into a map: `inserted` are the arguments of the insertion."""
    step: Node = make.call(MAP_INSERT, make.accumulator(), *inserted)
    if len(rest) == 2:
        step = make.call(CONDITIONAL, rest[0], step, make.accumulator())
    initial, condition = make.empty_map(), make.literal(value=True)
    return make.fold(target, variables, initial, condition, step, make.accumulator())


def _transform_map(make: NodeFactory, target: Node, arguments: Sequence[Node]) -> Node:
    variables, rest = _two(arguments)
    return _insert(make, target, variables, rest, (make.ident(variables[0]), rest[-1]))


def _transform_map_entry(make: NodeFactory, target: Node, arguments: Sequence[Node]) -> Node:
    variables, rest = _two(arguments)
    return _insert(make, target, variables, rest, (rest[-1],))


def _opt_map(make: NodeFactory, target: Node, arguments: Sequence[Node]) -> Node:
    name = _name(arguments[0], "optMap() variable name must be a simple identifier")
    value = make.member_call("value", make.copy(target))
    mapped = make.call("optional.of", make.bind(name, value, arguments[1]))
    return make.call(
        CONDITIONAL, make.member_call("hasValue", target), mapped, make.call("optional.none")
    )


def _opt_flat_map(make: NodeFactory, target: Node, arguments: Sequence[Node]) -> Node:
    name = _name(arguments[0], "optFlatMap() variable name must be a simple identifier")
    value = make.member_call("value", make.copy(target))
    mapped = make.bind(name, value, arguments[1])
    return make.call(
        CONDITIONAL, make.member_call("hasValue", target), mapped, make.call("optional.none")
    )


_SORT_INPUT = "@__sortBy_input__"


def _sort_by(make: NodeFactory, target: Node, arguments: Sequence[Node]) -> Node:
    if not isinstance(target, ListNode | Select | Ident | Comprehension | Call):
        raise MacroError(
            target,
            "sortBy can only be applied to a list, identifier, comprehension, call or select expression",
        )
    keys = _map(make, make.ident(_SORT_INPUT), arguments)
    body = make.member_call("@sortByAssociatedKeys", make.ident(_SORT_INPUT), keys)
    return make.bind(_SORT_INPUT, target, body)


GLOBAL_MACROS: tuple[Macro, ...] = (Macro("has", 1, _has),)

MEMBER_MACROS: tuple[Macro, ...] = (
    Macro("all", 2, _all(_one)),
    Macro("exists", 2, _exists(_one)),
    Macro("exists_one", 2, _exists_one(_one)),
    Macro("existsOne", 2, _exists_one(_one)),
    Macro("map", 2, _map),
    Macro("map", 3, _map),
    Macro("filter", 2, _filter),
    Macro("all", 3, _all(_two), "1.32"),
    Macro("exists", 3, _exists(_two), "1.32"),
    Macro("existsOne", 3, _exists_one(_two), "1.32"),
    Macro("exists_one", 3, _exists_one(_two), "1.32"),
    Macro("transformList", 3, _transform_list, "1.32"),
    Macro("transformList", 4, _transform_list, "1.32"),
    Macro("transformMap", 3, _transform_map, "1.32"),
    Macro("transformMap", 4, _transform_map, "1.32"),
    Macro("transformMapEntry", 3, _transform_map_entry, "1.32"),
    Macro("transformMapEntry", 4, _transform_map_entry, "1.32"),
    Macro("optMap", 2, _opt_map, "1.28"),
    Macro("optFlatMap", 2, _opt_flat_map, "1.28"),
    Macro("sortBy", 2, _sort_by, "1.34"),
)
