"""Python for operators and common functions whose static types are known.

Each entry returns None where it knows no short form; then the general call is emitted.
"""

from __future__ import annotations

import ast
from math import ceil
from typing import TYPE_CHECKING

from webhook.cel import operators
from webhook.cel.compiler import pyast
from webhook.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    ListType,
    MapType,
    Type,
)
from webhook.cel.values import INT_MAX, INT_MIN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from webhook.cel.compiler.emitter import Emitter

    Inline = Callable[[Emitter, "Operands"], ast.expr | None]

_SCALARS = frozenset({BOOL, INT, UINT, DOUBLE, NULL, TIMESTAMP, DURATION})
_CLASSES = {INT: "int", STRING: "str"}  # doubles may be NaN, which cannot be ordered
_NO_LITERAL = object()
_COMPARISONS: dict[str, tuple[type[ast.cmpop], str]] = {
    operators.LESS: (ast.Lt, "less"),
    operators.LESS_EQUALS: (ast.LtE, "less_equals"),
    operators.GREATER: (ast.Gt, "greater"),
    operators.GREATER_EQUALS: (ast.GtE, "greater_equals"),
}


class Operands:
    """The arguments of a call: Python expressions that may be repeated, with static types."""

    __slots__ = ("kinds", "name", "values")

    def __init__(self, name: str, values: Sequence[ast.expr], kinds: Sequence[Type]) -> None:
        self.name = name
        self.values = values
        self.kinds = kinds


def _units(length: ast.expr) -> ast.expr:
    return pyast.call("ceil", pyast.binary(length, ast.Mult(), pyast.constant(0.1)))


def _length(value: ast.expr) -> ast.expr:
    return pyast.call("len", value)


def _shorter(one: ast.expr, other: ast.expr) -> ast.expr:
    return pyast.call("min", _length(one), _length(other))


# Equality


def equality(emitter: Emitter, operands: Operands) -> ast.expr | None:
    """Compare for equality where Python's own comparison means the same."""
    one, other = operands.values
    left, right = operands.kinds
    if left is DYN and right is DYN and operands.name == operators.EQUALS:
        emitter.charge_dynamic(pyast.call("equality_cost", one, other))
        return pyast.call("equal", one, other)
    if isinstance(one, ast.Constant):
        if isinstance(other, ast.Constant):
            return None
        one, other, left, right = other, one, right, left
    test = _equality_test(one, other, left, right)
    if test is None or not _charge_equality(emitter, one, other, left, right):
        return None
    return test if operands.name == operators.EQUALS else pyast.negation(test)


def _equality_test(one: ast.expr, other: ast.expr, left: Type, right: Type) -> ast.expr | None:
    literal = other.value if isinstance(other, ast.Constant) else _NO_LITERAL
    if literal is None or (BOOL in (left, right) and literal in (True, False, _NO_LITERAL)):
        return pyast.compare(one, ast.Is(), other)
    if STRING in (left, right) or (left == right and left in (INT, UINT, DOUBLE, BYTES)):
        return pyast.compare(one, ast.Eq(), other)
    if right is INT and left is DYN and isinstance(other, ast.Constant):
        return _equals_number(one, other)
    return None


def _equals_number(one: ast.expr, other: ast.Constant) -> ast.expr | None:
    """Compare something with a constant int, which Python also takes for a bool."""
    if abs(int(other.value)) > 2**53:  # type: ignore[arg-type]  # the constant is an int
        return None
    test = pyast.compare(one, ast.Eq(), other)
    if other.value not in (0, 1):
        return test
    not_bool = pyast.compare(pyast.call("type", one), ast.IsNot(), pyast.name("bool"))
    return pyast.both(test, not_bool)


def _charge_equality(
    emitter: Emitter, one: ast.expr, other: ast.expr, left: Type, right: Type
) -> bool:
    """Charge a tenth of the shorter side; scalars have size 1, what is empty costs nothing."""
    if left in _SCALARS and right in _SCALARS:
        emitter.charge(1)
        return True
    if isinstance(other, ast.Constant) and isinstance(other.value, str):
        return _charge_constant(emitter, one, left, other.value)
    if right in _SCALARS:
        _charge_unless_empty(emitter, one, left)
        return True
    if left in _SCALARS:
        _charge_unless_empty(emitter, other, right)
        return True
    if left is STRING and right is STRING:
        emitter.charge_dynamic(_units(_shorter(one, other)))
        return True
    return False


def _charge_constant(emitter: Emitter, value: ast.expr, kind: Type, text: str) -> bool:
    if not text:
        return True
    if len(text) <= 10:
        _charge_unless_empty(emitter, value, kind)
        return True
    if kind is not STRING:
        return False
    shorter = pyast.call("min", _length(value), pyast.constant(len(text)))
    emitter.charge_dynamic(_units(shorter))
    return True


def _charge_unless_empty(emitter: Emitter, value: ast.expr, kind: Type) -> None:
    emitter.charge(1)
    sized = isinstance(kind, ListType | MapType) or kind in (STRING, BYTES)
    back = pyast.constant(-1) if sized else _minus(pyast.call("empty", value))
    test: ast.expr = pyast.negation(value)
    if not sized:  # false is what is compared most, and has a size
        test = pyast.both(test, pyast.compare(value, ast.IsNot(), pyast.constant(False)))
    emitter.emit(pyast.branch(test, [pyast.add_to("cost", back)]))


