"""What the steps of one request share, and what they have brought so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from webhook.model import Action, AdmissionRequest, Facts, Get, Json, Outcome, Violation
from webhook.objects.workloads import Template, WorkloadKind, controller_of, templates
from webhook.rules.actors import ActorClass
from webhook.rules.spread import reporting
from webhook.rules.spread.asking import is_spreadable, look_up_all, pod_subject
from webhook.rules.spread.config import Config, Spreading
from webhook.rules.spread.marks import Marks
from webhook.rules.spread.planning import Plan, Wish, plan
from webhook.rules.spread.targets import Concern
from webhook.rules.spread.wishing import AUDIT, wish_of

CHANGING = frozenset(("mutate", "enforce"))
"""Modes in which the object may change."""


@dataclass(frozen=True, slots=True)
class Case:
    """One request with what concerns it; `namespace` is the answer to its lookup."""

    request: AdmissionRequest
    config: Config
    facts: Facts
    concern: Concern
    namespace: Json

    @property
    def spreading(self) -> Spreading:
        """The document in force."""
        return self.concern.spreading

    @property
    def may_change(self) -> bool:
        """Whether the phase and the writer let the rule change anything."""
        is_platform = self.concern.actor is ActorClass.PLATFORM
        return self.spreading.phase == "enforce" and not is_platform

    def wish(self, template: Template, value: Json) -> tuple[Wish | None, Marks]:
        """Return what is wanted of a template of this object."""
        return wish_of(
            value,
            self.request.old_object,
            template.path,
            self.namespace,
            self.spreading,
            self.config,
            self.concern.actor,
        )

    def stored(self, kind: WorkloadKind, template: Template) -> Template | None:
        """Return the stored template at the same place, None on CREATE."""
        found = templates(kind, self.request.old_object)
        return next((one for one in found if one.path == template.path), None)


@dataclass(slots=True)
class Result:
    """What the templates of one request have brought so far."""

    value: Json
    is_injected: bool = False
    is_changing: bool = False
    warnings: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    entries: list[Json] = field(default_factory=list)


def plan_pod(case: Case) -> tuple[Plan, Wish] | None:
    """Return what a Pod lacks (level pod), None when it cannot be told or nothing is wanted."""
    request = case.request
    owner = controller_of(request.object) or {}
    lookup = Get("apps/v1", "ReplicaSet", request.namespace, str(owner.get("name")))
    parent = look_up_all([lookup], case.facts)[lookup]
    wish, _ = case.wish(Template((), {}, {}), request.object)
    if wish is None or not isinstance(parent, dict):
        return None
    subject = pod_subject(request, parent, case.namespace, wish, case.facts)
    return (plan(subject, wish), wish) if is_spreadable(subject) else None


def observe(case: Case, made: Plan, mode: str, result: Result) -> None:
    """Say what a mode that changes nothing has found."""
    if mode == "deny":
        result.warnings += made.warnings
        return
    texts = reporting.lacking(made)
    if mode != AUDIT:
        result.warnings += [*texts, *made.warnings]
    if texts:
        action = Action.AUDIT if mode == AUDIT else Action.WARN
        result.violations.append(reporting.observed(texts, action, case.spreading))
        result.entries.append(reporting.entry(made, "missing"))


def outcome_of(case: Case, result: Result) -> Outcome:
    """Return what all templates have brought."""
    is_changed = result.value is not case.request.object
    if not (is_changed or result.warnings or result.violations or result.entries):
        return Outcome(result.value)
    is_quiet = case.spreading.phase == "audit"
    return Outcome(
        result.value,
        violations=tuple(result.violations),
        warnings=() if is_quiet else reporting.warned(result.warnings),
        audit_annotations=reporting.annotation(result.entries),
        mutated_by=(case.spreading.document,) if is_changed else (),
    )
