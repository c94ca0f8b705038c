"""PolicyException documents: the shape, its checks, and what they become.

What a waiver does to a request is in `waiving.py`. Nothing here knows the rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from webhook.documents import Item
from webhook.model import ConfigError
from webhook.objects.paths import Path
from webhook.rules.actors import SERVICE_ACCOUNT, Subjects, subjects
from webhook.rules.protect.parsing import parse_time
from webhook.rules.schema import Metadata, Model, parse_model

RULE_KINDS = (
    "HiddenFields",
    "Spreading",
    "EnvInjection",
    "LxcfsInjection",
    "DeletionProtection",
)
"""Documents that may be waived without a name: all of that rule."""

WaivedKind = Literal[
    "ValidatingAdmissionPolicy",
    "MutatingAdmissionPolicy",
    "HiddenFields",
    "Spreading",
    "EnvInjection",
    "LxcfsInjection",
    "DeletionProtection",
]
Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]


class Waived(Model):
    """What does not hold."""

    kind: WaivedKind
    name: str = ""
    """The document's name; without one all documents of a rule. Policies need it."""


class ExceptionSubject(Model):
    """For whom; `*` in a name stands for any run of characters."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    service_accounts: tuple[str, ...] = ()
    """Written as namespace:name."""


class ExceptionMatch(Model):
    """Where; all conditions given must hold, and one must be given."""

    namespaces: tuple[str, ...] = ()
    """Globs; none means all."""
    kinds: tuple[str, ...] = ()
    """Written as Kind or Kind.group; none means all."""
    names: tuple[str, ...] = ()
    """Globs of the object's name; none means all."""
    operations: tuple[Operation, ...] = ()
    """None means all."""


class PolicyExceptionSpec(Model):
    """Which rules do not hold for whom and what, why and until when."""

    phase: Literal["off", "enforce"] = "enforce"
    waives: tuple[Waived, ...]
    subject: ExceptionSubject
    match: ExceptionMatch
    reason: str = Field(min_length=1)
    ticket: str = Field(min_length=1)
    """Where it was agreed on; shown with every use."""
    expires: str
    """RFC 3339, with its zone: 2026-03-01T18:00:00Z."""


class PolicyExceptionDocument(Model):
    """A waiver of rules or policies: for some people, some objects and some time."""

    api_version: Literal["propylon.dev/v1"]
    kind: Literal["PolicyException"]
    metadata: Metadata
    spec: PolicyExceptionSpec


@dataclass(frozen=True, slots=True)
class Waiver:
    """A PolicyException in force; `expires` is in seconds since the epoch."""

    name: str
    waives: frozenset[tuple[str, str]]
    people: Subjects
    match: ExceptionMatch
    ticket: str
    expires: float
    expiry_date: str


def parse_exception(item: Item) -> tuple[Waiver | None, tuple[ConfigError, ...]]:
    """Return the waiver (None when it is off or broken) and all errors of one document."""
    document, errors = parse_model(item, PolicyExceptionDocument)
    if document is None:
        return None, errors
    spec = document.spec
    found = tuple(item.error(("spec", *path), text) for path, text in _errors(spec))
    if "PolicyException" not in item.document.text:
        # The webhook entry that must not fail finds exceptions by this word.
        found += (item.error(("kind",), "must be written plainly, without escapes"),)
    expires = parse_time(spec.expires)
    if found or expires is None or spec.phase == "off":
        return None, found
    accounts = (SERVICE_ACCOUNT + one for one in spec.subject.service_accounts)
    waiver = Waiver(
        document.metadata.name,
        frozenset((one.kind, one.name) for one in spec.waives),
        subjects((*spec.subject.users, *accounts), spec.subject.groups),
        spec.match,
        spec.ticket,
        expires,
        spec.expires[:10],
    )
    return waiver, ()


def _errors(spec: PolicyExceptionSpec) -> Iterator[tuple[Path, str]]:
    if not spec.waives:
        yield ("waives",), "must name a rule or a policy"
    for index, one in enumerate(spec.waives):
        if not one.name and one.kind not in RULE_KINDS:
            yield ("waives", index, "name"), f"is required: which {one.kind}"
    yield from _subject_errors(spec.subject)
    match = spec.match
    if not (match.namespaces or match.kinds or match.names):
        yield ("match",), "must have namespaces, kinds or names"
    if parse_time(spec.expires) is None:
        yield ("expires",), "must be a time like 2026-03-01T18:00:00Z"


def _subject_errors(given: ExceptionSubject) -> Iterator[tuple[Path, str]]:
    if not (given.users or given.groups or given.service_accounts):
        yield ("subject",), "must name users, groups or serviceAccounts"
    for key, names in (("users", given.users), ("groups", given.groups)):
        for index, name in enumerate(names):
            if not name.strip("*"):
                yield ("subject", key, index), "matches everybody or nobody; write a name"
    for index, name in enumerate(given.service_accounts):
        namespace, _, account = name.partition(":")
        if not namespace or not account or ":" in account or not name.strip("*:"):
            message = 'is no service account; write "namespace:name"'
            yield ("subject", "serviceAccounts", index), message
