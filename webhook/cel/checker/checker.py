"""The static checker: exact types, overload resolution and upstream's error texts.

A close copy of upstream's `checker/checker.go`; the tree is not rewritten, findings go to tables.
Each level of nesting costs two Python calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook.cel import operators
from webhook.cel.ast import (
    Call,
    Comprehension,
    Ident,
    ListNode,
    Literal,
    MapNode,
    Select,
    StructNode,
    dotted_name,
)
from webhook.cel.checker.findings import Findings
from webhook.cel.checker.results import CallReference, Checked
from webhook.cel.checker.unify import (
    Substitution,
    assignable_all,
    is_dyn_or_error,
    most_general,
    substitute,
    to_dyn,
    unwrap_optional,
)
from webhook.cel.declarations import parameters_of
from webhook.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    ERROR,
    INT,
    NULL,
    STRING,
    UINT,
    ListType,
    MapType,
    ObjectType,
    OptionalType,
    Type,
    TypeParam,
    describe,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from webhook.cel.ast import Node, Tree
    from webhook.cel.declarations import Declarations, FunctionDeclaration
    from webhook.cel.library import Overload
    from webhook.cel.source import Issue, Source

_LITERAL_TYPES: dict[type, Type] = {
    bool: BOOL,
    int: INT,
    float: DOUBLE,
    str: STRING,
    bytes: BYTES,
    type(None): NULL,
}
_ORDERINGS = frozenset(
    {operators.LESS, operators.LESS_EQUALS, operators.GREATER, operators.GREATER_EQUALS}
)


def check(tree: Tree, source: Source, declarations: Declarations, issues: list[Issue]) -> Checked:
    """Compute the types of an expression; problems are added to `issues`."""
    checker = _Checker(tree, source, declarations, issues)
    checker.check(tree.root)
    types = {node: to_dyn(checker.subs, kind) for node, kind in checker.types.items()}
    return Checked(tree, types, checker.names, checker.calls, frozenset(checker.free))


class _Checker(Findings):
    """The state of checking one expression."""

    # Nodes

    def check(self, node: Node) -> None:
        """Compute the type of a node and of all below it."""
        _CHECKS[type(node)](self, node)

    def check_literal(self, node: Literal) -> None:
        self.types[node.id] = _LITERAL_TYPES.get(type(node.value), UINT)

    def check_name(self, node: Ident) -> None:
        if not self.resolve(node, node.name):
            self.undeclared(node, node.name)

    def check_select(self, node: Select) -> None:
        if not node.test_only:
            name = dotted_name(node)
            if name and self.resolve(node, name):
                return
        self.check(node.operand)
        kind = self.field_type(node, node.operand, node.field)
        self.types[node.id] = BOOL if node.test_only else substitute(self.subs, kind)

    def field_type(self, node: Node, operand: Node, field: str) -> Type:
        """Return the type of a field of an operand already checked."""
        target, optional = unwrap_optional(substitute(self.subs, self.types[operand.id]))
        result: Type = DYN
        if isinstance(target, MapType):
            result = target.value
        elif isinstance(target, ObjectType):
            result = self.declared_field(node.id, target, field)
        elif isinstance(target, TypeParam):
            self.fits(DYN, target)
        elif not is_dyn_or_error(target):
            text = f"type '{describe(target)}' does not support field selection"
            self.report(node.id, text)
        return OptionalType(result) if optional else result

    def declared_field(self, identifier: int, target: ObjectType, field: str) -> Type:
        kind = target.fields.get(field, target.open_fields)
        if kind is None:
            self.report(identifier, f"undefined field '{field}'")
            return ERROR
        return kind

    # Calls

    def check_call(self, node: Call) -> None:
        if node.function == operators.OPTIONAL_SELECT:
            self.check_optional_select(node)
            return
        for argument in node.arguments:
            self.check(argument)
        if node.target is not None:
            self.check_member_call(node, node.target)
            return
        function = self.declarations.functions.get(node.function.removeprefix("."))
        if function is None:
            self.undeclared(node, node.function)
        else:
            self.call(node, function, None)

    def check_optional_select(self, node: Call) -> None:
        operand, field = node.arguments
        assert isinstance(field, Literal)
        self.check(operand)
        self.types[field.id] = STRING
        kind = substitute(self.subs, self.field_type(node, operand, field.value))
        self.types[node.id] = kind if isinstance(kind, OptionalType) else OptionalType(kind)

    def check_member_call(self, node: Call, target: Node) -> None:
        prefix = dotted_name(target)
        if prefix:
            name = f"{prefix}.{node.function}".removeprefix(".")
            function = self.declarations.functions.get(name)
            if function is not None:
                self.call(node, function, None)
                return
        self.check(target)
        function = self.declarations.functions.get(node.function)
        if function is None:
            self.undeclared(node, node.function)
        else:
            self.call(node, function, target)

    def call(self, node: Call, function: FunctionDeclaration, target: Node | None) -> None:
        """Find the overloads that fit and the type of the result."""
        operands = node.arguments if target is None else (target, *node.arguments)
        kinds = [self.types[operand.id] for operand in operands]
        if function.name in (operators.AND, operators.OR):
            self.check_logical(node, function, operands, kinds)
            return
        found, result = self.matching(function, kinds, member=target is not None)
        if result is None:
            self.no_overload(node, function.name, kinds, member=target is not None)
            return
        self.types[node.id] = result
        if parameters_of(result):
            self.free.add(node.id)
        self.calls[node.id] = CallReference(function, tuple(found), global_=target is None)

    def check_logical(
        self,
        node: Call,
        function: FunctionDeclaration,
        operands: Sequence[Node],
        kinds: Sequence[Type],
    ) -> None:
        ok = True
        for operand, kind in zip(operands, kinds, strict=True):
            if not self.fits(kind, BOOL):
                self.mismatch(operand, BOOL, kind)
                ok = False
        self.types[node.id] = BOOL if ok else ERROR
        self.calls[node.id] = CallReference(function, function.overloads, global_=True)

    def matching(
        self, function: FunctionDeclaration, kinds: Sequence[Type], *, member: bool
    ) -> tuple[list[Overload], Type | None]:
        """Return all overloads that fit argument types, and the type of the result."""
        found: list[Overload] = []
        result: Type | None = None
        for overload in function.overloads:
            if overload.member is not member or self.disabled(function, overload):
                continue
            kind = self.try_overload(overload, kinds)
            if kind is None:
                continue
            found.append(overload)
            if result is None:
                result = kind
            elif result is not DYN and kind != result:
                result = DYN
        return found, result

    def disabled(self, function: FunctionDeclaration, overload: Overload) -> bool:
        """Tell whether an overload compares numbers of different types where that is off.

        Upstream forgets the restriction inside of comprehensions.
        """
        if self.declarations.cross_type_ordering or self.scopes:
            return False
        return function.name in _ORDERINGS and overload.arguments[0] != overload.arguments[1]

    def try_overload(self, overload: Overload, kinds: Sequence[Type]) -> Type | None:
        if len(kinds) != len(overload.arguments):
            return None
        arguments, result = overload.arguments, overload.result
        symbols = sorted(frozenset().union(*map(parameters_of, (*arguments, result))))
        if symbols:
            fresh: Substitution = {symbol: self.new_variable() for symbol in symbols}
            arguments = tuple(substitute(fresh, kind) for kind in arguments)
            result = substitute(fresh, result)
        if not assignable_all(self.subs, kinds, arguments):
            return None
        return substitute(self.subs, result)

    def no_overload(self, node: Node, name: str, kinds: Sequence[Type], *, member: bool) -> None:
        self.types[node.id] = ERROR
        texts = [describe(to_dyn(self.subs, kind)) for kind in kinds]
        receiver = f"{texts.pop(0)}." if member else ""
        signature = f"{receiver}({', '.join(texts)})"
        self.report(node.id, f"found no matching overload for '{name}' applied to '{signature}'")

    # Literals

    def optional_element(self, node: Node) -> Type:
        """Return the type inside an optional element of a literal."""
        kind, optional = unwrap_optional(self.types[node.id])
        if not optional and kind is not DYN:
            self.mismatch(node, OptionalType(kind), kind)
        return kind

    def join(self, before: Type | None, kind: Type) -> Type:
        """Return the common type of the elements of a literal."""
        if before is None:
            return kind
        return most_general(before, kind) if self.fits(before, kind) else DYN

    def check_list(self, node: ListNode) -> None:
        common: Type | None = None
        for index, element in enumerate(node.elements):
            self.check(element)
            optional = index in node.optional
            kind = self.optional_element(element) if optional else self.types[element.id]
            common = self.join(common, kind)
        self.types[node.id] = ListType(common or self.new_variable())

    def check_map(self, node: MapNode) -> None:
        key: Type | None = None
        value: Type | None = None
        for entry in node.entries:
            self.check(entry.key)
            key = self.join(key, self.types[entry.key.id])
            self.check(entry.value)
            optional = entry.optional
            kind = self.optional_element(entry.value) if optional else self.types[entry.value.id]
            value = self.join(value, kind)
        if key is None or value is None:
            key, value = self.new_variable(), self.new_variable()
        self.types[node.id] = MapType(key, value)

    def check_struct(self, node: StructNode) -> None:
        name = node.name.removeprefix(".")
        kind = self.declarations.type_named(name)
        if kind is None:
            self.undeclared(node, node.name)
            return
        self.names[node.id] = name
        if not isinstance(kind, ObjectType):
            self.report(node.id, f"'{kind.name}' is not a message type")
            self.types[node.id] = ERROR
            for field in node.fields:
                self.check(field.value)
                self.report(field.id, f"unexpected failed resolution of '{kind.name}'")
            return
        self.types[node.id] = kind
        for field in node.fields:
            self.check(field.value)
            expected = self.declared_field(field.id, kind, field.name)
            optional = field.optional
            found = self.optional_element(field.value) if optional else self.types[field.value.id]
            if not self.fits(expected, found):
                text = f"expected type of field '{field.name}' is '{describe(expected)}'"
                self.report(field.id, f"{text} but provided type is '{describe(found)}'")

    # Comprehensions

    def check_comprehension(self, node: Comprehension) -> None:
        self.check(node.range)
        self.check(node.initial)
        accumulator = self.types[node.initial.id]
        self.scopes.append({node.accumulator: accumulator})
        first, second = self.range_types(node)
        names = {node.variable: first}
        if node.variable2:
            names[node.variable2] = second
        self.scopes.append(names)
        self.check(node.condition)
        self.require(node.condition, BOOL)
        self.check(node.step)
        self.require(node.step, accumulator)
        self.scopes.pop()
        self.check(node.result)
        self.scopes.pop()
        self.types[node.id] = substitute(self.subs, self.types[node.result.id])

    def range_types(self, node: Comprehension) -> tuple[Type, Type]:
        """Return the types of the one or two variables of a comprehension."""
        kind = substitute(self.subs, self.types[node.range.id])
        if isinstance(kind, ListType):
            return (INT, kind.element) if node.variable2 else (kind.element, ERROR)
        if isinstance(kind, MapType):
            return kind.key, kind.value
        if is_dyn_or_error(kind) or isinstance(kind, TypeParam):
            self.fits(DYN, kind)
            return DYN, DYN
        text = f"expression of type '{describe(kind)}' cannot be range of a comprehension"
        self.report(node.range.id, f"{text} (must be list, map, or dynamic)")
        return ERROR, ERROR

    def require(self, node: Node, expected: Type) -> None:
        if not self.fits(expected, self.types[node.id]):
            self.mismatch(node, expected, self.types[node.id])


_CHECKS: dict[type, Callable[[_Checker, Any], None]] = {
    Literal: _Checker.check_literal,
    Ident: _Checker.check_name,
    Select: _Checker.check_select,
    Call: _Checker.check_call,
    ListNode: _Checker.check_list,
    MapNode: _Checker.check_map,
    StructNode: _Checker.check_struct,
    Comprehension: _Checker.check_comprehension,
}
