"""Python loops for comprehensions.

Every round of a loop charges what upstream charges; the limit and the deadline are looked at when
a loop ends, and in each round where the charge of a round depends on sizes.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from webhook.cel.compiler import pyast
from webhook.cel.costs import LIST_COST
from webhook.cel.exact.attributes import Absolute
from webhook.cel.exact.steps import (
    AttributeStep,
    CallStep,
    Constant,
    ListStep,
    LogicalStep,
    NotStrictlyFalseStep,
)
from webhook.cel.exact.tracker import CHECK_EVERY

if TYPE_CHECKING:
    from webhook.cel.compiler.compiler import Compiler
    from webhook.cel.compiler.emitter import Block
    from webhook.cel.exact.fold import FoldStep


def fold(compiler: Compiler, step: FoldStep) -> ast.expr:
    """Emit a comprehension and return the expression of its value."""
    if isinstance(step.range, Constant) and step.range.value == []:
        return _binding(compiler, step)
    emitter = compiler.emitter
    emitter.looping = True
    over = _range(compiler, step)
    accumulator = emitter.fresh()
    initial = _initial(compiler, step)
    emitter.emit(pyast.assign(accumulator, initial))
    if isinstance(initial, ast.List):
        emitter.growing.add(accumulator)
    names = [emitter.fresh() for _ in range(2 if step.node.variable2 else 1)]
    emitter.scopes.append({step.node.accumulator: accumulator})
    emitter.scopes.append(dict(zip((step.node.variable, step.node.variable2), names, strict=False)))
    dynamic, emitter.dynamic_cost = emitter.dynamic_cost, False
    with emitter.nested() as body:
        quick = _quantifier(compiler, step, accumulator)
        if quick is None:
            _general_round(compiler, step, accumulator)
        if emitter.dynamic_cost:
            emitter.check_limit()
    emitter.dynamic_cost = emitter.dynamic_cost or dynamic
    emitter.scopes.pop()
    _emit_loop(compiler, over, names, body, accumulator, quick)
    value = compiler.value(step.result)
    emitter.scopes.pop()
    return value


def _range(compiler: Compiler, step: FoldStep) -> ast.Name:
    """Emit what is gone over; a list is taken as it is."""
    emitter = compiler.emitter
    value = compiler.value(step.range)
    if step.node.variable2:
        return emitter.temporary(pyast.call("pairs", value))
    over = emitter.temporary(value)
    is_list = pyast.type_is(over, "list")
    other = pyast.assign(over.id, pyast.call("items", over))
    emitter.emit(pyast.branch(pyast.negation(is_list), [other]))
    return over


def _initial(compiler: Compiler, step: FoldStep) -> ast.expr:
    """Return a fresh list or map, or the constant that the accumulator begins with."""
    initial = step.initial
    if isinstance(initial, Constant) and initial.value == [] and isinstance(initial.value, list):
        return ast.List([], pyast.LOAD, **pyast.AT)
    if isinstance(initial, Constant) and isinstance(initial.value, dict):
        return ast.Dict([], [], **pyast.AT)
    return compiler.value(initial)


def _emit_loop(
    compiler: Compiler,
    over: ast.Name,
    names: list[str],
    body: Block,
    accumulator: str,
    quick: tuple[bool, int] | None,
) -> None:
    emitter = compiler.emitter
    source: ast.expr = over
    if quick is not None:
        source = emitter.temporary(pyast.call("iter", over))
        decisive, cost = quick
        body.statements.append(_stop(source, accumulator, decisive=decisive, cost=cost))
    emitter.emit(pyast.loop(pyast.targets(*names), source, body.closed()))
    emitter.check_limit()
    emitter.emit(pyast.add_to("rounds", pyast.call("len", over)))
    many = pyast.compare(pyast.name("rounds"), ast.GtE(), pyast.constant(CHECK_EVERY))
    count = pyast.assign("rounds", pyast.call("tick", pyast.name("expired")))
    emitter.emit(pyast.branch(many, [count]))


# Quantifiers


def _quantifier(compiler: Compiler, step: FoldStep, accumulator: str) -> tuple[bool, int] | None:
    """Emit a round of `all` or `exists`; returns what decides and what asking for that costs.

    Upstream asks before each round whether the accumulator decides already. Here the loop stops
    when it does; only if another round would have followed, that question is charged once more.
    """
    if not isinstance(step.condition, NotStrictlyFalseStep):
        return None
    logical = step.step
    assert isinstance(logical, LogicalStep)  # macros make no other shape
    cost = 3 if logical.decisive else 2
    emitter = compiler.emitter
    emitter.charge(cost + 1)
    emitter.emit(pyast.assign(accumulator, compiler.condition(logical.terms[1])))
    return logical.decisive, cost


def _stop(source: ast.expr, accumulator: str, *, decisive: bool, cost: int) -> ast.stmt:
    """Write: if decided, charge the next question if there would be one, and stop."""
    test: ast.expr = pyast.name(accumulator)
    if not decisive:
        test = pyast.negation(test)
    charge: list[ast.stmt] = [
        pyast.add_to("cost", pyast.constant(cost)),
        ast.Break(**pyast.AT),
    ]
    following = pyast.loop(pyast.targets("_"), source, charge)
    return pyast.branch(test, [following, ast.Break(**pyast.AT)])


# Collecting


def _general_round(compiler: Compiler, step: FoldStep, accumulator: str) -> None:
    """Emit a round that no condition ends: the new accumulator."""
    emitter = compiler.emitter
    value = compiler.value(step.step)
    if not (isinstance(value, ast.Name) and value.id == accumulator):
        emitter.emit(pyast.assign(accumulator, value))


def appended(compiler: Compiler, step: CallStep) -> ast.expr | None:
    """Emit `accumulator + [element]` as an append; None if the call is something else."""
    emitter = compiler.emitter
    first, second = step.arguments
    if not isinstance(first, AttributeStep) or not isinstance(first.attribute, Absolute):
        return None
    target = emitter.local(first.attribute.name)
    if target is None or target not in emitter.growing or first.attribute.qualifiers:
        return None
    if isinstance(second, ListStep):
        emitter.charge(2 + LIST_COST)
        element = compiler.value(second.elements[0])
    else:
        assert isinstance(second, Constant)  # a list of one constant
        emitter.charge(2)
        element = emitter.constant(second.value[0])
    accumulator = pyast.name(target)
    emitter.emit(pyast.expression(pyast.method(accumulator, "append", element)))
    return accumulator


# Bindings


def _binding(compiler: Compiler, step: FoldStep) -> ast.expr:
    """Emit a comprehension that never loops: its accumulator is computed when first read."""
    emitter = compiler.emitter
    target = emitter.fresh()
    emitter.emit(pyast.assign(target, pyast.name("NOT_THERE")))
    compiler.lazy[target] = (step.initial, len(emitter.scopes))
    emitter.scopes.append({step.node.accumulator: target})
    value = compiler.value(step.result)
    emitter.scopes.pop()
    return value


def read_lazily(compiler: Compiler, python_name: str) -> ast.expr:
    """Read a variable; one that is bound to a computation is computed if it was not yet."""
    lazy = compiler.lazy.get(python_name)
    if lazy is None:
        return pyast.name(python_name)
    emitter = compiler.emitter
    initial, depth = lazy
    scopes, emitter.scopes = emitter.scopes, emitter.scopes[:depth]
    with emitter.nested() as block:
        emitter.emit(pyast.assign(python_name, compiler.value(initial)))
    emitter.scopes = scopes
    unset = pyast.compare(pyast.name(python_name), ast.Is(), pyast.name("NOT_THERE"))
    emitter.emit(pyast.branch(unset, block.closed()))
    return pyast.name(python_name)
