"""Rule B on the templates of workloads: injection where a rule says so, refusals for developers.

Platform-rules 0.7: no write starts a roll-out that its author did not ask for. Never an owned
workload, never what a controller writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from webhook.model import NOTHING, AdmissionRequest, Facts, Outcome
from webhook.objects.paths import Path, get
from webhook.objects.workloads import Registry
from webhook.rules.actors import TRUSTED_CONTROLLERS, ActorClass, acting_class, classify
from webhook.rules.env import reporting
from webhook.rules.env.asking import with_facts
from webhook.rules.env.config import Config, EnvRule
from webhook.rules.env.denials import forbidden_opt_outs, reserved_names
from webhook.rules.env.injection import Note, Scope, inject
from webhook.rules.env.opting_out import opt_outs
from webhook.rules.env.passes import Case, Result, add, candidates, outcome_of, treat
from webhook.rules.env.planning import context_of
from webhook.rules.env.selection import matches_target
from webhook.rules.env.settling import Treatment
from webhook.rules.env.stability import is_same, is_unchanged
from webhook.rules.env.targets import Target, template_targets
from webhook.rules.env.writing import with_value


def judge_templates(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    """Refuse templates of developers whose Pods would be refused, or that take reserved names."""
    kinds = config.actors.kinds
    actor = acting_class(request.user_info, config.actors)
    if actor is not ActorClass.DEVELOPER or not _writes_templates(request, kinds):
        return Outcome(request.object)
    rules = candidates(config.rules, request)
    stored = _stored(request, kinds)
    targets = tuple(
        one
        for one in template_targets(request, request.object, kinds)
        if not _is_unchanged(one, stored, request)
    )
    if not rules or not targets:
        return Outcome(request.object)
    targets, sources = with_facts(request, targets, rules, facts)
    case = Case(request, config, actor, sources)
    result = Result(request.object)
    for target in targets:
        _judge_template(case, target, stored.get(target.path), rules, result)
    return outcome_of(request, result)


def _is_unchanged(target: Target, stored: Mapping[Path, Target], request: AdmissionRequest) -> bool:
    before = stored.get(target.path)
    return before is not None and is_unchanged(target, before, request.old_object)


def mutate_templates(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    """Return the workload with the variables in its templates; may raise NeedFacts."""
    kinds = config.actors.kinds
    actor = classify(request.user_info, config.actors)
    if actor in TRUSTED_CONTROLLERS or not _writes_templates(request, kinds):
        return Outcome(request.object)
    actor = acting_class(request.user_info, config.actors)
    is_developer = actor is ActorClass.DEVELOPER
    rules = candidates(
        [r for r in config.rules if r.level == "template" or (is_developer and r.reserved)], request
    )
    targets = template_targets(request, request.object, kinds)
    if not rules or not targets:
        return Outcome(request.object)
    targets, sources = with_facts(request, targets, rules, facts)
    case = Case(request, config, actor, sources)
    stored = _stored(request, kinds)
    result = Result(request.object)
    for target in targets:
        _mutate_template(case, target, stored.get(target.path), rules, result)
    result.enforced = [n for n in result.enforced if n.treatment is not Treatment.DENIED]
    result.observed = [n for n in result.observed if n.treatment is not Treatment.DENIED]
    return outcome_of(request, result)


def _writes_templates(request: AdmissionRequest, kinds: Registry) -> bool:
    """Tell whether the request may set a template.

    Not on UPDATE of an immutable one, and not where the owner's template is treated.
    """
    if request.sub_resource or request.operation not in ("CREATE", "UPDATE"):
        return False
    kind = kinds.find(request.kind.group, request.kind.kind)
    if kind is None or kinds.controller_of(request.object) is not None:
        return False
    return request.operation == "CREATE" or not kind.is_template_immutable


def _stored(request: AdmissionRequest, kinds: Registry) -> Mapping[Path, Target]:
    if request.operation == "CREATE":
        return {}
    return {one.path: one for one in template_targets(request, request.old_object, kinds)}


def _mutate_template(
    case: Case, target: Target, before: Target | None, rules: Sequence[EnvRule], result: Result
) -> None:
    if before is None:
        treat(case, target, rules, {}, result)
        return
    if not is_unchanged(target, before, case.request.old_object):
        chosen = [rule for rule in rules if rule.adopt != "never"]
        treat(case, target, chosen, {one.name: one for one in before.containers}, result)
        return
    if not is_same(target, before):
        template = get(case.request.old_object, target.path)
        result.value = with_value(result.value, target.path, template)
    adopting = [rule for rule in rules if rule.adopt == "always"]
    same_now = replace(target, spec=before.spec, containers=before.containers)
    notes = len(result.enforced)
    treat(case, same_now, adopting, {one.name: one for one in before.containers}, result)
    result.warnings += [
        f"env: rule {rule.name} changes the unchanged template (adopt: always); this rolls out"
        for rule in reporting.changed_by(result.enforced[notes:])
    ]


def _judge_template(
    case: Case,
    target: Target,
    before: Target | None,
    rules: Sequence[EnvRule],
    result: Result,
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
    add(result, [note for note in notes if note.treatment is Treatment.DENIED])
    result.violations += [
        reporting.denial(rule, text)
        for rule, text in forbidden_opt_outs(target, before, matched, case.key)
    ]
