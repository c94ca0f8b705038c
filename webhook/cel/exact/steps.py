"""Steps of a plan: each evaluates one node, returns errors as values and charges its cost.

As upstream's `interpreter/interpretable.go` with the observation of `runtimecost.go`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from webhook.cel.costs import LIST_COST, MAP_COST, OBJECT_COST
from webhook.cel.errors import BudgetError, EvaluationError, no_such_overload
from webhook.cel.exact.attributes import Conditional
from webhook.cel.runtime.equality import contains, put
from webhook.cel.runtime.texts import show
from webhook.cel.values import ObjectValue, Optional

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from webhook.cel.checker.results import CallReference
    from webhook.cel.dispatch import Invocation
    from webhook.cel.exact.attributes import Attribute
    from webhook.cel.exact.tracker import Frame


class Step(Protocol):
    """A node of a plan."""

    @property
    def id(self) -> int:
        """Return the id under which the value is observed."""
        ...

    def run(self, frame: Frame) -> Any:
        """Return the value or an EvaluationError."""
        ...


class Constant:
    """A value known beforehand."""

    __slots__ = ("id", "value")

    def __init__(self, identifier: int, value: Any) -> None:
        self.id = identifier
        self.value = value

    def run(self, frame: Frame) -> Any:
        """Return the value."""
        frame.tracker.push(self.id, self.value)
        return self.value


class AttributeStep:
    """An attribute; `test_only` makes the question of its last qualifier free of charge."""

    __slots__ = ("attribute", "test_id")

    def __init__(self, attribute: Attribute) -> None:
        self.attribute = attribute
        self.test_id: int | None = None

    @property
    def id(self) -> int:
        """Return the id under which the value is observed."""
        return self.attribute.id if self.test_id is None else self.test_id

    def run(self, frame: Frame) -> Any:
        """Return the value or an EvaluationError."""
        tracker = frame.tracker
        value: Any
        try:
            value = self.attribute.resolve(frame)
        except BudgetError:
            raise
        except EvaluationError as error:
            value = error
        attribute = self.attribute
        if self.test_id is not None:
            tracker.drop(attribute.id)
            if isinstance(value, Optional):
                value = value.present
        elif isinstance(attribute, Conditional):
            tracker.drop(attribute.no.id, attribute.yes.id, attribute.condition.id)
        else:
            tracker.drop(attribute.id)
            tracker.cost += 1
        tracker.push(self.id, value)
        return value


class LogicalStep:
    """And, or: `decisive` decides alone, errors count only when nothing did."""

    __slots__ = ("decisive", "id", "terms")

    def __init__(self, identifier: int, terms: Sequence[Step], *, decisive: bool) -> None:
        self.id = identifier
        self.terms = terms
        self.decisive = decisive

    def run(self, frame: Frame) -> Any:
        """Return the value or an EvaluationError."""
        value = self._combine(frame)
        frame.tracker.drop(*(term.id for term in self.terms))
        frame.tracker.push(self.id, value)
        return value

    def _combine(self, frame: Frame) -> Any:
        error: EvaluationError | None = None
        for term in self.terms:
            value = term.run(frame)
            if value is self.decisive:
                return self.decisive
            if not isinstance(value, bool) and error is None:
                error = value if isinstance(value, EvaluationError) else no_such_overload()
        return (not self.decisive) if error is None else error


class CallStep:
    """A call. `eager` calls (of one or two arguments) evaluate all arguments even after an error.

    The cost is asked for with the result and the arguments, errors included; None is 1.
    """

    __slots__ = ("arguments", "id", "invocation", "invoke", "reference")

    def __init__(
        self,
        identifier: int,
        arguments: Sequence[Step],
        invocation: Invocation,
        reference: CallReference,
    ) -> None:
        self.id = identifier
        self.arguments = arguments
        self.invocation = invocation
        self.reference = reference
        self.invoke = _with_all(invocation)

    def run(self, frame: Frame) -> Any:
        """Return the value or an EvaluationError."""
        value = self._call(frame)
        tracker = frame.tracker
        taken = tracker.take([argument.id for argument in self.arguments])
        if taken is not None:
            cost = self.invocation.cost
            tracker.cost += 1 if cost is None else cost(value, *taken)
        tracker.push(self.id, value)
        return value

    def _call(self, frame: Frame) -> Any:
        values: list[Any] = []
        error: EvaluationError | None = None
        for argument in self.arguments:
            value = argument.run(frame)
            values.append(value)
            if isinstance(value, EvaluationError) and error is None:
                error = value
                if not self.invocation.eager:
                    break
        if error is not None:
            return error
        return attempt(self.invoke, *values)


def _with_all(invocation: Invocation) -> Callable[..., Any]:
    """Adapt a function that was specialised for a constant argument to all arguments."""
    position = invocation.constant_at
    if position is None:
        return invocation.invoke

    def call(*values: Any) -> Any:
        return invocation.invoke(*values[:position], *values[position + 1 :])

    return call


def attempt(function: Callable[..., Any], *values: Any) -> Any:
    """Call a function and return an EvaluationError it raises."""
    try:
        return function(*values)
    except BudgetError:
        raise
    except EvaluationError as error:
        return error


class NotStrictlyFalseStep:
    """The condition of `all` and `exists`: an error lets the loop go on."""

    __slots__ = ("argument", "id")

    def __init__(self, identifier: int, argument: Step) -> None:
        self.id = identifier
        self.argument = argument

    def run(self, frame: Frame) -> Any:
        """Return the bool, or True for anything else."""
        value = self.argument.run(frame)
        value = value if isinstance(value, bool) else True
        frame.tracker.take([self.argument.id])
        frame.tracker.cost += 1
        frame.tracker.push(self.id, value)
        return value


class MemberOfConstantStep:
    """`x in [constants]`, which upstream turns into a set and does not charge."""

    __slots__ = ("argument", "elements", "id")

    def __init__(self, identifier: int, argument: Step, elements: list[Any]) -> None:
        self.id = identifier
        self.argument = argument
        self.elements = elements

    def run(self, frame: Frame) -> Any:
        """Return the value or an EvaluationError."""
        value = self.argument.run(frame)
        if not isinstance(value, EvaluationError):
            value = contains(self.elements, value)
        frame.tracker.push(self.id, value)
        return value


class OptionalOrStep:
    """`or` and `orValue` (`unwrap`) of optionals; the other side is evaluated only if needed."""

    __slots__ = ("id", "optional", "other", "unwrap")

    def __init__(self, identifier: int, optional: Step, other: Step, *, unwrap: bool) -> None:
        self.id = identifier
        self.optional = optional
        self.other = other
        self.unwrap = unwrap

    def run(self, frame: Frame) -> Any:
        """Return the value or an EvaluationError."""
        value = self.optional.run(frame)
        if isinstance(value, Optional):
            if not value.present:
                value = self.other.run(frame)
            elif self.unwrap:
                value = value.content
        elif not isinstance(value, EvaluationError):
            value = no_such_overload()
        frame.tracker.push(self.id, value)
        return value


class ListStep:
    """A list literal."""

    __slots__ = ("elements", "id", "optional")

    def __init__(self, identifier: int, elements: Sequence[Step], optional: frozenset[int]) -> None:
        self.id = identifier
        self.elements = elements
        self.optional = optional

    def run(self, frame: Frame) -> Any:
        """Return the value or an EvaluationError."""
        value = self.build(frame)
        frame.tracker.take([element.id for element in self.elements])
        frame.tracker.cost += LIST_COST
        frame.tracker.push(self.id, value)
        return value

    def build(self, frame: Frame) -> Any:
        """Evaluate the elements."""
        values: list[Any] = []
        for index, element in enumerate(self.elements):
            value = element.run(frame)
            if isinstance(value, EvaluationError):
                return value
            if index not in self.optional:
                values.append(value)
            elif not isinstance(value, Optional):
                text = "cannot initialize optional list element from non-optional value"
                return EvaluationError(f"{text} {show(value)}")
            elif value.present:
                values.append(value.content)
        return values


class EntriesStep:
    """A map or object literal; keys of an object are constants that are not observed."""

    __slots__ = ("cost", "entries", "finish", "id")

    def __init__(
        self,
        identifier: int,
        entries: Sequence[tuple[Step | str, Step, bool]],
        type_name: str | None,
    ) -> None:
        self.id = identifier
        self.entries = entries
        self.cost = MAP_COST if type_name is None else OBJECT_COST
        self.finish = type_name

    def run(self, frame: Frame) -> Any:
        """Return the value or an EvaluationError."""
        value = self.build(frame)
        if self.finish is not None and isinstance(value, dict):
            value = ObjectValue(self.finish, value)
        ids = [part.id for entry in self.entries for part in entry[:2] if not isinstance(part, str)]
        frame.tracker.take(ids)
        frame.tracker.cost += self.cost
        frame.tracker.push(self.id, value)
        return value

    def build(self, frame: Frame) -> Any:
        """Evaluate the entries."""
        values: dict[Any, Any] = {}
        for key_step, value_step, optional in self.entries:
            key = key_step if isinstance(key_step, str) else key_step.run(frame)
            if isinstance(key, EvaluationError):
                return key
            value = value_step.run(frame)
            if isinstance(value, EvaluationError):
                return value
            if optional:
                if not isinstance(value, Optional):
                    text = f"cannot initialize optional entry '{show(key)}' from non-optional value"
                    return EvaluationError(f"{text} {show(value)}")
                if not value.present:
                    values.pop(key, None)
                    continue
                value = value.content
            put(values, key, value)
        return values
