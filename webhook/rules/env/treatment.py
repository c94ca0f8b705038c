"""Rule B on a request: variables into new Pods and templates, refusals of what developers write.

Touches `env` and `envFrom` of containers, and a marker annotation where a rule asks for it. Never
a stored Pod, never an owned workload, never the order of what the developer wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from webhook.model import NOTHING, Action, AdmissionRequest, Facts, Json, Outcome, Violation
from webhook.objects.paths import Path, get
from webhook.objects.workloads import workload_kind
from webhook.rules.actors import TRUSTED_CONTROLLERS, ActorClass, acting_class, classify
from webhook.rules.env import reporting
from webhook.rules.env.asking import Sources, with_facts
from webhook.rules.env.config import Config, EnvRule
from webhook.rules.env.denials import forbidden_opt_outs, reserved_names
from webhook.rules.env.injection import Note, Scope, inject
from webhook.rules.env.opting_out import ANNOTATION, opt_outs
from webhook.rules.env.planning import context_of
from webhook.rules.env.selection import cannot_be_matched, matches_target, names_namespace
from webhook.rules.env.settling import Treatment
from webhook.rules.env.stability import is_same, is_unchanged
from webhook.rules.env.targets import (
    Container,
    Target,
    is_owned,
    pod_targets,
    template_targets,
)
from webhook.rules.env.writing import with_changes, with_marker, with_value
from webhook.rules.messages import limited
from webhook.rules.skips import is_skipped


@dataclass(frozen=True, slots=True)
class _Case:
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
class _Result:
    """What the passes over all targets of one request have made."""

    value: Json
    enforced: list[Note] = field(default_factory=list)
    observed: list[Note] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)


def mutate(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    """Return the Pod, or the workload with its templates, with the variables of all rules.

    May raise NeedFacts (the Namespace, ConfigMaps). Denies what `deny` forbids on Pods.
    """
    if is_skipped(request):
        return Outcome(request.object)
    if (request.kind.group, request.kind.kind) == ("", "Pod"):
        return _mutate_pod(request, config, facts)
    return _mutate_templates(request, config, facts)


def validate(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    """Refuse templates of developers whose Pods would be refused, or that take reserved names."""
    developer = acting_class(request.user_info, config.actors) is ActorClass.DEVELOPER
    is_pod = (request.kind.group, request.kind.kind) == ("", "Pod")
    if not developer or is_pod or is_skipped(request) or not _writes_templates(request):
        return Outcome(request.object)
    rules = _candidates(config.rules, request)
    targets = template_targets(request, request.object)
    if not rules or not targets:
        return Outcome(request.object)
    targets, sources = with_facts(request, targets, rules, facts)
    case = _Case(request, config, ActorClass.DEVELOPER, sources)
    stored = _stored(request)
    result = _Result(request.object)
    for target in targets:
        before = stored.get(target.path)
        if before is None or not is_unchanged(target, before, request.old_object):
            _judge_template(case, target, before, rules, result)
    return _outcome(request, result)


def _candidates(rules: Sequence[EnvRule], request: AdmissionRequest) -> tuple[EnvRule, ...]:
    return tuple(rule for rule in rules if names_namespace(rule.match, request.namespace))


def _mutate_pod(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    expected = {"": "CREATE", "ephemeralcontainers": "UPDATE"}
    if expected.get(request.sub_resource) != request.operation:
        return Outcome(request.object)
    rules = _candidates([rule for rule in config.rules if rule.level == "pod"], request)
    targets = pod_targets(request, facts)
    if not rules or not targets:
        return Outcome(request.object)
    targets, sources = with_facts(request, targets, rules, facts)
    actor = acting_class(request.user_info, config.actors)
    case = _Case(request, config, actor, sources)
    result = _Result(request.object)
    for target in targets:
        result.violations += _unmatched(target, rules)
        _treat(case, target, rules, {}, result)
        if case.is_developer:
            notes = [*result.enforced, *result.observed]
            matched = [rule for rule in rules if matches_target(rule.match, target)]
            _add(result, list(reserved_names(target, matched, {}, notes)))
    return _outcome(request, result)


def _unmatched(target: Target, rules: Sequence[EnvRule]) -> list[Violation]:
    """Refuse a Pod when a mandatory rule cannot be checked against its Namespace."""
    text = "cannot read Namespace {}, by which mandatory rule {} selects; try again"
    return [
        replace(
            reporting.denial(rule, text.format(target.namespace, rule.name)),
            reason="InternalError",
            code=500,
        )
        for rule in rules
        if cannot_be_matched(rule, target)
    ]


def _mutate_templates(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    actor = classify(request.user_info, config.actors)
    if actor in TRUSTED_CONTROLLERS or not _writes_templates(request):
        return Outcome(request.object)
    actor = acting_class(request.user_info, config.actors)
    is_developer = actor is ActorClass.DEVELOPER
    rules = _candidates(
        [r for r in config.rules if r.level == "template" or (is_developer and r.reserved)], request
    )
    targets = template_targets(request, request.object)
    if not rules or not targets:
        return Outcome(request.object)
    targets, sources = with_facts(request, targets, rules, facts)
    case = _Case(request, config, actor, sources)
    stored = _stored(request)
    result = _Result(request.object)
    for target in targets:
        _mutate_template(case, target, stored.get(target.path), rules, result)
    result.enforced = [n for n in result.enforced if n.treatment is not Treatment.DENIED]
    result.observed = [n for n in result.observed if n.treatment is not Treatment.DENIED]
    return _outcome(request, result)


def _writes_templates(request: AdmissionRequest) -> bool:
    """Tell whether the request may set a template: not on UPDATE of an immutable one."""
    if request.sub_resource or request.operation not in ("CREATE", "UPDATE"):
        return False
    kind = workload_kind(request.kind.group, request.kind.kind)
    if kind is None or is_owned(request.object):
        return False
    return request.operation == "CREATE" or not kind.is_template_immutable


def _stored(request: AdmissionRequest) -> Mapping[Path, Target]:
    if request.operation == "CREATE":
        return {}
    return {one.path: one for one in template_targets(request, request.old_object)}


def _mutate_template(
    case: _Case, target: Target, before: Target | None, rules: Sequence[EnvRule], result: _Result
) -> None:
    if before is None:
        _treat(case, target, rules, {}, result)
        return
    if not is_unchanged(target, before, case.request.old_object):
        chosen = [rule for rule in rules if rule.adopt != "never"]
        _treat(case, target, chosen, {one.name: one for one in before.containers}, result)
        return
    if not is_same(target, before):
        template = get(case.request.old_object, target.path)
        result.value = with_value(result.value, target.path, template)
    adopting = [rule for rule in rules if rule.adopt == "always"]
    same_now = replace(target, spec=before.spec, containers=before.containers)
    notes = len(result.enforced)
    _treat(case, same_now, adopting, {one.name: one for one in before.containers}, result)
    result.warnings += [
        f"env: rule {rule.name} changes the unchanged template (adopt: always); this rolls out"
        for rule in reporting.changed_by(result.enforced[notes:])
    ]


def _treat(
    case: _Case,
    target: Target,
    rules: Sequence[EnvRule],
    stored: Mapping[str, Container],
    result: _Result,
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


def _judge_template(
    case: _Case,
    target: Target,
    before: Target | None,
    rules: Sequence[EnvRule],
    result: _Result,
) -> None:
    """Collect what the Pods of this template, or the template itself, would be refused for."""
    matched = [rule for rule in rules if matches_target(rule.match, target)]
    stored = {one.name: one for one in before.containers} if before else NOTHING
    scope = Scope(
        rules=(),
        opt_outs=opt_outs(target, matched, case.config.names, case.key, case.actor),
        context=context_of(target, case.config.cluster_name),
        sources=case.sources,
        stored=stored,
    )
    notes: list[Note] = []
    for level in ("pod", "template"):
        for phases in (("enforce",), ("warn", "audit")):
            chosen = tuple(r for r in matched if r.level == level and r.phase in phases)
            notes += inject(target, replace(scope, rules=chosen))[1]
    notes += list(reserved_names(target, matched, stored, notes))
    _add(result, [note for note in notes if note.treatment is Treatment.DENIED])
    result.violations += [
        reporting.denial(rule, text)
        for rule, text in forbidden_opt_outs(target, before, matched, case.key)
    ]


def _add(result: _Result, notes: Sequence[Note]) -> None:
    result.enforced += [note for note in notes if note.rule.phase == "enforce"]
    result.observed += [note for note in notes if note.rule.phase != "enforce"]


def _outcome(request: AdmissionRequest, result: _Result) -> Outcome:
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
