"""The function under construction: blocks of statements, temporaries, constants, costs."""

from __future__ import annotations

import ast
import math
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from webhook.cel.compiler import pyast
from webhook.cel.types import DYN, Type

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_STATEMENTS = 4_000  # more take Python longer to compile than they would save

_PLAIN = (type(None), bool, int, str, bytes)


class NotCompiledError(Exception):
    """An expression is left to the exact evaluator: too large, or too rare a form."""


@dataclass(slots=True)
class Block:
    """Statements that run together; `cost` is what they charge whenever they run."""

    statements: list[ast.stmt] = field(default_factory=list)
    cost: int = 0

    def closed(self) -> list[ast.stmt]:
        """Return the statements with the charge in front."""
        if not self.cost:
            return self.statements
        return [pyast.add_to("cost", pyast.constant(self.cost)), *self.statements]


class Emitter:
    """Collects the parts of one Python function."""

    def __init__(self, types: dict[int, Type]) -> None:
        self.types = types
        self.block = Block()
        self.constants: dict[str, Any] = {}
        self.scopes: list[dict[str, str]] = []
        self.growing: set[str] = set()
        self.count = 0
        self.emitted = 0
        self.looping = False
        self.dynamic_cost = False

    def type_of(self, identifier: int) -> Type:
        """Return the static type of a node."""
        return self.types.get(identifier, DYN)

    def fresh(self) -> str:
        """Return a new variable name."""
        self.count += 1
        return f"v{self.count}"

    def emit(self, statement: ast.stmt) -> None:
        """Append a statement to the current block; raise NotCompiledError."""
        self.emitted += 1
        if self.emitted > MAX_STATEMENTS:
            raise NotCompiledError
        self.block.statements.append(statement)

    def charge(self, amount: int) -> None:
        """Charge a constant whenever the current block runs."""
        self.block.cost += amount

    def charge_dynamic(self, amount: ast.expr) -> None:
        """Charge what an expression yields; long ones are cut off soon."""
        self.dynamic_cost = True
        self.emit(pyast.add_to("cost", amount))

    def check_limit(self) -> None:
        """Stop where the cost has passed the limit."""
        over = pyast.compare(pyast.name("cost"), ast.Gt(), pyast.name("limit"))
        self.emit(pyast.branch(over, [pyast.raise_("OverLimit")]))

    def temporary(self, value: ast.expr) -> ast.Name:
        """Assign a value to a new variable."""
        target = self.fresh()
        self.emit(pyast.assign(target, value))
        return pyast.name(target)

    def atom(self, value: ast.expr) -> ast.expr:
        """Return something that may be written several times."""
        return value if pyast.is_atom(value) else self.temporary(value)

    def constant(self, value: Any) -> ast.expr:
        """Write a constant of the language."""
        if isinstance(value, _PLAIN) or (isinstance(value, float) and math.isfinite(value)):
            return pyast.constant(value)
        identifier = f"k{len(self.constants)}"
        self.constants[identifier] = value
        return pyast.name(identifier)

    @contextmanager
    def nested(self) -> Iterator[Block]:
        """Collect statements in a block of their own."""
        outer, self.block = self.block, Block()
        try:
            yield self.block
        finally:
            self.block = outer

    def local(self, name: str) -> str | None:
        """Return the Python name of a variable of a comprehension."""
        for scope in reversed(self.scopes):
            found = scope.get(name)
            if found is not None:
                return found
        return None
