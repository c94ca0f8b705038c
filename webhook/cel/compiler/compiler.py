"""Turns a plan into a Python function through the `ast` module.

The function takes the bindings, the cost limit and the deadline, and returns value and cost.
Straight-line code charges one constant; only loops and what depends on sizes count as they go.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from webhook.cel import operators
from webhook.cel.compiler import pyast
from webhook.cel.compiler.attributes import attribute_step
from webhook.cel.compiler.emitter import Block, Emitter, NotCompiledError
from webhook.cel.compiler.folds import appended, fold, read_lazily
from webhook.cel.compiler.operations import INLINE, Operands, pattern_cost
from webhook.cel.compiler.support import RUNTIME
from webhook.cel.costs import LIST_COST
from webhook.cel.exact.fold import FoldStep
from webhook.cel.exact.steps import (
    AttributeStep,
    CallStep,
    Constant,
    EntriesStep,
    ListStep,
    LogicalStep,
    MemberOfConstantStep,
    OptionalOrStep,
)
from webhook.cel.types import BOOL, DYN, STRING, ListType, MapType, Type, TypeParam

if TYPE_CHECKING:
    from webhook.cel.exact.steps import Step
    from webhook.cel.library import Overload
    from webhook.steps import Steps

Compiled: TypeAlias = Callable[[Mapping[str, Any], int, Callable[[], bool] | None], tuple[Any, int]]
"""Called with bindings, cost limit and the deadline's `expired`; gives value and cost."""

_ARGUMENTS = ast.arguments(
    posonlyargs=[],
    args=[ast.arg(name, None, **pyast.AT) for name in ("bindings", "limit", "expired")],
    kwonlyargs=[],
    kw_defaults=[],
    defaults=[],
)


def compile_plan(plan: Step, types: dict[int, Type]) -> Steps[Compiled | None]:
    """Compile a plan; None when it is too large or too deep for Python."""
    compiler = Compiler(types)
    try:
        module = compiler.module(plan)
        yield
        code = compile(module, "<expression>", "exec")
    except (NotCompiledError, RecursionError, MemoryError, SyntaxError):
        return None  # Python nests at most 20 loops, for one
    yield
    names: dict[str, Any] = {**RUNTIME, **compiler.emitter.constants}
    exec(code, names)  # noqa: S102 - the code was made here, from a checked expression
    # A function that its own globals hold could only be freed by a search for cycles.
    function: Compiled = names.pop("evaluate")
    return function


