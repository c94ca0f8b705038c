"""Objects that exist, judged as if they came now: what would be denied, warned about, changed.

Where they come from (files, a cluster) and where missing facts come from is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from webhook.codec import BadReview
from webhook.model import (
    NOTHING,
    Action,
    AdmissionRequest,
    Decision,
    Facts,
    Json,
    NeedFacts,
    Registration,
    Violation,
)
from webhook.objects.workloads import Registry
from webhook.offline.judging import Answer, Judgement, judge_with
from webhook.offline.manifests import Manifest
from webhook.offline.requests import request_about
from webhook.policy.messages import denial
from webhook.rules import RULES
from webhook.snapshot import Snapshot

RULE_KINDS = {rule.name: rule.kind for rule in RULES}
"""The kind of document by how a rule's messages begin."""

SEVERITY = {Action.DENY: 0, Action.WARN: 1, Action.AUDIT: 2}
"""The worst comes first."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How objects are put: the operation (CREATE or UPDATE), and who asks."""

    operation: str = "CREATE"
    user: Mapping[str, Json] = NOTHING


@dataclass(frozen=True, slots=True)
class Policies:
    """What judges: the documents in force and the webhook entries that follow from them."""

    snapshot: Snapshot
    entries: tuple[Registration, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a policy or a rule says about an object."""

    action: Action
    policy: str
    message: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Scanned:
    """One object and what was found, the worst first; `problem` says why it was not judged."""

    manifest: Manifest
    findings: tuple[Finding, ...] = ()
    changed: bool = False
    problem: str = ""

    def has(self, action: Action) -> bool:
        """Tell whether anything was found that is at least as bad."""
        return any(SEVERITY[one.action] <= SEVERITY[action] for one in self.findings)


@dataclass(frozen=True, slots=True)
class Scan:
    """Everything that one run found, and what it could not look at."""

    objects: tuple[Scanned, ...]
    problems: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Everything was looked at and judged."""
        return not self.problems and not any(one.problem for one in self.objects)


def scan_one(manifest: Manifest, policies: Policies, asked: Asked, answer: Answer) -> Scanned:
    """Judge one object; facts are answered as they are asked for."""
    facts = Facts()
    while True:
        try:
            return scan_with(manifest, policies, asked, facts)
        except NeedFacts as need:
            facts |= {lookup: answer(lookup) for lookup in need.lookups}


def scan_with(manifest: Manifest, policies: Policies, asked: Asked, facts: Facts) -> Scanned:
    """Judge one object; raise NeedFacts where a fact is missing."""
    try:
        request = request_of(manifest, asked, policies.snapshot.actors.kinds)
    except BadReview as error:
        return Scanned(manifest, problem=str(error))
    return found_in(manifest, judge_with(request, policies.entries, policies.snapshot, facts))


def request_of(manifest: Manifest, asked: Asked, kinds: Registry) -> AdmissionRequest:
    """Return the request to store the object as it is; raise BadReview."""
    old_value = manifest.value if asked.operation == "UPDATE" else None
    return request_about(
        manifest.value, old_value, operation=asked.operation, user=asked.user, kinds=kinds
    )


def found_in(manifest: Manifest, judgement: Judgement) -> Scanned:
    """Return what a judgement says about the object."""
    found = [one for entry, decision in judgement.entries for one in _findings(entry, decision)]
    ordered = sorted(dict.fromkeys(found), key=lambda one: (SEVERITY[one.action], one.policy))
    return Scanned(manifest, tuple(ordered), bool(judgement.mutated_by))


def _findings(entry: Registration, decision: Decision) -> Iterator[Finding]:
    """Yield what was found; rules say each warning on its own, policies with the violation."""
    told = list(decision.warnings)
    denied = ""
    for one in decision.violations:
        if one.action is Action.WARN and one.origin in RULE_KINDS:
            continue
        if one.action is Action.DENY and one.origin in RULE_KINDS:
            if one.message.removeprefix(f"{one.origin}: ") in denied:
                continue  # the first denial of a rule says everything
            denied += one.message
        yield Finding(one.action, _name(one), _message(one), one.path)
        if one.action is Action.WARN:
            told = [text for text in told if one.message not in text]
    yield from (Finding(Action.WARN, _author(text, entry, decision), text) for text in told)


def _author(warning: str, entry: Registration, decision: Decision) -> str:
    """Return the document that a rule's warning is about, else the rule's kind, else the entry."""
    kind = RULE_KINDS.get(warning.partition(":")[0])
    if kind is None:
        return entry.name
    names = (*(one.policy for one in decision.violations), *decision.mutated_by)
    return next((name for name in names if name.startswith(f"{kind}/")), kind)


def _name(violation: Violation) -> str:
    return violation.policy or violation.origin


def _message(violation: Violation) -> str:
    """Return what was said, without the policy's name in front."""
    return violation.message.removeprefix(denial(violation.policy, violation.binding, ""))
