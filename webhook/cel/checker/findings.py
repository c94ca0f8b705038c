"""What the checker has found out so far, and how it looks names up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook.cel.checker.unify import Substitution, assignable
from webhook.cel.types import ERROR, Type, TypeParam, describe

if TYPE_CHECKING:
    from webhook.cel.ast import Node, Tree
    from webhook.cel.checker.results import CallReference
    from webhook.cel.declarations import Declarations
    from webhook.cel.source import Issue, Source


class Findings:
    """Types, names and issues found so far, and the scopes of comprehensions."""

    def __init__(
        self, tree: Tree, source: Source, declarations: Declarations, issues: list[Issue]
    ) -> None:
        self.tree = tree
        self.source = source
        self.declarations = declarations
        self.issues = issues
        self.types: dict[int, Type] = {}
        self.names: dict[int, str] = {}
        self.calls: dict[int, CallReference] = {}
        self.free: set[int] = set()
        self.subs: Substitution = {}
        self.scopes: list[dict[str, Type]] = []
        self.fresh = 0

    def report(self, identifier: int, message: str) -> None:
        """Record an issue at a node."""
        offset = self.tree.ranges[identifier][0]
        self.issues.append(self.source.issue(offset, message))

    def undeclared(self, node: Node, name: str) -> None:
        """Record that nothing has a name."""
        self.types[node.id] = ERROR
        self.report(node.id, f"undeclared reference to '{name}' (in container '')")

    def mismatch(self, node: Node, expected: Type, found: Type) -> None:
        """Record that a type is not the one it has to be."""
        text = f"expected type '{describe(expected)}' but found '{describe(found)}'"
        self.report(node.id, text)

    def fits(self, kind: Type, target: Type) -> bool:
        """Tell whether a type fits another, and bind the type parameters that this asks for."""
        return assignable(self.subs, kind, target)

    def new_variable(self) -> TypeParam:
        """Return a type still to be found."""
        self.fresh += 1
        return TypeParam(f"_var{self.fresh - 1}")

    def local(self, name: str) -> Type | None:
        """Return the type of a variable of a comprehension."""
        for scope in reversed(self.scopes):
            found = scope.get(name)
            if found is not None:
                return found
        return None

    def resolve(self, node: Node, name: str) -> bool:
        """Take a name for a variable or type, if it is one."""
        bare = name.removeprefix(".")
        local = self.local(bare.partition(".")[0])
        if local is not None and bare == name:
            if "." in name:
                return False  # a selection from a local variable
            self.types[node.id] = local
            self.names[node.id] = name
            return True
        kind = self.declarations.identifier(bare)
        if kind is None:
            return False
        self.types[node.id] = kind
        self.names[node.id] = bare if local is None else f".{bare}"
        return True
