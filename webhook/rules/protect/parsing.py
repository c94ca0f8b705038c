"""DeletionProtection and DeletionGrant documents → all their errors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from webhook.documents import Item
from webhook.model import ConfigError
from webhook.objects.paths import Path
from webhook.objects.selectors import SelectorError, parse_selector
from webhook.rules.protect.kinds import DEPENDENTS, KINDS, ProtectedKind, named, owned_by
from webhook.rules.protect.settings import (
    DeletionGrantDocument,
    DeletionProtectionDocument,
    DeletionProtectionSpec,
)
from webhook.rules.schema import parse_model

_DURATION = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PEOPLE = (
    ("approvers", "approvers"),
    ("may_override", "mayOverride"),
    ("may_confirm", "mayConfirm"),
)

LONGEST_SPAN = 3600

Found = Iterator[tuple[Path, str]]


def parse(item: Item) -> tuple[ConfigError, ...]:
    """Return all errors of one DeletionProtection document."""
    document, errors = parse_model(item, DeletionProtectionDocument)
    if document is None:
        return errors
    checks = (_removal_errors, _people_errors, _policy_errors, _rate_errors, _name_errors)
    return tuple(
        item.error(("spec", *path), message)
        for check in checks
        for path, message in check(document.spec)
    )


def parse_grant(item: Item) -> tuple[ConfigError, ...]:
    """Return all errors of one DeletionGrant document."""
    document, errors = parse_model(item, DeletionGrantDocument)
    if document is None:
        return errors
    found: list[tuple[Path, str]] = []
    if parse_time(document.spec.expires) is None:
        found.append((("spec", "expires"), "must be a time like 2026-03-01T18:00:00Z"))
    if not document.spec.who.users and not document.spec.who.groups:
        found.append((("spec", "who"), "must name users or groups"))
    if "DeletionGrant" not in item.document.text:
        # The webhook entry that must not fail finds grants by this word.
        found.append((("kind",), "must be written plainly, without escapes"))
    return tuple(item.error(path, message) for path, message in found)


def parse_duration(text: str) -> float | None:
    """Return the seconds of `90s`, `30m`, `12h` or `1d`; None for any other text."""
    match = _DURATION.fullmatch(text)
    return float(match[1]) * _SECONDS[match[2]] if match else None


def parse_time(text: str) -> float | None:
    """Return seconds since the epoch of an RFC 3339 time with its zone; None for another text."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.timestamp() if time.tzinfo else None


def further_kinds(spec: DeletionProtectionSpec) -> tuple[ProtectedKind, ...]:
    """Return the kinds that a document itself adds."""
    return tuple(
        ProtectedKind(
            one.group,
            (one.version,),
            one.kind,
            one.resource,
            one.namespaced,
            is_optional=True,
            owns=one.owns,
        )
        for one in spec.kinds
    )


def name_errors(spec: DeletionProtectionSpec, kinds: Sequence[ProtectedKind]) -> Found:
    """Yield the names in a document that none of the kinds has, or that have no dependents."""
    for path, name in _names(spec):
        found = named(name, kinds)
        if path[0] == "checkDependents" and not any(map(owned_by, found)):
            known = ", ".join(sorted(f"{kind}.{group}" for group, kind in DEPENDENTS))
            message = f"{name} has no known dependents; say what it owns in spec.kinds, or write"
            yield path, f"{message} one of {known}"
        elif not found:
            known = ", ".join(sorted({one.kind for one in kinds}))
            yield path, f"{name} is unknown; add it to spec.kinds, or write one of {known}"


def _names(spec: DeletionProtectionSpec) -> Iterator[tuple[Path, str]]:
    """Yield each name of a kind with its place."""
    for index, rule in enumerate(spec.protect):
        yield from ((("protect", index, "kinds", at), kind) for at, kind in enumerate(rule.kinds))
    yield from ((("checkDependents", at), kind) for at, kind in enumerate(spec.check_dependents))
    if spec.mass_delete is not None:
        yield from (
            (("massDelete", "kinds", at), kind) for at, kind in enumerate(spec.mass_delete.kinds)
        )
    for index, own in enumerate(spec.kinds):
        yield from ((("kinds", index, "owns", at), kind) for at, kind in enumerate(own.owns))


def _name_errors(spec: DeletionProtectionSpec) -> Found:
    """Yield the wrong names that no other document can make right: those of a foreign group can be."""
    kinds = (*KINDS, *further_kinds(spec))
    groups = {one.group for one in kinds}
    names = dict(_names(spec))
    for path, message in name_errors(spec, kinds):
        if names[path].partition(".")[2] in groups:
            yield path, message


def _removal_errors(spec: DeletionProtectionSpec) -> Found:
    if parse_duration(spec.on_remove.cooldown) is None:
        yield ("onRemove", "cooldown"), "must be a number with s, m, h or d, like 30m"
    approvers = spec.approvers
    named_ones = approvers.users or approvers.groups or approvers.service_accounts
    if spec.on_remove.mode == "approver" and not named_ones:
        yield ("approvers",), "must name somebody when onRemove.mode is approver"


def _rate_errors(spec: DeletionProtectionSpec) -> Found:
    if spec.mass_delete is not None:
        seconds = parse_duration(spec.mass_delete.per)
        if seconds is None or not 0 < seconds <= LONGEST_SPAN:
            yield ("massDelete", "per"), "must be a span up to 1h, like 30s or 1m"


def _people_errors(spec: DeletionProtectionSpec) -> Found:
    for field, alias in _PEOPLE:
        people = getattr(spec, field)
        for key, names in (("users", people.users), ("groups", people.groups)):
            for index, name in enumerate(names):
                if not name.strip("*"):
                    yield (alias, key, index), "matches everybody or nobody; write a name"
        for index, name in enumerate(people.service_accounts):
            if name.count(":") != 1 or not all(name.split(":")):
                message = 'is no service account; write "namespace:name"'
                yield (alias, "serviceAccounts", index), message


def _policy_errors(spec: DeletionProtectionSpec) -> Found:
    for index, rule in enumerate(spec.protect):
        try:
            parse_selector(rule.selector or {})
        except SelectorError as error:
            yield ("protect", index, "selector", *error.path), error.message
