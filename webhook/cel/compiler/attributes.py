"""Python for variables with fields and indices."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from webhook.cel.compiler import pyast
from webhook.cel.compiler.emitter import NotCompiledError
from webhook.cel.exact.attributes import Absolute, Conditional, Relative
from webhook.cel.types import STRING, ListType, OptionalType

if TYPE_CHECKING:
    from webhook.cel.compiler.compiler import Compiler
    from webhook.cel.exact.attributes import Attribute, Qualifier
    from webhook.cel.exact.steps import AttributeStep
    from webhook.cel.types import Type


def attribute_step(compiler: Compiler, step: AttributeStep) -> ast.expr:
    """Read an attribute; the attribute as a whole costs 1, but for a choice or a test."""
    if not isinstance(step.attribute, Conditional) and step.test_id is None:
        compiler.emitter.charge(1)
    return attribute(compiler, step.attribute)


def attribute(compiler: Compiler, found: Attribute) -> ast.expr:
    """Read an attribute without charging for it as a whole."""
    if isinstance(found, Conditional):
        return _conditional(compiler, found)
    assert isinstance(found, Absolute | Relative)
    if isinstance(found, Absolute):
        base, kind = _variable(compiler, found), compiler.emitter.type_of(found.base)
    else:
        base, kind = compiler.value(found.operand), compiler.emitter.type_of(found.operand.id)
    return _qualified(compiler, base, kind, found.qualifiers)


def _variable(compiler: Compiler, found: Absolute) -> ast.expr:
    if found.outer:
        raise NotCompiledError
    local = compiler.emitter.local(found.name)
    if local is not None:
        return compiler.local_value(local)
    return pyast.item(pyast.name("bindings"), pyast.constant(found.name))


def _conditional(compiler: Compiler, found: Conditional) -> ast.expr:
    emitter = compiler.emitter
    test = compiler.condition(found.condition)
    target = emitter.fresh()
    with emitter.nested() as yes:
        emitter.emit(pyast.assign(target, attribute(compiler, found.yes)))
    with emitter.nested() as no:
        emitter.emit(pyast.assign(target, attribute(compiler, found.no)))
    emitter.emit(pyast.branch(test, yes.closed(), no.closed()))
    return pyast.name(target)


def _qualified(
    compiler: Compiler, value: ast.expr, kind: Type, qualifiers: list[Qualifier]
) -> ast.expr:
    for index, qualifier in enumerate(qualifiers):
        # Upstream looks into an optional only at the root of an attribute.
        if qualifier.optional or (index == 0 and isinstance(kind, OptionalType)):
            return _optionally(compiler, value, kind, qualifiers[index:])
        compiler.emitter.charge(1)
        value = _step_into(compiler, value, kind, qualifier)
        kind = compiler.emitter.type_of(qualifier.id)
    return value


def _step_into(compiler: Compiler, holder: ast.expr, kind: Type, qualifier: Qualifier) -> ast.expr:
    """Read one field or element; Python's own errors lead to the exact evaluator."""
    if qualifier.test_only:
        holder = compiler.emitter.atom(holder)
        field = pyast.constant(qualifier.key)
        test = pyast.compare(field, ast.In(), holder)
        return pyast.choice(
            pyast.type_is(holder, "dict"), test, pyast.call("has_field", holder, field)
        )
    if qualifier.attribute is not None:
        key_kind = _kind_of(compiler, qualifier.attribute)
        key = attribute(compiler, qualifier.attribute)
        if key_kind is STRING and not isinstance(holder, ast.Constant):
            return pyast.item(holder, key)
        return pyast.call("element", holder, key)
    key = compiler.emitter.constant(qualifier.key)
    if isinstance(holder, ast.Constant):
        return pyast.call("read", holder, key)
    if isinstance(qualifier.key, str):
        return pyast.item(holder, key)
    if isinstance(kind, ListType) and type(qualifier.key) is int and qualifier.key >= 0:
        return pyast.item(holder, key)
    return pyast.call("element", holder, key)


def _kind_of(compiler: Compiler, found: Attribute) -> Type:
    """Return the static type of an attribute; a computed index has its node's id twice."""
    if isinstance(found, Relative) and not found.qualifiers:
        return compiler.emitter.type_of(found.operand.id)
    return compiler.emitter.type_of(found.id)


def _optionally(
    compiler: Compiler, value: ast.expr, kind: Type, qualifiers: list[Qualifier]
) -> ast.expr:
    """Follow qualifiers as long as there is something; the result is an optional."""
    emitter = compiler.emitter
    found = emitter.fresh()
    if isinstance(kind, OptionalType):
        holder = emitter.atom(value)
        content = pyast.attribute(holder, "content")
        absent = pyast.name("NOT_THERE")
        value = pyast.choice(pyast.attribute(holder, "present"), content, absent)
        emitter.emit(pyast.assign(found, value))
        _follow(compiler, found, qualifiers, guarded=True)
    else:
        emitter.emit(pyast.assign(found, value))
        _follow(compiler, found, qualifiers, guarded=False)
    if qualifiers[-1].test_only:
        return pyast.compare(pyast.name(found), ast.IsNot(), pyast.name("NOT_THERE"))
    return pyast.call("wrapped", pyast.name(found))


def _follow(compiler: Compiler, found: str, qualifiers: list[Qualifier], *, guarded: bool) -> None:
    """Emit the steps, each inside of the test that the one before found something."""
    if not qualifiers:
        return
    emitter = compiler.emitter
    with emitter.nested() as block:
        qualifier = qualifiers[0]
        if qualifier.attribute is None:
            key = emitter.constant(qualifier.key)
        else:
            key = attribute(compiler, qualifier.attribute)
        emitter.emit(pyast.assign(found, pyast.call(_getter(qualifier), pyast.name(found), key)))
        with emitter.nested() as there:
            emitter.charge(1)
            _follow(compiler, found, qualifiers[1:], guarded=False)
        emitter.emit(pyast.branch(_is_there(found), there.closed()))
    if guarded:
        emitter.emit(pyast.branch(_is_there(found), block.closed()))
    else:
        emitter.block.statements.extend(block.statements)
        emitter.charge(block.cost)


def _getter(qualifier: Qualifier) -> str:
    constant = qualifier.attribute is None and isinstance(qualifier.key, str)
    return "get" if constant else "get_dynamic"


def _is_there(found: str) -> ast.expr:
    return pyast.compare(pyast.name(found), ast.IsNot(), pyast.name("NOT_THERE"))