class Compiler:
    """Compiles the steps of one plan."""

    def __init__(self, types: dict[int, Type]) -> None:
        self.emitter = Emitter(types)
        self.lazy: dict[str, tuple[Step, int]] = {}

    def module(self, plan: Step) -> ast.Module:
        """Return the module that defines the function."""
        emitter = self.emitter
        value = self.value(plan)
        block = emitter.block
        emitter.block = Block()
        body: list[ast.stmt] = [pyast.assign("cost", pyast.constant(block.cost))]
        body.extend(block.statements)
        if emitter.looping:
            body.insert(0, pyast.assign("rounds", pyast.constant(0)))
        body.append(ast.Return(pyast.tuple_of(value, pyast.name("cost")), **pyast.AT))
        function = ast.FunctionDef("evaluate", _ARGUMENTS, body, [], None, **pyast.AT)
        return ast.Module([function], [])

    def value(self, step: Step) -> ast.expr:
        """Emit a step and return the expression of its value."""
        match step:
            case Constant():
                return self.emitter.constant(step.value)
            case AttributeStep():
                return attribute_step(self, step)
            case CallStep():
                return self.call(step)
            case LogicalStep():
                return self.logical(step)
            case FoldStep():
                return fold(self, step)
            case _:
                return self.rarer(step)

    def rarer(self, step: Step) -> ast.expr:
        """Emit one of the less common steps."""
        match step:
            case MemberOfConstantStep():
                return self.member_of_constant(step)
            case OptionalOrStep():
                return self.optional_or(step)
            case ListStep():
                return self.list(step)
            case _:
                # What is left asks `all` and `exists` whether to go on; loops do that themselves.
                assert isinstance(step, EntriesStep)
                return self.entries(step)

    def type_of(self, step: Step) -> Type:
        """Return the static type of a step's value."""
        return self.emitter.type_of(step.id)

    def local_value(self, name: str) -> ast.expr:
        """Read a variable of a comprehension."""
        return read_lazily(self, name)

    def condition(self, step: Step) -> ast.expr:
        """Emit a step whose value must be a bool; anything else is for the exact evaluator."""
        value = self.value(step)
        if self.type_of(step) is BOOL:
            return value
        value = self.emitter.atom(value)
        wrong = pyast.compare(pyast.call("type", value), ast.IsNot(), pyast.name("bool"))
        self.emitter.emit(pyast.branch(wrong, [pyast.raise_("GiveUp")]))
        return value

    def logical(self, step: LogicalStep) -> ast.expr:
        """Emit `and` or `or`: the second term runs only if the first does not decide."""
        emitter = self.emitter
        target = emitter.fresh()
        emitter.emit(pyast.assign(target, self.condition(step.terms[0])))
        result = pyast.name(target)
        with emitter.nested() as block:
            emitter.emit(pyast.assign(target, self.condition(step.terms[1])))
        test = pyast.negation(result) if step.decisive else result
        emitter.emit(pyast.branch(test, block.closed()))
        return result

    # Calls

    def call(self, step: CallStep) -> ast.expr:
        """Emit a call: a short form if there is one, else the function itself."""
        emitter = self.emitter
        name = step.reference.function.name
        if name == operators.ADD:
            grown = appended(self, step)
            if grown is not None:
                return grown
        values = [emitter.atom(self.value(argument)) for argument in step.arguments]
        inline = INLINE.get(name)
        if inline is not None:
            kinds = [self.type_of(argument) for argument in step.arguments]
            found = inline(emitter, Operands(name, values, kinds))
            if found is not None:
                return found
        return self.general_call(step, values)

    def general_call(self, step: CallStep, values: list[ast.expr]) -> ast.expr:
        """Emit the call of a function, and what it costs."""
        emitter = self.emitter
        invocation = step.invocation
        passed = values
        if invocation.constant_at is not None:
            position = invocation.constant_at
            passed = [*values[:position], *values[position + 1 :]]
        function = emitter.constant(self.implementation(step))
        assert isinstance(function, ast.Name)
        result: ast.expr = pyast.call(function.id, *passed)
        if invocation.cost is None:
            emitter.charge(1)
            return result
        result = emitter.temporary(result)
        pattern = step.arguments[-1]
        text = pattern.value if isinstance(pattern, Constant) else None
        if step.reference.function.name == "matches" and isinstance(text, str):
            emitter.charge_dynamic(pattern_cost(values[0], text))
            return result
        cost = emitter.constant(invocation.cost)
        assert isinstance(cost, ast.Name)
        emitter.charge_dynamic(pyast.call(cost.id, result, *values))
        if step.reference.function.name == operators.ADD:
            emitter.check_limit()
        return result

    def implementation(self, step: CallStep) -> Callable[..., Any]:
        """Return the function to call, without the guard where static types make it idle."""
        reference = step.reference
        if (
            len(reference.overloads) == 1
            and reference.function.dynamic is None
            and step.invocation.constant_at is None
            and self.surely_fits(step, reference.overloads[0])
        ):
            return reference.overloads[0].implementation
        return step.invocation.invoke

    def surely_fits(self, step: CallStep, overload: Overload) -> bool:
        """Tell whether the static types of the arguments leave no doubt."""
        return all(
            _certain(self.type_of(argument), declared)
            for argument, declared in zip(step.arguments, overload.arguments, strict=True)
        )

    # Others

    def member_of_constant(self, step: MemberOfConstantStep) -> ast.expr:
        """Emit `x in [constants]`."""
        emitter = self.emitter
        value = emitter.atom(self.value(step.argument))
        kind = self.type_of(step.argument)
        elements = step.elements
        general = pyast.call("contains", emitter.constant(elements), value)
        wanted = next((k for k in (str, int) if all(type(e) is k for e in elements)), None)
        if wanted is None:
            return general
        known = emitter.constant(frozenset(elements))
        test = pyast.compare(value, ast.In(), known)
        if wanted is str and kind is STRING:
            return test
        return pyast.choice(pyast.type_is(value, wanted.__name__), test, general)

    def optional_or(self, step: OptionalOrStep) -> ast.expr:
        """Emit `or` or `orValue` of an optional."""
        emitter = self.emitter
        optional = emitter.atom(self.value(step.optional))
        target = emitter.fresh()
        found = pyast.attribute(optional, "content") if step.unwrap else optional
        with emitter.nested() as other:
            emitter.emit(pyast.assign(target, self.value(step.other)))
        taken: list[ast.stmt] = [pyast.assign(target, found)]
        emitter.emit(pyast.branch(pyast.call("present", optional), taken, other.closed()))
        return pyast.name(target)

    def list(self, step: ListStep) -> ast.expr:
        """Emit a list literal."""
        emitter = self.emitter
        emitter.charge(LIST_COST)
        if not step.optional:
            elements = [self.value(element) for element in step.elements]
            return ast.List(elements, pyast.LOAD, **pyast.AT)
        target = emitter.temporary(ast.List([], pyast.LOAD, **pyast.AT))
        for index, element in enumerate(step.elements):
            value = emitter.atom(self.value(element))
            if index in step.optional:
                content = pyast.attribute(value, "content")
                added = pyast.expression(pyast.method(target, "append", content))
                emitter.emit(pyast.branch(pyast.call("present", value), [added]))
            else:
                emitter.emit(pyast.expression(pyast.method(target, "append", value)))
        return target

    def entries(self, step: EntriesStep) -> ast.expr:
        """Emit a map or object literal."""
        emitter = self.emitter
        emitter.charge(step.cost)
        target = emitter.temporary(ast.Dict([], [], **pyast.AT))
        for key_step, value_step, optional in step.entries:
            key = pyast.constant(key_step) if isinstance(key_step, str) else self.value(key_step)
            key = emitter.atom(key)
            value = emitter.atom(self.value(value_step))
            if not optional:
                emitter.emit(pyast.expression(pyast.call("put", target, key, value)))
                continue
            content = pyast.attribute(value, "content")
            added = pyast.expression(pyast.call("put", target, key, content))
            removed = pyast.method(target, "pop", key, pyast.constant(None))
            emitter.emit(
                pyast.branch(pyast.call("present", value), [added], [pyast.expression(removed)])
            )
        if step.finish is None:
            return target
        return pyast.call("ObjectValue", pyast.constant(step.finish), target)


def _certain(kind: Type, declared: Type) -> bool:
    if isinstance(declared, TypeParam) or declared is DYN:
        return True
    if isinstance(declared, ListType | MapType) or declared.parameters:
        return type(kind) is type(declared) and all(
            map(_certain, kind.parameters, declared.parameters)
        )
    return kind == declared
