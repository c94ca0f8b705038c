"""Compiles expressions as the bare language: what Kubernetes adds or always does is left out.

Kubernetes refuses lists and maps of mixed types and always checks; some cases of the suite need
the first, and some switch the checker off. Their values are judged all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from spec_values import NoCounterpartError

from webhook.cel import CompileError, Program
from webhook.cel.ast import Call, Ident, Node, StructNode, children
from webhook.cel.checker.checker import check
from webhook.cel.checker.results import CallReference, Checked
from webhook.cel.checker.trust import trusted_types
from webhook.cel.compiler.compiler import compile_plan
from webhook.cel.declarations import STANDARD_TYPES, Declarations, FunctionDeclaration
from webhook.cel.exact.planner import PlanError, plan
from webhook.cel.functions import LIBRARIES
from webhook.cel.library import Overload
from webhook.cel.macros import GLOBAL_MACROS, MEMBER_MACROS
from webhook.cel.parser import parse
from webhook.cel.source import Issue, Source, show_all
from webhook.cel.types import DYN, OpaqueType, Type


def _functions() -> dict[str, FunctionDeclaration]:
    table: dict[str, FunctionDeclaration] = {}
    for library in LIBRARIES:
        for one in library.functions:
            before = table.get(one.name)
            overloads = one.overloads if before is None else (*before.overloads, *one.overloads)
            table[one.name] = FunctionDeclaration(one.name, overloads, one.cost, one.dynamic)
    return table


FUNCTIONS = _functions()
"""All functions of all libraries, whatever version brought them."""

TYPES = STANDARD_TYPES | {kind.name: kind for library in LIBRARIES for kind in library.types}

_MACROS = {(one.name, one.arguments, False): one for one in GLOBAL_MACROS} | {
    (one.name, one.arguments, True): one for one in MEMBER_MACROS
}


def compile_language(text: str, variables: Mapping[str, Type], *, unchecked: bool) -> Program:
    """Compile an expression; with `unchecked` the checker's complaints are ignored."""
    source = Source(text)
    issues: list[Issue] = []
    declared = Declarations({} if unchecked else variables, FUNCTIONS, TYPES)
    tree = parse(source, _MACROS, issues)
    if tree is None:
        raise CompileError(show_all(source, issues))
    checked = check(tree, source, declared, issues)
    if unchecked:
        checked = _loosened(checked)
    elif issues:
        raise CompileError(show_all(source, issues))
    try:
        exact = plan(checked, declared)
    except PlanError as error:
        raise CompileError(str(error)) from error
    return Program(source, checked, exact, compile_plan(exact, trusted_types(checked)))


def _loosened(checked: Checked) -> Checked:
    """Give every node that the checker could not settle the widest meaning."""
    names, calls = dict(checked.names), dict(checked.calls)
    types = dict.fromkeys(checked.types, DYN) | {
        identifier: kind for identifier, kind in checked.types.items() if identifier in names
    }
    for node in _nodes(checked.tree.root):
        types.setdefault(node.id, DYN)
        if isinstance(node, StructNode):
            raise NoCounterpartError(node.name)
        if isinstance(node, Ident):
            names.setdefault(node.id, node.name)
        if isinstance(node, Call):
            function = FUNCTIONS.get(node.function) or _unknown(node)
            loose = CallReference(function, function.overloads, global_=node.target is None)
            calls.setdefault(node.id, loose)
    return replace(checked, types=types, names=names, calls=calls)


def _unknown(node: Call) -> FunctionDeclaration:
    """Declare a function that nothing fits."""
    nothing = OpaqueType("nothing")
    count = len(node.arguments) + (node.target is not None)
    return FunctionDeclaration(node.function, (Overload((nothing,) * count, DYN, print),))


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in children(node):
        yield from _nodes(child)
