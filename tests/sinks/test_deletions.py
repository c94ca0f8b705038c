"""Who deleted how much: counted once, forgotten in time, and asked for as a fact."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from tests.builders import deployment, request
from webhook.model import (
    NEVER,
    AdmissionRequest,
    Deadline,
    Decision,
    Deletions,
    Facts,
    Get,
    Lookup,
    Registration,
)
from webhook.sinks.deletions import CountingResolver, DeletionWindow
from webhook.snapshot import EMPTY, Snapshot

ENTRY = Registration("protect-deletes.propylon.dev", "protect-deletes", False, ("protect-deletes",))
OTHER = replace(ENTRY, path="protect")
ASKED = request(old=deployment(), operation="DELETE")
ALLOWED = Decision(True, "d")
LAST_MINUTE = Deletions("alice", 60.0)


class Hands:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def put(window: DeletionWindow, user: str = "alice", **change: Any) -> None:
    asked = replace(ASKED, user_info=replace(ASKED.user_info, username=user), **change)
    window.put_nowait(asked, ENTRY, ALLOWED, 0.0)


def test_deletions_of_the_span_count() -> None:
    hands = Hands()
    window = DeletionWindow(hands)
    for seconds in (0, 30, 31):
        hands.now = 1000.0 + seconds
        put(window)
    assert window.count(LAST_MINUTE) == 3
    hands.now = 1061.0
    assert window.count(LAST_MINUTE) == 2
    assert window.count(Deletions("bob", 60.0)) == 0


def test_what_did_not_happen_does_not_count() -> None:
    window = DeletionWindow(Hands())
    put(window, dry_run=True)
    window.put_nowait(ASKED, ENTRY, replace(ALLOWED, allowed=False), 0.0)
    window.put_nowait(ASKED, OTHER, ALLOWED, 0.0)
    assert window.count(LAST_MINUTE) == 0


def test_memory_is_bounded() -> None:
    window = DeletionWindow(Hands(), users=2)
    for user in ("alice", "bob", "carol"):
        put(window, user)
    assert window.count(LAST_MINUTE) == 0
    for _ in range(1500):
        put(window, "bob")
    assert window.count(Deletions("bob", 60.0)) == 1000


class Inner:
    """Answers everything with its own name."""

    def known_facts(self, _request: AdmissionRequest, _snapshot: Snapshot) -> Facts:
        return Facts({LAST_MINUTE: "known"})

    async def resolve(
        self, lookups: Collection[Lookup], _deadline: Deadline
    ) -> Mapping[Lookup, Any]:
        return dict.fromkeys(lookups, "inner")


async def test_other_lookups_are_passed_on() -> None:
    window = DeletionWindow(Hands())
    put(window)
    resolver, get = CountingResolver(Inner(), window), Get("v1", "Pod", "shop", "web")
    assert await resolver.resolve([LAST_MINUTE], NEVER) == {LAST_MINUTE: 1}
    assert await resolver.resolve([LAST_MINUTE, get], NEVER) == {LAST_MINUTE: 1, get: "inner"}
    assert resolver.known_facts(ASKED, EMPTY).known == {LAST_MINUTE: "known"}
