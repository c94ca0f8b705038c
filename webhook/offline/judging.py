"""One request through all webhook entries of a Snapshot, as the API server would send it.

Mutating entries one after another, then the validating ones about their result. Missing facts are
asked for through a function; `answers_from` is the one for when there is no cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from webhook.engine import decide
from webhook.model import (
    AdmissionRequest,
    Decision,
    Facts,
    Json,
    Lookup,
    NeedFacts,
    Registration,
    SchemaOf,
    Scope,
    Violation,
)
from webhook.objects.schemas import custom_schema
from webhook.policy.index import PolicyLike
from webhook.policy.matching import Target, narrow_policy
from webhook.policy.model import MatchResources, ResourceRule
from webhook.snapshot import Snapshot
from webhook.sources.objects import DirectoryResolver

Answer = Callable[[Lookup], Any]
"""Answers a lookup: with the object, None, a list or Unavailable."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the entries said about one request; `object_after` is how the object would be stored."""

    request: AdmissionRequest
    entries: tuple[tuple[Registration, Decision], ...]
    object_after: Json

    @property
    def denials(self) -> tuple[Decision, ...]:
        """The decisions that refuse the request."""
        return tuple(one for _, one in self.entries if not one.allowed)

    @property
    def warnings(self) -> tuple[str, ...]:
        """All warnings, as kubectl prints them."""
        return tuple(text for _, one in self.entries for text in one.warnings)

    @property
    def violations(self) -> tuple[Violation, ...]:
        """All that was found, also what only warns or audits."""
        return tuple(found for _, one in self.entries for found in one.violations)

    @property
    def audit_annotations(self) -> dict[str, str]:
        """All annotations of the audit event."""
        return {
            key: one.audit_annotations[key]
            for _, one in self.entries
            for key in one.audit_annotations
        }

    @property
    def mutated_by(self) -> tuple[str, ...]:
        """The documents that changed the object."""
        return tuple(name for _, one in self.entries for name in one.mutated_by)


def judge(
    request: AdmissionRequest,
    entries: Sequence[Registration],
    snapshot: Snapshot,
    answer: Answer,
) -> Judgement:
    """Return what the entries say; lookups are answered as they come up."""
    known = Facts()
    while True:
        try:
            return judge_with(request, entries, snapshot, known)
        except NeedFacts as need:
            known |= {lookup: answer(lookup) for lookup in need.lookups}


def judge_with(
    request: AdmissionRequest,
    entries: Sequence[Registration],
    snapshot: Snapshot,
    facts: Facts,
) -> Judgement:
    """Return what the entries say; raise NeedFacts where a fact is missing.

    As at the API server, nothing is validated that a mutating entry refused.
    """
    concerned = [one for one in entries if sends(one.rules, request)]
    current, answers = request, []
    for entry in (one for one in concerned if one.mutating):
        decision = decide(current, entry, snapshot, facts)
        answers.append((entry, decision))
        if not decision.allowed:
            return Judgement(request, tuple(answers), request.object)
        if decision.object_after is not current.object:
            current = current.with_object(decision.object_after)
    validating = [one for one in concerned if not one.mutating]
    answers += [(one, decide(current, one, snapshot, facts)) for one in validating]
    return Judgement(request, tuple(answers), current.object)


def sends(rules: Iterable[Json], request: AdmissionRequest) -> bool:
    """Tell whether the API server would send this request to an entry with these rules."""
    return narrow_policy(resources_of(rules), _target(request)) is not None


def resources_of(rules: Iterable[Json]) -> MatchResources:
    """Return the rules of a webhook entry in the form of a policy's."""
    return MatchResources(resource_rules=tuple(_rule(one) for one in rules))


def answers_from(objects: Iterable[Json]) -> Answer:
    """Answer from these objects alone.

    Kinds that none of them defines exist all the same, namespaced and of any structure.
    """
    resolver = DirectoryResolver(objects)

    def answer(lookup: Lookup) -> Any:
        found = resolver.answer(lookup)
        if found is None and isinstance(lookup, Scope):
            return True
        if found is None and isinstance(lookup, SchemaOf):
            return custom_schema({"x-kubernetes-preserve-unknown-fields": True})
        return found

    return answer


def matched_policies(request: AdmissionRequest, snapshot: Snapshot) -> tuple[PolicyLike, ...]:
    """Return the policies whose resource rules fit the request."""
    validating = [plan for one in snapshot.policy_sets.values() for plan in one.plans(request)]
    mutating = [
        plan for one in snapshot.mutating_policy_sets.values() for plan in one.plans(request)
    ]
    return (*(plan.policy for plan in mutating), *(plan.policy for plan in validating))


def _rule(rule: Json) -> ResourceRule:
    return ResourceRule(
        operations=tuple(rule["operations"]),
        api_groups=tuple(rule["apiGroups"]),
        api_versions=tuple(rule["apiVersions"]),
        resources=tuple(rule["resources"]),
        scope=rule.get("scope", "*"),
    )


def _target(request: AdmissionRequest) -> Target:
    return Target(
        request.operation,
        request.sub_resource,
        request.namespace != "",
        request.resource,
        request.original_resource,
    )
