"""Short names for building Python syntax trees, all at one position."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

AT: dict[str, Any] = {"lineno": 1, "col_offset": 0, "end_lineno": 1, "end_col_offset": 0}
LOAD = ast.Load()
STORE = ast.Store()


def name(identifier: str) -> ast.Name:
    """Read a variable."""
    return ast.Name(identifier, LOAD, **AT)


def constant(value: Any) -> ast.Constant:
    """Write a constant."""
    return ast.Constant(value, **AT)


def call(function: str, *arguments: ast.expr) -> ast.Call:
    """Call a function by name."""
    return ast.Call(name(function), list(arguments), [], **AT)


def method(receiver: ast.expr, attribute: str, *arguments: ast.expr) -> ast.Call:
    """Call a method."""
    function = ast.Attribute(receiver, attribute, LOAD, **AT)
    return ast.Call(function, list(arguments), [], **AT)


def attribute(receiver: ast.expr, identifier: str) -> ast.Attribute:
    """Read an attribute."""
    return ast.Attribute(receiver, identifier, LOAD, **AT)


def item(holder: ast.expr, key: ast.expr) -> ast.Subscript:
    """Read an item."""
    return ast.Subscript(holder, key, LOAD, **AT)


def compare(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.Compare:
    """Compare two values."""
    return ast.Compare(left, [operator], [right], **AT)


def binary(left: ast.expr, operator: ast.operator, right: ast.expr) -> ast.BinOp:
    """Combine two values by an operator."""
    return ast.BinOp(left, operator, right, **AT)


def between(low: int, value: ast.expr, high: int) -> ast.Compare:
    """Ask whether a value lies in a closed range."""
    return ast.Compare(constant(low), [ast.LtE(), ast.LtE()], [value, constant(high)], **AT)


def negation(value: ast.expr) -> ast.UnaryOp:
    """Write `not value`."""
    return ast.UnaryOp(ast.Not(), value, **AT)


def both(*values: ast.expr) -> ast.BoolOp:
    """Write `a and b`."""
    return ast.BoolOp(ast.And(), list(values), **AT)


def choice(test: ast.expr, yes: ast.expr, no: ast.expr) -> ast.IfExp:
    """Write `yes if test else no`."""
    return ast.IfExp(test, yes, no, **AT)


def type_is(value: ast.expr, kind: str) -> ast.Compare:
    """Ask whether a value's class is exactly one."""
    return compare(call("type", value), ast.Is(), name(kind))


def assign(target: str, value: ast.expr) -> ast.Assign:
    """Assign a variable."""
    return ast.Assign([ast.Name(target, STORE, **AT)], value, **AT)


def add_to(target: str, value: ast.expr) -> ast.AugAssign:
    """Add to a variable."""
    return ast.AugAssign(ast.Name(target, STORE, **AT), ast.Add(), value, **AT)


def branch(test: ast.expr, body: Sequence[ast.stmt], otherwise: Sequence[ast.stmt] = ()) -> ast.If:
    """Write an if statement."""
    return ast.If(test, list(body) or [ast.Pass(**AT)], list(otherwise), **AT)


def loop(target: ast.expr, over: ast.expr, body: Sequence[ast.stmt]) -> ast.For:
    """Write a for statement."""
    return ast.For(target, over, list(body), [], **AT)


def raise_(exception: str) -> ast.Raise:
    """Raise an exception without arguments."""
    return ast.Raise(call(exception), None, **AT)


def expression(value: ast.expr) -> ast.Expr:
    """Evaluate a value and forget it."""
    return ast.Expr(value, **AT)


def tuple_of(*values: ast.expr) -> ast.Tuple:
    """Write a tuple."""
    return ast.Tuple(list(values), LOAD, **AT)


def targets(*names: str) -> ast.expr:
    """Write the target of a loop."""
    stored: list[ast.expr] = [ast.Name(identifier, STORE, **AT) for identifier in names]
    return stored[0] if len(stored) == 1 else ast.Tuple(stored, STORE, **AT)


def is_atom(value: ast.expr) -> bool:
    """Tell whether a value may be written twice without being computed twice."""
    return isinstance(value, ast.Name | ast.Constant)
