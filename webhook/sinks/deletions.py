"""Count who deletes how much, for the rate guard of rule E (platform-rules E.9).

In memory and of this replica alone: a restart forgets, and other replicas count what they see.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from webhook.model import (
    AdmissionRequest,
    Deadline,
    Decision,
    Deletions,
    Facts,
    Lookup,
    Registration,
)
from webhook.rules.protect.intercepting import DELETES
from webhook.rules.protect.settings import MOST_DELETIONS
from webhook.snapshot import Snapshot

USERS = 10_000
"""So many users are remembered, those who deleted last."""


class DeletionWindow:
    """A sink that remembers when each user deleted something; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, users: int = USERS) -> None:
        self._clock = clock
        self._users = users
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def put_nowait(
        self,
        request: AdmissionRequest,
        registration: Registration,
        decision: Decision,
        _latency: float,
    ) -> None:
        """Count a deletion that was let through; each passes the entry of the guard once."""
        if registration.path != DELETES or not decision.allowed or request.dry_run:
            return
        username = request.user_info.username
        times = self._times.setdefault(username, deque(maxlen=MOST_DELETIONS))
        times.append(self._clock())
        self._times.move_to_end(username)
        if len(self._times) > self._users:
            self._times.popitem(last=False)

    def count(self, asked: Deletions) -> int:
        """Return how many objects the user deleted in the last seconds, at most MOST_DELETIONS."""
        times = self._times.get(asked.username, ())
        return len(times) - bisect_left(times, self._clock() - asked.seconds)


class Inner(Protocol):
    """Who answers all other lookups."""

    def known_facts(self, request: AdmissionRequest, snapshot: Snapshot, /) -> Facts:
        """Return what is known without waiting."""
        ...

    async def resolve(
        self, lookups: Collection[Lookup], deadline: Deadline, /
    ) -> Mapping[Lookup, Any]:
        """Answer every lookup."""
        ...


class CountingResolver:
    """Answers how much was deleted, and passes all other lookups on."""

    def __init__(self, inner: Inner, window: DeletionWindow) -> None:
        self._inner = inner
        self._window = window
        self.known_facts = inner.known_facts

    async def resolve(
        self, lookups: Collection[Lookup], deadline: Deadline
    ) -> Mapping[Lookup, Any]:
        """Answer every lookup within the deadline."""
        own: dict[Lookup, Any] = {
            one: self._window.count(one) for one in lookups if isinstance(one, Deletions)
        }
        others = [one for one in lookups if one not in own]
        return {**own, **(await self._inner.resolve(others, deadline))} if others else own
