"""Rule B on Pods: new ones, and new ephemeral containers of running ones.

Nothing else of a stored Pod can be changed (env is immutable).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from webhook.model import AdmissionRequest, Facts, Outcome, Violation
from webhook.rules.actors import acting_class
from webhook.rules.env.asking import with_facts
from webhook.rules.env.config import Config, EnvRule
from webhook.rules.env.denials import reserved_names
from webhook.rules.env.passes import Case, Result, add, candidates, outcome_of, treat
from webhook.rules.env.reporting import denial
from webhook.rules.env.selection import cannot_be_matched, matches_target
from webhook.rules.env.targets import Target, pod_targets

OPERATIONS = {"": "CREATE", "ephemeralcontainers": "UPDATE"}
"""Sub-resource → the operation that brings new containers."""


def mutate_pod(request: AdmissionRequest, config: Config, facts: Facts) -> Outcome:
    """Return the Pod with the variables of all rules; may raise NeedFacts.

    Denies what `deny` forbids, whoever creates the Pod, and what a developer may not name.
    """
    if OPERATIONS.get(request.sub_resource) != request.operation:
        return Outcome(request.object)
    rules = candidates([rule for rule in config.rules if rule.level == "pod"], request)
    targets = pod_targets(request, facts)
    if not rules or not targets:
        return Outcome(request.object)
    targets, sources = with_facts(request, targets, rules, facts)
    actor = acting_class(request.user_info, config.actors)
    case = Case(request, config, actor, sources)
    result = Result(request.object)
    for target in targets:
        result.violations += _unmatched(target, rules)
        treat(case, target, rules, {}, result)
        if case.is_developer:
            notes = [*result.enforced, *result.observed]
            matched = [rule for rule in rules if matches_target(rule.match, target)]
            add(result, list(reserved_names(target, matched, {}, notes)))
    return outcome_of(request, result)


def _unmatched(target: Target, rules: Sequence[EnvRule]) -> list[Violation]:
    """Refuse a Pod when a mandatory rule cannot be checked against its Namespace."""
    text = "cannot read Namespace {}, by which mandatory rule {} selects; try again"
    return [
        replace(
            denial(rule, text.format(target.namespace, rule.name)),
            reason="InternalError",
            code=500,
        )
        for rule in rules
        if cannot_be_matched(rule, target)
    ]
