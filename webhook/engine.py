"""`decide`: the whole product as one pure function over a request and what is known.

It runs the stages of the called webhook entry one after another, merges what they return and
limits what the caller gets back. It never waits: a missing fact is raised as NeedFacts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from webhook.exemptions import is_exempt
from webhook.kinds import POLICY_KIND
from webhook.model import (
    Action,
    AdmissionRequest,
    Decision,
    Facts,
    Lookup,
    NeedFacts,
    Outcome,
    Registration,
    Violation,
)
from webhook.policy import mutate as mutate_by_policies
from webhook.policy import validate as validate_policies
from webhook.publication import (
    check_permissions,
    judge_publication,
    judge_publication_in_steps,
)
from webhook.rules import RULES, protect
from webhook.rules.base import Rule, Treat, Without
from webhook.rules.waiving import Subject, waive, without_denials
from webhook.snapshot import Snapshot
from webhook.steps import Steps

PUBLICATION = ("documents",)
"""The stages of the entry that takes too long to be judged at once."""

Stage = Callable[[AdmissionRequest, Registration, Snapshot, Facts], Outcome]


def decide(
    request: AdmissionRequest, registration: Registration, snapshot: Snapshot, facts: Facts
) -> Decision:
    """Judge one request.

    Deterministic: the same input gives the same Decision. Raises NeedFacts with all lookups that
    any stage misses; running it again with more facts is harmless.
    """
    if is_exempt(request, registration.path, snapshot.platform):
        return Decision(
            True,
            snapshot.digest,
            object_after=request.object,
            audit_annotations=snapshot.annotations,
        )
    outcomes: list[Outcome] = []
    missing: set[Lookup] = set()
    current = request
    for stage in _stages(registration):
        try:
            outcome = stage(current, registration, snapshot, facts)
        except NeedFacts as need:
            missing |= need.lookups
            continue
        outcomes.append(outcome)
        if outcome.object is not current.object:
            current = current.with_object(outcome.object)
    if missing:
        raise NeedFacts(frozenset(missing))
    return _merge(current, outcomes, snapshot)


def decide_in_steps(
    request: AdmissionRequest, registration: Registration, snapshot: Snapshot, facts: Facts
) -> Steps[Decision]:
    """Do as `decide`; pause where documents that are about to be stored are compiled."""
    if registration.stages != PUBLICATION or is_exempt(
        request, registration.path, snapshot.platform
    ):
        return decide(request, registration, snapshot, facts)
    outcome = yield from judge_publication_in_steps(request, snapshot)
    return _merge(request, [outcome], snapshot)


def _stages(registration: Registration) -> Iterable[Stage]:
    table = MUTATING if registration.mutating else VALIDATING
    return [table[name] for name in registration.stages]


def _merge(current: AdmissionRequest, outcomes: list[Outcome], snapshot: Snapshot) -> Decision:
    if len(outcomes) == 1 and not outcomes[0].violations and not outcomes[0].warnings:
        outcome = outcomes[0]
        annotations = {**snapshot.annotations, **outcome.audit_annotations}
        return Decision(
            True,
            snapshot.digest,
            object_after=current.object,
            audit_annotations=annotations,
            mutated_by=outcome.mutated_by,
        )
    waived_by = tuple(dict.fromkeys(name for one in outcomes for name in one.waived_by))
    annotations = dict(snapshot.annotations)
    for outcome in outcomes:
        annotations.update(outcome.audit_annotations)
    if waived_by:
        annotations["exceptions"] = ", ".join(waived_by)
    violations = tuple(one for outcome in outcomes for one in outcome.violations)
    decision = Decision(
        allowed=True,
        digest=snapshot.digest,
        violations=violations,
        object_after=current.object,
        warnings=tuple(dict.fromkeys(text for one in outcomes for text in one.warnings)),
        audit_annotations=annotations,
        mutated_by=tuple(name for one in outcomes for name in one.mutated_by),
        waived_by=waived_by,
        overridden_by=tuple(name for one in outcomes for name in one.overridden_by),
    )
    denials = [one for one in violations if one.action is Action.DENY]
    return _denied(decision, denials[0]) if denials else decision


def _denied(decision: Decision, first: Violation) -> Decision:
    """Answer with the first denial, as upstream does (kubernetes-cel.md 2.8)."""
    return replace(
        decision,
        allowed=False,
        message=first.message,
        reason=first.reason,
        code=first.code,
        details=first.details,
    )


def _rule_stage(name: str, treat: Treat) -> Stage:
    def stage(
        request: AdmissionRequest, _registration: Registration, snapshot: Snapshot, facts: Facts
    ) -> Outcome:
        config = snapshot.configs.get(name)
        return Outcome(request.object) if config is None else treat(request, config, facts)

    return stage


def _excepted(rule: Rule, treat: Treat, without: Without) -> Stage:
    """Return a rule's stage whose documents may be waived, with all they do."""
    subject, plain = Subject(rule.kind, rule.name), _rule_stage(rule.name, treat)

    def stage(
        request: AdmissionRequest, registration: Registration, snapshot: Snapshot, facts: Facts
    ) -> Outcome:
        def again(_outcome: Outcome, names: frozenset[str]) -> Outcome:
            rest = without(snapshot.configs[rule.name], names)
            return Outcome(request.object) if rest is None else treat(request, rest, facts)

        found = plain(request, registration, snapshot, facts)
        return waive(request, found, subject, snapshot.waivers, again)

    return stage


