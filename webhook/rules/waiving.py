"""What PolicyExceptions do to a request: the one place where rules and policies are waived.

`waive` sees the outcome of one rule or policy set, whoever evaluated it, and lets nothing through
that no waiver names. Waived denials and changes are kept as audited violations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from webhook.model import Action, AdmissionRequest, Outcome, Violation
from webhook.objects.paths import get
from webhook.objects.selectors import glob
from webhook.rules.exceptions import ExceptionMatch, Waiver
from webhook.rules.messages import shorten

Again = Callable[[Outcome, frozenset[str]], Outcome]
"""(what came out, names of documents) → what comes out when these documents do not hold."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose outcome it is: the documents' kind, and what their violations call it."""

    kind: str
    origin: str


@dataclass(frozen=True, slots=True)
class Use:
    """One waived document: by what, and what it had to say."""

    waiver: Waiver
    violations: tuple[Violation, ...]


def waive(
    request: AdmissionRequest,
    outcome: Outcome,
    subject: Subject,
    waivers: Sequence[Waiver],
    again: Again,
) -> Outcome:
    """Return the outcome without the documents that are waived, each use on record.

    Only documents that denied or changed something count: for others the waiver was of no use.
    May raise NeedFacts, as `again` may.
    """
    holding = [one for one in waivers if _holds(one, request, subject.kind)]
    if not holding:
        return outcome
    uses: dict[str, Use] = {}
    while new := _uses(outcome, subject, holding, uses):
        uses |= new
        outcome = again(outcome, frozenset(uses))
    return _recorded(outcome, subject, uses) if uses else outcome


def without_denials(subject: Subject) -> Again:
    """Return the way to waive what only denies: the denials of these documents are left out."""

    def again(outcome: Outcome, names: frozenset[str]) -> Outcome:
        left = (one for one in outcome.violations if not _is_denial(one, subject, names))
        return replace(outcome, violations=tuple(left))

    return again


def _is_denial(violation: Violation, subject: Subject, names: frozenset[str]) -> bool:
    return violation.action is Action.DENY and _document(violation, subject) in names


def _document(violation: Violation, subject: Subject) -> str:
    return violation.policy.removeprefix(f"{subject.kind}/")


def _holds(waiver: Waiver, request: AdmissionRequest, kind: str) -> bool:
    """Tell whether a waiver of this kind is for the request; without a time it is for none."""
    return (
        0 < request.received_at < waiver.expires
        and any(waived == kind for waived, _ in waiver.waives)
        and waiver.people.contain(request.user_info)
        and _matches(waiver.match, request)
    )


def _matches(match: ExceptionMatch, request: AdmissionRequest) -> bool:
    if match.operations and request.operation not in match.operations:
        return False
    if match.kinds and {request.kind.kind, _full_kind(request)}.isdisjoint(match.kinds):
        return False
    if match.namespaces and not any(glob(one, request.namespace) for one in match.namespaces):
        return False
    return not match.names or any(_is_named(one, request) for one in match.names)


def _full_kind(request: AdmissionRequest) -> str:
    return f"{request.kind.kind}.{request.kind.group}"


def _is_named(pattern: str, request: AdmissionRequest) -> bool:
    """Tell whether the object has such a name; of one to be generated only the start is known."""
    name = request.name or _metadata(request, "name")
    if name:
        return glob(pattern, name)
    return pattern.endswith("*") and glob(pattern, _metadata(request, "generateName"))


def _metadata(request: AdmissionRequest, key: str) -> str:
    for value in (request.object, request.old_object):
        text = get(value, ("metadata", key))
        if isinstance(text, str) and text:
            return text
    return ""


def _uses(
    outcome: Outcome, subject: Subject, waivers: Sequence[Waiver], known: Mapping[str, Use]
) -> dict[str, Use]:
    """Return the documents that denied or changed something and are waived, and by which waiver."""
    found: dict[str, Use] = {}
    for violation in (*_denials(outcome), *_changes(outcome, subject)):
        name = _document(violation, subject)
        waiver = next((one for one in waivers if _names(one, subject.kind, name)), None)
        if waiver is not None and name not in known:
            before = found[name].violations if name in found else ()
            found[name] = Use(waiver, (*before, violation))
    return found


def _denials(outcome: Outcome) -> Iterable[Violation]:
    return (one for one in outcome.violations if one.action is Action.DENY)


def _changes(outcome: Outcome, subject: Subject) -> Iterable[Violation]:
    for document in outcome.mutated_by:
        text = f"{subject.origin}: {document} would have changed the object"
        yield Violation(subject.origin, text, policy=document)


def _names(waiver: Waiver, kind: str, name: str) -> bool:
    return not {(kind, name), (kind, "")}.isdisjoint(waiver.waives)


def _recorded(outcome: Outcome, subject: Subject, uses: Mapping[str, Use]) -> Outcome:
    audited = tuple(
        replace(violation, action=Action.AUDIT, found=use.waiver.name, details=None)
        for use in uses.values()
        for violation in use.violations
    )
    return replace(
        outcome,
        violations=(*outcome.violations, *audited),
        warnings=(*outcome.warnings, *(_warning(subject, *one) for one in uses.items())),
        waived_by=tuple(dict.fromkeys(use.waiver.name for use in uses.values())),
    )


def _warning(subject: Subject, name: str, use: Use) -> str:
    waiver = use.waiver
    what = f"{subject.kind} {name}".rstrip()
    who = f"exception {waiver.name} ({waiver.ticket})"
    return shorten(f"{who} waives {what}; expires {waiver.expiry_date}")
