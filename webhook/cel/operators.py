"""Names of the operators as upstream's syntax tree and error texts write them."""

from __future__ import annotations

AND = "_&&_"
OR = "_||_"
NOT = "!_"
NEGATE = "-_"
CONDITIONAL = "_?_:_"
EQUALS = "_==_"
NOT_EQUALS = "_!=_"
ADD = "_+_"
SUBTRACT = "_-_"
MULTIPLY = "_*_"
DIVIDE = "_/_"
MODULO = "_%_"
LESS = "_<_"
LESS_EQUALS = "_<=_"
GREATER = "_>_"
GREATER_EQUALS = "_>=_"
IN = "@in"
INDEX = "_[_]"
OPTIONAL_INDEX = "_[?_]"
OPTIONAL_SELECT = "_?._"
NOT_STRICTLY_FALSE = "@not_strictly_false"
MAP_INSERT = "cel.@mapInsert"

ACCUMULATOR = "@result"
"""Name of the accumulator in macros; no expression can write it."""

BINARY: dict[str, tuple[int, str]] = {
    "*": (5, MULTIPLY),
    "/": (5, DIVIDE),
    "%": (5, MODULO),
    "+": (4, ADD),
    "-": (4, SUBTRACT),
    "<": (3, LESS),
    "<=": (3, LESS_EQUALS),
    ">": (3, GREATER),
    ">=": (3, GREATER_EQUALS),
    "==": (3, EQUALS),
    "!=": (3, NOT_EQUALS),
    "in": (3, IN),
    "&&": (2, AND),
    "||": (1, OR),
}
"""Binding power and function of the binary operators, all left-associative."""