def _excepted_denials(rule: Rule, treat: Treat) -> Stage:
    """Return a rule's stage of which only denials may be waived."""
    subject, plain = Subject(rule.kind, rule.name), _rule_stage(rule.name, treat)
    again = without_denials(subject)

    def stage(
        request: AdmissionRequest, registration: Registration, snapshot: Snapshot, facts: Facts
    ) -> Outcome:
        found = plain(request, registration, snapshot, facts)
        return waive(request, found, subject, snapshot.waivers, again)

    return stage


def _changing(rule: Rule, treat: Treat) -> Stage:
    if rule.without is None:
        return _rule_stage(rule.name, treat)
    return _excepted(rule, treat, rule.without)


def _judging(rule: Rule, treat: Treat) -> Stage:
    if rule.without is None:
        return _excepted_denials(rule, treat)
    return _excepted(rule, treat, rule.without)


VALIDATING_POLICIES = Subject(POLICY_KIND, POLICY_KIND)
MUTATING_POLICIES = Subject("MutatingAdmissionPolicy", "MutatingAdmissionPolicy")
WITHOUT_DENIALS = without_denials(VALIDATING_POLICIES)


def _policies_stage(
    request: AdmissionRequest, registration: Registration, snapshot: Snapshot, facts: Facts
) -> Outcome:
    policy_set = snapshot.policy_sets.get(registration.path)
    if policy_set is None:
        return Outcome(request.object)
    found = validate_policies(request, policy_set, facts)
    return waive(request, found, VALIDATING_POLICIES, snapshot.waivers, WITHOUT_DENIALS)


def _mutating_policies_stage(
    request: AdmissionRequest, registration: Registration, snapshot: Snapshot, facts: Facts
) -> Outcome:
    policy_set = snapshot.mutating_policy_sets.get(registration.path)
    if policy_set is None:
        return Outcome(request.object)

    def again(_outcome: Outcome, names: frozenset[str]) -> Outcome:
        return mutate_by_policies(request, policy_set.without(names), facts)

    found = mutate_by_policies(request, policy_set, facts)
    return waive(request, found, MUTATING_POLICIES, snapshot.waivers, again)


def _documents_stage(
    request: AdmissionRequest, _registration: Registration, snapshot: Snapshot, _facts: Facts
) -> Outcome:
    return judge_publication(request, snapshot)


def _grants_stage(
    request: AdmissionRequest, _registration: Registration, snapshot: Snapshot, _facts: Facts
) -> Outcome:
    return Outcome(request.object, violations=check_permissions(request, snapshot))


MUTATING: Mapping[str, Stage] = {
    **{rule.name: _changing(rule, rule.mutate) for rule in RULES if rule.mutate is not None},
    "policies": _mutating_policies_stage,
}
"""What the stages of a mutating entry do, by name."""

VALIDATING: Mapping[str, Stage] = {
    **{rule.name: _judging(rule, rule.validate) for rule in RULES if rule.validate is not None},
    "policies": _policies_stage,
    protect.DELETES: _excepted_denials(protect.RULE, protect.limit_deletions),
    "documents": _documents_stage,
    "grants": _grants_stage,
}
"""What the stages of a validating entry do, by name."""
