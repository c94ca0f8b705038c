"""What the checker found out about an expression, in tables by node id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webhook.cel.ast import Tree
    from webhook.cel.declarations import FunctionDeclaration
    from webhook.cel.library import Overload
    from webhook.cel.types import Type


@dataclass(frozen=True, slots=True)
class CallReference:
    """The function that a call means, with the overloads that may be meant.

    `global_` says that what looks like a receiver is part of the function's name.
    """

    function: FunctionDeclaration
    overloads: tuple[Overload, ...]
    global_: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """A checked expression.

    names: nodes that denote a variable or a type, with its full name (a leading dot means that a
        local variable of the same name is not meant).
    free: calls whose type was not settled when they were checked, but by what was done with them.
    """

    tree: Tree
    types: dict[int, Type]
    names: dict[int, str] = field(default_factory=dict)
    calls: dict[int, CallReference] = field(default_factory=dict)
    free: frozenset[int] = frozenset()

    @property
    def result_type(self) -> Type:
        """Return the static type of the whole expression."""
        return self.types[self.tree.root.id]
