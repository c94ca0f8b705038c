"""Looks over the engine's shoulder: what each expression of the policies was evaluated with.

The observed Snapshot judges as the original does; only its expressions report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

from pydantic.alias_generators import to_camel

from webhook.cel import Budget, EvaluationError, Program
from webhook.cel.explain import Explanation
from webhook.cel.types import Type
from webhook.policy import build_mutating_policy_set, build_policy_set
from webhook.policy.model import Expression, MutatingPolicy, Policy, Variable
from webhook.snapshot import Snapshot

AnyPolicy = TypeVar("AnyPolicy", Policy, MutatingPolicy)


@dataclass(frozen=True, slots=True)
class Place:
    """An expression of a policy: `field` is like `variables.image`, `validations[0].expression`."""

    kind: str
    policy: str
    field: str
    text: str


Observer = Callable[[Place, Program, Mapping[str, Any], Any], None]
"""Is told place, program, bindings and outcome: a value, or the EvaluationError."""


class ObservedProgram(Program):
    """A program that tells an observer about each evaluation."""

    __slots__ = ("_observer", "_place", "_program")

    def __init__(self, program: Program, place: Place, observer: Observer) -> None:
        self.compiled = None  # so that nothing takes the short way past `evaluate`
        self._program = program
        self._place = place
        self._observer = observer

    def explain(self, bindings: Mapping[str, Any]) -> Explanation:
        """Explain as the program itself does."""
        return self._program.explain(bindings)

    @property
    def result_type(self) -> Type:
        """Return the static type of the value."""
        return self._program.result_type

    def evaluate(self, bindings: Mapping[str, Any], budget: Budget) -> Any:
        """Evaluate, and tell the observer."""
        try:
            outcome = self._program.evaluate(bindings, budget)
        except EvaluationError as error:
            self._observer(self._place, self._program, bindings, error)
            raise
        self._observer(self._place, self._program, bindings, outcome)
        return outcome


def observe(snapshot: Snapshot, observer: Observer) -> Snapshot:
    """Return the same Snapshot, whose policies tell the observer what they evaluate."""
    groups = tuple(
        replace(one, policies=_observed(one.policies, observer)) for one in snapshot.groups
    )
    mutating_groups = tuple(
        replace(one, policies=_observed(one.policies, observer)) for one in snapshot.mutating_groups
    )
    bindings, mutating = snapshot.bindings, snapshot.mutating_bindings
    return replace(
        snapshot,
        groups=groups,
        policy_sets={one.path: build_policy_set(one.policies, bindings) for one in groups},
        mutating_groups=mutating_groups,
        mutating_policy_sets={
            one.path: build_mutating_policy_set(one.policies, mutating) for one in mutating_groups
        },
    )


def places(snapshot: Snapshot) -> Iterator[Place]:
    """Yield every expression of the policies that a binding puts in force."""
    found: list[Place] = []

    def note(place: Place, program: Program) -> Program:
        found.append(place)
        return program

    policies: list[Policy | MutatingPolicy] = []
    policies += [one for group in snapshot.groups for one in group.policies]
    policies += [one for group in snapshot.mutating_groups for one in group.policies]
    for policy in policies:
        _rewritten(policy, _kind(policy), policy.name, "", note)
    return iter(found)


def _observed(policies: Iterable[AnyPolicy], observer: Observer) -> tuple[AnyPolicy, ...]:
    def watch(place: Place, program: Program) -> Program:
        return ObservedProgram(program, place, observer)

    return tuple(_rewritten(one, _kind(one), one.name, "", watch) for one in policies)


def _kind(policy: Policy | MutatingPolicy) -> str:
    family = "Mutating" if isinstance(policy, MutatingPolicy) else "Validating"
    return f"{family}AdmissionPolicy"


def _rewritten(
    value: Any, kind: str, policy: str, field: str, change: Callable[[Place, Program], Program]
) -> Any:
    """Return a record with every program in it changed."""
    if isinstance(value, Expression):
        if value.program is None:
            return value
        place = Place(kind, policy, field, value.text)
        return replace(value, program=change(place, value.program))
    if isinstance(value, tuple):
        parts = (
            _rewritten(one, kind, policy, _element(field, at, one), change)
            for at, one in enumerate(value)
        )
        return tuple(parts)
    if is_dataclass(value) and not isinstance(value, type):
        changed = {
            one.name: _rewritten(
                getattr(value, one.name), kind, policy, _member(field, one.name), change
            )
            for one in fields(value)
        }
        return replace(value, **changed)
    return value


def _element(field: str, at: int, value: Any) -> str:
    return f"{field}.{value.name}" if isinstance(value, Variable) else f"{field}[{at}]"


def _member(field: str, name: str) -> str:
    if field.startswith("variables."):
        return field  # a variable has one expression
    return f"{field}.{to_camel(name)}" if field else to_camel(name)