def _minus(value: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.USub(), value, **pyast.AT)


# Order


def ordering(emitter: Emitter, operands: Operands) -> ast.expr | None:
    """Compare numbers or texts of one type; of dyn it is made sure of the type first."""
    one, other = operands.values
    left, right = operands.kinds
    kind = right if left is DYN else left
    if kind not in _CLASSES or any(k not in (kind, DYN) for k in (left, right)):
        return None
    operator, general = _COMPARISONS[operands.name]
    test: ast.expr = pyast.compare(one, operator(), other)
    dynamic = [value for value, k in zip(operands.values, operands.kinds, strict=True) if k is DYN]
    if kind is STRING:
        return None if dynamic else _ordered_texts(emitter, operands, test)
    emitter.charge(1)
    if dynamic:
        known = pyast.type_is(dynamic[0], _CLASSES[kind])
        test = pyast.choice(known, test, pyast.call(general, one, other))
    return test


def _ordered_texts(emitter: Emitter, operands: Operands, test: ast.expr) -> ast.expr:
    emitter.charge_dynamic(_units(_shorter(*operands.values)))
    return test


# Arithmetic


def arithmetic(emitter: Emitter, operands: Operands) -> ast.expr | None:
    """Add, subtract or multiply ints and doubles, concatenate texts and lists."""
    left, right = operands.kinds
    if left != right or left is DYN:
        return None
    operator = _OPERATORS[operands.name]
    result = pyast.binary(operands.values[0], operator(), operands.values[1])
    if left is INT:
        emitter.charge(1)
        value = emitter.temporary(result)
        inside = pyast.between(INT_MIN, value, INT_MAX)
        emitter.emit(pyast.branch(pyast.negation(inside), [pyast.raise_("GiveUp")]))
        return value
    if left is DOUBLE:
        emitter.charge(1)
        return result
    if left is STRING and operands.name == operators.ADD:
        one, other = operands.values
        total = pyast.binary(_length(one), ast.Add(), _length(other))
        emitter.charge_dynamic(_units(total))
        emitter.check_limit()
        return result
    return None


_OPERATORS: dict[str, type[ast.operator]] = {
    operators.ADD: ast.Add,
    operators.SUBTRACT: ast.Sub,
    operators.MULTIPLY: ast.Mult,
}


def inversion(emitter: Emitter, operands: Operands) -> ast.expr | None:
    """Negate a bool."""
    if operands.kinds[0] is not BOOL:
        return None
    emitter.charge(1)
    return pyast.negation(operands.values[0])


# Functions


def membership(emitter: Emitter, operands: Operands) -> ast.expr | None:
    """Ask for a text in a list of texts or in a map, which most values of unknown type are."""
    item, container = operands.values
    if operands.kinds[0] is not STRING:
        return None
    if isinstance(operands.kinds[1], ListType):
        emitter.charge_dynamic(_length(container))
        return pyast.compare(item, ast.In(), container)
    emitter.charge(1)
    container = emitter.atom(container)
    known = pyast.type_is(container, "dict")
    test = pyast.compare(item, ast.In(), container)
    return pyast.choice(known, test, pyast.call("contains", container, item))


def size(emitter: Emitter, operands: Operands) -> ast.expr | None:
    """Return the size of a text, list or map."""
    kind = operands.kinds[0]
    if kind in (STRING, BYTES) or isinstance(kind, ListType | MapType):
        emitter.charge(1)
        return _length(operands.values[0])
    return None


def text_test(emitter: Emitter, operands: Operands) -> ast.expr | None:
    """Ask for a constant part of a text."""
    text, part = operands.values
    if not isinstance(part, ast.Constant) or not isinstance(part.value, str):
        return None
    units = ceil(len(part.value) * 0.1)
    text = emitter.atom(text)
    if operands.kinds[0] is not STRING:
        wrong = pyast.compare(pyast.call("type", text), ast.IsNot(), pyast.name("str"))
        emitter.emit(pyast.branch(wrong, [pyast.raise_("GiveUp")]))
    if operands.name == "contains":
        emitter.charge_dynamic(
            pyast.binary(_units(_length(text)), ast.Mult(), pyast.constant(units))
        )
        return pyast.compare(part, ast.In(), text)
    emitter.charge(units)
    return pyast.method(text, operands.name.lower(), part)


def pattern_cost(text: ast.expr, pattern: str) -> ast.expr:
    """Return what searching a text for a constant pattern costs."""
    longer = pyast.binary(_length(text), ast.Add(), pyast.constant(1))
    return pyast.binary(_units(longer), ast.Mult(), pyast.constant(ceil(len(pattern) * 0.25)))


INLINE: dict[str, Inline] = {
    operators.EQUALS: equality,
    operators.NOT_EQUALS: equality,
    operators.LESS: ordering,
    operators.LESS_EQUALS: ordering,
    operators.GREATER: ordering,
    operators.GREATER_EQUALS: ordering,
    operators.ADD: arithmetic,
    operators.SUBTRACT: arithmetic,
    operators.MULTIPLY: arithmetic,
    operators.NOT: inversion,
    operators.IN: membership,
    "size": size,
    "contains": text_test,
    "startsWith": text_test,
    "endsWith": text_test,
}
"""Functions with short forms, by name."""
