"""What every pass of rule B shares, on Pods and on templates: the request's case and its result.

The enforced rules change the object; then it is looked what rules in phase warn or audit would do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from webhook.model import Action, AdmissionRequest, Json, Outcome, Violation
from webhook.objects.paths import get
from webhook.rules.actors import ActorClass
from webhook.rules.env import reporting
from webhook.rules.env.asking import Sources
from webhook.rules.env.config import Config, EnvRule
from webhook.rules.env.injection import Note, Scope, inject
from webhook.rules.env.opting_out import ANNOTATION, opt_outs
from webhook.rules.env.planning import context_of
from webhook.rules.env.selection import matches_target, names_namespace
from webhook.rules.env.targets import Container, Target
from webhook.rules.env.writing import with_changes, with_marker
from webhook.rules.messages import limited


@dataclass(frozen=True, slots=True)
class Case:
    """What all passes over one request share."""

    request: AdmissionRequest
    config: Config
    actor: ActorClass
    sources: Sources

    @property
    def key(self) -> str:
        """The key of the opt-out annotation."""
        return f"{self.config.prefix}/{ANNOTATION}"

    @property
    def is_developer(self) -> bool:
        """Whether the writer is held to what developers may write."""
        return self.actor is ActorClass.DEVELOPER


@dataclass(slots=True)
class Result:
    """What the passes over all targets of one request have made."""

    value: Json
    enforced: list[Note] = field(default_factory=list)
    observed: list[Note] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)


def candidates(rules: Sequence[EnvRule], request: AdmissionRequest) -> tuple[EnvRule, ...]:
    """Return the rules whose lists of names let the request's Namespace in."""
    return tuple(rule for rule in rules if names_namespace(rule.match, request.namespace))


def treat(
    case: Case,
    target: Target,
    rules: Sequence[EnvRule],
    stored: Mapping[str, Container],
    result: Result,
) -> None:
    """Apply the enforced rules to the target, then look what the others would do."""
    matched = [rule for rule in rules if matches_target(rule.match, target)]
    if not matched:
        return
    outs = opt_outs(target, matched, case.config.names, case.key, case.actor)
    result.warnings += outs.warnings
    own_level = "pod" if not target.path and case.request.kind.kind == "Pod" else "template"
    scope = Scope(
        rules=tuple(rule for rule in matched if rule.level == own_level),
        opt_outs=outs,
        context=context_of(target, case.config.cluster_name),
        sources=case.sources,
        reserving=tuple(rule for rule in matched if rule.reserved and case.is_developer),
        stored=stored,
    )
    changes, notes = inject(target, _in_phases(scope, ("enforce",)))
    result.value = with_changes(result.value, changes)
    if not case.request.sub_resource:  # the API server drops annotations written to others
        rules_of = reporting.changed_by(notes)
        result.value = with_marker(result.value, target, rules_of, case.config.prefix)
    result.enforced += notes
    observing = _in_phases(scope, ("warn", "audit"))
    if observing.rules or observing.reserving:
        result.observed += inject(_updated(target, result.value), observing)[1]


def _in_phases(scope: Scope, phases: tuple[str, ...]) -> Scope:
    return replace(
        scope,
        rules=tuple(rule for rule in scope.rules if rule.phase in phases),
        reserving=tuple(rule for rule in scope.reserving if rule.phase in phases),
    )


def _updated(target: Target, value: Json) -> Target:
    """Return the target with its containers as they are in the changed object."""
    containers = tuple(replace(one, value=get(value, one.path)) for one in target.containers)
    return replace(target, containers=containers)


def add(result: Result, notes: Sequence[Note]) -> None:
    """Add notes that no injection made, each to its phase."""
    result.enforced += [note for note in notes if note.rule.phase == "enforce"]
    result.observed += [note for note in notes if note.rule.phase != "enforce"]


def outcome_of(request: AdmissionRequest, result: Result) -> Outcome:
    """Return what the passes come to; a denied object is the received one."""
    violations = (*result.violations, *reporting.denials(result.enforced))
    texts = [
        *result.warnings,
        *(one.message for one in violations if one.action is Action.WARN),
        *reporting.warnings(result.enforced),
        *reporting.observed_warnings(result.observed),
    ]
    is_denied = any(one.action is Action.DENY for one in violations)
    changed = () if is_denied else reporting.changed_by(result.enforced)
    observed = reporting.observed_violations(result.observed)
    return Outcome(
        object=request.object if is_denied else result.value,
        violations=(*reporting.first_says_all(violations), *observed),
        warnings=limited("env", texts),
        audit_annotations=reporting.annotation([*result.enforced, *result.observed]),
        mutated_by=tuple(rule.document for rule in changed),
    )
