"""Questions to the cluster: always live, all at once, and never a guess when an answer fails.

`UnverifiedError` means that something could not be counted; the treatment denies then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from webhook.model import Facts, Get, Json, List, Lookup, NeedFacts, Scope, Unavailable
from webhook.rules.protect.kinds import ProtectedKind


class UnverifiedError(Exception):
    """The cluster did not answer; never leaves the rule."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def ask(facts: Facts, lookups: Sequence[Lookup]) -> tuple[Any, ...]:
    """Return the answers in turn; raise NeedFacts for all that are missing, or UnverifiedError."""
    missing = frozenset(one for one in lookups if one not in facts.known)
    if missing and not facts.is_sealed:
        raise NeedFacts(missing)
    answers = tuple(facts.look_up(one) for one in lookups)
    for answer in answers:
        if isinstance(answer, Unavailable):
            raise UnverifiedError(answer.reason)
    return answers


def read(facts: Facts, api_version: str, kind: str, namespace: str, name: str) -> Json:
    """Return one object, None when there is none."""
    return ask(facts, [Get(api_version, kind, namespace, name, live=True)])[0]


def listing(
    api_version: str, kind: str, namespace: str, selector: str = "", limit: int = 0
) -> List:
    """Return the live lookup of objects."""
    return List(api_version, kind, namespace, selector, live=True, limit=limit)


def objects(
    facts: Facts, api_version: str, kind: str, namespace: str, selector: str = ""
) -> tuple[Json, ...]:
    """Return all objects of a kind."""
    return tuple(ask(facts, [listing(api_version, kind, namespace, selector)])[0])


def served(facts: Facts, kinds: Iterable[ProtectedKind]) -> tuple[tuple[str, str], ...]:
    """Return (apiVersion, kind) of those that the cluster serves, in their newest version."""
    chosen = tuple(kinds)
    scopes = [Scope(v, one.kind) for one in chosen if one.is_optional for v in one.api_versions]
    answers = dict(zip(scopes, ask(facts, scopes), strict=True))
    found: list[tuple[str, str]] = []
    for one in chosen:
        versions = (
            version
            for version in one.api_versions
            if not one.is_optional or answers[Scope(version, one.kind)] is not None
        )
        found += [(version, one.kind) for version in list(versions)[:1]]
    return tuple(found)
