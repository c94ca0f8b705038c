"""cel-python behind the API of this package, until our own engine takes its place.

It parses and evaluates what cel-python knows. No static types but the few that are plain to see,
no costs, no optional syntax, none of Kubernetes' libraries: a text with these does not compile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError
from lark import Token, Tree

from webhook.cel.errors import CompileError, EvaluationError
from webhook.cel.source import Issue, Source, show
from webhook.cel.types import BOOL, DOUBLE, DYN, INT, NULL, STRING, Type, describe

_FUNCTIONS = frozenset(
    (
        *("bool", "bytes", "contains", "double", "duration", "dyn", "endsWith", "int", "matches"),
        *("size", "startsWith", "string", "timestamp", "type", "uint"),
        *("getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours"),
        *("getMilliseconds", "getMinutes", "getMonth", "getSeconds"),
    )
)
_MACROS = frozenset(("all", "exists", "exists_one", "filter", "has", "map"))
_TYPES = frozenset(
    ("bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint")
)
_BOOL_METHODS = frozenset(
    ("all", "contains", "endsWith", "exists", "exists_one", "matches", "startsWith")
)
_MISSING = re.compile(r"no such member in mapping: '(.*)'")
_LITERALS: Mapping[str, Type] = {
    "BOOL_LIT": BOOL,
    "FLOAT_LIT": DOUBLE,
    "INT_LIT": INT,
    "MLSTRING_LIT": STRING,
    "NULL_LIT": NULL,
    "STRING_LIT": STRING,
}
_CALLS: Mapping[str, Type] = {
    "bool": BOOL,
    "double": DOUBLE,
    "has": BOOL,
    "int": INT,
    "size": INT,
    "string": STRING,
}


@dataclass(slots=True)
class Budget:
    """How much an evaluation may cost; cel-python does not count, so nothing is deducted."""

    remaining: int
    deadline: object = None


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled expression; `names` are the variables it reads."""

    text: str
    result_type: Type
    runner: celpy.Runner
    names: frozenset[str]

    def evaluate(self, bindings: Mapping[str, Any], _budget: Budget) -> Any:
        """Return the value as plain JSON; raise EvaluationError."""
        values = {name: _to_cel(bindings[name]) for name in self.names if name in bindings}
        try:
            return _from_cel(self.runner.evaluate(values))
        except CELEvalError as error:
            raise EvaluationError(_upstream_text(str(error.args[0]))) from None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            # cel-python lets Python's own exceptions through, where CEL has no such overload.
            raise EvaluationError("no such overload") from None


@dataclass(frozen=True, slots=True)
class Environment:
    """The names that an expression may use."""

    variables: Mapping[str, Type]
    version: str | None = None
    mutation: bool = False

    def compile(self, text: str, expect: tuple[Type, ...] = ()) -> Program:
        """Compile one text; raise CompileError."""
        environment = celpy.Environment()
        try:
            tree = environment.compile(text)
        except CELParseError as error:
            place = (error.line or 1, max(error.column or 1, 1) - 1)
            raise _failed(
                text, Issue(*place, "Syntax error: cel-python cannot parse this")
            ) from None
        issues = list(_issues(tree, frozenset(self.variables)))
        if issues:
            raise _failed(text, *issues)
        found = _type_of(tree)
        if expect and found is not DYN and found not in expect:
            raise CompileError(f"must evaluate to {describe(expect[0])} but got {describe(found)}")
        names = frozenset(token.value for token in _tokens(tree, "ident"))
        return Program(text, found, environment.program(tree), names)


def _failed(text: str, *issues: Issue) -> CompileError:
    source = Source(text)
    shown = "\n".join(show(source, issue) for issue in issues)
    return CompileError(f"compilation failed: {shown}", issues)


def _tokens(tree: Tree[Token], kind: str) -> list[Any]:
    """Return the first token of all nodes of a kind."""
    return [node.children[0] for node in tree.find_data(kind)]


def _issues(tree: Tree[Token], names: frozenset[str]) -> Iterator[Issue]:
    """Find names and functions that nothing declares."""
    bound = {token.value for call in tree.find_data("member_dot_arg") for token in _bound(call)}
    for token in _tokens(tree, "ident"):
        if token.value not in names | _TYPES | bound:
            text = f"undeclared reference to '{token.value}' (in container '')"
            yield Issue(token.line, token.column - 1, text)
    calls = _tokens(tree, "ident_arg") + [c.children[1] for c in tree.find_data("member_dot_arg")]
    for token in calls:
        if token.value not in _FUNCTIONS | _MACROS:
            text = f"function '{token.value}' is not supported by cel-python"
            yield Issue(token.line, token.column - 1, text)


def _bound(call: Tree[Token]) -> list[Any]:
    """Return the variable that a macro binds: the first name among its arguments."""
    name: Any = call.children[1]
    if name.value not in _MACROS or not isinstance(call.children[-1], Tree):
        return []
    return _tokens(call.children[-1].children[0], "ident")[:1]  # type: ignore[arg-type]  # arguments are trees


def _type_of(tree: Tree[Token]) -> Type:
    """Return the static type where it is plain to see, else dyn."""
    node: Any = tree
    while len(node.children) == 1 and node.data not in {"literal", "ident", "list_lit", "map_lit"}:
        node = node.children[0]
    if node.data in {"conditionalor", "conditionaland", "relation"}:
        return BOOL
    if node.data == "unary":
        return BOOL if node.children[0].data == "unary_not" else DYN
    if node.data == "literal":
        return _LITERALS.get(node.children[0].type, DYN)
    if node.data == "ident_arg":
        return _CALLS.get(node.children[0].value, DYN)
    if node.data == "member_dot_arg" and node.children[1].value in _BOOL_METHODS:
        return BOOL
    return DYN


class _Lazy(celtypes.MapType):
    """A map whose values are converted, or evaluated, when they are read."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        super().__init__()
        self._source = source

    def __missing__(self, key: Any) -> Any:
        try:
            return _to_cel(self._source[str(key)])
        except EvaluationError as error:
            return CELEvalError(str(error))


def _to_cel(value: Any) -> Any:
    if type(value) is dict:
        return celtypes.MapType({celtypes.StringType(k): _to_cel(v) for k, v in value.items()})
    if isinstance(value, dict):
        return _Lazy(value)
    if isinstance(value, list):
        return celtypes.ListType([_to_cel(one) for one in value])
    return json_to_cel(value) if isinstance(value, bool | int | float | str) else value


_PLAIN: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (celtypes.BoolType, bool),
    (celtypes.StringType, str),
    (celtypes.DoubleType, float),
    (celtypes.IntType, int),
    (celtypes.ListType, lambda value: [_from_cel(one) for one in value]),
    (celtypes.MapType, lambda value: {_from_cel(k): _from_cel(v) for k, v in value.items()}),
)


def _from_cel(value: Any) -> Any:
    for kind, convert in _PLAIN:
        if isinstance(value, kind):
            return convert(value)
    return value


def _upstream_text(text: str) -> str:
    """Write cel-python's error for a missing key as upstream does."""
    return _MISSING.sub(r"no such key: \1", text)
