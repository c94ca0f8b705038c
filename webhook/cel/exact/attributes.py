"""Attributes: a variable or value followed by fields and indices, resolved in one go.

As upstream's `interpreter/attributes.go`: only the qualifiers and the attribute as a whole are
observed, not the variable at its root.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from webhook.cel.errors import EvaluationError, no_such_overload
from webhook.cel.runtime.access import NOT_THERE, check_key, look_up, read
from webhook.cel.values import ABSENT, Optional

if TYPE_CHECKING:
    from webhook.cel.exact.steps import Step
    from webhook.cel.exact.tracker import Frame


class Attribute(Protocol):
    """What can be resolved and qualified further."""

    @property
    def id(self) -> int:
        """Return the id of the last qualifier, or the attribute's own."""
        ...

    def add(self, qualifier: Qualifier) -> None:
        """Append a qualifier."""
        ...

    def resolve(self, frame: Frame) -> Any:
        """Return the value; raise EvaluationError."""
        ...


class Qualifier:
    """One step into a value: a constant key, or one that an attribute yields.

    test_only: asks whether the key is there (the last step of `has`).
    observed_whole: the key comes from a computation, which upstream observes as an attribute.
    """

    __slots__ = ("attribute", "id", "key", "observed_whole", "optional", "test_only")

    def __init__(
        self,
        identifier: int,
        key: Any,
        attribute: Attribute | None = None,
        *,
        optional: bool = False,
        test_only: bool = False,
        observed_whole: bool = False,
    ) -> None:
        self.id = identifier
        self.key = key
        self.attribute = attribute
        self.optional = optional
        self.test_only = test_only
        self.observed_whole = observed_whole

    def _key(self, frame: Frame) -> Any:
        if self.attribute is None:
            return self.key
        key = self.attribute.resolve(frame)
        check_key(key)
        return key

    def _observe(self, frame: Frame, value: Any) -> None:
        if self.observed_whole and self.attribute is not None:
            frame.tracker.drop(self.attribute.id)
        frame.tracker.cost += 1
        frame.tracker.push(self.id, value)

    def qualify(self, frame: Frame, holder: Any) -> Any:
        """Return the value at the key."""
        try:
            if self.test_only:
                value = look_up(holder, self.key) is not NOT_THERE
            else:
                value = read(holder, self._key(frame))
        except EvaluationError as error:
            self._observe(frame, error)
            raise
        self._observe(frame, value)
        return value

    def qualify_if_present(self, frame: Frame, holder: Any) -> Any:
        """Return the value at the key or NOT_THERE; absence is not observed."""
        value = look_up(holder, self._key(frame))
        if value is not NOT_THERE:
            self._observe(frame, value)
        return value


def _apply(frame: Frame, value: Any, qualifiers: list[Qualifier]) -> Any:
    """Follow qualifiers; once one is optional the rest is, too, and the result is an optional."""
    optional = isinstance(value, Optional)
    if optional:
        if not value.present:
            return value
        value = value.content
    for qualifier in qualifiers:
        optional = optional or qualifier.optional
        if not optional:
            value = qualifier.qualify(frame, value)
            continue
        value = qualifier.qualify_if_present(frame, value)
        if value is NOT_THERE:
            return ABSENT
    return Optional(value) if optional else value


class Absolute:
    """A variable with qualifiers; `outer` skips the variables of comprehensions."""

    __slots__ = ("base", "name", "outer", "qualifiers")

    def __init__(self, identifier: int, name: str) -> None:
        self.base = identifier
        self.outer = name.startswith(".")
        self.name = name.removeprefix(".")
        self.qualifiers: list[Qualifier] = []

    @property
    def id(self) -> int:
        """Return the id of the last qualifier, or the attribute's own."""
        return self.qualifiers[-1].id if self.qualifiers else self.base

    def add(self, qualifier: Qualifier) -> None:
        """Append a qualifier."""
        self.qualifiers.append(qualifier)

    def resolve(self, frame: Frame) -> Any:
        """Return the value; raise EvaluationError."""
        if self.outer:
            # Upstream loses its tracker here: what follows the name costs nothing.
            frame = frame.untracked_root()
        scope: Frame | None = frame
        while scope is not None:
            value = scope.names.get(self.name, NOT_THERE)
            if value is not NOT_THERE:
                if isinstance(value, EvaluationError):
                    raise value.with_traceback(None)  # it would grow with each raise
                return _apply(frame, value, self.qualifiers) if self.qualifiers else value
            scope = scope.parent
        raise EvaluationError(f"no such attribute(s): {self.name}")


class Relative:
    """A computed value with qualifiers."""

    __slots__ = ("base", "operand", "qualifiers")

    def __init__(self, identifier: int, operand: Step) -> None:
        self.base = identifier
        self.operand = operand
        self.qualifiers: list[Qualifier] = []

    @property
    def id(self) -> int:
        """Return the id of the last qualifier, or the attribute's own."""
        return self.qualifiers[-1].id if self.qualifiers else self.base

    def add(self, qualifier: Qualifier) -> None:
        """Append a qualifier."""
        self.qualifiers.append(qualifier)

    def resolve(self, frame: Frame) -> Any:
        """Return the value; raise EvaluationError."""
        value = self.operand.run(frame)
        if isinstance(value, EvaluationError):
            raise value.with_traceback(None)
        return _apply(frame, value, self.qualifiers) if self.qualifiers else value


class Conditional:
    """One of two attributes, chosen by a condition; qualifiers go to both."""

    __slots__ = ("base", "condition", "no", "yes")

    def __init__(self, identifier: int, condition: Step, yes: Attribute, no: Attribute) -> None:
        self.base = identifier
        self.condition = condition
        self.yes = yes
        self.no = no

    @property
    def id(self) -> int:
        """Return the id that both branches share after a qualifier, or the attribute's own."""
        return self.yes.id if self.yes.id == self.no.id else self.base

    def add(self, qualifier: Qualifier) -> None:
        """Append a qualifier to both branches."""
        self.yes.add(qualifier)
        self.no.add(qualifier)

    def resolve(self, frame: Frame) -> Any:
        """Return the value; raise EvaluationError."""
        value = self.condition.run(frame)
        if value is True:
            return self.yes.resolve(frame)
        if value is False:
            return self.no.resolve(frame)
        if isinstance(value, EvaluationError):
            raise value.with_traceback(None)
        raise no_such_overload()
