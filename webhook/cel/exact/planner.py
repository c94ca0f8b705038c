"""Turns a checked expression into a plan of steps, as upstream's `interpreter/planner.go`.

Constants are folded exactly where upstream folds them, because what is folded costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
)
from webhook.cel.dispatch import invoker
from webhook.cel.errors import EvaluationError
from webhook.cel.exact.attributes import Absolute, Conditional, Qualifier, Relative
from webhook.cel.exact.fold import FoldStep
from webhook.cel.exact.steps import (
    AttributeStep,
    CallStep,
    Constant,
    EntriesStep,
    ListStep,
    LogicalStep,
    MemberOfConstantStep,
    NotStrictlyFalseStep,
    OptionalOrStep,
    Step,
)
from webhook.cel.exact.tracker import UNLIMITED, Frame, Tracker
from webhook.cel.runtime.access import check_key
from webhook.cel.types import ListType, TypeType
from webhook.cel.values import TypeValue, Uint

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook.cel.ast import Node
    from webhook.cel.checker.results import CallReference, Checked
    from webhook.cel.declarations import Declarations
    from webhook.cel.exact.attributes import Attribute

CONVERSIONS = frozenset(
    {"bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"}
)
_PRIMITIVES = (bool, int, float, str, Uint)


class PlanError(Exception):
    """An expression that checks cannot be made into a program."""


def plan(checked: Checked, declarations: Declarations) -> Step:
    """Make the plan of a checked expression; raise PlanError."""
    planner = _Planner(checked, declarations)
    try:
        return planner.plan(checked.tree.root)
    except EvaluationError as error:
        raise PlanError(str(error)) from error


class _Planner:
    def __init__(self, checked: Checked, declarations: Declarations) -> None:
        self.checked = checked
        self.declarations = declarations

    def plan(self, node: Node) -> Step:
        """Make the step of a node and those below it."""
        return _PLANS[type(node)](self, node)

    def literal(self, node: Literal) -> Step:
        return Constant(node.id, node.value)

    def ident(self, node: Ident) -> Step:
        return self.name(node.id)

    def list(self, node: ListNode) -> Step:
        return _folded_list(node, [self.plan(element) for element in node.elements])

    def struct(self, node: StructNode) -> Step:
        fields = [(item.name, self.plan(item.value), item.optional) for item in node.fields]
        return EntriesStep(node.id, fields, self.checked.names[node.id])

    def name(self, identifier: int) -> Step:
        """Plan a variable or a type."""
        name = self.checked.names[identifier]
        if not isinstance(self.checked.types[identifier], TypeType):
            return AttributeStep(Absolute(identifier, name))
        kind = self.declarations.type_named(name)
        if kind is None:
            raise PlanError(f"reference to undefined type: {name}")
        return Constant(identifier, TypeValue(kind.name))

    def select(self, node: Select) -> Step:
        if node.id in self.checked.names:
            return self.name(node.id)
        step = _attribute(self.plan(node.operand))
        qualifier = Qualifier(node.id, node.field, test_only=node.test_only)
        if node.test_only:
            step.test_id = node.id
        step.attribute.add(qualifier)
        return step

    def map(self, node: MapNode) -> Step:
        entries: list[tuple[Step | str, Step, bool]] = [
            (self.plan(entry.key), self.plan(entry.value), entry.optional) for entry in node.entries
        ]
        step = EntriesStep(node.id, entries, None)
        parts = (part for entry in entries for part in entry[:2])
        return _folded(step, node.id) if all(isinstance(p, Constant) for p in parts) else step

    def comprehension(self, node: Comprehension) -> Step:
        initial = self.plan(node.initial)
        over = self.plan(node.range)
        condition, step, result = (
            self.plan(part) for part in (node.condition, node.step, node.result)
        )
        return FoldStep(node, (over, initial, condition, step, result))

    # Calls

    def call(self, node: Call) -> Step:
        reference = self.checked.calls.get(node.id)
        operands = node.arguments
        if node.target is not None and not (reference is not None and reference.global_):
            operands = (node.target, *operands)
        steps = [self.plan(operand) for operand in operands]
        special = _special(node, steps)
        if special is not None:
            return special
        assert reference is not None
        second = steps[1] if len(steps) > 1 else None
        invocation = invoker(reference, second.value if isinstance(second, Constant) else None)
        step = CallStep(node.id, steps, invocation, reference)
        name = reference.function.name
        if name in CONVERSIONS and len(steps) == 1 and isinstance(steps[0], Constant):
            return _folded(step, node.id)
        if name == operators.IN and _is_constant(steps, 1) and _in_list(reference):
            return _membership(step, node.id)
        return step


_PLANS: dict[type, Callable[[_Planner, Any], Step]] = {
    Literal: _Planner.literal,
    Ident: _Planner.ident,
    Select: _Planner.select,
    Call: _Planner.call,
    ListNode: _Planner.list,
    MapNode: _Planner.map,
    StructNode: _Planner.struct,
    Comprehension: _Planner.comprehension,
}


def _special(node: Call, steps: list[Step]) -> Step | None:
    """Plan the operators that are no calls."""
    match node.function:
        case operators.AND | operators.OR:
            return LogicalStep(node.id, steps, decisive=node.function == operators.OR)
        case operators.CONDITIONAL:
            yes, no = (_bare_attribute(step) for step in steps[1:])
            return AttributeStep(Conditional(node.id, steps[0], yes, no))
        case operators.INDEX:
            return _index(node.id, steps, optional=False)
        case operators.OPTIONAL_INDEX | operators.OPTIONAL_SELECT:
            return _index(node.id, steps, optional=True)
        case operators.NOT_STRICTLY_FALSE:
            return NotStrictlyFalseStep(node.id, steps[0])
        case "or" | "orValue" if len(steps) == 2:
            return OptionalOrStep(node.id, *steps, unwrap=node.function == "orValue")
        case _:
            return None


def _in_list(reference: CallReference) -> bool:
    overloads = reference.overloads
    return len(overloads) == 1 and isinstance(overloads[0].arguments[1], ListType)


def _is_constant(steps: list[Step], index: int) -> bool:
    return len(steps) > index and isinstance(steps[index], Constant)


def _attribute(step: Step) -> AttributeStep:
    return step if isinstance(step, AttributeStep) else AttributeStep(Relative(step.id, step))


def _bare_attribute(step: Step) -> Attribute:
    """Return the attribute of a branch, which upstream then does not observe as a whole."""
    return step.attribute if isinstance(step, AttributeStep) else Relative(step.id, step)


def _index(identifier: int, steps: list[Step], *, optional: bool) -> Step:
    operand, index = steps
    step = _attribute(operand)
    if isinstance(index, Constant):
        check_key(index.value)
        qualifier = Qualifier(identifier, index.value, optional=optional)
    elif isinstance(index, AttributeStep):
        qualifier = Qualifier(identifier, None, index.attribute, optional=optional)
    else:
        attribute = Relative(identifier, index)
        qualifier = Qualifier(identifier, None, attribute, optional=optional, observed_whole=True)
    step.attribute.add(qualifier)
    return step


def _folded(step: CallStep | EntriesStep | ListStep, identifier: int) -> Constant:
    value = step.run(Frame(Tracker(UNLIMITED), {}))
    if isinstance(value, EvaluationError):
        raise PlanError(str(value))
    return Constant(identifier, value)


def _folded_list(node: ListNode, steps: list[Step]) -> Step:
    step = ListStep(node.id, steps, node.optional)
    return _folded(step, node.id) if all(isinstance(s, Constant) for s in steps) else step


def _membership(step: CallStep, identifier: int) -> Step:
    """Plan `x in [constants]`."""
    item, container = step.arguments
    assert isinstance(container, Constant)
    if not container.value:
        return Constant(identifier, value=False)
    if all(isinstance(element, _PRIMITIVES) for element in container.value):
        return MemberOfConstantStep(identifier, item, container.value)
    return step
