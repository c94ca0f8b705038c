"""Comprehensions of the exact evaluator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhook.cel.errors import EvaluationError
from webhook.cel.exact.steps import attempt
from webhook.cel.exact.tracker import Frame
from webhook.cel.runtime.access import NOT_THERE, keys_of, pairs_of
from webhook.cel.values import Growing

if TYPE_CHECKING:
    from webhook.cel.ast import Comprehension
    from webhook.cel.exact.steps import Step


class _Names(dict[str, Any]):
    """The variables of one comprehension; the accumulator is evaluated when first read."""

    __slots__ = ("accumulator", "frame", "initial")

    def __init__(self, accumulator: str, initial: Step, frame: Frame) -> None:
        super().__init__()
        self.accumulator = accumulator
        self.initial = initial
        self.frame = frame

    def get(self, name: str, default: Any = None) -> Any:
        """Look a variable up."""
        value = super().get(name, NOT_THERE)
        if value is not NOT_THERE:
            return value
        if name != self.accumulator:
            return default
        value = self.initial.run(self.frame)
        if value == [] and type(value) is list:
            value = Growing()
        elif value == {} and type(value) is dict:
            value = {}
        self[name] = value
        return value


class FoldStep:
    """A comprehension."""

    __slots__ = ("condition", "id", "initial", "node", "range", "result", "step")

    def __init__(self, node: Comprehension, parts: tuple[Step, Step, Step, Step, Step]) -> None:
        self.id = node.id
        self.node = node
        self.range, self.initial, self.condition, self.step, self.result = parts

    def run(self, frame: Frame) -> Any:
        """Return the value or an EvaluationError."""
        value = self.range.run(frame)
        if not isinstance(value, EvaluationError):
            value = self._fold(frame, value)
        frame.tracker.drop(self.range.id)
        frame.tracker.push(self.id, value)
        return value

    def _fold(self, frame: Frame, container: Any) -> Any:
        items = attempt(pairs_of if self.node.variable2 else keys_of, container)
        if isinstance(items, EvaluationError):
            return items
        names = _Names(self.node.accumulator, self.initial, frame)
        inner = Frame(frame.tracker, names, frame)
        for item in items:
            if self.node.variable2:
                names[self.node.variable], names[self.node.variable2] = item
            else:
                names[self.node.variable] = item
            if self.condition.run(inner) is False:
                break
            names[self.node.accumulator] = self.step.run(inner)
            frame.tracker.round()
        names.pop(self.node.variable, None)
        names.pop(self.node.variable2, None)
        value = self.result.run(inner)
        return list(value) if isinstance(value, Growing) else value
