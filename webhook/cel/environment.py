"""Environments: what expressions may name; compiling texts against them.

An environment never changes and may be shared between threads.
"""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from webhook.cel.checker.checker import check
from webhook.cel.checker.trust import trusted_types
from webhook.cel.checker.validators import validate, validate_literals
from webhook.cel.compiler.compiler import compile_plan
from webhook.cel.declarations import STANDARD_TYPES, Declarations, FunctionDeclaration
from webhook.cel.errors import CompileError
from webhook.cel.exact.planner import PlanError, plan
from webhook.cel.functions import LIBRARIES, MUTATION_LIBRARIES
from webhook.cel.macros import GLOBAL_MACROS, MEMBER_MACROS
from webhook.cel.objects import resolve_patch_type
from webhook.cel.parser import parse
from webhook.cel.program import Program
from webhook.cel.reader import MAX_DEPTH
from webhook.cel.source import Issue, Source, show_all
from webhook.steps import finish

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from webhook.cel.library import Function, Library
    from webhook.cel.parser import MacroTable
    from webhook.cel.types import Type
    from webhook.steps import Steps

NEWEST = (9, 98)


# Only these types of libraries have a name that expressions can write.
_TYPE_NAMES = {"optional_type": "1.28", "net.IP": "1.30", "net.CIDR": "1.30"}


def _minor(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)


@cache
def _functions(version: tuple[int, int], *, mutation: bool) -> Mapping[str, FunctionDeclaration]:
    """Return the functions that a version knows, each with the overloads of all libraries."""
    libraries: Iterable[Library] = (*LIBRARIES, *(MUTATION_LIBRARIES if mutation else ()))
    table: dict[str, FunctionDeclaration] = {}
    for library in libraries:
        for function in library.functions:
            if _minor(function.since) <= version < _minor(function.until):
                table[function.name] = _merged(table.get(function.name), function)
    return MappingProxyType(table)


def _merged(before: FunctionDeclaration | None, function: Function) -> FunctionDeclaration:
    if before is None:
        return FunctionDeclaration(
            function.name, function.overloads, function.cost, function.dynamic
        )
    return FunctionDeclaration(
        function.name,
        (*before.overloads, *function.overloads),
        before.cost or function.cost,
        before.dynamic or function.dynamic,
    )


@cache
def _types(version: tuple[int, int]) -> Mapping[str, Type]:
    """Return the types that a version knows by name."""
    known = {name for name, since in _TYPE_NAMES.items() if _minor(since) <= version}
    named = {kind.name: kind for library in LIBRARIES for kind in library.types}
    return MappingProxyType(
        STANDARD_TYPES | {name: kind for name, kind in named.items() if name in known}
    )


@cache
def _macros(version: tuple[int, int]) -> MacroTable:
    table = {(macro.name, macro.arguments, False): macro for macro in GLOBAL_MACROS}
    table |= {(macro.name, macro.arguments, True): macro for macro in MEMBER_MACROS}
    known = {key: macro for key, macro in table.items() if _minor(macro.since) <= version}
    return MappingProxyType(known)


class Environment:
    """The variables, functions and types that expressions may use.

    version: None for stored expressions, which know everything; "1.31" for new ones on that
        Kubernetes minor.
    mutation: whether the types `Object...` and `JSONPatch` and `jsonpatch.escapeKey` are known.
    """

    def __init__(
        self, variables: Mapping[str, Type], *, version: str | None = None, mutation: bool = False
    ) -> None:
        self._version = NEWEST if version is None else _minor(version)
        self._declarations = Declarations(
            variables,
            _functions(self._version, mutation=mutation),
            _types(self._version),
            resolve_patch_type if mutation else _no_object,
            cross_type_ordering=self._version >= (1, 28),
        )

    def compile(self, text: str, expect: tuple[Type, ...] = ()) -> Program:
        """Compile an expression that must be of one of the expected types, if there are any.

        Raises CompileError with upstream's full text and all issues found.
        """
        return finish(self.compile_in_steps(text, expect))

    def compile_in_steps(self, text: str, expect: tuple[Type, ...] = ()) -> Steps[Program]:
        """Do as `compile`, with pauses."""
        try:
            return (yield from self._compile(text, expect))
        except RecursionError:
            issue = Issue(-1, -1, f"expression recursion limit exceeded: {MAX_DEPTH}")
            raise _failed(Source(text), [issue]) from None

    def _compile(self, text: str, expect: tuple[Type, ...]) -> Steps[Program]:
        source = Source(text)
        issues: list[Issue] = []
        optionals = self._version >= (1, 28)
        tree = parse(source, _macros(self._version), issues, optionals=optionals)
        if tree is None:
            raise _failed(source, issues)
        yield
        checked = check(tree, source, self._declarations, issues)
        yield
        if not issues:
            strict = self._version >= (1, 29)
            issues = (validate if strict else validate_literals)(checked, source)
        if issues:
            raise _failed(source, issues)
        if expect and checked.result_type not in expect:
            raise CompileError(_unexpected(checked.result_type, expect))
        try:
            exact = plan(checked, self._declarations)
        except PlanError as error:
            raise CompileError(f"program instantiation failed: {error}") from None
        yield
        compiled = yield from compile_plan(exact, trusted_types(checked))
        return Program(source, checked, exact, compiled)


def _no_object(_: str) -> None:
    return None


def _failed(source: Source, issues: list[Issue]) -> CompileError:
    return CompileError(f"compilation failed: {show_all(source, issues)}", tuple(issues))


def _unexpected(found: Type, expect: tuple[Type, ...]) -> str:
    if len(expect) == 1:
        return f"must evaluate to {expect[0]} but got {found}"
    return f"must evaluate to one of [{' '.join(map(str, expect))}] but got {found}"
